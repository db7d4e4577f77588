#!/bin/sh
# Builds the project and runs its tests on Debian 13, whose libraries and Redis have other major
# versions: in a folder that debootstrap fills, so that nothing of this machine is changed. Needs
# root, debootstrap and 1.5 GB.
#   tests/debian13.sh [FOLDER [CTEST...]]     (var/debian13; all but the benchmarks)
# The folder is kept: the next run only copies the sources and builds.
set -eu

source=$(dirname "$(dirname "$(readlink -f "$0")")")
folder=${1:-$source/var/debian13}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -L 'unit|e2e' -E bench

packages=gcc,make,cmake,pkg-config,libhiredis-dev,libcurl4-openssl-dev,libssl-dev,libcjson-dev,libwebsockets-dev
packages=$packages,zlib1g-dev,libdeflate-dev,libvectorscan-dev,libcmocka-dev,redis-server,ca-certificates

# The first archive of Debian itself that this machine's own apt uses.
archive() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n '
        s/^URIs: *\([^ ]*\/debian\)\/\{0,1\}$/\1/p
        s/^deb  *\(\[[^]]*] \)\{0,1\}\([^ ]*\/debian\)\/\{0,1\} .*/\2/p' | head -n 1
}

# in_debian13 COMMAND...: there, with a /proc that goes away with the command.
in_debian13() {
    unshare --mount --pid --fork --mount-proc="$folder/proc" chroot "$folder" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}

if [ ! -e "$folder/ready" ]; then
    uri=$(archive)
    [ -n "$uri" ] || { echo "no Debian archive in this machine's apt configuration" >&2; exit 1; }
    mkdir -p "$folder"
    debootstrap --variant=minbase --include="$packages" trixie "$folder" "$uri"
    touch "$folder/ready"
fi
# Left out by debootstrap; names are looked up in it.
echo '127.0.0.1 localhost' >"$folder/etc/hosts"

mkdir -p "$folder/source"
tar -C "$source" --exclude=./.git --exclude='./build*' --exclude=./var -cf - . | tar -C "$folder/source" -xf -
in_debian13 cmake -S /source -B /build -DWARNINGS_AS_ERRORS=ON
in_debian13 cmake --build /build --parallel 2
in_debian13 ctest --test-dir /build --output-on-failure "$@"
