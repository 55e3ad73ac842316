"""Times calls one after another, here and with the asyncio client of the official SDK, with the same server.

    python measure.py URL [COUNT]

Run it with a Python that has the `mcp` package, 1.x or 2.x: tests/interop/.venv/mcp-2/bin/python. The server is one with the tool
`add`, such as `tests/interop/http_server.py`. Each client has one session and makes COUNT calls (1000) in each of eight rounds, in
turns; the best round is what counts. Processor time is that of this process, not the server's.
"""

import asyncio
import importlib.metadata
import sys
import time

import mcp_sync

ROUNDS = 8


class Clock:
    def __init__(self):
        self.best = (float("inf"), 0.0)

    def __enter__(self):
        self.started = (time.perf_counter(), time.process_time())
        return self

    def __exit__(self, *_):
        spent = (time.perf_counter() - self.started[0], time.process_time() - self.started[1])
        self.best = min(self.best, spent)


def blocking(url, count, clock):
    with mcp_sync.connect(url) as client:
        client.call("add", a=1, b=2)
        with clock:
            for number in range(count):
                assert client.call("add", a=number, b=1).structured == {"result": number + 1}


async def asynchronous(url, count, clock):
    async def use(session):
        await session.call_tool("add", {"a": 1, "b": 2})
        with clock:
            for number in range(count):
                result = await session.call_tool("add", {"a": number, "b": 1})
                structured = getattr(result, "structured_content", None) or result.structuredContent
                assert structured == {"result": number + 1}

    if importlib.metadata.version("mcp").startswith("1."):
        from mcp import ClientSession
        from mcp.client.streamable_http import streamablehttp_client

        async with streamablehttp_client(url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            await use(session)
    else:
        from mcp import Client

        async with Client(url) as session:
            await use(session)


def main():
    url = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    ours, theirs = Clock(), Clock()
    for _ in range(ROUNDS):
        blocking(url, count, ours)
        asyncio.run(asynchronous(url, count, theirs))
    official = f"mcp {importlib.metadata.version('mcp')}, asyncio"
    for name, clock in ((f"mcp_sync {mcp_sync.__version__}", ours), (official, theirs)):
        wall, processor = clock.best
        each = wall / count * 1e6
        print(f"{name:>24}: {count} calls in {wall:.2f} s, {each:.0f} us each; {processor:.2f} s of processor in the client")


if __name__ == "__main__":
    main()
