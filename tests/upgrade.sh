#!/bin/sh
# test_version_before with a version before this one, which is built from its sources in this repository's history.
#   tests/upgrade.sh REVISION [FOLDER [BUILD]]      (var/before; BUILD is where this version was built: build)
set -eu
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "usage: $0 REVISION [FOLDER [BUILD]]" >&2; exit 2; }
revision=$(git rev-parse --verify "$1^{commit}")
folder=${2:-var/before}/$revision
mkdir -p "$folder/source"
folder=$(readlink -f "$folder")
git archive "$revision" | tar -C "$folder/source" -xf -
cmake -S "$folder/source" -B "$folder/build" >/dev/null
cmake --build "$folder/build" --parallel 2 --target certstream-ingest certstream-streamer >/dev/null
CERTSTREAM_BEFORE=$folder/build "${3:-build}"/tests/e2e/test_version_before
