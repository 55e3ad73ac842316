"""The Python SDK as a client over Streamable HTTP or stdio, 1.x or 2.x, whichever is installed.

    python http_client.py [--era initialize|discover|auto] [--gone] URL
    python http_client.py [--era ...] [--gone] --stdio PROGRAM ARGUMENT ...

Makes the checks of sse_client.py, and those of the resource `memo://greeting`, the prompt `greet` and the tool `ask`; prints
one line of JSON for each. 1.x knows the handshake eras only.

What this peer does that others do not:
  * 1.x opens its GET stream as soon as it has sent `notifications/initialized`, and goes on without waiting for it;
  * 1.x ends a call whose server is killed only with its own time-out, over HTTP;
  * 2.x takes any refusal of `server/discover` for an older server, but -32022 that names no revision it knows;
  * 2.x, handshake eras: a call whose server is killed ends only when some seconds of reconnecting have failed;
  * it complains when a DELETE is answered with another status than 200, 204 or 405.
"""

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import timedelta

from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

import sse_client
from sse_client import BOUND, FIRST, Progress, checks, gone, handshake, report, text, types

GONE_BOUND = 10.0


async def answer(context: object, params: object) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"name": "Ferris"})


async def checks_of_the_rest(session: object) -> None:
    listed = {str(resource.uri) for resource in (await session.list_resources()).resources}
    contents = (await session.read_resource("memo://greeting")).contents
    report("resource", "memo://greeting" in listed and contents[0].text == "Good morning.", listed)

    prompt = await session.get_prompt("greet", {"name": "Ada"})
    report("prompt", prompt.messages[0].content.text == "Greet Ada.", prompt.messages)

    said = text(await session.call_tool("ask", {}))
    report("elicitation", said == "Hello, Ferris.", said)


async def first(options: argparse.Namespace, server: object, stack: AsyncExitStack) -> None:
    wire = Progress()
    bound = GONE_BOUND if options.gone else BOUND
    read, write, *_ = await stack.enter_async_context(server)
    session = ClientSession(
        read,
        write,
        read_timeout_seconds=timedelta(seconds=bound),
        message_handler=wire,
        elicitation_callback=answer,
    )
    await stack.enter_async_context(session)
    if options.gone:
        await session.initialize()
        await gone(session)
        return
    await handshake(session)
    await checks(session, wire)
    await checks_of_the_rest(session)


async def second(options: argparse.Namespace, server: object, stack: AsyncExitStack) -> None:
    from mcp import Client

    wire = Progress()
    mode = {"initialize": "legacy", "discover": "2026-07-28", "auto": "auto"}[options.era]
    client = await stack.enter_async_context(
        Client(server, mode=mode, read_timeout_seconds=BOUND, message_handler=wire, elicitation_callback=answer)
    )
    if options.gone:
        await gone(client.session)
        return
    report("initialize", client.protocol_version is not None, client.protocol_version)
    await checks(client.session, wire)
    await checks_of_the_rest(client)


async def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--era", choices=["initialize", "discover", "auto"], default="auto")
    arguments.add_argument("--gone", action="store_true")
    arguments.add_argument("--stdio", action="store_true")
    arguments.add_argument("server", nargs=argparse.REMAINDER)
    options = arguments.parse_args()
    if options.stdio:
        server = stdio_client(StdioServerParameters(command=options.server[0], args=options.server[1:]))
    else:
        server = streamable_http_client(options.server[0])
    async with AsyncExitStack() as stack:
        await (first if FIRST else second)(options, server, stack)
    report("close", True)


if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(1 if sse_client.failures else 0)
