#!/bin/sh
# What a newcomer finds at the door, in numbers that can be compared between two checkouts:
#   tests/house.sh [DIR]           all of it, for DIR or this checkout
#   tests/house.sh --check [DIR]   fails if one of those that have to be 0 is not, and says what is wrong
# shellcheck disable=SC2016 # awk expands what stands in single quotes
set -eu

check=
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi
cd "${1:-$(dirname "$0")/..}"

# The product's files; a module is a .c or a .h or both, by its path without the ending.
product() {
    find shared ingest streamer -name '*.[ch]' | sort
}

modules() {
    product | sed 's/\.[ch]$//' | sort -u
}

modules_per_folder() {
    modules | sed 's|/[^/]*$||' | sort | uniq -c | awk '{ printf "%6d  %s\n", $1, $2 }'
}

# A module is named by its folder where that is one of a part's (ingest/ct), or by the first word of its name where three
# or more in its folder begin with it (redis_link, redis_command, redis_address).
named_modules() {
    modules | awk -F / '
        {
            folder = $0
            sub(/\/[^\/]*$/, "", folder)
            word = $NF
            sub(/_.*/, "", word)
            depth[NR] = NF
            family[NR] = folder "/" word
            count[family[NR]]++
        }
        END {
            for (i = 1; i <= NR; i++)
                named += depth[i] > 2 || count[family[i]] >= 3
            printf "%d of %d: %.0f %%\n", named, NR, 100 * named / NR
        }'
}

# NAME FILE... of each static function that three product files or more define.
shared_static_names() {
    product | xargs awk '
        /^static [^=;]*\(/ {
            name = $0
            sub(/\(.*/, "", name)
            sub(/.*[ *]/, "", name)
            if (!seen[name, FILENAME]++) {
                count[name]++
                files[name] = files[name] " " FILENAME
            }
        }
        END {
            for (name in count)
                if (count[name] >= 3)
                    print name files[name]
        }' | sort
}

# FILE:LINE:NAME of each document that a comment names and that is nowhere in the checkout.
absent_documents() {
    find shared ingest streamer tests -name '*.[ch]' | sort | xargs awk '
        FNR == 1 { inside = 0 }
        {
            text = $0
            if (!inside && !match(text, /\/[*\/]/))
                next
            if (!inside)
                text = substr(text, RSTART)
            inside = text !~ /\*\// && (inside || text ~ /^\/\*/)
            while (match(text, /[A-Za-z0-9_.\/-]*[A-Za-z0-9_-]\.md/)) {
                print FILENAME ":" FNR ":" substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + RLENGTH)
            }
        }' | while IFS=: read -r file line name; do
        [ -e "$name" ] || [ -e "$(dirname "$file")/$name" ] || echo "$file:$line:$name"
    done
}

# Lines of the functions that set tests up and take them down, in tests and stages alike.
set_up_lines() {
    find tests/e2e -name '*.c' | sort | xargs awk '
        FNR == 1 { inside = 0 }
        /^[a-z].*\(/ && !/;/ {
            name = $0
            sub(/\(.*/, "", name)
            sub(/.*[ *]/, "", name)
            inside = name ~ /(^|_)(setup|set_up|teardown|tear_down|wait_until_ready|start_streamer)/ ||
                name ~ /^(streamer|ingest|list)_stage_(create|start)/
        }
        inside { lines++ }
        /^}/ { inside = 0 }
        END { print lines + 0 }'
}

if [ -n "$check" ]; then
    wrong=0
    names=$(shared_static_names)
    documents=$(absent_documents)
    if [ -n "$names" ]; then
        wrong=1
        echo "static functions of one name in three files or more; each wants its object in its name:"
        printf '%s\n' "$names"
    fi
    if [ -n "$documents" ]; then
        wrong=1
        echo "comments that cite what is not there:"
        printf '%s\n' "$documents"
    fi
    exit $wrong
fi

echo "modules per folder:"
modules_per_folder
echo "modules that a folder or a prefix names: $(named_modules)"
echo "static function names in three files or more: $(shared_static_names | wc -l)"
echo "documents that comments cite and that are not there: $(absent_documents | wc -l)"
echo "lines of test set-up: $(set_up_lines)"
