"""A client of the Model Context Protocol without asyncio, and a small server.

    import mcp_sync as mcp

    with mcp.connect("http://localhost:8000/mcp") as c:
        print([tool.name for tool in c.tools()])
        print(c.call("add", a=1, b=2).text)

Every method blocks until the server has answered, lets other threads of Python run meanwhile, and can be used from any thread, in a
notebook, and inside a running event loop.
"""

from ._abi import library as _library
from ._cancel import Cancel
from ._client import Client, connect, from_config, spawn
from ._errors import (
    Cancelled,
    Closed,
    ConfigError,
    ConnectionError,
    CredentialsError,
    HttpError,
    InputRequired,
    LibraryError,
    LimitError,
    McpError,
    NotConnected,
    ProtocolError,
    RpcError,
    ServerExited,
    SessionGone,
    Status,
    StreamEnded,
    TimeoutError,
    ToolError,
    UsageError,
)
from ._server import Context, Running, Server
from ._types import Contents, Prompt, PromptResult, Resource, Result, Tool

__version__: str = _library.mcp_version().decode()

__all__ = [
    "Cancel",
    "Cancelled",
    "Client",
    "Closed",
    "ConfigError",
    "ConnectionError",
    "Contents",
    "Context",
    "CredentialsError",
    "HttpError",
    "InputRequired",
    "LibraryError",
    "LimitError",
    "McpError",
    "NotConnected",
    "Prompt",
    "PromptResult",
    "ProtocolError",
    "Resource",
    "Result",
    "RpcError",
    "Running",
    "Server",
    "ServerExited",
    "SessionGone",
    "Status",
    "StreamEnded",
    "TimeoutError",
    "Tool",
    "ToolError",
    "UsageError",
    "connect",
    "from_config",
    "spawn",
]

# Tracebacks and documentation name them as callers do.
for _name in __all__:
    globals()[_name].__module__ = __name__
