#!/bin/sh
# docker-compose.yml, really run: podman-compose builds its images on a Debian 13 that debootstrap makes (so without a
# registry, but for HAProxy's, whose place Debian's own takes), starts redis, two ingests, three streamers, HAProxy and the
# local log in a network of their own, and kills each container in turn while 20 clients listen: each of them has to get
# every certificate once. Also what the images are: small, without a compiler, without root, read-only, well, and quick to
# stop. Needs root, debootstrap and 4 GB; skips loudly (77) without podman-compose.
#   tests/compose.sh FOLDER BUILD-FOLDER       (certstream-tail and redis-cli are this machine's)
# FOLDER is kept: base13, and the images.
set -eu
source=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$source/tests/debian_folder.sh"
clients=20
size_max_mb=120

for tool in podman-compose podman buildah debootstrap netavark aardvark-dns iptables; do
    PATH=$PATH:/usr/lib/podman command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
mkdir -p "$1"
folder=$(readlink -f "$1")
build=$(readlink -f "$2")
export DEBIAN_IMAGE=localhost/debian:13-slim HAPROXY_IMAGE=localhost/haproxy BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker
export CERTSTREAM_LOG_LIST=http://demo:4200/log_list.json CERTSTREAM_START=0
export CERTSTREAM_CONTACT=compose@packages.invalid

fail() {
    podman ps -a >&2 || true
    echo "compose.sh: $*" >&2
    exit 1
}

step() {
    echo "== $(date -u +%T) $*"
}

# await COMMAND...: until it succeeds.
await() {
    tries=1200
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "in vain: $*"
        sleep 0.1
    done
}

compose() {
    podman-compose --no-ansi -p certstream -f "$source/docker-compose.yml" "$@"
}

# Storage of its own; limits of processes as this machine lets them be; no daemon of systemd.
configure_podman() {
    printf '[storage]\ndriver = "overlay"\nrunroot = "%s/run"\ngraphroot = "%s/storage"\n' "$folder" "$folder" >"$folder/storage.conf"
    limit=$(awk '/^Max open files/ { print $5 }' /proc/self/limits)
    printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=4096:4096"]\n' "$limit" "$limit" >"$folder/containers.conf"
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[network]\nnetwork_backend = "netavark"\n' \
        >>"$folder/containers.conf"
    # crun takes no machine that has both kinds of cgroups.
    if [ -d /sys/fs/cgroup/unified ] && command -v runc >/dev/null; then
        sed -i 's/^\[engine\]$/&\nruntime = "runc"/' "$folder/containers.conf"
    fi
    export CONTAINERS_STORAGE_CONF="$folder/storage.conf" CONTAINERS_CONF="$folder/containers.conf"
}

# As Debian's own slim image: without documentation.
make_base_image() {
    podman image exists $DEBIAN_IMAGE && return
    debian_make "$folder/base13" 13
    tar -C "$folder/base13" --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale --exclude='./dev/*' \
        --exclude='./var/lib/apt/lists/*' --exclude='./var/cache/apt/*' -cf - . | podman import -q - $DEBIAN_IMAGE
}

make_haproxy_image() {
    podman image exists $HAPROXY_IMAGE && return
    printf '%s\n' "FROM $DEBIAN_IMAGE" \
        'RUN apt-get update && apt-get install -y --no-install-recommends haproxy' \
        'USER haproxy' 'ENTRYPOINT ["haproxy", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]' |
        buildah bud -q -t $HAPROXY_IMAGE - >/dev/null
}

check_image() {
    bytes=$(podman image inspect --format '{{.Size}}' "$1")
    echo "$1: $((bytes / 1000000)) MB"
    [ $((bytes / 1000000)) -lt $size_max_mb ] || fail "$1 is larger than $size_max_mb MB"
    podman run --rm --net none --entrypoint sh "$1" -c \
        '[ "$(id -u)" != 0 ] && ! command -v cc gcc g++ ld as make' || fail "$1 runs as root, or has a compiler"
}

containers() {
    podman ps --format '{{.Names}}' | sort
}

all_run() {
    [ "$(containers | wc -l)" -eq 8 ]
}

check_container() {
    podman exec "$1" sh -c '! touch /usr/probe && ! touch /etc/probe && ! touch /var/probe' 2>/dev/null || fail "$1 is writable"
    await podman healthcheck run "$1"
}

has_all_lines() {
    for number in $(seq $clients); do
        [ "$(wc -l <"$folder/client$number.out")" -ge "$1" ] || return 1
    done
}

fewest_lines() {
    for number in $(seq $clients); do
        wc -l <"$folder/client$number.out"
    done | sort -n | head -n 1
}

# As a crash would: podman is not told, and starts it again by the file's policy.
kill_container() {
    process=$(podman inspect --format '{{.State.Pid}}' "$1")
    before=$(fewest_lines)
    began=$(date +%s%3N)
    kill -KILL "$process"
    await has_all_lines $((before + 100))
    echo "killed $1: after $(($(date +%s%3N) - began)) ms every client has 100 more"
}

in_redis() {
    podman exec "$(containers | grep redis)" redis-cli --raw "$@"
}

run() {
    ip link set lo up
    [ ! -d /sys/fs/cgroup/unified ] || umount /sys/fs/cgroup/unified
    # What a run that was killed has left.
    clean
    # podman-compose 1.0.3 does not know subnets.
    podman network create --subnet 172.30.40.0/24 certstream_default >/dev/null
    compose up -d redis demo ingest streamer haproxy >"$folder/up.log" 2>&1 || { cat "$folder/up.log" >&2; fail 'compose up'; }
    await all_run
    await curl -sf http://127.0.0.1:4000/readyz
    for container in $(containers | grep -E 'ingest|streamer'); do
        check_container "$container"
    done
    step "$clients clients"
    for number in $(seq $clients); do
        "$build/streamer/certstream-tail" --url ws://127.0.0.1:4000/ --since 0 --format json >"$folder/client$number.out" 2>"$folder/client$number.err" &
    done
    await has_all_lines 1000
    for container in $(containers); do
        kill_container "$container"
    done
    for container in $(containers | grep ingest); do
        began=$(date +%s%3N)
        podman stop -t 20 "$container" >/dev/null
        echo "$container stopped after $(($(date +%s%3N) - began)) ms, exit code $(podman inspect --format '{{.State.ExitCode}}' "$container")"
    done
    entries=$(in_redis XLEN '{certstream}:stream')
    await has_all_lines "$entries"
    for number in $(seq $clients); do
        [ "$(wc -l <"$folder/client$number.out")" -eq "$entries" ] || fail "client $number got something twice"
        [ "$(grep -o '"id":"[0-9-]*"' "$folder/client$number.out" | sort -u | wc -l)" -eq "$entries" ] || fail "client $number misses something"
    done
    echo "$entries certificates, each once, to each of $clients clients, over $(containers | wc -l) and two more containers killed"
}

clean() {
    compose down -v >/dev/null 2>&1 || true
    podman network rm -f certstream_default >/dev/null 2>&1 || true
}

configure_podman
if [ "${3:-}" = run ]; then
    trap clean EXIT
    run
    exit
fi
step 'images'
make_base_image
make_haproxy_image
(cd "$source" && compose build redis demo ingest streamer) >"$folder/build.log" 2>&1 || { tail "$folder/build.log" >&2; fail 'build'; }
for image in certstream-ingest certstream-streamer certstream-redis; do
    check_image localhost/$image
done
step 'run'
unshare --mount --net "$0" "$folder" "$build" run
step 'good'
