#!/bin/sh
# Whoever reads a comment can read what it cites: each *.md that sources, scripts and settings name is
# in the repository, as a path from the top or from the folder of the file. Fails with each that is not.
set -eu
cd "$(dirname "$0")/.."

find shared ingest streamer tests redis certstream CMakeLists.txt .ci/run -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.conf' -o -name CMakeLists.txt -o ! -name '*.*' \) \
    ! -path '*/corpus/*' -exec grep -noHE '[A-Za-z0-9_./-]+\.md\b' {} + | {
    missing=0
    while IFS=: read -r file line name; do
        name=${name#/}
        [ -e "$name" ] || [ -e "$(dirname "$file")/$name" ] || {
            echo "$file:$line: $name is not in the repository"
            missing=1
        }
    done
    exit "$missing"
}
