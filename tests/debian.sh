#!/bin/sh
# Runs the README's test command in a bare Debian 12 or 13 of its own (debian_folder.sh), in which ./certstream installs
# what it needs by itself. Debian 13's libraries and Redis have other major versions than Debian 12's. Needs root,
# debootstrap and 1.5 GB.
#   tests/debian.sh 12|13 [FOLDER [CTEST...]]     (var/debian12 or var/debian13; all but the benchmarks)
# The folder is kept: the next run only copies the sources, all as new, and builds.
set -eu
source=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$source/tests/debian_folder.sh"

number=${1:-}
debian_suite "$number" >/dev/null || { echo "usage: $0 12|13 [FOLDER [CTEST...]]" >&2; exit 2; }
folder=${2:-$source/var/debian$number}
shift
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- -L 'unit|e2e' -E bench

debian_make "$folder" "$number"
debian_put_sources "$folder"
debian_run "$folder" env CFLAGS=-Werror CERTSTREAM_BUILD=/build /source/certstream test "$@"
