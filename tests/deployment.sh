#!/bin/sh
# Whether what containers and Kubernetes are told exists: each setting and route that docker-compose.yml, Dockerfile and
# kubernetes.yml name; and, where npm brings them to FOLDER (npm install kubernetes-models js-yaml), Kubernetes' schemas.
#   tests/deployment.sh BUILD-FOLDER [FOLDER]
set -eu
build=$(readlink -f "$1")
schemas=${2:+$(readlink -f "$2")}
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
manifest=streamer/deploy/kubernetes.yml

fail() {
    echo "deployment.sh: $*" >&2
    exit 1
}

for program in ingest/certstream-ingest ingest/certstream-status streamer/certstream-streamer tests/support/ct_log/local-ct-log; do
    "$build/$program" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p'
done | sort -u >"$folder/exist"
[ "$(wc -l <"$folder/exist")" -gt 60 ] || fail 'no settings'
# Of others: redis-server's, apt's, cmake's and Docker's own.
printf '%s\n' bind port protected-mode no-install-recommends build parallel target from interval timeout start-period scale profile |
    sort -u - "$folder/exist" >"$folder/known"
for file in docker-compose.yml shared/deploy/Dockerfile $manifest; do
    {
        grep -oE -- '--[a-z][a-z-]+' "$file" | sed 's/^--//'
        grep -oE 'CERTSTREAM_[A-Z_]+' "$file" | sed 's/^CERTSTREAM_//' | tr 'A-Z_' 'a-z-'
    } | sort -u >"$folder/named"
    [ "$(wc -l <"$folder/named")" -gt 3 ] || fail "$file names no settings"
    unknown=$(comm -23 "$folder/named" "$folder/known")
    [ -z "$unknown" ] || fail "$file names what is no setting: $unknown"
done

# shellcheck disable=SC2013 # words on purpose
for path in $(sed -n 's/.*httpGet: { path: \([^,]*\),.*/\1/p' $manifest); do
    grep -q "{ \"$path\", " streamer/http/http_routes.c || fail "$path is no route"
done
metric=$(sed -n 's/.*metric: { name: \(.*\) }/\1/p' $manifest)
grep -q "\"$metric\"" streamer/http/metrics.c || fail "$metric is no metric"

if [ -n "$schemas" ]; then
    node tests/kubernetes.mjs "$schemas" $manifest
else
    echo 'without the schemas of Kubernetes'
fi
