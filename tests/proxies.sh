#!/bin/sh
# streamer/deploy/haproxy.cfg or nginx.conf before three streamers: a client through it gets every certificate once while
# one streamer after the other is killed and started again. Skips loudly (77) without the proxy.
#   tests/proxies.sh BUILD-FOLDER haproxy|nginx
set -eu
build=$(readlink -f "$1")
proxy=$2
deploy=$(dirname "$(readlink -f "$0")")/../streamer/deploy
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
    echo "proxies.sh: $*" >&2
    exit 1
}

# await COMMAND...: until it succeeds.
await() {
    tries=100
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "in vain: $*"
        sleep 0.1
    done
}

# start NAME PROGRAM...: in the background; its process is $started.
start() {
    name=$1
    shift
    "$@" >"$folder/$name.out" 2>"$folder/$name.err" &
    started=$!
    processes="$started $processes"
}

start_streamer() {
    start "streamer$1" "$build/streamer/certstream-streamer" --redis "unix://$folder/redis.sock" --heartbeat 1 \
        --listen "127.0.0.1:${2:-0}" --admin-listen "127.0.0.1:${3:-0}" --trusted-proxy 127.0.0.1
    await grep -q administrators "$folder/streamer$1.out"
    place=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)$|\1|p' "$folder/streamer$1.out")
    admin=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\) for administrators|\1|p' "$folder/streamer$1.out")
}

has_lines() {
    [ "$(wc -l <"$folder/tail.out")" -ge "$1" ]
}

for tool in "$proxy" redis-server redis-cli curl openssl; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
[ -x "$build/tests/support/ct_log/local-ct-log" ] || { echo 'SKIPPED: local-ct-log is not built'; exit 77; }

start redis redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder"
start log "$build/tests/support/ct_log/local-ct-log" --size 100 --rate 50 --port 0
await grep -q http "$folder/log.out"
await redis-cli -s "$folder/redis.sock" ping
list=$(grep -o 'http://[^ ]*' "$folder/log.out")/log_list.json

servers=
upstreams=
for number in 1 2 3; do
    start_streamer $number
    eval "process$number=$started place$number=$place admin$number=$admin"
    servers="$servers    server streamer$number 127.0.0.1:$place port $admin\n"
    upstreams="$upstreams    server 127.0.0.1:$place max_fails=1 fail_timeout=2s;\n"
done

# On $port, in the clear.
start_haproxy() {
    sed "s|^    server-template.*|$servers|; s|bind :4000|bind 127.0.0.1:$port|; /^# What the container/,\$d" "$deploy/haproxy.cfg" >"$folder/haproxy.cfg"
    start proxy haproxy -db -f "$folder/haproxy.cfg"
}

# On $port, with TLS.
start_nginx() {
    [ -e "$folder/key.pem" ] || openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
    {
        printf 'daemon off;\npid %s/nginx.pid;\nerror_log stderr;\nevents { }\nhttp {\naccess_log off;\n' "$folder"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            printf '%s_temp_path %s/%s;\n' $kind "$folder" $kind
        done
        sed "/server 127.0.0.1:40[12]0/d; s|^ *server 127.0.0.1:4000.*|$upstreams|; s|listen 443|listen 127.0.0.1:$port|; s|/etc/nginx/|$folder/|" "$deploy/nginx.conf"
        echo '}'
    } >"$folder/nginx.conf"
    start proxy nginx -p "$folder" -e stderr -c "$folder/nginx.conf"
}

# The first port that is free from somewhere on: with a port that is not, the proxy ends.
is_served() {
    kill -0 "$started" 2>/dev/null || { port=$((port + 1)) && "start_$proxy"; }
    curl -sfk "$http://127.0.0.1:$port/readyz"
}

port=$((20000 + $$ % 10000))
case $proxy in
haproxy) http=http ws=ws ;;
nginx) http=https ws=wss ;;
*) fail 'haproxy or nginx' ;;
esac
"start_$proxy"
await is_served

# --ca is of no use in the clear, and does no harm.
touch "$folder/certificate.pem"
start tail env CERTSTREAM_CA="$folder/certificate.pem" "$build/streamer/certstream-tail" --url "$ws://127.0.0.1:$port/" --since 0 --format json
start ingest "$build/ingest/certstream-ingest" --redis "unix://$folder/redis.sock" --log-list "$list" --start 0 --poll 1
ingest_process=$started
await has_lines 100
for number in 1 2 3; do
    eval "process=\$process$number place=\$place$number admin=\$admin$number"
    before=$(wc -l <"$folder/tail.out")
    kill -KILL "$process"
    await has_lines $((before + 100))
    start_streamer $number "$place" "$admin"
done

kill "$ingest_process"
wait "$ingest_process" || true
entries=$(redis-cli -s "$folder/redis.sock" XLEN '{certstream}:stream')
await has_lines "$entries"
[ "$(wc -l <"$folder/tail.out")" -eq "$entries" ] || fail 'something came twice'
[ "$(grep -o '"id":"[0-9-]*"' "$folder/tail.out" | sort -u | wc -l)" -eq "$entries" ] || fail 'something is missing'
echo "$entries certificates, each once, over three kills"
