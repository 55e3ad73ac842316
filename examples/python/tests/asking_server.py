"""The Python SDK as a server whose tools ask, 1.x or 2.x, whichever is installed.

    python asking_server.py [PORT]

Serves /mcp and prints `listening on http://127.0.0.1:PORT` on stderr. Run from tests/interop: it takes the listener from there.
"""

import os
import socket
import sys
from typing import Annotated

sys.path.insert(0, os.getcwd())

import uvicorn  # noqa: E402
from pydantic import BaseModel, Field  # noqa: E402
from sse_server import VERSION, Announced, Context, Server  # noqa: E402


class Order(BaseModel):
    tea: str = Field(max_length=5)
    cups: int = Field(default=2, ge=1)


def said(answer) -> str:
    return f"{answer.data.cups} of {answer.data.tea}" if answer.action == "accept" else answer.action


def offer_first(peer) -> None:
    from mcp.types import SamplingMessage, TextContent

    @peer.tool()
    async def order(ctx: Context) -> str:
        return said(await ctx.elicit("Which tea?", Order))

    @peer.tool()
    async def visit(ctx: Context) -> str:
        return (await ctx.elicit_url("Please pay", "https://tea.example/pay", "pay-1")).action

    @peer.tool()
    async def poem(ctx: Context) -> str:
        asked = [SamplingMessage(role="user", content=TextContent(type="text", text="A poem on tea"))]
        answer = await ctx.session.create_message(asked, max_tokens=20, system_prompt="Be short")
        return f"{answer.model}: {answer.content.text}"

    @peer.tool()
    async def roots(ctx: Context) -> list[str]:
        return [str(root.uri) for root in (await ctx.session.list_roots()).roots]


def offer_second(peer) -> None:
    from mcp.server.mcpserver import Elicit, ElicitationResult, ListRoots, Resolve, Sample
    from mcp_types import CreateMessageResult, ListRootsResult, SamplingMessage, TextContent

    def tea() -> Elicit[Order]:
        return Elicit("Which tea?", Order)

    @peer.tool()
    def order(answer: Annotated[ElicitationResult[Order], Resolve(tea)]) -> str:
        return said(answer)

    def model() -> Sample:
        asked = [SamplingMessage(role="user", content=TextContent(type="text", text="A poem on tea"))]
        return Sample(asked, max_tokens=20, system_prompt="Be short")

    @peer.tool()
    def poem(answer: Annotated[CreateMessageResult, Resolve(model)]) -> str:
        return f"{answer.model}: {answer.content.text}"

    def places() -> ListRoots:
        return ListRoots()

    @peer.tool()
    def roots(answer: Annotated[ListRootsResult, Resolve(places)]) -> list[str]:
        return [str(root.uri) for root in answer.roots]

    @peer.tool()
    async def change(ctx: Context) -> str:
        await ctx.notify_tools_changed()
        await ctx.notify_resource_updated("memo://tea")
        return "changed"

    @peer.resource("memo://tea")
    def memo() -> str:
        return "green"


def main() -> None:
    peer = Server("asking")
    (offer_first if VERSION.startswith("1.") else offer_second)(peer)
    # With the protocol named, or asyncio leaves Nagle's algorithm on.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    config = uvicorn.Config(peer.streamable_http_app(), log_level="warning", timeout_graceful_shutdown=1)
    Announced(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
