"""A server of this package with something of everything.

    python offering_server.py             over standard input and output
"""

import dataclasses
import enum
import threading
from typing import Annotated, Dict, List, Literal, Optional

import mcp_sync as mcp


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


@dataclasses.dataclass
class Cup:
    tea: str
    size: Size = Size.SMALL


def build(prints=False, **settings):
    server = mcp.Server("offering", "3", instructions="Ask for tea.", **settings)

    @server.tool
    def add(a: Annotated[int, "the first one"], b: int = 1) -> int:
        """Adds two numbers."""
        return a + b

    @server.tool(name="pour", description="Pours what is ordered.")
    def pour_out(
        cups: List[Cup], kind: Literal["hot", "cold"] = "hot", note: Optional[str] = None, prices: Dict[str, float] = {}
    ) -> dict:
        assert all(isinstance(cup, Cup) and isinstance(cup.size, Size) for cup in cups)
        return {"cups": cups, "kind": kind, "note": note, "sum": sum(prices.values())}

    @server.tool
    def steps(count: int, call: mcp.Context) -> str:
        for step in range(1, count + 1):
            call.progress(step, count, f"step {step}")
            call.log("info", f"log {step}")
        return f"{call.name} in {call.revision}"

    @server.tool(title="A cup", annotations={"readOnlyHint": True})
    def cup() -> Cup:
        return Cup("black", Size.LARGE)

    @server.tool
    def announce(call: mcp.Context) -> None:
        call.resource_updated("memo://tea")
        call.tools_changed()

    @server.tool
    def fail() -> str:
        raise mcp.ToolError("there is no tea")

    @server.tool
    def broken() -> str:
        return {}["leaf"]

    @server.tool
    def no_json() -> object:
        return object()

    @server.tool
    def whole() -> mcp.Result:
        return mcp.Result.of({"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]})

    @server.tool
    def order(call: mcp.Context) -> str:
        if prints:
            print("this is not for the client")
        tea = call.elicit("Which tea?", {"tea": str})
        if not tea.is_accepted:
            return tea.action
        cups = call.elicit("How many cups?", {"cups": int})
        return f"{cups.content.get('cups')} of {tea.content['tea']}"

    @server.tool
    def poem(call: mcp.Context) -> str:
        said = call.sample("A poem on tea", max_tokens=20)
        return f"{said.model}: {said.text}"

    @server.tool
    def roots(call: mcp.Context) -> list:
        return [root["uri"] for root in call.roots()]

    @server.tool
    def later(call: mcp.Context) -> None:
        deferred = call.defer()

        def answer():
            deferred.progress(1, 1)
            deferred.reply({"later": True})

        threading.Thread(target=answer).start()

    @server.tool
    def lost(call: mcp.Context) -> None:
        call.defer()

    @server.resource("memo://tea", mime_type="text/plain")
    def tea() -> str:
        return "green"

    @server.resource("memo://leaf")
    def leaf() -> bytes:
        return b"\0\xff"

    @server.resource("memo://gone")
    def gone() -> None:
        return None

    @server.resource("shop://{city}/shelf/{number}", mime_type="text/plain", complete={"city": ["Bern", "Berlin", "Rome"]})
    def shelf(city: str, number: int) -> Optional[str]:
        """What is on a shelf."""
        return f"shelf {number + 1} in {city}" if number < 5 else None

    @server.prompt(title="Praise", complete={"who": lambda typed: [f"{typed}a", f"{typed}b"]})
    def praise(who: Annotated[str, "whom"], times: int = 1) -> str:
        """Praises somebody."""
        return " ".join([f"Praise {who}."] * times)

    @server.prompt(name="talk")
    def conversation() -> list:
        return [
            {"role": "user", "content": {"type": "text", "text": "Tea?"}},
            {"role": "assistant", "content": {"type": "text", "text": "Please."}},
        ]

    return server


if __name__ == "__main__":
    build(prints=True).serve_stdio()
