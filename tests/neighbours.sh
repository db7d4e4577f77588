#!/bin/sh
# tests/neighbours.sh [SECONDS]: ten honest logs beside sixteen bad ones at 100 entries a second each
# (test_bad_neighbours), after the ten by themselves: Redis has to be no larger.
set -eu
cd "$(dirname "$0")/.."
cmake -S . -B build >/dev/null
cmake --build build --parallel 2 --target test_bad_neighbours >/dev/null
NEIGHBOURS_RATE=100 NEIGHBOURS_SECONDS="${1:-120}" NEIGHBOURS_RETAIN=60000 build/tests/e2e/test_bad_neighbours
