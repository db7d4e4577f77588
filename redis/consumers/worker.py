#!/usr/bin/env python3
"""One of several workers that share out the certificates among themselves.

    REDIS_URL=redis://127.0.0.1:6379 worker.py NAME

Each entry goes to one worker; if that one dies with it, to another after IDLE_MS. So each is handled
at least once: what handle() does must not mind a second time. Needs redis-py (Debian: python3-redis).
"""
import json
import os
import sys
import time

import redis

STREAM = os.environ.get("PREFIX", "{certstream}") + ":stream"
GROUP = os.environ.get("GROUP", "hunters")
IDLE_MS = int(os.environ.get("IDLE_MS", "60000"))
NAME = sys.argv[1]


def handle(entry_id, fields):
    """Yours. Raising leaves the entry pending: it is handed out again."""
    if b"control" in fields:
        return  # what an administrator ordered; no certificate
    print(entry_id.decode(), *json.loads(fields[b"domains"]), flush=True)


def handle_all(server, entries):
    for entry_id, fields in entries:
        if fields:
            handle(entry_id, fields)
        else:
            print(f"{entry_id.decode()} was trimmed before it was handled", file=sys.stderr)
    if entries:
        server.xack(STREAM, GROUP, *(entry_id for entry_id, _ in entries))


def read(server, position):
    answer = server.xreadgroup(GROUP, NAME, {STREAM: position}, count=100, block=5000)
    return answer[0][1] if answer else []


def work(server):
    try:
        server.xgroup_create(STREAM, GROUP, id="$", mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
    # What this name had not finished when it stopped.
    while entries := read(server, "0"):
        handle_all(server, entries)
    claim_at = 0
    while True:
        if time.monotonic() >= claim_at:
            cursor = "0-0"
            while cursor != b"0-0":
                cursor, entries, *_ = server.xautoclaim(STREAM, GROUP, NAME, IDLE_MS, cursor, count=100)
                handle_all(server, entries)
            claim_at = time.monotonic() + IDLE_MS / 1000
        handle_all(server, read(server, ">"))


def main():
    server = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    while True:
        try:
            work(server)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            print(f"{error}; again in a second", file=sys.stderr)
            time.sleep(1)


main()
