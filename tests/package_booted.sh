#!/bin/sh
# What package.sh does in the system it boots.
set -eu
cd /opt

fail() {
    journalctl --no-pager -q -b -n 30 -u 'certstream-*' -u redis-server -u listener || true
    echo "package_booted.sh: $*"
    exit 1
}

# await COMMAND...: until it succeeds.
await() {
    tries=600
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "in vain: $*"
        sleep 0.1
    done
}

milliseconds() {
    awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

# install REVISION
install() {
    began=$(milliseconds)
    apt-get -qy install /opt/certstream-redis_*-"$1"_*.deb >"install$1.log" 2>&1 || { cat "install$1.log"; fail "installing revision $1"; }
    echo "revision $1 is installed after $(($(milliseconds) - began)) ms"
}

lines() {
    wc -l </opt/listener.out
}

has_lines() {
    [ "$(lines)" -ge "$1" ]
}

main_process() {
    systemctl show --value -p MainPID "$1"
}

rm -f /usr/sbin/policy-rc.d
install 1
for unit in redis-server certstream-ingest certstream-streamer; do
    await systemctl is-active $unit
    systemctl is-enabled $unit >/dev/null || fail "$unit is not enabled"
done
for daemon in ingest streamer; do
    [ "$(stat -c '%a %U %G' /etc/certstream/$daemon.conf)" = "640 root certstream-$daemon" ] || fail "$daemon.conf is open"
    [ "$(stat -c %U /proc/"$(main_process certstream-$daemon)")" = certstream-$daemon ] || fail "$daemon runs as another user"
done

systemd-run --quiet --unit=log /opt/local-ct-log --size 200 --rate 50 --port 4200
{
    echo 'log-list = http://127.0.0.1:4200/log_list.json'
    echo 'start = 0'
    echo 'poll = 1'
    echo 'contact = somebody@packages.invalid'
} >>/etc/certstream/ingest.conf
began=$(milliseconds)
systemctl restart certstream-ingest
certstream tail --url ws://127.0.0.1:4000/ --since 0 --format json >first.out &
tail=$!
await grep -q leaf_cert first.out
kill $tail
echo "the first certificate is there $(($(milliseconds) - began)) ms after the restart of ingest"
await certstream status
certstream status

# What the unit refuses: the probe in the daemon's place. Outside of it, it can do most of it.
mkdir -p /home/somebody
touch /home/somebody/secret
/opt/unit-probe >open.out || true
rm -f /etc/certstream/probe /var/lib/probe /usr/bin/probe
[ "$(grep -c ^CAN open.out)" -ge 12 ] || { cat open.out; fail 'the probe can do nothing even without a unit'; }
for daemon in ingest streamer; do
    sed "/^ExecStart=/d; /^Type=/d; /^Restart/d; /^Watchdog/d; /^Environment/d; s|^ExecPaths=|&/opt/unit-probe |" \
        /usr/lib/systemd/system/certstream-$daemon.service >/run/systemd/system/probe-$daemon.service
    mkdir -p /run/systemd/system/probe-$daemon.service.d
    printf '[Service]\nType=oneshot\nExecStart=/opt/unit-probe\n' >/run/systemd/system/probe-$daemon.service.d/probe.conf
done
systemctl daemon-reload
for daemon in ingest streamer; do
    systemctl start probe-$daemon || { journalctl --no-pager -q -b -o cat -u probe-$daemon; fail "certstream-$daemon.service lets it"; }
    echo "certstream-$daemon.service lets the probe do none of $(journalctl -q -b -o cat -u probe-$daemon | grep -c ^cannot) things, of which root can do $(grep -c ^CAN open.out)"
done

# Several of each, which take a restart one after the other.
systemctl disable --quiet --now certstream-streamer
systemctl enable --quiet --now certstream-streamer@1 certstream-streamer@2 certstream-ingest@2
systemd-run --quiet --unit=listener -p StandardOutput=file:/opt/listener.out -p StandardError=journal \
    /usr/bin/certstream-tail --url ws://127.0.0.1:4000/ --since 0 --format json
await has_lines 100
systemctl reload certstream-streamer@1 || fail 'a streamer is not asked to read its certificate again'
processes="$(main_process certstream-ingest) $(main_process certstream-ingest@2) $(main_process certstream-streamer@1) $(main_process certstream-streamer@2)"
before=$(lines)
install 2
[ "$(tail -n 1 /etc/certstream/ingest.conf)" = 'contact = somebody@packages.invalid' ] || fail 'the settings are gone'
for unit in certstream-ingest certstream-ingest@2 certstream-streamer@1 certstream-streamer@2; do
    await systemctl is-active $unit
    case " $processes " in *" $(main_process $unit) "*) fail "$unit still runs what was replaced" ;; esac
done
! systemctl is-active --quiet certstream-streamer || fail 'the upgrade started what was disabled'
await has_lines $((before + 200))

# Both ingests stop; then the listener has to come to have each entry of the stream once.
systemctl stop certstream-ingest certstream-ingest@2
entries=$(redis-cli XLEN '{certstream}:stream')
await has_lines "$entries"
[ "$(lines)" -eq "$entries" ] || fail "$(lines) lines of $entries entries"
proven=0
for log in $(redis-cli --raw SMEMBERS '{certstream}:logs'); do
    proven=$((proven + $(redis-cli --raw HGET "{certstream}:log:$log" next)))
done
[ "$proven" -eq "$entries" ] || fail "the logs stand at $proven together, the stream has $entries"
[ "$(grep -o '"id":"[0-9-]*"' listener.out | sort -u | wc -l)" -eq "$entries" ] || fail 'a certificate came twice'
echo "$entries certificates, each once, over the upgrade"

apt-get -qy purge certstream-redis >purge.log 2>&1 || { cat purge.log; fail 'purge'; }
! getent passwd certstream-ingest certstream-streamer || fail 'users are left'
left=$(find /etc /usr /var /run -path /var/cache/apt -prune -o -path /var/lib/redis -prune -o -iname '*certstream*' -print)
[ -z "$left" ] || fail "left: $left"
! systemctl list-units --plain --no-legend 'certstream*' | grep . || fail 'units are left'
[ "$(redis-cli XLEN '{certstream}:stream')" = "$entries" ] || fail 'Redis lost entries'
echo 'nothing is left but what is in Redis'
