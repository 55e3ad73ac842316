"""The client: each method asks the server and waits for its answer."""

from __future__ import annotations

import ctypes
import json
import math
import os
import weakref
from types import TracebackType
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple, Type, Union

from . import _abi, _callbacks
from ._cancel import Call, Cancel
from ._errors import Closed, ToolError, UsageError
from ._types import Contents, Json, Prompt, PromptResult, Resource, Result, Tool
from ._waiting import Tell, wait

OnProgress = Callable[[float, Optional[float], Optional[str]], Any]
OnLog = Callable[[str, str], Any]
OnNotification = Callable[[str, Optional[Json]], Any]
OnState = Callable[[str, int], Any]
Path = Union[str, "os.PathLike[str]"]

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
STATES = ("connecting", "ready", "reconnecting", "closed")
# Where the library knows no `for ever`, and for times that its numbers do not hold: 100 years, in milliseconds.
LONG = 100 * 365 * 86_400_000
TRANSPORTS = {"detect": 0, "stateless": 1, "streamable-http": 2, "sse": 3, "plain": 4}


class Client:
    """A session with a server, made by `connect`, `spawn` or `from_config`. Any thread may use it, several at once."""

    def __init__(self, handle: _abi.Handle) -> None:
        self._handle = handle
        self._process = os.getpid()
        # Also when the program ends: nothing of the library's calls an interpreter that is no more.
        self._end = weakref.finalize(self, _free, handle.id, self._process)

    def tools(self) -> List[Tool]:
        """All tools of the server."""
        return [Tool.of(raw) for raw in self._ask("mcp_client_tools")]

    def call(
        self,
        tool: str,
        arguments: Optional[Mapping[str, Any]] = None,
        /,
        *,
        progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
        cancel: Optional[Cancel] = None,
        check: bool = True,
        idempotent: bool = False,
        **named: Any,
    ) -> Result:
        """Calls a tool and waits for what it answers.

        Arguments are given by name, or in a dictionary where a name is none of Python's or is one of the options here. `progress` is
        called on this thread with how far the call has come, of how much (or None) and a message (or None); what it raises ends the
        call. `timeout` is in seconds, `math.inf` for no end. With `idempotent` the call may be made again when its answer was lost.
        A tool that says it failed raises `ToolError`, unless `check` is False.
        """
        handle = self._open()
        body = _abi.text_in(_json({**(arguments or {}), **named}))
        number = _callbacks.keep(lambda *told: tells[0](*told)) if progress is not None else 0
        tells: List[Tell] = [_nothing]
        try:
            with Call(cancel) as call:
                settings = _abi.CallSettings(
                    timeout_ms=0 if timeout is None else _milliseconds(timeout),
                    idempotent=idempotent,
                    cancel=call.handle,
                    on_progress=_callbacks.on_progress if progress is not None else _abi.PROGRESS(),
                    userdata=number,
                )

                def work(tell: Tell) -> str:
                    tells[0] = tell
                    name = _abi.text_in(tool)
                    return _abi.ask("mcp_client_call", handle, *name, *body, ctypes.byref(settings))

                raw = json.loads(wait(work, tell=progress, give_up=call.cancel))
        finally:
            if number:
                _callbacks.drop(number)
        result = Result.of(raw)
        if check and result.is_error:
            raise ToolError(result.text or f"the tool {tool} failed", result)
        return result

    def resources(self) -> List[Resource]:
        """All resources of the server."""
        return [Resource.of(raw) for raw in self._ask("mcp_client_resources")]

    def resource_templates(self) -> List[Resource]:
        """All templates of resources of the server; their `uri` is the template."""
        return [Resource.of(raw) for raw in self._ask("mcp_client_resource_templates")]

    def read(self, uri: str) -> Contents:
        """What a resource holds."""
        return Contents(self._ask("mcp_client_read_resource", uri))

    def prompts(self) -> List[Prompt]:
        """All prompts of the server."""
        return [Prompt.of(raw) for raw in self._ask("mcp_client_prompts")]

    def prompt(self, name: str, arguments: Optional[Mapping[str, str]] = None, /, **named: str) -> PromptResult:
        """A prompt with these arguments."""
        arguments = {**(arguments or {}), **named}
        return PromptResult.of(self._ask("mcp_client_get_prompt", name, _json(arguments)))

    def complete(self, reference: str, argument: str, value: str) -> List[str]:
        """What the server proposes for an argument of a prompt, or for a variable of a template (a reference with a colon)."""
        answer = self._ask("mcp_client_complete", reference, argument, value)
        return list((answer.get("completion") or answer).get("values") or ())

    def ping(self) -> None:
        """Asks the server for a sign of life and waits for it."""
        handle = self._open()
        wait(lambda _: _abi.do("mcp_client_ping", handle))

    def request(self, method: str, params: Optional[Mapping[str, Any]] = None) -> Any:
        """Makes any request, and gives its result as it is."""
        return self._ask("mcp_client_request", method, None if params is None else _json(params))

    def notify(self, method: str, params: Optional[Mapping[str, Any]] = None) -> None:
        """Sends any notification."""
        handle = self._open()
        texts = [*_abi.text_in(method), *_abi.text_in(None if params is None else _json(params))]
        wait(lambda _: _abi.do("mcp_client_notify", handle, *texts))

    def metrics(self) -> str:
        """What the client has done so far, as OpenMetrics text."""
        return _abi.ask("mcp_client_metrics", self._open())

    @property
    def server_info(self) -> Json:
        """Who the server says it is: `name`, `version`."""
        info: Json = json.loads(_abi.ask("mcp_client_server_info", self._open()))
        return info

    @property
    def connection(self) -> str:
        """How the server is spoken to, in words: URL, transport, revision."""
        return _abi.ask("mcp_client_connection", self._open())

    @property
    def is_connected(self) -> bool:
        """Whether the session stands, as far as is known here."""
        return self._end.alive and bool(_abi.library.mcp_client_is_connected(self._open()))

    def close(self) -> None:
        """Closes the session: calls in flight on other threads end with `Closed`. Takes a second at most, with a child process three.
        Twice is fine."""
        self._end()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        usable = self._end.alive and os.getpid() == self._process
        return f"<mcp_sync.Client {self.connection if usable else 'closed'}>"

    def _open(self) -> _abi.Handle:
        if os.getpid() != self._process:
            raise UsageError("this client belongs to the process that this one was forked from: connect here as well")
        if not self._end.alive:
            raise Closed("the client was closed by this program")
        return self._handle

    def _ask(self, name: str, *texts: Optional[str]) -> Any:
        handle = self._open()
        arguments = [part for text in texts for part in _abi.text_in(text)]
        return json.loads(wait(lambda _: _abi.ask(name, handle, *arguments)))


def connect(
    url: str,
    *,
    headers: Optional[Mapping[str, str]] = None,
    bearer: Optional[str] = None,
    timeout: Optional[float] = None,
    connect_timeout: Optional[float] = None,
    idle_timeout: Optional[float] = None,
    endpoint_timeout: Optional[float] = None,
    transport: str = "detect",
    revision: Optional[str] = None,
    root_certificates: Optional[str] = None,
    reconnect: Optional[Tuple[float, int]] = None,
    on_log: Optional[OnLog] = None,
    on_notification: Optional[OnNotification] = None,
    on_state: Optional[OnState] = None,
) -> Client:
    """Connects to the server at a URL. Times are in seconds, `math.inf` is for ever.

    `timeout` is what a call may take, and connecting, 60 s unless set; `connect_timeout` opening a connection (10 s), `idle_timeout` the
    silence of an event stream (300 s), `endpoint_timeout` the time until an HTTP+SSE server has said where messages go (30 s).
    `transport` is `detect`, `stateless`, `streamable-http`, `sse` or `plain`. `root_certificates` is PEM text, trusted beside the
    well-known authorities. `reconnect` is the first interval and how many attempts in a row (0: without end); unless set, the
    next call opens a lost session again. Callbacks run on threads of the client, one at a time, and may use the client: `on_log` gets
    the level and the text, `on_notification` the method and the parameters, `on_state` the state and the attempt.
    """
    options = _abi.make("mcp_options_new", *_abi.text_in(url))
    try:
        for name, value in (headers or {}).items():
            _abi.set_option("mcp_options_header", options, *_abi.text_in(name), *_abi.text_in(value))
        if bearer is not None:
            _abi.set_option("mcp_options_bearer", options, *_abi.text_in(bearer))
        if connect_timeout is not None:
            _abi.set_option("mcp_options_connect_timeout", options, _finite(connect_timeout))
        if endpoint_timeout is not None:
            _abi.set_option("mcp_options_endpoint_timeout", options, _finite(endpoint_timeout))
        if transport not in TRANSPORTS:
            raise UsageError(f"there is no transport {transport!r} but {', '.join(TRANSPORTS)}")
        _abi.set_option("mcp_options_transport", options, TRANSPORTS[transport])
        if root_certificates is not None:
            _abi.set_option("mcp_options_add_root_certificates", options, *_abi.text_in(root_certificates))
        return _connected(options, timeout, idle_timeout, revision, reconnect, on_log, on_notification, on_state)
    finally:
        _abi.library.mcp_options_free(options)


def spawn(
    command: Sequence[Path],
    *,
    env: Optional[Mapping[str, str]] = None,
    cwd: Optional[Path] = None,
    timeout: Optional[float] = None,
    idle_timeout: Optional[float] = None,
    revision: Optional[str] = None,
    reconnect: Optional[Tuple[float, int]] = None,
    on_log: Optional[OnLog] = None,
    on_notification: Optional[OnNotification] = None,
    on_state: Optional[OnState] = None,
) -> Client:
    """Starts a program that is a server, and speaks to it over its standard input and output; see `connect`.

    It ends with the client. Of the environment it is given little: what it needs is named in `env`.
    """
    if isinstance(command, (str, bytes)) or not command:
        raise UsageError("the command is a list: the program, then its arguments")
    program, *arguments = [os.fspath(part) for part in command]
    options = _abi.make("mcp_options_spawn", *_abi.text_in(program))
    try:
        for argument in arguments:
            _abi.set_option("mcp_options_argument", options, *_abi.text_in(argument))
        for name, value in (env or {}).items():
            _abi.set_option("mcp_options_env", options, *_abi.text_in(name), *_abi.text_in(value))
        if cwd is not None:
            _abi.set_option("mcp_options_current_dir", options, *_abi.text_in(os.fspath(cwd)))
        return _connected(options, timeout, idle_timeout, revision, reconnect, on_log, on_notification, on_state)
    finally:
        _abi.library.mcp_options_free(options)


def from_config(
    path: Path,
    server: str,
    *,
    timeout: Optional[float] = None,
    idle_timeout: Optional[float] = None,
    reconnect: Optional[Tuple[float, int]] = None,
    on_log: Optional[OnLog] = None,
    on_notification: Optional[OnNotification] = None,
    on_state: Optional[OnState] = None,
) -> Client:
    """Connects to a server of a configuration file: `mcpServers` of Claude and others, VS Code's `servers`, CrewAI's `mcps`."""
    options = _abi.make("mcp_options_from_config", *_abi.text_in(os.fspath(path)), *_abi.text_in(server))
    try:
        return _connected(options, timeout, idle_timeout, None, reconnect, on_log, on_notification, on_state)
    finally:
        _abi.library.mcp_options_free(options)


def _connected(
    options: _abi.Handle,
    timeout: Optional[float],
    idle_timeout: Optional[float],
    revision: Optional[str],
    reconnect: Optional[Tuple[float, int]],
    on_log: Optional[OnLog],
    on_notification: Optional[OnNotification],
    on_state: Optional[OnState],
) -> Client:
    if timeout is not None:
        _abi.set_option("mcp_options_call_timeout", options, _milliseconds(timeout))
    if idle_timeout is not None:
        _abi.set_option("mcp_options_idle_timeout", options, _milliseconds(idle_timeout))
    if revision is not None:
        _abi.set_option("mcp_options_revision", options, *_abi.text_in(revision))
    if reconnect is not None:
        interval, attempts = reconnect
        if not 0 <= attempts < 2**32:
            raise UsageError(f"{attempts!r} is no number of attempts")
        _abi.set_option("mcp_options_reconnect", options, _finite(interval), attempts)
    if on_log is not None:
        log = on_log

        def tell_log(level: int, text: str) -> None:
            log(LEVELS[level] if 0 <= level < len(LEVELS) else str(level), text)

        _hear(options, "mcp_options_on_log", _callbacks.on_log, tell_log)
    if on_notification is not None:
        notification = on_notification

        def tell_notification(method: str, params: Optional[str]) -> None:
            notification(method, None if params is None else json.loads(params))

        _hear(options, "mcp_options_on_notification", _callbacks.on_notification, tell_notification)
    if on_state is not None:
        state = on_state

        def tell_state(number: int, attempt: int) -> None:
            state(STATES[number] if 0 <= number < len(STATES) else str(number), attempt)

        _hear(options, "mcp_options_on_state", _callbacks.on_state, tell_state)
    handle = wait(lambda _: _abi.make("mcp_client_connect", options), left_over=_abi.library.mcp_client_free)
    return Client(handle)


def _hear(options: _abi.Handle, name: str, thunk: Any, function: Callable[..., None]) -> None:
    # Released by the library, also when this fails.
    number = _callbacks.keep(function)
    _abi.set_option(name, options, thunk, number, _callbacks.release)


def _free(number: int, process: int) -> None:
    # In a child made by `fork` the session is the parent's, and locks of the library may be held by threads that are not here.
    if os.getpid() == process:
        _abi.library.mcp_client_free(_abi.Handle(number))


def _json(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise UsageError(f"the arguments are not JSON: {error}") from error


def _milliseconds(seconds: float) -> int:
    """As the library takes it: negative for ever, and nothing rounds to 0, which would mean another thing."""
    if seconds == math.inf:
        return -1
    if not seconds >= 0:
        raise UsageError(f"{seconds!r} is no time in seconds")
    return LONG if seconds * 1000 >= LONG else max(1, math.ceil(seconds * 1000))


def _finite(seconds: float) -> int:
    return LONG if seconds == math.inf else _milliseconds(seconds)


def _nothing(*_: Any) -> None:
    pass
