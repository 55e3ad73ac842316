"""The Python SDK as agent frameworks use it: behind a synchronous handle, with an event loop on a thread of its own.

    python agent_client.py URL

The first half is shaped like Agno's `MCPTools(server_params=SSEClientParams(...))`: connect, list, call, close, also as
`async with`. The second is shaped like CrewAI's `MCPServerAdapter({"url", "transport": "sse"})`: `start()`, `.tools`,
`is_connected`, `stop()`, also as `with`. Prints one line of JSON for each check, as sse_client.py does.

What these do that a plain client does not: send headers with every request, set the time-out of requests and of the
stream apart (5 s and 300 s), open several sessions to one server at once, and close a session while it is idle.
"""

import asyncio
import importlib.metadata
import json
import sys
import threading
from contextlib import AsyncExitStack
from datetime import timedelta

from mcp.client.session import ClientSession
from mcp.client.sse import sse_client

FIRST = importlib.metadata.version("mcp").startswith("1.")
HEADERS = {"Authorization": "Bearer not-a-secret", "X-Tenant": "interop", "User-Agent": "agent/1.0"}
BOUND = 20.0
failures = 0


def report(check: str, ok: bool, detail: object = "") -> None:
    global failures
    failures += not ok
    print(json.dumps({"check": check, "ok": bool(ok), "detail": str(detail)[:400]}), flush=True)


def text(result: object) -> str:
    return "".join(block.text for block in result.content if block.type == "text")


class Tools:
    """Agno's shape."""

    def __init__(self, url: str, timeout: float = 5, sse_read_timeout: float = 300) -> None:
        self.url, self.timeout, self.sse_read_timeout = url, timeout, sse_read_timeout
        self.functions: dict[str, object] = {}

    async def connect(self) -> None:
        self.stack = AsyncExitStack()
        streams = sse_client(
            self.url, headers=HEADERS, timeout=self.timeout, sse_read_timeout=self.sse_read_timeout
        )
        read, write = await self.stack.enter_async_context(streams)
        timeout = timedelta(seconds=BOUND) if FIRST else BOUND
        session = ClientSession(read, write, read_timeout_seconds=timeout)
        self.session = await self.stack.enter_async_context(session)
        await self.session.initialize()
        self.functions = {tool.name: tool for tool in (await self.session.list_tools()).tools}

    async def close(self) -> None:
        await self.stack.aclose()

    async def __aenter__(self) -> "Tools":
        await self.connect()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class Adapter:
    """CrewAI's shape: no `await` in sight."""

    def __init__(self, parameters: dict) -> None:
        assert parameters["transport"] == "sse"
        self.url = parameters["url"]
        self.thread: threading.Thread | None = None

    @property
    def is_connected(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def start(self) -> None:
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self.thread.start()
        if not ready.wait(BOUND):
            raise TimeoutError("not connected in time")

    async def _serve(self, ready: threading.Event) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        async with Tools(self.url) as tools:
            self.client = tools
            self.tools = list(tools.functions)
            ready.set()
            await self.stopping.wait()

    def call(self, name: str, **arguments: object) -> str:
        answer = self.client.session.call_tool(name, arguments)
        return text(asyncio.run_coroutine_threadsafe(answer, self.loop).result(BOUND))

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(BOUND)

    def __enter__(self) -> "Adapter":
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


async def agno(url: str) -> None:
    tools = Tools(url)
    await tools.connect()
    report("connect", "echo" in tools.functions, sorted(tools.functions))
    report("call", text(await tools.session.call_tool("echo", {"text": "by hand"})) == "by hand")
    await tools.close()
    async with AsyncExitStack() as several:
        sessions = [await several.enter_async_context(Tools(url)) for _ in range(3)]
        calls = (each.session.call_tool("echo", {"text": str(number)}) for number, each in enumerate(sessions))
        report("several sessions", [text(answer) for answer in await asyncio.gather(*calls)] == ["0", "1", "2"])


def crewai(url: str) -> None:
    adapter = Adapter({"url": url, "transport": "sse"})
    adapter.start()
    report("start", adapter.is_connected and "echo" in adapter.tools, adapter.tools)
    report("call from another thread", adapter.call("echo", text="adapter") == "adapter")
    adapter.stop()
    report("stop", not adapter.is_connected)
    with Adapter({"url": url, "transport": "sse"}) as adapter:
        report("with", adapter.call("echo", text="again") == "again")
    report("left", not adapter.is_connected)


if __name__ == "__main__":
    asyncio.run(agno(sys.argv[1]))
    crewai(sys.argv[1])
    sys.exit(1 if failures else 0)
