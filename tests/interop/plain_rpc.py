"""A server without JSON-RPC under Starlette, which FastAPI is made of, as sketches of MCP over SSE have it.

    python plain_rpc.py [PORT]

GET /mcp/sse       `data: {"timestamp": ..., "event": "data_update", "payload": {"value": 42}}`, every 10 ms
POST /mcp/rpc      answers `tools/list` and `tools/call` in its own body; anything else is `{"error": "Method not found"}`

Prints `listening on http://127.0.0.1:PORT` on stderr when ready; port 0 takes a free one.
"""

import asyncio
import json
import socket
import sys
import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route


async def updates():
    while True:
        update = {"timestamp": time.time(), "event": "data_update", "payload": {"value": 42}}
        yield f"data: {json.dumps(update)}\n\n"
        await asyncio.sleep(0.01)


async def stream(_request: Request) -> StreamingResponse:
    headers = {"Cache-Control": "no-cache", "Connection": "keep-alive", "Access-Control-Allow-Origin": "*"}
    return StreamingResponse(updates(), media_type="text/event-stream", headers=headers)


async def rpc(request: Request) -> JSONResponse:
    call = await request.json()
    if call.get("method") == "tools/list":
        tool = {"name": "get_data", "description": "Gets data", "inputSchema": {"type": "object"}}
        return JSONResponse({"tools": [tool]})
    if call.get("method") == "tools/call":
        text = f"data {call['params']['arguments']['id']}"
        return JSONResponse({"content": [{"type": "text", "text": text}]})
    return JSONResponse({"error": "Method not found"})


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
    app = Starlette(routes=[Route("/mcp/sse", stream), Route("/mcp/rpc", rpc, methods=["POST"])])
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


if __name__ == "__main__":
    main()
