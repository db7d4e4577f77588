#!/bin/sh
# Whether the Debian package builds and has in it what it should; what it does when it is installed, tests/package.sh
# tries. Skips loudly (77) without Debian's tools.
#   tests/package_contents.sh BUILD-FOLDER
set -eu
build=$(readlink -f "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "package_contents.sh: $*" >&2
    exit 1
}

for tool in cpack dpkg-deb dpkg-shlibdeps file; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done

cd "$folder"
cpack --config "$build/CPackConfig.cmake" -B "$folder" >cpack.out 2>&1 || { cat cpack.out >&2; fail 'cpack'; }
package=$(echo "$folder"/certstream-redis_*.deb)
dpkg-deb -x "$package" root
dpkg-deb -e "$package" control
[ -s "$(echo "$folder"/certstream-redis-dbgsym_*.ddeb)" ] || fail 'there are no debugging symbols'

for file in $(cat control/conffiles) \
    /usr/lib/systemd/system/certstream-ingest.service /usr/lib/systemd/system/certstream-ingest@.service \
    /usr/lib/systemd/system/certstream-streamer.service /usr/lib/systemd/system/certstream-streamer@.service \
    /usr/bin/certstream /usr/share/bash-completion/completions/certstream /usr/share/certstream/redis.conf \
    /usr/share/man/man1/certstream.1.gz /usr/share/doc/certstream-redis/copyright; do
    [ -f "root$file" ] || fail "$file is missing"
done
for program in root/usr/bin/certstream-*; do
    [ -f "root/usr/share/man/man1/$(basename "$program").1.gz" ] || fail "$program has no manual page"
done
! grep -rn '@[A-Z_]*@' root/usr/lib/systemd root/etc || fail 'a place is not filled in'

# What a daemon takes, its file has, as a comment with a default that it takes as well.
for daemon in ingest streamer; do
    file=root/etc/certstream/$daemon.conf
    [ "$(grep -vc '^#\|^$' "$file")" -eq 0 ] || fail "$file sets something"
    sed -n 's/^#\([a-z-]* =\)/\1/p' "$file" >"$daemon.all"
    [ "$(wc -l <"$daemon.all")" -gt 20 ] || fail "$file has next to no settings"
done
root/usr/bin/certstream-ingest --config ingest.all --list-logs --log-list /nonexistent >ingest.out 2>&1 || true
! grep 'of --config' ingest.out || fail 'ingest does not take its own defaults'
root/usr/bin/certstream-streamer --config streamer.all --check >streamer.out 2>&1 || true
! grep 'of --config' streamer.out || fail 'streamer does not take its own defaults'

version=$(sed -n 's/^Version: \(.*\)-.*/\1/p' control/control)
for program in root/usr/bin/certstream-*; do
    [ "$("$program" --version)" = "$(basename "$program") $version" ] || fail "$program has another version"
done

if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error --suppress-tags initial-upload-closes-no-bugs "$package"
else
    echo 'without lintian, which is not installed'
fi
dpkg-deb -f "$package" Package Version Depends Recommends Installed-Size
(cd root && find . -type f | sort)
