#!/bin/sh
# The full-size run of test_packed_churn: 200 clients, 120 rounds of packing, kills, a full Redis and
# a consumer group whose worker is away, as often as the first argument says (1). BUILD is where it
# was built (build).
set -eu
cd "$(dirname "$0")/.."
for run in $(seq "${1:-1}"); do
    echo "run $run"
    CERTSTREAM_CLIENTS=200 CERTSTREAM_ROUNDS=120 "${BUILD:-build}"/tests/e2e/test_packed_churn
done
