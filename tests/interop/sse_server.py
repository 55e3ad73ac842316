"""The Python SDK as a server over HTTP+SSE, 1.x (FastMCP) or 2.x (MCPServer), whichever is installed.

    python sse_server.py [PORT] [--ping SECONDS]

Serves one set of tools twice: at /sse with /messages/, and mounted in Starlette under a prefix, at /prefix/sse with
/prefix/messages/. Prints `listening on http://127.0.0.1:PORT` on stderr when ready; port 0 takes a free one.

What this peer does that others do not:
  * each line of its streams ends in CRLF (sse-starlette), and comments `: ping - TIME` come every 15 seconds;
  * its message path ends in a slash, and without the slash it answers 307 to the path with it;
  * 1.x answers a cancelled request all the same, with the error code 0 and `Request cancelled`; 2.x does not answer;
  * it gives an unknown tool as a result with `isError`, not as a JSON-RPC error;
  * when a client leaves, FastMCP answers the GET a second time and logs `Exception in ASGI application`. It goes on.
"""

import argparse
import asyncio
import importlib.metadata
import socket
import sys

import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Mount

VERSION = importlib.metadata.version("mcp")
if VERSION.startswith("1."):
    from mcp.server.fastmcp import Context, FastMCP as Server
    from mcp.server.fastmcp.exceptions import ToolError
else:
    from mcp.server.mcpserver import Context, MCPServer as Server
    from mcp.server.mcpserver.exceptions import ToolError

stopped_early = 0


def server(name: str) -> Server:
    tools = Server(name, instructions="Tools that show what a transport can do.")

    @tools.tool()
    def echo(text: str) -> str:
        """Gives the text back."""
        return text

    @tools.tool()
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @tools.tool()
    async def slow(ms: int) -> str:
        """Answers after a while."""
        global stopped_early
        try:
            await asyncio.sleep(ms / 1000)
        except asyncio.CancelledError:
            stopped_early += 1
            raise
        return f"slept {ms} ms"

    @tools.tool()
    async def progress(steps: int, ctx: Context, ms: int = 0) -> str:
        """Tells of each step, with `ms` between them."""
        global stopped_early
        try:
            for step in range(1, steps + 1):
                await ctx.report_progress(step, steps, f"step {step}")
                await asyncio.sleep(ms / 1000)
        except asyncio.CancelledError:
            stopped_early += 1
            raise
        return f"{steps} steps"

    @tools.tool()
    def fail() -> str:
        """Always fails."""
        raise ToolError("this tool always fails")

    @tools.tool()
    def big(bytes: int) -> str:
        """Answers with that many bytes."""
        return "x" * bytes

    @tools.tool()
    async def logs(count: int, ctx: Context) -> str:
        """Sends log messages, then answers."""
        for number in range(1, count + 1):
            await ctx.info(f"log {number}")
        return f"{count} logs"

    @tools.tool()
    def cancelled() -> str:
        """How many calls of `slow` and `progress` were cancelled."""
        return str(stopped_early)

    return tools


class Announced(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        host, port = sockets[0].getsockname()
        print(f"listening on http://{host}:{port}", file=sys.stderr, flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", nargs="?", type=int, default=0)
    arguments.add_argument("--ping", type=int, default=15)
    options = arguments.parse_args()
    EventSourceResponse.DEFAULT_PING_INTERVAL = options.ping

    # With the protocol named, or asyncio leaves Nagle's algorithm on and every second answer stalls for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    app = Starlette(
        routes=[
            Mount("/prefix", app=server("python-prefixed").sse_app()),
            Mount("/", app=server("python").sse_app()),
        ]
    )
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    Announced(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
