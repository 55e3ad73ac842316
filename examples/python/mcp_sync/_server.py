"""A small server: functions become tools, resources and prompts."""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import os
import re
import sys
import threading
import weakref
from types import TracebackType
from typing import Any, Callable, List, Optional, Sequence, Set, Type, TypeVar, Union, overload

from . import _abi, _callbacks
from ._context import Context
from ._errors import UsageError
from ._handler import Completions, Handler, Kind
from ._process import OfThisProcess
from ._schema import Parameters
from ._types import Json
from ._waiting import SLICE, wait

F = TypeVar("F", bound=Callable[..., Any])

# Seconds. The library waits for five until calls have ended.
LONGEST_STOP = 7
_running: Set["Running"] = set()
logger = logging.getLogger("mcp_sync")


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
        self,
        /,
        *,
        name: Optional[str] = None,
        title: Optional[str] = None,
        description: Optional[str] = None,
        input_schema: Optional[Json] = None,
        output_schema: Optional[Json] = None,
        annotations: Optional[Json] = None,
    ) -> Callable[[F], F]: ...

    def tool(
        self,
        function: Optional[F] = None,
        /,
        *,
        name: Optional[str] = None,
        title: Optional[str] = None,
        description: Optional[str] = None,
        input_schema: Optional[Json] = None,
        output_schema: Optional[Json] = None,
        annotations: Optional[Json] = None,
    ) -> Any:
        """Offers a function as a tool, under its name, with its documentation, its parameters and their annotations; or with what is given
        here. With an `input_schema` the function gets what that lets through. `annotations` are those of the protocol, such as
        `{"readOnlyHint": True}`. A data class that the function returns, by its annotation, is the `output_schema`.

        It runs on a thread of its own. What it returns is text, a `Result`, or else JSON. What it raises is the tool's failure: the client
        is told the text, `ToolError` is meant for that, and the traceback of anything else goes to the log `mcp_sync`.
        """

        def add(function: F) -> F:
            parameters = Parameters(function, Context)
            definition = {
                "name": name or function.__name__,
                "title": title,
                "description": description or inspect.getdoc(function),
                "inputSchema": input_schema if input_schema is not None else parameters.schema,
                "outputSchema": output_schema if output_schema is not None else parameters.output_schema,
                "annotations": annotations,
            }
            read = dict if input_schema is not None else parameters.read
            self._offer("mcp_server_add_tool_json", definition, Handler(function, parameters.call, read))
            return function

        return add if function is None else add(function)

    def resource(
        self,
        uri: str,
        *,
        name: Optional[str] = None,
        title: Optional[str] = None,
        description: Optional[str] = None,
        mime_type: Optional[str] = None,
        complete: Optional[Completions] = None,
    ) -> Callable[[F], F]:
        """Offers a resource, whose text or bytes the function gives each time it is read; None when there is no such resource.

        A URI with `{name}` is a template (`{+name}` may hold slashes): the function gets the variables as its parameters. `complete` has
        for some of them the values that there are, or a function that proposes some for the beginning of one.
        """

        def add(function: F) -> F:
            parameters = Parameters(function, Context)
            variables = re.findall(r"\{\+?(\w+)\}", uri)
            if sorted(variables) != sorted(parameters.names):
                wanted, given = ", ".join(parameters.names) or "nothing", ", ".join(variables) or "nothing"
                raise UsageError(f"{function.__name__} takes {wanted}, and {uri} has {given}")
            definition = {
                "uriTemplate" if variables else "uri": uri,
                "name": name or function.__name__,
                "title": title,
                "description": description or inspect.getdoc(function),
                "mimeType": mime_type,
            }
            handler = Handler(function, parameters.call, parameters.read_text, Kind.RESOURCE, complete)
            if variables:
                self._offer("mcp_server_add_resource_template_json", definition, handler, _completes(complete))
            else:
                self._offer("mcp_server_add_resource_json", definition, handler)
            return function

        return add

    @overload
    def prompt(self, function: F, /) -> F: ...

    @overload
    def prompt(
        self,
        /,
        *,
        name: Optional[str] = None,
        title: Optional[str] = None,
        description: Optional[str] = None,
        complete: Optional[Completions] = None,
    ) -> Callable[[F], F]: ...

    def prompt(
        self,
        function: Optional[F] = None,
        /,
        *,
        name: Optional[str] = None,
        title: Optional[str] = None,
        description: Optional[str] = None,
        complete: Optional[Completions] = None,
    ) -> Any:
        """Offers a function as a prompt; its parameters are the arguments, which are text. What it returns is what the user says, or a list
        of messages, each a dictionary with `role` and `content`. `complete` is as that of `resource`."""

        def add(function: F) -> F:
            parameters = Parameters(function, Context)
            arguments = [
                {"name": each, "description": schema.get("description"), "required": each in parameters.required}
                for each, schema in parameters.schema["properties"].items()
            ]
            definition = {
                "name": name or function.__name__,
                "title": title,
                "description": description or inspect.getdoc(function),
                "arguments": [_without_none(argument) for argument in arguments],
            }
            handler = Handler(function, parameters.call, parameters.read_text, Kind.PROMPT, complete)
            self._offer("mcp_server_add_prompt_json", definition, handler, _completes(complete))
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

    def _offer(self, name: str, definition: Json, handler: Handler, *complete: Any) -> None:
        self._here()
        text = _abi.text_in(json.dumps(_without_none(definition), allow_nan=False))
        # The library releases it.
        number = _callbacks.keep(handler)
        _abi.do(name, self._handle, *text, 1, _callbacks.on_call, *complete, number, _callbacks.release)


class Running(OfThisProcess):
    """A server that listens, until it is stopped or the program ends: it need not be kept."""

    _what = "server"

    def __init__(self, handle: _abi.Handle) -> None:
        super().__init__()
        self._handle = handle
        self.url: str = _abi.ask("mcp_bound_url", handle)
        """Where clients find it. Those that speak HTTP+SSE alone use `/sse` in place of `/mcp`."""
        self._failure: List[BaseException] = []
        self._thread = threading.Thread(target=_run, args=(handle, self._failure), name="mcp-sync-server", daemon=True)
        # Also when the program ends: nothing of the library's calls an interpreter that is no more.
        self._end = weakref.finalize(self, _stop, handle, self._thread, os.getpid())
        _running.add(self)
        self._thread.start()

    def wait(self) -> None:
        """Waits until it is stopped, or Ctrl-C. Raises what else has ended it, which the log `mcp_sync` has as well."""
        self._here()
        while self._thread.is_alive():
            self._thread.join(SLICE)
        for failure in self._failure:
            raise failure

    def resource_updated(self, uri: str) -> None:
        """Tells clients that a resource has changed. From any thread, as those below."""
        self._tell("mcp_bound_resource_updated", *_abi.text_in(uri))

    def tools_changed(self) -> None:
        """Tells clients that the list of tools is another one now."""
        self._tell("mcp_bound_tools_changed")

    def prompts_changed(self) -> None:
        """Tells clients that the list of prompts is another one now."""
        self._tell("mcp_bound_prompts_changed")

    def resources_changed(self) -> None:
        """Tells clients that the list of resources is another one now."""
        self._tell("mcp_bound_resources_changed")

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

    def _tell(self, name: str, *arguments: Any) -> None:
        self._here()
        _abi.set_option(name, self._handle, *arguments)

    def __repr__(self) -> str:
        return f"<mcp_sync.Running {self.url if self._end.alive else 'stopped'}>"


def _completes(complete: Optional[Completions]) -> Any:
    return _callbacks.on_complete if complete else _abi.COMPLETE()


def _without_none(definition: Json) -> Json:
    return {name: value for name, value in definition.items() if value is not None}


def _run(handle: _abi.Handle, failure: List[BaseException]) -> None:
    try:
        _abi.do("mcp_bound_run", handle)
    except BaseException as error:  # noqa: BLE001 - it is raised for whoever waits
        failure.append(error)
        logger.error("the server does not run any more: %s", error)


def _free(number: int, process: int) -> None:
    if os.getpid() == process:
        _abi.library.mcp_server_free(_abi.Handle(number))


def _stop(handle: _abi.Handle, thread: threading.Thread, process: int) -> None:
    if os.getpid() == process:
        _abi.library.mcp_bound_stop(handle)
        thread.join(LONGEST_STOP)
        _abi.library.mcp_bound_free(handle)
