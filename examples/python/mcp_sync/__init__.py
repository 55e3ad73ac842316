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
from ._client import Client
from ._context import Context, CreateMessageResult, Deferred, ElicitResult
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
from ._options import connect, from_config, spawn
from ._questions import Elicitation, Refused, Sampling
from ._server import Running, Server
from ._subscription import Change, Subscription
from ._types import Contents, Prompt, PromptResult, Resource, Result, Tool

__version__: str = _library.mcp_version().decode()

__all__ = [
    "Cancel",
    "Cancelled",
    "Change",
    "Client",
    "Closed",
    "ConfigError",
    "ConnectionError",
    "Contents",
    "Context",
    "CreateMessageResult",
    "CredentialsError",
    "Deferred",
    "ElicitResult",
    "Elicitation",
    "HttpError",
    "InputRequired",
    "LibraryError",
    "LimitError",
    "McpError",
    "NotConnected",
    "Prompt",
    "PromptResult",
    "ProtocolError",
    "Refused",
    "Resource",
    "Result",
    "RpcError",
    "Running",
    "Sampling",
    "Server",
    "ServerExited",
    "SessionGone",
    "Status",
    "StreamEnded",
    "Subscription",
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
