"""The Python SDK 2.x as a client of the firmware: lists and calls its tools and reads its resource.

    python device_client.py [--era initialize|discover] URL

Prints one line of JSON for each check, as http_client.py does.
"""

import argparse
import asyncio

from mcp import Client

from sse_client import BOUND, report, text

MODES = {"initialize": "legacy", "discover": "2026-07-28"}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--era", choices=sorted(MODES), default="discover")
    parser.add_argument("url")
    options = parser.parse_args()
    async with Client(options.url, mode=MODES[options.era], read_timeout_seconds=BOUND) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        report("tools", names == ["read_sensor", "set_led", "uptime"], names)
        said = text(await client.call_tool("read_sensor", {}))
        report("sensor", said.endswith("°C"), said)
        said = text(await client.call_tool("set_led", {"on": True}))
        report("lamp", said == "the lamp is on", said)
        refused = await client.call_tool("set_led", {"on": "yes"})
        report("refused", refused.is_error is True, text(refused))
        contents = (await client.read_resource("device://memory")).contents
        report("resource", '"peak"' in contents[0].text, contents[0].text)


asyncio.run(main())
