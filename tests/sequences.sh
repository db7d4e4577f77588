#!/bin/sh
# Plays many sequences (tests/e2e/test_sequences.c) against a streamer, in runs of 20,000 scripts with
# a seed each, which is printed: sequences.sh BUILD [SCRIPTS]. A build with
# -DSANITIZE=address,undefined sees more. Beside other work CERTSTREAM_PROMPT_MS may be more than the
# second in which those who only listen have to be told of an entry.
set -eu
build=$1
left=${2:-1000000}
while [ "$left" -gt 0 ]; do
    run=20000
    [ "$left" -ge "$run" ] || run=$left
    CERTSTREAM_SCRIPTS=$run "$build/tests/e2e/test_sequences"
    left=$((left - run))
    echo "$left scripts left"
done
