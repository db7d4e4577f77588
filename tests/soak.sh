#!/bin/sh
# soak.sh [SECONDS]: a streamer for half an hour (or so long) at 2,000 entries/s with 500 clients
# that come and go, built with the sanitizers if SANITIZE names them (SANITIZE=address,undefined).
# Memory and descriptors must not grow. SOAK_RATE and SOAK_CLIENTS set the load.
set -eu
cd "$(dirname "$0")/.."
build=build
if [ -n "${SANITIZE:-}" ]; then
    build="build-sanitize"
fi
cmake -S . -B "$build" -DSANITIZE="${SANITIZE:-}" >/dev/null
cmake --build "$build" --parallel "$(nproc)" --target soak_streamer >/dev/null
SOAK_SECONDS=${1:-1800} exec "$build/tests/bench/soak_streamer"
