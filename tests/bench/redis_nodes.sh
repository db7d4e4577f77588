#!/bin/sh
# What stream-node-max-bytes in redis/redis.conf costs and saves: per value one line with the memory
# of an entry and the processor time of appending one and of reading one. Entries have the stream's
# six fields, 3.5 KB in all.
#   tests/bench/redis_nodes.sh [ENTRIES]
set -eu
entries=${1:-100000}
folder=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || :
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' INT TERM

# text COUNT: that many characters.
text() {
    head -c "$1" /dev/zero | tr '\0' x
}

cli() {
    redis-cli -s "$folder/redis.sock" "$@"
}

# info SECTION FIELD
info() {
    cli info "$1" | tr -d '\r' | sed -n "s/^$2://p"
}

processor_time() {
    cli info cpu | tr -d '\r' | awk -F: '/^used_cpu_(user|sys):/ { sum += $2 } END { print sum }'
}

measure() {
    redis-server --port 0 --unixsocket "$folder/redis.sock" --dir "$folder" --save '' --appendonly yes \
        --stream-node-max-bytes "$1" --stream-node-max-entries 0 >"$folder/out" &
    server=$!
    until cli ping >/dev/null 2>&1; do sleep 0.1; done
    empty=$(info memory used_memory)
    start=$(processor_time)
    redis-benchmark -q -s "$folder/redis.sock" -c 1 -P 64 -n "$entries" XADD stream '*' json "$(text 2000)" \
        domains "$(text 60)" der "$(text 1230)" chain "$(text 129)" log "$(text 64)" index 1234567890 >/dev/null
    appended=$(processor_time)
    full=$(info memory used_memory)
    redis-benchmark -q -s "$folder/redis.sock" -c 1 -n $((entries / 100)) \
        XREVRANGE stream + - COUNT 100 >/dev/null
    awk -v node="$1" -v count="$entries" -v bytes=$((full - empty)) -v cpu="$start $appended $(processor_time)" 'BEGIN {
        split(cpu, at, " ")
        printf "stream-node-max-bytes %7d: %4.0f bytes, append %.1f us, read %.1f us per entry\n", node,
            bytes / count, (at[2] - at[1]) * 1e6 / count, (at[3] - at[2]) * 1e6 / count }'
    kill "$server"
    wait "$server" || :
    rm -rf "$folder/appendonlydir"
}

for node in 4096 8192 16384 32768 65536 131072 262144; do
    measure "$node"
done
