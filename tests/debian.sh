#!/bin/sh
# Runs the README's test command in a bare Debian 12 or 13 of its own, so that nothing of this machine is changed or helps:
# a folder that debootstrap fills with a minimal system, in which ./certstream installs what it needs by itself. Debian 13's
# libraries and Redis have other major versions than Debian 12's. Needs root, debootstrap and 1.5 GB.
#   tests/debian.sh 12|13 [FOLDER [CTEST...]]     (var/debian12 or var/debian13; all but the benchmarks)
# The folder is kept: the next run only copies the sources, all as new, and builds.
set -eu

case ${1:-} in
12) suite=bookworm ;;
13) suite=trixie ;;
*)
    echo "usage: $0 12|13 [FOLDER [CTEST...]]" >&2
    exit 2
    ;;
esac
source=$(dirname "$(dirname "$(readlink -f "$0")")")
folder=${2:-$source/var/debian$1}
shift
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -L 'unit|e2e' -E bench

# The first archive of Debian itself that this machine's own apt uses.
archive() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n '
        s/^URIs: *\([^ ]*\/debian\)\/\{0,1\}$/\1/p
        s/^deb  *\(\[[^]]*] \)\{0,1\}\([^ ]*\/debian\)\/\{0,1\} .*/\2/p' | head -n 1
}

# in_debian COMMAND...: there, with a /proc that goes away with the command.
in_debian() {
    unshare --mount --pid --fork --mount-proc="$folder/proc" chroot "$folder" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 CFLAGS=-Werror CERTSTREAM_BUILD=/build "$@"
}

if [ ! -e "$folder/ready" ]; then
    uri=$(archive)
    [ -n "$uri" ] || { echo "no Debian archive in this machine's apt configuration" >&2; exit 1; }
    mkdir -p "$folder"
    debootstrap --variant=minbase "$suite" "$folder" "$uri"
    touch "$folder/ready"
fi
# Left out by debootstrap; names are looked up in it.
echo '127.0.0.1 localhost' >"$folder/etc/hosts"
cp /etc/resolv.conf "$folder/etc/resolv.conf"

rm -rf "$folder/source"
mkdir "$folder/source"
tar -C "$source" --exclude=./.git --exclude='./build*' --exclude=./var -cf - . | tar -C "$folder/source" -xmf -
in_debian /source/certstream test "$@"
