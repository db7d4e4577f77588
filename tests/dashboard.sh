#!/bin/sh
# Whether what Grafana's dashboard and Prometheus' alerts ask for is there in a running deployment: a local log, ingest
# that packs after a second, a streamer with TLS, and a client that reads all from the beginning. Every metric has to be
# in /metrics, and, by a Prometheus that asks the streamer, every query of the dashboard has to have a value. Prints the
# dashboard as a table. Skips loudly (77) without what it needs; the queries alone without Debian's prometheus.
#   tests/dashboard.sh BUILD-FOLDER
set -eu
build=$(readlink -f "$1")
source=$(dirname "$(dirname "$(readlink -f "$0")")")
monitoring=$source/streamer/monitoring
folder=$(mktemp -d)
processes=

finish() {
    for process in $processes; do
        kill "$process" 2>/dev/null || true
    done
    wait
    rm -rf "$folder"
}
trap finish EXIT

fail() {
    tail -n 5 "$folder"/*.err >&2
    echo "dashboard.sh: $*" >&2
    exit 1
}

# await COMMAND...: until it succeeds.
await() {
    tries=600
    until "$@" >"$folder/await.out" 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { cat "$folder/await.out" >&2; fail "in vain: $*"; }
        sleep 0.1
    done
}

# start NAME PROGRAM...: in the background.
start() {
    name=$1
    shift
    "$@" >"$folder/$name.out" 2>"$folder/$name.err" &
    processes="$! $processes"
}

for tool in redis-server openssl curl python3; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done

start redis redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" --maxmemory 1gb \
    --maxmemory-policy noeviction
await redis-cli -s "$folder/redis.sock" ping
start log "$build/tests/support/ct_log/local-ct-log" --port 0 --state "$folder/log" --size 2000 --rate 20
await grep -q . "$folder/log.out"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
start streamer "$build/streamer/certstream-streamer" --redis "unix://$folder/redis.sock" --listen 127.0.0.1:0 \
    --tls-cert "$folder/cert.pem" --tls-key "$folder/key.pem"
await grep -q listening "$folder/streamer.out"
place=$(sed -n 's|.*https://||p' "$folder/streamer.out")

metrics() {
    curl -sf --cacert "$folder/cert.pem" "https://$place/metrics"
}

metric() {
    metrics | sed -n "s/^$1\({[^}]*}\)\{0,1\} //p" | head -n 1
}

# is_over METRIC NUMBER
is_over() {
    metric "$1" | awk -v least="$2" '{ found = $1 > least } END { exit !found }'
}

prometheus_says() {
    curl -sfG "http://127.0.0.1:$prometheus/api/v1/query" --data-urlencode "query=$1" | grep -q '"value"'
}

# On a free port, which it cannot choose itself. Before there is anything, so that it sees counters rise.
start_prometheus() {
    prometheus=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s\n' 'global: { scrape_interval: 1s }' 'scrape_configs:' '  - job_name: certstream' '    scheme: https' \
        "    tls_config: { ca_file: $folder/cert.pem }" "    static_configs: [{ targets: [\"$place\"] }]" >"$folder/prometheus.yml"
    start prometheus prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/tsdb" \
        --web.listen-address="127.0.0.1:$prometheus"
    await prometheus_says 'up{job="certstream"} == 1'
}

has_prometheus=no
if command -v prometheus >/dev/null; then
    has_prometheus=yes
    start_prometheus
fi
start ingest "$build/ingest/certstream-ingest" --redis "unix://$folder/redis.sock" --start 0 --plain-age 1 --poll 1 \
    --log-list "http://127.0.0.1:$(sed -n '1s/.*://p' "$folder/log.out")/log_list.json"
await is_over certstream_ingest_history_entries 1000
start tail "$build/streamer/certstream-tail" --url "wss://$place/" --ca "$folder/cert.pem" --since 0
await is_over certstream_history_entries_total 0

metrics | sed -n 's/^\([a-z][a-z0-9_]*\).*/\1/p' | sort -u >"$folder/known"
for file in alerts.yml dashboard.json; do
    sed 's/#.*//' "$monitoring/$file" | grep -oE '\b(certstream|process)_[a-z0-9_]+' | sort -u >"$folder/asked"
    missing=$(comm -23 "$folder/asked" "$folder/known")
    [ -z "$missing" ] || fail "$file asks for what no streamer says: $missing"
    echo "$file: all of $(wc -l <"$folder/asked") metrics are there"
done

if [ $has_prometheus = no ]; then
    python3 "$source/tests/dashboard.py" "$monitoring/dashboard.json" || fail 'the dashboard is not in order'
    echo 'SKIPPED: prometheus is not installed; no query was asked'
    exit 77
fi
await python3 "$source/tests/dashboard.py" "$monitoring/dashboard.json" "http://127.0.0.1:$prometheus"
cat "$folder/await.out"
