"""The Python SDK as a server over Streamable HTTP or stdio, 1.x (FastMCP) or 2.x (MCPServer), whichever is installed.

    python http_server.py [PORT]
    python http_server.py --stdio

Serves /mcp with what sse_server.py offers, and a tool that asks, a resource and a prompt. Prints `listening on
http://127.0.0.1:PORT` on stderr when ready; port 0 takes a free one. 1.x speaks up to 2025-11-25; 2.x both eras.

What this peer does that others do not:
  * every answer of the handshake eras is an event stream, in 1.x without event ids;
  * in the handshake eras it asks on the stream of the call that the question belongs to;
  * 2.x seals what was answered in `requestState` and refuses a state that it has not made.
"""

import socket
import sys
from typing import Annotated

import uvicorn
from pydantic import BaseModel
from sse_server import VERSION, Announced, Context, Server, server


class Name(BaseModel):
    name: str


def offer_the_rest(peer: Server) -> None:
    @peer.resource("memo://greeting", name="greeting", mime_type="text/plain")
    def greeting() -> str:
        return "Good morning."

    @peer.prompt()
    def greet(name: str) -> str:
        """Greets somebody."""
        return f"Greet {name}."

    if VERSION.startswith("1."):

        @peer.tool()
        async def ask(ctx: Context) -> str:
            """Asks for a name."""
            answer = await ctx.elicit("What is your name?", Name)
            return f"Hello, {answer.data.name}." if answer.action == "accept" else "nobody"

    else:
        from mcp.server.mcpserver import Elicit, ElicitationResult, Resolve

        def name() -> Elicit[Name]:
            return Elicit("What is your name?", Name)

        @peer.tool()
        def ask(answer: Annotated[ElicitationResult[Name], Resolve(name)]) -> str:
            """Asks for a name."""
            return f"Hello, {answer.data.name}." if answer.action == "accept" else "nobody"


def main() -> None:
    peer = server("python")
    offer_the_rest(peer)
    if "--stdio" in sys.argv:
        peer.run("stdio")
        return
    # With the protocol named, or asyncio leaves Nagle's algorithm on and every second answer stalls for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    config = uvicorn.Config(peer.streamable_http_app(), log_level="warning", timeout_graceful_shutdown=1)
    Announced(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
