#!/bin/sh
# The long run of tests/e2e/test_redis_cluster. First with a small stream and nodes that replace one
# which is silent for 5 s, as they would: seconds without certificates per event. Then with about a
# GB in the stream (150,000 entries of either log) that is moved to another node and back: for how
# long that blocks two nodes, and what master and replica took per entry of the backlog. 8 GB of
# memory, 10 GB of disk in TMPDIR.
#   tests/cluster.sh [ROUNDS [BUILD FOLDER]]     (5, build)
set -eu

rounds=${1:-5}
build=${2:-$(dirname "$(dirname "$(readlink -f "$0")")")/build}

CERTSTREAM_CLUSTER_ROUNDS="$rounds" CERTSTREAM_CLUSTER_TIMEOUT_MS=5000 "$build/tests/e2e/test_redis_cluster"
CERTSTREAM_ENTRIES="${CERTSTREAM_ENTRIES:-150000}" "$build/tests/e2e/test_redis_cluster"
