"""The Python SDK asks `calendar-server`: what an agent framework does, without the framework. Works with 1.x and 2.x.

    python calendar_client.py URL

Prints the names of the tools, then the answer of each.
"""

import asyncio
import sys

from mcp.client.session import ClientSession
from mcp.client.sse import sse_client


async def main(url: str) -> None:
    async with sse_client(url) as streams, ClientSession(*streams[:2]) as session:
        await session.initialize()
        print(*[tool.name for tool in (await session.list_tools()).tools])
        for name, arguments in (("get_events", {"day": "2025-05-05"}), ("get_birthdays_this_week", {})):
            print((await session.call_tool(name, arguments)).content[0].text)


asyncio.run(main(sys.argv[1]))
