"""A small server: functions become tools, resources and prompts."""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import os
import sys
import threading
import weakref
from types import TracebackType
from typing import Any, Callable, List, Mapping, Optional, Sequence, Set, Type, TypeVar, Union, overload

from . import _abi, _callbacks
from ._context import Asked, Context, reply
from ._errors import ToolError, UsageError
from ._process import OfThisProcess
from ._schema import Parameters
from ._threads import Errand
from ._types import Json
from ._waiting import SLICE, wait

F = TypeVar("F", bound=Callable[..., Any])

# Seconds. The library waits for five until calls have ended.
LONGEST_STOP = 7
logger = logging.getLogger("mcp_sync")
_running: Set["Running"] = set()


class Server(OfThisProcess):
    """A server that is being put together: tools, resources and prompts are added, then it is run, once.

    `instructions` say how to use it, for models. With `bearer`, a token or several, clients have to send one; without, it listens
    at addresses of this machine alone, unless `allow_anyone` is True. `allow_hosts` and `allow_origins` are served beside those of
    loopback. Of connections, sessions and the bytes of a request there are 16 384, 8 192 and 4 MiB at most unless set.
    """

    _what = "server"

    def __init__(
        self,
        name: str,
        version: str = "0",
        *,
        instructions: Optional[str] = None,
        bearer: Union[str, Sequence[str]] = (),
        allow_anyone: bool = False,
        allow_hosts: Sequence[str] = (),
        allow_origins: Sequence[str] = (),
        max_connections: int = 0,
        max_sessions: int = 0,
        max_body_bytes: int = 0,
    ) -> None:
        super().__init__()
        self.name = name
        self._handle = _abi.make("mcp_server_new", *_abi.text_in(name), *_abi.text_in(version))
        weakref.finalize(self, _free, self._handle.id, os.getpid())
        if instructions is not None:
            self._set("mcp_server_instructions", instructions)
        for token in [bearer] if isinstance(bearer, str) else bearer:
            self._set("mcp_server_bearer", token)
        for host in allow_hosts:
            self._set("mcp_server_allow_host", host)
        for origin in allow_origins:
            self._set("mcp_server_allow_origin", origin)
        if allow_anyone:
            self._set("mcp_server_without_token")
        _abi.set_option("mcp_server_limits", self._handle, max_connections, max_sessions, max_body_bytes)

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(
        self, /, *, name: Optional[str] = None, description: Optional[str] = None, input_schema: Optional[Mapping[str, Any]] = None
    ) -> Callable[[F], F]: ...

    def tool(
        self,
        function: Optional[F] = None,
        /,
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        input_schema: Optional[Mapping[str, Any]] = None,
    ) -> Any:
        """Offers a function as a tool, under its name, with its documentation, its parameters and their annotations; or with a name, a
        description or a JSON Schema of the caller's, and the function gets what the schema lets through.

        It runs on a thread of its own. What it returns is text, a `Result`, or else JSON. What it raises is the tool's failure: the client
        is told the text, `ToolError` is meant for that, and the traceback of anything else goes to the log `mcp_sync`.
        """

        def add(function: F) -> F:
            parameters = Parameters(function, Context)
            schema = json.dumps(input_schema if input_schema is not None else parameters.schema)
            read: Callable[[Json], Json] = dict if input_schema is not None else parameters.read
            texts = [name or function.__name__, description or inspect.getdoc(function) or "", schema]
            parts = [part for text in texts for part in _abi.text_in(text)]
            self._offer("mcp_server_add_tool", [*parts, 1], _Handler(function, parameters.call, read))
            return function

        return add if function is None else add(function)

    def resource(self, uri: str, *, name: Optional[str] = None, mime_type: Optional[str] = None) -> Callable[[F], F]:
        """Offers a resource, whose text or bytes the function gives each time it is read; None when there is no such resource."""

        def add(function: F) -> F:
            parameters = Parameters(function, Context)
            if parameters.required:
                raise UsageError(f"nothing gives {function.__name__} its {', '.join(parameters.required)}")
            parts = [part for text in (uri, name or function.__name__, mime_type) for part in _abi.text_in(text)]
            handler = _Handler(function, parameters.call, lambda _: {}, answers_missing=True)
            self._offer("mcp_server_add_resource_with", parts, handler)
            return function

        return add

    @overload
    def prompt(self, function: F, /) -> F: ...

    @overload
    def prompt(self, /, *, name: Optional[str] = None) -> Callable[[F], F]: ...

    def prompt(self, function: Optional[F] = None, /, *, name: Optional[str] = None) -> Any:
        """Offers a function as a prompt; its parameters are the arguments, which are text. What it returns is what the user says, or a list
        of messages, each a dictionary with `role` and `content`."""

        def add(function: F) -> F:
            parameters = Parameters(function, Context)
            texts = [name or function.__name__, ",".join(parameters.names)]
            parts = [part for text in texts for part in _abi.text_in(text)]
            self._offer("mcp_server_add_prompt", parts, _Handler(function, parameters.call, parameters.read, answers_messages=True))
            return function

        return add if function is None else add(function)

    def start(self, address: str = "127.0.0.1:0") -> "Running":
        """Serves Streamable HTTP and HTTP+SSE, on a thread of its own. Port 0 takes a free one."""
        self._here()
        return Running(_abi.make("mcp_server_bind", self._handle, *_abi.text_in(address)))

    def run(self, address: str = "127.0.0.1:8000") -> None:
        """Serves until Ctrl-C."""
        with self.start(address) as running:
            running.wait()

    def serve_stdio(self) -> None:
        """Serves the client that started this program, over its standard input and output, until the client closes them. What
        functions print goes to standard error meanwhile."""
        self._here()
        with contextlib.redirect_stdout(sys.stderr):
            wait(lambda _: _abi.do("mcp_server_serve_stdio", self._handle))

    def __repr__(self) -> str:
        return f"<mcp_sync.Server {self.name}>"

    def _set(self, name: str, *texts: str) -> None:
        _abi.set_option(name, self._handle, *[part for text in texts for part in _abi.text_in(text)])

    def _offer(self, name: str, arguments: List[Any], handler: "_Handler") -> None:
        self._here()
        # The library releases it.
        number = _callbacks.keep(handler.answer)
        _abi.set_option(name, self._handle, *arguments, _callbacks.on_call, number, _callbacks.release)


class _Handler:
    """A function that is offered."""

    def __init__(
        self,
        function: Callable[..., Any],
        context: Optional[str],
        read: Callable[[Json], Json],
        answers_missing: bool = False,
        answers_messages: bool = False,
    ) -> None:
        self._function = function
        self._context = context
        self._read = read
        self._answers_missing = answers_missing
        self._answers_messages = answers_messages

    def answer(self, call: _abi.Handle) -> None:
        """Answers a call, on the thread that the library calls from."""
        errand = Errand()
        context = Context(call, errand)
        try:
            try:
                arguments = self._read(json.loads(_abi.lent("mcp_call_arguments", call) or "{}"))
            except ValueError as error:
                _abi.set_option("mcp_call_fail_arguments", call, *_told(str(error)))
                return
            if self._context is not None:
                arguments[self._context] = context
            value = errand.run(lambda: self._function(**arguments))
            if not context.is_deferred:
                self._reply(call, value)
        except Asked:
            pass
        except BaseException as error:  # noqa: BLE001 - the client is told
            # Answered with its reason by the library, when nobody asked else.
            if error is not context.refusal:
                self._fail(call, error)

    def _reply(self, call: _abi.Handle, value: Any) -> None:
        if value is None and self._answers_missing:
            _abi.set_option("mcp_call_reply_missing", call)
        elif isinstance(value, (list, tuple)) and self._answers_messages:
            _abi.set_option("mcp_call_reply_result", call, *_abi.text_in(json.dumps({"messages": list(value)})))
        else:
            reply("mcp_call", call, value)

    def _fail(self, call: _abi.Handle, error: BaseException) -> None:
        if not isinstance(error, ToolError):
            logger.error("%s failed", getattr(self._function, "__name__", self._function), exc_info=error)
        _abi.library.mcp_call_fail(call, *_told(str(error) or type(error).__name__))


class Running(OfThisProcess):
    """A server that listens, until it is stopped or the program ends: it need not be kept."""

    _what = "server"

    def __init__(self, handle: _abi.Handle) -> None:
        super().__init__()
        self._handle = handle
        self.url: str = _abi.ask("mcp_bound_url", handle)
        """Where clients find it. Those that speak HTTP+SSE alone use `/sse` in place of `/mcp`."""
        self._thread = threading.Thread(target=_run, args=(handle,), name="mcp-sync-server", daemon=True)
        # Also when the program ends: nothing of the library's calls an interpreter that is no more.
        self._end = weakref.finalize(self, _stop, handle, self._thread, os.getpid())
        _running.add(self)
        self._thread.start()

    def wait(self) -> None:
        """Waits until it is stopped, or Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(SLICE)

    def resource_updated(self, uri: str) -> None:
        """Tells clients that a resource has changed. From any thread."""
        self._here()
        _abi.set_option("mcp_bound_resource_updated", self._handle, *_abi.text_in(uri))

    def stop(self) -> None:
        """Ends it: calls that run are waited for, for five seconds at most. Twice is fine."""
        self._end()
        _running.discard(self)

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<mcp_sync.Running {self.url if self._end.alive else 'stopped'}>"


def _told(text: str) -> Sequence[Any]:
    # A half of a surrogate pair is no reason to tell nothing.
    return _abi.text_in(text.encode("utf-8", "replace").decode())


def _run(handle: _abi.Handle) -> None:
    _abi.do("mcp_bound_run", handle)


def _free(number: int, process: int) -> None:
    if os.getpid() == process:
        _abi.library.mcp_server_free(_abi.Handle(number))


def _stop(handle: _abi.Handle, thread: threading.Thread, process: int) -> None:
    if os.getpid() == process:
        _abi.library.mcp_bound_stop(handle)
        thread.join(LONGEST_STOP)
        _abi.library.mcp_bound_free(handle)
