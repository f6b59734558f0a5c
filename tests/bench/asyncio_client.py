#!/usr/bin/env python3
"""asyncio_client.py MODE PORT COUNT: COUNT connections at once by asyncio; the milliseconds until all are there.

MODE: pipelined, a SOCKS5 client by hand; shim, connections to a target that a preloaded library takes to the proxy.
"""
import asyncio
import resource
import struct
import sys
import time

mode, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
KEY, VALUE = b"ISOLATION", b"user=1000;app=/usr/bin/sequential"
BY_HAND = (b"\x05\x01\x97\x01\x00\x01" + struct.pack(">H", len(KEY)) + KEY + struct.pack(">H", len(VALUE)) + VALUE
           + b"\x05\x01\x00\x01\xcb\x00\x71\x05\x00\x50")


async def connection():
    if mode == "shim":
        return await asyncio.open_connection("203.0.113.5", 80)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(BY_HAND)
    await reader.readexactly(2 + 4 + 10)
    return reader, writer


async def is_connected(reader, writer):
    writer.write(b"GET /1 HTTP/1.1\r\n\r\n")
    return await reader.readexactly(12) == b"HTTP/1.1 200"


async def main():
    start = time.monotonic()
    pairs = await asyncio.gather(*(connection() for _ in range(count)))
    took = (time.monotonic() - start) * 1e3
    if not all([await is_connected(*pair) for pair in pairs]):
        sys.exit("wrong result")
    print(f"{took:.1f}")


hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main())
