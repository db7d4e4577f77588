#!/bin/sh
# Whether the Debian package can be lived with, under a real systemd, in a bare Debian 12 or 13 of its own (debian_folder.sh):
# builds two revisions of it, boots a system (systemd-nspawn, without a network), and there installs the first with apt,
# configures it, follows a local log, tries what the units may not do, upgrades to the second while a client listens, and
# purges (package_booted.sh). Needs root, debootstrap, systemd-nspawn and 2 GB. Skips loudly (77) without the latter two.
#   tests/package.sh FOLDER 12|13
# FOLDER/base12 and FOLDER/build12 are kept for the next run.
set -eu
source=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$source/tests/debian_folder.sh"

number=${2:-}
debian_suite "$number" >/dev/null || { echo "usage: $0 FOLDER 12|13" >&2; exit 2; }
for tool in debootstrap systemd-nspawn; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
mkdir -p "$1"
folder=$(readlink -f "$1")
base=$folder/base$number build=$folder/build$number boot=$folder/boot$number

step() {
    echo "== $(date -u +%T) $*"
}

in_build() {
    debian_run "$build" "$@"
}

step "a bare Debian $number"
debian_make "$base" "$number"

step 'build'
[ -e "$build/ready" ] || debian_copy "$base" "$build"
cp /etc/resolv.conf "$build/etc/resolv.conf"
debian_put_sources "$build"
# shellcheck disable=SC2046 # words on purpose
debian_install "$build" dpkg-dev file lintian $(debian_run "$build" /source/certstream help-packages) >"$folder/install$number.log"
# What is installed has no tests; the log and the probe are built apart.
in_build cmake -S /source -B /package -DBUILD_TESTING=OFF >/dev/null
in_build cmake --build /package --parallel "$(nproc)" >"$folder/package$number.log"
in_build cmake -S /source -B /tests >/dev/null
in_build cmake --build /tests --parallel "$(nproc)" --target local-ct-log unit-probe >"$folder/tests$number.log"
for revision in 1 2; do
    in_build cmake -S /source -B /package -DPACKAGE_REVISION=$revision >/dev/null
    in_build cmake --build /package >/dev/null
    in_build sh -c 'cd /package && cpack -G DEB' >/dev/null
done
in_build sh -c 'lintian --allow-root --fail-on error /package/certstream-redis_*-2_*.deb'

step 'a bare system that boots'
debian_copy "$base" "$boot"
cp "$build"/package/*.deb "$boot/opt/"
cp "$build/tests/tests/support/ct_log/local-ct-log" "$build/tests/tests/support/unit-probe" "$source/tests/package_booted.sh" "$boot/opt/"
debian_install "$boot" systemd systemd-sysv dbus libcjson1 >"$folder/boot$number.log"
# There is no network once it is booted: what the package depends on waits in apt's cache.
debian_run "$boot" sh -c 'apt-get -qy --download-only install /opt/certstream-redis_*-1_*.deb' >>"$folder/boot$number.log"
cat >"$boot/etc/systemd/system/package-test.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
Environment=DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
ExecStart=/bin/sh /opt/package_booted.sh
StandardOutput=append:/opt/booted.out
StandardError=inherit
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/opt/booted.code; systemctl --no-block poweroff'
[Install]
WantedBy=multi-user.target
END
debian_run "$boot" systemctl enable package-test >/dev/null 2>&1
# Its own control groups, of the only kind that later systemds take.
UNIFIED_CGROUP_HIERARCHY=yes SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=yes timeout 900 systemd-nspawn --quiet --register=no --keep-unit \
    --private-network --directory="$boot" --boot </dev/null >"$folder/nspawn$number.log" 2>&1 || true
cat "$boot/opt/booted.out"
[ "$(cat "$boot/opt/booted.code")" = 0 ] || { echo "package.sh: failed in $boot; its journal is there" >&2; exit 1; }
step 'good'
