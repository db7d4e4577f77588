#!/bin/sh
# Who may include whom: a folder of the left column includes itself and what stands on the right,
# and nothing else of ours. So `ls` reads as the way of a certificate, and what stands above knows
# nothing of what stands below it. Fails with the file and the include.
set -eu
cd "$(dirname "$0")/.."

allowed='
shared/base      -
shared/json      shared/base
shared/x509      shared/base shared/json
shared/message   shared/base shared/json shared/x509
shared/process   shared/base
shared/redis     shared/base shared/process
shared/history   shared/base shared/x509 shared/message shared/redis
ingest/tree      shared
ingest/ct        shared ingest/tree
ingest/http      shared
ingest/store     shared ingest/tree ingest/ct
ingest/make      shared ingest/ct ingest/store
ingest/history   shared ingest/store
ingest/lists     shared ingest/ct ingest/http ingest/store
ingest/follow    shared ingest/tree ingest/ct ingest/http ingest/store ingest/make ingest/lists
ingest/logs      shared ingest/tree ingest/ct ingest/http ingest/store ingest/make ingest/history ingest/lists ingest/follow
ingest/backfill  shared ingest
ingest/status    shared
ingest/recall    shared ingest/history
ingest/doctor    shared ingest
ingest           shared ingest
streamer/loop    shared
streamer/stream  shared streamer/loop
streamer/past    shared streamer/loop streamer/stream
streamer/filter  shared streamer/stream
streamer/lanes   shared streamer/loop streamer/stream streamer/past streamer/filter
streamer/request shared
streamer/edge    shared streamer/loop streamer/request
streamer/http    shared streamer/loop streamer/stream streamer/past streamer/filter streamer/lanes streamer/request streamer/edge
streamer/ws      shared streamer/loop streamer/stream streamer/past streamer/filter streamer/lanes streamer/request streamer/edge streamer/http
streamer/tail    shared
streamer         shared streamer'

# What points up still, file by file: nothing.
known=''

find shared ingest streamer -name '*.[ch]' -exec grep -HoE '^#include "[^"]+"' {} + | sed 's/:#include "/ /; s/"$//' | sort |
    awk -v table="$allowed" -v known_files=" $known " '
        function folder(file) { sub(/\/[^\/]*$/, "", file); return file }
        BEGIN {
            count = split(table, lines, "\n")
            for (i = 1; i <= count; i++) {
                words = split(lines[i], word, " ")
                for (j = 2; j <= words; j++) may[word[1], word[j]] = 1
                if (words) known[word[1]] = 1
            }
        }
        {
            from = folder($1); to = folder($2); top = to; sub(/\/.*/, "", top)
            if (!(from in known)) { print $1 ": " from "/ is not in the table"; bad = 1 }
            else if (from != to && !((from, to) in may) && !((from, top) in may) && !index(known_files, " " $1 " ")) { print $1 ": includes " $2; bad = 1 }
        }
        END { exit bad }'
