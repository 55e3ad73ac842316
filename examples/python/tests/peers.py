"""The servers that the tests meet: those of the official Python SDK, 1.x and 2.x, and one in this process."""

import atexit
import contextlib
import http.server
import json
import os
import pathlib
import queue
import subprocess
import threading
import unittest

import mcp_sync

# How long anything may take that a test waits for. Starting Python under load takes some seconds.
BOUND = 30

INTEROP = pathlib.Path(os.environ.get("MCP_INTEROP_FOLDER") or pathlib.Path(__file__).parents[3] / "tests/interop")
VERSIONS = ("mcp-1", "mcp-2")


def python(version):
    """The interpreter of an environment with that version of the SDK, or of the one with a notebook's kernel (`tools`). Without it a
    test is skipped, and fails where `MCP_INTEROP` is `required`."""
    environment = INTEROP / ".venv" / version
    if not (environment / "made-from").is_file():
        missing = f"{version} is not installed; tests/interop/install.sh installs it"
        if os.environ.get("MCP_INTEROP") == "required":
            raise AssertionError(missing)
        raise unittest.SkipTest(missing)
    return str(environment / "bin/python")


def with_this_package():
    """Variables by which a Python of another environment finds the package that is tested here."""
    path = pathlib.Path(mcp_sync.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}


def stdio_server(version):
    return [python(version), str(INTEROP / "http_server.py"), "--stdio"]


@contextlib.contextmanager
def server(version, script, path):
    """A server process; gives its URL."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python(version), script, "0"]
    process = subprocess.Popen(command, cwd=INTEROP, env=environment, stderr=subprocess.PIPE, text=True)
    lines = queue.SimpleQueue()

    def read():
        for line in process.stderr:
            lines.put(line)
        lines.put("")

    # A daemon: a server that is shared ends after the threads that are waited for.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        said = []
        while True:
            line = lines.get(timeout=BOUND)
            if "listening on " in line:
                break
            if not line:
                raise AssertionError("the server ended: " + "".join(said))
            said.append(line)
        yield line.split("listening on ")[1].strip() + path
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()


_shared = {}


def shared_server(version, script, path):
    """The URL of a server that all tests share, for those that want nothing else of it."""
    key = (version, script, path)
    if key not in _shared:
        stack = contextlib.ExitStack()
        atexit.register(stack.close)
        _shared[key] = stack.enter_context(server(*key))
    return _shared[key]


class OwnServer:
    """A server in this process: it can only answer while nobody holds the interpreter lock."""

    def __init__(self, status=None, headers=None):
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message = json.loads(body)
                owner.seen.append((message, dict(self.headers)))
                if status is not None:
                    self.send_response(status)
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if "id" not in message:
                    self.send_response(202)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], **owner.answer(message)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_GET(self):
                self.send_response(405)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self.seen = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/mcp"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def answer(self, message):
        method = message["method"]
        if method == "initialize":
            about = {"name": "own", "version": "1"}
            revision = message["params"]["protocolVersion"]
            return {"result": {"protocolVersion": revision, "capabilities": {"tools": {}}, "serverInfo": about}}
        if method == "tools/call":
            said = json.dumps(message["params"]["arguments"], sort_keys=True)
            return {"result": {"content": [{"type": "text", "text": said}]}}
        return {"error": {"code": -32601, "message": "method not found"}}

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
