"""What can go wrong, as exceptions by kind."""

from __future__ import annotations

import builtins
import enum
from typing import TYPE_CHECKING, Any, Dict, Optional, Type

if TYPE_CHECKING:
    from ._types import Result


class Status(enum.IntEnum):
    """The numbers of the library; fixed for ever."""

    OK = 0
    USAGE = 1
    RPC = 2
    PEER = 3
    LIMIT = 4
    HTTP = 5
    SESSION_GONE = 6
    TIMEOUT = 7
    TRANSPORT = 8
    STREAM_ENDED = 9
    EXITED = 10
    INPUT = 11
    CANCELLED = 12
    CLOSED = 13
    NULL = 14
    UTF8 = 15
    JSON = 16
    CONFIG = 17
    HANDLE = 18
    STATE = 19
    CREDENTIALS = 20
    NOT_CONNECTED = 21
    ASKED = 22
    PANIC = 99


class McpError(Exception):
    """Anything that this package raises."""

    status: int
    """What kind of problem it is, one of `Status`."""
    message: str
    """What was wrong. Never a secret."""
    delivery: Optional[bool]
    """Whether the server may have acted on the request: False it was not sent, True it was, None it was answered or there was none."""
    retry_after: Optional[float]
    """For how many seconds the server asks to be left alone; None when it does not."""

    def __init__(
        self,
        message: str,
        status: int = Status.USAGE,
        *,
        delivery: Optional[bool] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.delivery = delivery
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Any:
        # Through `pickle` from a process of a pool, with all it knows.
        return _again, (type(self), self.args, self.__dict__)


class UsageError(McpError, ValueError):
    """The caller's mistake: an address, a name, an argument that cannot be used. Nothing was sent."""


class ConfigError(UsageError):
    """A configuration file cannot be used."""


class RpcError(McpError):
    """The server answered with a JSON-RPC error."""

    code: int = 0
    """Its code."""


class ProtocolError(McpError):
    """The server broke the protocol."""


class LimitError(McpError):
    """The server passed a bound; the message names it."""


class HttpError(McpError):
    """An HTTP answer that is no success."""

    http_status: int = 0
    """Its status."""


class SessionGone(HttpError):
    """The server does not know the session any more."""


class TimeoutError(McpError, builtins.TimeoutError):
    """A deadline passed; the message names its setting."""


class ConnectionError(McpError, builtins.ConnectionError):
    """The network, TLS, or a server that ended."""


class StreamEnded(ConnectionError):
    """The event stream ended before the reply."""


class ServerExited(ConnectionError):
    """The server was a child process and ended."""


class NotConnected(ConnectionError):
    """There is no connection, and opening another one takes longer than the call may wait."""


class InputRequired(McpError):
    """The server needs input before it can answer, and nobody gives it."""


class Cancelled(McpError):
    """The call was cancelled by this program."""


class Closed(McpError):
    """The client was closed by this program."""


class CredentialsError(McpError):
    """The credentials of the client could not be had."""


class LibraryError(McpError):
    """A fault of the library itself. It goes on working; please report it."""


class ToolError(McpError):
    """The tool says that it failed: `result` is what it says. A tool of a `Server` raises it to say so itself."""

    result: Optional["Result"]

    def __init__(self, message: str, result: Optional["Result"] = None) -> None:
        super().__init__(message, Status.OK)
        self.result = result


def _again(kind: Type[McpError], arguments: Any, state: Dict[str, Any]) -> McpError:
    made = kind.__new__(kind, *arguments)
    made.__dict__.update(state)
    return made


KINDS: Dict[int, Type[McpError]] = {
    Status.USAGE: UsageError,
    Status.RPC: RpcError,
    Status.PEER: ProtocolError,
    Status.LIMIT: LimitError,
    Status.HTTP: HttpError,
    Status.SESSION_GONE: SessionGone,
    Status.TIMEOUT: TimeoutError,
    Status.TRANSPORT: ConnectionError,
    Status.STREAM_ENDED: StreamEnded,
    Status.EXITED: ServerExited,
    Status.INPUT: InputRequired,
    Status.CANCELLED: Cancelled,
    Status.CLOSED: Closed,
    Status.NULL: UsageError,
    Status.UTF8: UsageError,
    Status.JSON: UsageError,
    Status.CONFIG: ConfigError,
    # The only handles that callers have are those of clients and cancellations, and they are wrong once these were closed.
    Status.HANDLE: Closed,
    Status.STATE: UsageError,
    Status.CREDENTIALS: CredentialsError,
    Status.NOT_CONNECTED: NotConnected,
    Status.PANIC: LibraryError,
}
