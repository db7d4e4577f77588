#!/bin/sh
# Whether streamer/monitoring speaks of metrics that exist, and tells of each alert what to do; and, where promtool is, what
# the alerts do. Skips loudly (77) the last part without it.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
monitoring=streamer/monitoring
runbook=streamer/monitoring/README.md

fail() {
    echo "monitoring.sh: $*" >&2
    exit 1
}

# Names as the code spells them.
grep -ohE '"(certstream|process)_[a-z0-9_]+"' shared/redis/report_fields.c streamer/http/metrics*.c | tr -d '"' | sort -u >"$folder/known"
[ "$(wc -l <"$folder/known")" -gt 50 ] || fail 'no metrics in the code'

for file in alerts.yml alerts_test.yml dashboard.json; do
    # Every name of that form, but not in comments.
    sed 's/#.*//' "$monitoring/$file" | grep -oE '\b(certstream|process|redis)_[a-z0-9_]+' | sort -u >"$folder/asked"
    [ -s "$folder/asked" ] || fail "$file asks for nothing"
    unknown=$(comm -23 "$folder/asked" "$folder/known")
    [ -z "$unknown" ] || fail "$file asks for what does not exist: $unknown"
done

sed -n 's/^ *- alert: //p' "$monitoring/alerts.yml" | sort >"$folder/alerts"
sed -n 's/^\*\*\(Certstream[A-Za-z]*\)\*\*.*/\1/p' "$runbook" | sort >"$folder/told"
diff "$folder/alerts" "$folder/told" >&2 || fail 'alerts.yml and README.md have other alerts'

if command -v python3 >/dev/null; then
    python3 -m json.tool "$monitoring/dashboard.json" >/dev/null
fi

command -v promtool >/dev/null || { echo 'SKIPPED: promtool is not installed; rules were not run'; exit 77; }
promtool check rules "$monitoring/alerts.yml"
promtool test rules "$monitoring/alerts_test.yml"
