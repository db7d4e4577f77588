"""Debian's python3-websockets on every stream at once: websockets_client.py ws://HOST:PORT QUERY COUNT none|deflate [CA]

Prints "STREAM NUMBER" for each certificate and ends after COUNT on each. With `deflate`, compression must have been agreed on.
"""
import asyncio
import json
import ssl
import sys

import websockets

STREAMS = {"lite": "/", "full": "/full-stream", "domains": "/domains-only"}


def number_of(message):
    if message["message_type"] == "dns_entries":
        return int(message["data"][0].split(".")[0])
    return message["data"]["cert_index"]


async def listen(name, url, count, compression, tls):
    async with websockets.connect(url, compression=compression, max_size=None, ssl=tls) as client:
        if bool(client.extensions) != bool(compression):
            sys.exit(f"{name}: {client.extensions}")
        await client.send("whatever a client says")
        seen = 0
        async for text in client:
            message = json.loads(text)
            if message["message_type"] == "heartbeat":
                continue
            print(name, number_of(message), flush=True)
            seen += 1
            if seen == count:
                break
    if client.close_code != 1000:
        sys.exit(f"{name}: closed with {client.close_code}")


async def main(base, query, count, compression, authority=None):
    tls = ssl.create_default_context(cafile=authority) if authority else None
    compression = None if compression == "none" else compression
    await asyncio.gather(*(listen(name, base + path + query, int(count), compression, tls)
                           for name, path in STREAMS.items()))


asyncio.run(main(*sys.argv[1:]))
