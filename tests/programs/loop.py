# A hundred connections at once in one event loop, then what one of them read.
import asyncio, os, sys


async def fetch():
    reader, writer = await asyncio.open_connection(os.environ["HOST"], 80)
    writer.write(b"GET /page HTTP/1.0\r\n\r\n")
    text = await reader.read()
    writer.close()
    return text.split(b"\r\n\r\n", 1)[1].decode()


async def main():
    pages = await asyncio.gather(*(fetch() for i in range(100)))
    assert len(set(pages)) == 1, pages
    print(pages[0], end="")


asyncio.run(main())
