"""A plain event stream that knows nothing of MCP, as a Flask generator with `mimetype='text/event-stream'` sends it.

    python plain_stream.py [PORT] [--every SECONDS] [--count NUMBER]

GET /mcp-sse       `data: Update 0`, `data: Update 1`, ... then the stream ends
GET /mcp/sse       `data: {"timestamp": ..., "event": "data_update", "payload": {"value": 42}}`, as often
GET /shapes        one event of every odd shape that the event-stream grammar allows, in small pieces
POST /mcp/rpc      answers `tools/list` and `tools/call` in its own body, without `jsonrpc` and without ids

Prints `listening on http://127.0.0.1:PORT` on stderr when ready; port 0 takes a free one.

A stream of this kind has no keep-alive, no `endpoint` and no length: its end is the end of the connection (HTTP/1.0 style).
"""

import argparse
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# The same four events to a right reader, whatever it is fed: LF, CRLF and lone CR, a byte order mark, comments, a field
# without a colon, a value with and without the leading space, several data lines, an id, a retry, an unfinished event.
SHAPES = (
    b"\xef\xbb\xbf: comment\n\ndata: one\n\n",
    b"event:second\r\ndata:two\r\nid: 2\r\n\r\n",
    b"retry: 1500\rdata\rdata:  three\r\r",
    b"data: \xc3\xbcml\xc3\xa4ut\ndata: \xf0\x9f\xa6\x80\nunknown: field\n\n",
    b"data: never finished",
)


class Stream(BaseHTTPRequestHandler):
    every = 1.0
    count = 10

    def do_GET(self) -> None:
        bodies = {"/mcp-sse": self.updates, "/mcp/sse": self.json_updates, "/shapes": self.shapes}
        body = bodies.get(self.path)
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        try:
            for piece in body():
                self.wfile.write(piece)
                self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True

    def updates(self):
        for number in range(self.count):
            yield f"data: Update {number}\n\n".encode()
            time.sleep(self.every)

    def json_updates(self):
        for _ in range(self.count):
            update = {"timestamp": time.time(), "event": "data_update", "payload": {"value": 42}}
            yield f"data: {json.dumps(update)}\n\n".encode()
            time.sleep(self.every)

    def shapes(self):
        for shape in SHAPES:
            for start in range(0, len(shape), 3):
                yield shape[start : start + 3]

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path != "/mcp/rpc":
            self.send_error(404)
            return
        if request.get("method") == "tools/list":
            answer = {"tools": [{"name": "echo", "description": "Gives the text back."}]}
        elif request.get("method") == "tools/call":
            answer = {"content": [{"type": "text", "text": str(request["params"]["arguments"])}]}
        else:
            answer = {"error": "Method not found"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        pass


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", nargs="?", type=int, default=0)
    arguments.add_argument("--every", type=float, default=1.0)
    arguments.add_argument("--count", type=int, default=10)
    options = arguments.parse_args()
    Stream.every, Stream.count = options.every, options.count
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Stream)
    host, port = server.server_address[:2]
    print(f"listening on http://{host}:{port}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
