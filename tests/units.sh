#!/bin/sh
# Whether the units for systemd are as closed as they are said to be, and whether the daemons can work within what they
# leave open: the daemons follow a local log, serve a client, compile a filter and speak TLS under strace, and each call
# of theirs is held against the unit. Skips loudly (77) what needs a tool that is not there.
#   tests/units.sh BUILD-FOLDER
set -eu
build=$(readlink -f "$1")
exposure_max=15 # tenths
folder=$(mktemp -d)
processes=

finish() {
    # strace ends with the daemon, and not before.
    for calls in "$folder"/*.calls; do
        [ ! -s "$calls" ] || kill -KILL "$(sed -n '1s/ .*//p' "$calls")" 2>/dev/null || true
    done
    for process in $processes; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap finish EXIT

need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
    done
}

fail() {
    echo "units.sh: $*" >&2
    exit 1
}

# await TEXT FILE: until a line of the file has it.
await() {
    tries=200
    until grep -q "$1" "$2" 2>/dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { cat "$2" >&2; fail "no '$1' within a minute"; }
        sleep 0.1
    done
}

check_exposure() {
    DESTDIR=$folder/installed cmake --install "$build" --prefix /usr >/dev/null
    units=$folder/installed/usr/lib/systemd/system
    for unit in "$units"/*.service; do
        systemd-analyze security --offline=true --threshold=$exposure_max "$unit" >"$folder/exposure" 2>&1 ||
            { cat "$folder/exposure" >&2; fail "$unit is more open than $exposure_max tenths"; }
        sed -n 's/^[^O]*Overall/Overall/p' "$folder/exposure"
        # verify wants a program that is there, and an instance.
        sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$folder/$(basename "$unit" | sed 's/@/@1/')"
    done
    wrong=$(systemd-analyze verify "$folder"/*.service 2>&1 | grep "$folder" || true)
    [ -z "$wrong" ] || fail "$wrong"
}

# allowed UNIT: the system calls that its filters leave, one a line. A line that begins with ~ takes away.
allowed() {
    calls() {
        systemd-analyze syscall-filter "$1" | sed -n 's/^  *\([a-z][a-z0-9_]*\)$/\1/p'
        for set in $(systemd-analyze syscall-filter "$1" | sed -n 's/^  *\(@[a-z-]*\)$/\1/p'); do
            calls "$set"
        done
    }
    calls @default | sort -u >"$folder/default"
    cp "$folder/default" "$folder/left"
    sed -n 's/^SystemCallFilter=//p' "$1" | while read -r line; do
        for name in ${line#"~"}; do
            case $name in @*) calls "$name" ;; *) echo "$name" ;; esac
        done | sort -u >"$folder/named"
        case $line in
        # What is in @default stays, whatever is taken.
        "~"*) comm -23 "$folder/left" "$folder/named" | sort -u - "$folder/default" >"$folder/next" ;;
        *) sort -u "$folder/left" "$folder/named" >"$folder/next" ;;
        esac
        mv "$folder/next" "$folder/left"
    done
    cat "$folder/left"
}

# check_calls UNIT TRACE...: each call of the daemon, from its start to its end.
check_calls() {
    unit=$1
    shift
    allowed "$unit" >"$folder/allowed"
    [ "$(wc -l <"$folder/allowed")" -gt 200 ] || fail "the calls of $unit cannot be told"
    sed -n 's/^[0-9]* *\([a-z][a-z0-9_]*\)(.*/\1/p' "$@" | sort -u >"$folder/used"
    [ "$(wc -l <"$folder/used")" -gt 30 ] || fail "strace saw next to nothing"
    refused=$(comm -23 "$folder/used" "$folder/allowed")
    [ -z "$refused" ] || fail "$unit refuses: $refused"
    ! grep -hE '(mmap|mprotect|pkey_mprotect)\(.*PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC|SHM_EXEC' "$@" ||
        fail "MemoryDenyWriteExecute refuses these"
    ! grep -hE '(clone3?|unshare|setns)\(.*CLONE_NEW' "$@" || fail "RestrictNamespaces refuses these"
    families=$(sed -n 's/^[0-9]* *socket(\(AF_[A-Z0-9]*\).*/\1/p' "$@" | sort -u | grep -vxE 'AF_UNIX|AF_INET|AF_INET6' || true)
    # getaddrinfo asks it for the machine's addresses and does without.
    [ -z "$families" ] || [ "$families" = AF_NETLINK ] || fail "RestrictAddressFamilies refuses $families"
    # The only program that may be started is itself.
    [ "$(grep -hc 'execve(' "$@")" -le 1 ] || fail "it starts other programs"
    written=$(sed -n 's/^[0-9]* *\(openat\|open\|creat\|mkdir\|unlink\|rename\)(.*\(O_WRONLY\|O_RDWR\|O_CREAT\).*/&/p' "$@" |
        grep -vE '/dev/null' || true)
    [ -z "$written" ] || fail "it writes files: $written"
    echo "$(basename "$unit"): $(wc -l <"$folder/used") system calls, all let through"
}

# traced NAME PROGRAM...: in the background, its calls in NAME.calls; ends with it.
traced() {
    name=$1
    shift
    strace -f -q -e signal=none -o "$folder/$name.calls" "$@" >"$folder/$name.out" 2>&1 &
    processes="$! $processes"
}

run_daemons() {
    redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" >"$folder/redis.out" 2>&1 &
    processes="$! $processes"
    "$build/tests/support/ct_log/local-ct-log" --size 300 --rate 20 --port 0 >"$folder/log.out" 2>&1 &
    processes="$! $processes"
    await http "$folder/log.out"
    list=$(grep -o 'http://[^ ]*' "$folder/log.out")/log_list.json
    await 'eady to accept' "$folder/redis.out"
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
    traced ingest "$build/ingest/certstream-ingest" --redis "unix://$folder/redis.sock" --log-list "$list" --start 0 --poll 1
    traced streamer "$build/streamer/certstream-streamer" --redis "unix://$folder/redis.sock" --tls-cert "$folder/cert.pem" \
        --tls-key "$folder/key.pem" --listen 127.0.0.1 --listen http://127.0.0.2 --port 0
    await 'listening.*http://' "$folder/streamer.out"
    clear=$(grep -o 'http://[^ ]*:[0-9]*' "$folder/streamer.out" | head -n 1)
    secret=$(grep -o 'https://[^ ]*:[0-9]*' "$folder/streamer.out" | head -n 1)
    # A filter, whose patterns a thread compiles while somebody listens.
    curl -sN "$clear/sse?regex=[a-z]%2B" >"$folder/messages" 2>/dev/null &
    processes="$! $processes"
    await certificate_update "$folder/messages"
    tries=200
    until curl -s "$clear/metrics" | grep -q '^certstream_filter_compilations_total [1-9]'; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "no filter was compiled"
        sleep 0.1
    done
    for path in latest.json metrics api/logs; do
        curl -sfk -m 30 "$secret/$path" >/dev/null || fail "$secret/$path does not answer"
    done
    stop_daemons
}

# The daemons are asked to stop themselves: strace would keep the signal.
stop_daemons() {
    for name in ingest streamer; do
        kill -TERM "$(sed -n '1s/ .*//p' "$folder/$name.calls")"
        await 'exited with 0' "$folder/$name.calls"
    done
}

need systemd-analyze
check_exposure
need strace redis-server curl openssl
[ -x "$build/tests/support/ct_log/local-ct-log" ] || { echo 'SKIPPED: local-ct-log is not built'; exit 77; }
run_daemons
for name in ingest streamer; do
    check_calls "$units/certstream-$name.service" "$folder/$name.calls"
done
