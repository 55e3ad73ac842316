"""A small server: functions become tools."""

from __future__ import annotations

import ctypes
import inspect
import json
import os
import threading
import typing
import weakref
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, Optional, Type, TypeVar

from . import _abi, _callbacks
from ._errors import McpError, UsageError
from ._types import Json
from ._waiting import SLICE

F = TypeVar("F", bound=Callable[..., Any])

_KINDS: Dict[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    list: {"type": "array"},
    dict: {"type": "object"},
}


class Context:
    """The call that a tool answers: a parameter with this annotation gets it. Good until the tool returns, on its thread."""

    def __init__(self, call: _abi.Handle) -> None:
        self._call = call

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return bool(_abi.library.mcp_call_is_cancelled(self._call))

    def progress(self, progress: float, total: Optional[float] = None, message: Optional[str] = None) -> None:
        """Tells how far the call has come."""
        known = float("nan") if total is None else total
        _abi.library.mcp_call_progress(self._call, progress, known, *_abi.text_in(message))


class Server:
    """A server that is being put together: tools and resources are added, then it is run, once."""

    def __init__(self, name: str, version: str = "0") -> None:
        self._handle = _abi.make("mcp_server_new", *_abi.text_in(name), *_abi.text_in(version))
        weakref.finalize(self, _abi.library.mcp_server_free, self._handle)

    def tool(self, function: F) -> F:
        """Offers a function as a tool, under its name, with its documentation, its parameters and their annotations.

        It runs on one of several threads. What it returns is text, or else JSON; what it raises is the tool's failure, and the client is
        told its text.
        """
        self.add_tool(function)
        return function

    def add_tool(
        self,
        function: Callable[..., Any],
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        input_schema: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """The same with a name, a description or a JSON Schema of the caller's."""
        schema, context = _schema(function)

        def answer(call: _abi.Handle) -> None:
            data, length = ctypes.c_void_p(), ctypes.c_size_t()
            _abi.library.mcp_call_arguments(call, ctypes.byref(data), ctypes.byref(length))
            arguments = json.loads(_abi.text_out(data.value, length.value) or "{}")
            if context is not None:
                arguments[context] = Context(call)
            reply(call, function(**arguments))

        texts = [name or function.__name__, description or inspect.getdoc(function) or ""]
        texts.append(json.dumps(input_schema if input_schema is not None else schema))
        parts = [part for text in texts for part in _abi.text_in(text)]
        self._handler("mcp_server_add_tool", [*parts, 1], answer)

    def resource(self, uri: str, *, name: Optional[str] = None, mime_type: Optional[str] = None) -> Callable[[F], F]:
        """Offers a resource, whose text the function gives each time it is read."""

        def add(function: F) -> F:
            texts = [uri, name or function.__name__, mime_type]
            parts = [part for text in texts for part in _abi.text_in(text)]
            self._handler("mcp_server_add_resource_with", parts, lambda call: reply(call, function()))
            return function

        return add

    def start(self, address: str = "127.0.0.1:0") -> "Running":
        """Serves Streamable HTTP and HTTP+SSE, on a thread of its own."""
        return Running(_abi.make("mcp_server_bind", self._handle, *_abi.text_in(address)))

    def run(self, address: str) -> None:
        """Serves until Ctrl-C."""
        with self.start(address) as running:
            running.wait()

    def _handler(self, name: str, arguments: List[Any], answer: Callable[[_abi.Handle], None]) -> None:
        def handle(call: int) -> None:
            handle_of_call = _abi.Handle(call)
            try:
                answer(handle_of_call)
            except BaseException as error:  # noqa: BLE001 - the client is told
                said = str(error) or type(error).__name__
                _abi.library.mcp_call_fail(handle_of_call, *_abi.text_in(said.encode("utf-8", "replace").decode()))

        # The library releases it.
        number = _callbacks.keep(handle)
        _abi.set_option(name, self._handle, *arguments, _callbacks.on_call, number, _callbacks.release)


class Running:
    """A server that listens."""

    def __init__(self, handle: _abi.Handle) -> None:
        self._handle = handle
        self.url: str = _abi.ask("mcp_bound_url", handle)
        """Where clients find it. Those that speak HTTP+SSE alone use `/sse` in place of `/mcp`."""
        self._thread = threading.Thread(target=_run, args=(handle,), name="mcp-sync-server", daemon=True)
        # Also when the program ends: nothing of the library's calls an interpreter that is no more.
        self._end = weakref.finalize(self, _stop, handle, self._thread, os.getpid())
        self._thread.start()

    def wait(self) -> None:
        """Waits until it is stopped, or Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(SLICE)

    def stop(self) -> None:
        """Ends it: calls that run are waited for, for five seconds at most. Twice is fine."""
        self._end()

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()


def reply(call: _abi.Handle, value: Any) -> None:
    if isinstance(value, str):
        status = _abi.library.mcp_call_reply_text(call, *_abi.text_in(value))
    else:
        status = _abi.library.mcp_call_reply_json(call, *_abi.text_in(json.dumps(value, allow_nan=False)))
    if status:
        raise McpError(f"the answer was not taken ({_abi.known(status)})", status)


def _run(handle: _abi.Handle) -> None:
    _abi.do("mcp_bound_run", handle)


def _stop(handle: _abi.Handle, thread: threading.Thread, process: int) -> None:
    if os.getpid() == process:
        _abi.library.mcp_bound_stop(handle)
        thread.join()
        _abi.library.mcp_bound_free(handle)


def _schema(function: Callable[..., Any]) -> Any:
    """What a function takes, as JSON Schema, and the parameter that gets the call."""
    hints = typing.get_type_hints(function)
    properties, required, context = {}, [], None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UsageError(f"the parameter {name} of {function.__name__} cannot be given by name")
        hint = hints.get(name)
        if hint is Context:
            context = name
            continue
        properties[name] = _KINDS.get(typing.get_origin(hint) or hint, {})
        if parameter.default is parameter.empty:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}, context
