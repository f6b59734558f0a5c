import asyncio, os
import aiohttp


async def main():
    async with aiohttp.ClientSession() as session:
        async def fetch():
            async with session.get("http://" + os.environ["HOST"] + "/page") as response:
                return await response.text()

        pages = await asyncio.gather(*(fetch() for i in range(50)))
        assert len(set(pages)) == 1, pages
        print(pages[0], end="")


asyncio.run(main())
