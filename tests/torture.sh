#!/bin/sh
# The long run of tests/e2e/test_torture: half an hour of kills, pauses and lying logs in one go;
# and then, for a quarter of that time, of tests/e2e/test_exactly_once, again and again. What fails
# prints its seed.
#   tests/torture.sh [MINUTES [BUILD FOLDER]]     (30, build)
# CERTSTREAM_ENTRIES and CERTSTREAM_KILLS as in test_exactly_once: 50,000 entries in each of two
# logs and 20 kills, unless set.
set -eu

minutes=${1:-30}
build=${2:-$(dirname "$(dirname "$(readlink -f "$0")")")/build}
export CERTSTREAM_ENTRIES="${CERTSTREAM_ENTRIES:-50000}" CERTSTREAM_KILLS="${CERTSTREAM_KILLS:-20}"

CERTSTREAM_TORTURE_SECONDS=$((minutes * 60)) "$build/tests/e2e/test_torture"

end=$(($(date +%s) + minutes * 60 / 4))
runs=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
while [ "$(date +%s)" -lt "$end" ]; do
    "$build/tests/e2e/test_exactly_once" >"$output" 2>&1 || { cat "$output"; exit 1; }
    runs=$((runs + 1))
    echo "$(date -u +%T) run $runs: $(grep -c killing "$output") kills, every entry once"
done
