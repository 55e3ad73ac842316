"""The Python SDK as a client over HTTP+SSE, 1.x or 2.x, whichever is installed.

    python sse_client.py URL [--header 'Name: value'] [--gone]

Drives a server with the tools echo, slow, progress, fail and big through the checks below and prints one line of JSON
for each: {"check", "ok", "detail"}. Ends with 0 when all held. With --gone it leaves one call in flight, prints
{"check": "in_flight"}, and expects the call to fail once the server has been killed.

What this peer does that others do not:
  * 1.x tells the server nothing when a caller stops waiting; a program sends `notifications/cancelled` itself, as here.
    2.x sends it when the task that waits is cancelled;
  * it expects no answer to a cancelled call, and takes one for an id it no longer knows as a warning at most;
  * it sends its POSTs one after the other, on one connection that it keeps open.
"""

import argparse
import asyncio
import importlib.metadata
import json
import sys
import time
from datetime import timedelta

from mcp.client.session import ClientSession
from mcp.client.sse import sse_client

FIRST = importlib.metadata.version("mcp").startswith("1.")
if FIRST:
    import mcp.types as types
    from mcp.shared.exceptions import McpError
else:
    import mcp_types as types
    from mcp.shared.exceptions import MCPError as McpError

BOUND = 20.0
failures = 0


def report(check: str, ok: bool, detail: object = "") -> None:
    global failures
    failures += not ok
    print(json.dumps({"check": check, "ok": bool(ok), "detail": str(detail)[:400]}), flush=True)


def field(value: object, name: str) -> object:
    """An attribute by its name in the schema: 1.x keeps it, 2.x spells it with underscores."""
    snake = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)
    return getattr(value, name) if hasattr(value, name) else getattr(value, snake)


def text(result: object) -> str:
    return "".join(block.text for block in result.content if block.type == "text")


class Progress:
    """Counts every progress notification on the wire, also those of calls that are over."""

    def __init__(self) -> None:
        self.seen = 0

    async def __call__(self, message: object) -> None:
        message = getattr(message, "root", message)
        if getattr(message, "method", "") == "notifications/progress":
            self.seen += 1


async def list_all_tools(session: ClientSession) -> list:
    tools, cursor = [], None
    while True:
        if cursor is None:
            page = await session.list_tools()
        else:
            page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
        tools += page.tools
        cursor = field(page, "nextCursor")
        if not cursor:
            return tools


async def cancel(session: ClientSession, wire: Progress) -> tuple[bool, str]:
    """Cancels a call that is under way. Right when the server sends no more of its progress after that."""
    under_way = asyncio.Event()

    async def first(progress: float, total: float | None, message: str | None) -> None:
        under_way.set()

    # The id that the next request will get; in 1.x there is no other way to learn it.
    request_id = getattr(session, "_request_id", None)
    call = asyncio.create_task(session.call_tool("progress", {"steps": 400, "ms": 20}, progress_callback=first))
    await asyncio.wait_for(under_way.wait(), BOUND)
    if FIRST:
        params = types.CancelledNotificationParams(requestId=request_id, reason="the user stopped")
        note = types.CancelledNotification(method="notifications/cancelled", params=params)
        await session.send_notification(types.ClientNotification(note))
    else:
        call.cancel()
        await asyncio.wait([call], timeout=BOUND)
    # The notification may take a connection of its own; when this answer is here the server has long seen it.
    await session.call_tool("slow", {"ms": 200})
    before = wire.seen
    await session.call_tool("slow", {"ms": 200})
    after = wire.seen
    call.cancel()
    try:
        await call
        ended = "answered with a result"
    except asyncio.CancelledError:
        ended = "not answered"
    except McpError as error:
        ended = f"answered with an error ({error})"
    return before == after and ended != "answered with a result", f"{ended}, {after - before} progress after it"


async def handshake(session: ClientSession) -> None:
    begun = await session.initialize()
    version = field(begun, "protocolVersion")
    report("initialize", field(begun, "serverInfo").name != "", f"{field(begun, 'serverInfo').name}, {version}")

    await session.send_ping()
    report("ping", True)


async def checks(session: ClientSession, wire: Progress) -> None:
    tools = {tool.name: tool for tool in await list_all_tools(session)}
    missing = {"echo", "slow", "progress", "fail", "big"} - tools.keys()
    schema = field(tools["echo"], "inputSchema")
    report("list", not missing and schema["type"] == "object" and "text" in schema["properties"], sorted(tools))

    words = 'plain, "quoted", line\nbreak, \u00fcml\u00e4ut, \u2028, \U0001f980'
    answer = await session.call_tool("echo", {"text": words})
    report("call", text(answer) == words and not field(answer, "isError"), text(answer))

    answer = await session.call_tool("big", {"bytes": 300_000})
    report("large result", len(text(answer)) == 300_000, len(text(answer)))

    answer = await session.call_tool("echo", {"text": "y" * 300_000})
    report("large call", len(text(answer)) == 300_000, len(text(answer)))

    answer = await session.call_tool("fail", {})
    report("tool error", field(answer, "isError") is True, text(answer))

    try:
        answer = await session.call_tool("no_such_tool", {})
        report("unknown tool", field(answer, "isError") is True, f"a result: {text(answer)}")
    except McpError as error:
        report("unknown tool", True, f"an error: {error}")

    seen: list[float] = []

    async def keep(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    answer = await session.call_tool("progress", {"steps": 5, "ms": 10}, progress_callback=keep)
    rising = all(a < b for a, b in zip(seen, seen[1:]))
    report("progress", len(seen) >= 5 and rising and not field(answer, "isError"), seen)

    ok, detail = await cancel(session, wire)
    report("cancel", ok, detail)

    started = time.monotonic()
    texts = [f"call {number}" for number in range(50)]
    answers = await asyncio.gather(*(session.call_tool("echo", {"text": each}) for each in texts))
    report("50 calls in parallel", [text(answer) for answer in answers] == texts, f"{time.monotonic() - started:.3f} s")

    answers = await asyncio.gather(
        *(session.call_tool("slow", {"ms": 200}) for _ in range(3)), session.call_tool("echo", {"text": "quick"})
    )
    report("slow calls beside a quick one", text(answers[3]) == "quick")


async def gone(session: ClientSession) -> None:
    under_way = asyncio.Event()

    async def first(progress: float, total: float | None, message: str | None) -> None:
        under_way.set()

    call = asyncio.create_task(session.call_tool("progress", {"steps": 6000, "ms": 20}, progress_callback=first))
    await asyncio.wait_for(under_way.wait(), BOUND)
    report("in_flight", True)
    try:
        await asyncio.wait_for(call, BOUND)
        report("gone", False, "the call was answered")
    except McpError as error:
        report("gone", True, error)
    except TimeoutError:
        report("gone", False, f"no error within {BOUND} s")


async def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("--header", action="append", default=[])
    arguments.add_argument("--gone", action="store_true")
    options = arguments.parse_args()
    headers = dict(header.split(": ", 1) for header in options.header)

    wire = Progress()
    timeout = timedelta(seconds=BOUND) if FIRST else BOUND
    async with sse_client(options.url, headers=headers, timeout=5, sse_read_timeout=60) as (read, write):
        async with ClientSession(read, write, read_timeout_seconds=timeout, message_handler=wire) as session:
            await handshake(session) if not options.gone else await session.initialize()
            await (gone(session) if options.gone else checks(session, wire))
    report("close", True)


if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(1 if failures else 0)
