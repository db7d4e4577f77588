#!/bin/sh
# The README from zero: in a bare Debian 12 or 13 of its own (debian_folder.sh), with nothing but the checkout, what a
# newcomer types: ./certstream demo, tail in another terminal, Ctrl-C, again, ./certstream test -L unit. Prints how long
# each takes until the first certificate is seen. Needs root, debootstrap and 1.5 GB.
#   tests/clean.sh FOLDER 12|13 [CTEST...]     (FOLDER/base12 is kept; without arguments for ctest: -L unit)
set -eu
source=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$source/tests/debian_folder.sh"

number=${2:-}
debian_suite "$number" >/dev/null || { echo "usage: $0 FOLDER 12|13 [CTEST...]" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo 'SKIPPED: debootstrap is not installed'; exit 77; }
mkdir -p "$1"
folder=$(readlink -f "$1")
shift 2
[ $# -gt 0 ] || set -- -L unit
clean=$folder/clean$number
output=$folder/demo$number.out
demo=

finish() {
    [ -z "$demo" ] || kill "$demo" 2>/dev/null || true
}
trap finish EXIT

fail() {
    tail -n 20 "$output" >&2
    echo "clean.sh: $*" >&2
    exit 1
}

seconds_since() {
    awk -v began="$1" -v now="$(date +%s%N)" 'BEGIN { printf "%.1f s", (now - began) / 1e9 }'
}

# first_inside PROCESS: of what it began, the first whose root the clean system is; unshare itself takes no SIGTERM.
first_inside() {
    inside=$1
    until [ "$(readlink "/proc/$inside/root")" = "$clean" ]; do
        inside=$(ps -o pid= --ppid "$inside" | tr -d ' ')
        [ -n "$inside" ] || fail 'nothing runs in there'
    done
    echo "$inside"
}

# start_demo WHAT: until it says where it listens, and until somebody who connects sees a certificate.
start_demo() {
    began=$(date +%s%N)
    debian_run "$clean" /source/certstream demo --port 0 >"$output" 2>&1 &
    outside=$!
    until grep -q '^  WebSocket' "$output"; do
        kill -0 $outside 2>/dev/null || fail "$1: it ended"
        sleep 0.1
    done
    demo=$(first_inside $outside)
    ready=$(seconds_since "$began")
    debian_run "$clean" sh -c '/source/certstream tail --since 0 | head -n 1' >"$folder/first$number.out" 2>&1
    grep -q . "$folder/first$number.out" || fail "$1: no certificate"
    echo "Debian $number, $1: ready after $ready, a certificate seen after $(seconds_since "$began")"
}

stop_demo() {
    kill "$demo"
    wait $outside || fail 'it does not end well'
    demo=
}

debian_make "$folder/base$number" "$number"
debian_copy "$folder/base$number" "$clean"
cp /etc/resolv.conf "$clean/etc/resolv.conf"
debian_put_sources "$clean"
start_demo 'nothing installed, nothing built'
stop_demo
start_demo 'again'
stop_demo
cat "$folder/first$number.out"
began=$(date +%s%N)
debian_run "$clean" /source/certstream test "$@" >"$folder/test$number.out" 2>&1 || { tail -n 40 "$folder/test$number.out" >&2; exit 1; }
grep '% tests passed' "$folder/test$number.out"
echo "Debian $number: ./certstream test $* takes $(seconds_since "$began")"
