"""Connecting: what is said before there is a session."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple, Union

from . import _abi, _callbacks
from ._client import LEVELS, Client, milliseconds
from ._errors import UsageError
from ._questions import OnElicitation, OnRoots, OnSampling, Refused, Root, answers, root_of
from ._threads import elsewhere
from ._types import Json
from ._waiting import wait

OnLog = Callable[[str, str], Any]
OnNotification = Callable[[str, Optional[Json]], Any]
OnState = Callable[[str, int], Any]
Path = Union[str, "os.PathLike[str]"]
Roots = Union[Sequence[Root], OnRoots]

STATES = ("connecting", "ready", "reconnecting", "closed")
TRANSPORTS = {"detect": 0, "stateless": 1, "streamable-http": 2, "sse": 3, "plain": 4}


def connect(
    url: str,
    *,
    headers: Optional[Mapping[str, str]] = None,
    bearer: Union[str, Callable[[], str], None] = None,
    timeout: Optional[float] = None,
    connect_timeout: Optional[float] = None,
    idle_timeout: Optional[float] = None,
    endpoint_timeout: Optional[float] = None,
    transport: str = "detect",
    revision: Optional[str] = None,
    root_certificates: Optional[str] = None,
    client_certificate: Optional[Tuple[str, str]] = None,
    pin_certificate: Optional[str] = None,
    proxy: Union[str, bool] = True,
    compression: bool = False,
    max_message_bytes: Optional[int] = None,
    message_url: Optional[str] = None,
    trace_file: Optional[Path] = None,
    reconnect: Optional[Tuple[float, int]] = None,
    on_log: Optional[OnLog] = None,
    on_notification: Optional[OnNotification] = None,
    on_state: Optional[OnState] = None,
    on_elicitation: Optional[OnElicitation] = None,
    on_url_elicitation: Optional[OnElicitation] = None,
    on_sampling: Optional[OnSampling] = None,
    roots: Optional[Roots] = None,
) -> Client:
    """Connects to the server at a URL. Times are in seconds, `math.inf` is for ever.

    `timeout` is what a call may take, and connecting, 60 s unless set; `connect_timeout` opening a connection (10 s), `idle_timeout` the
    silence of an event stream (300 s), `endpoint_timeout` the time until an HTTP+SSE server has said where messages go (30 s).
    `bearer` is a token, or a function that gives one: it is called for each request, and again when the server refused what it gave, so it
    should keep what it has. `transport` is `detect`, `stateless`, `streamable-http`, `sse` or `plain`, which wants a `message_url`.
    Certificates are PEM text: `root_certificates` are trusted beside the well-known authorities, `client_certificate` is shown with its
    private key, `pin_certificate` is the one that the server must have. `proxy` is a URL, False for none, and True for what the
    environment says. With `compression` answers may be compressed; they have 4 MiB at most unless `max_message_bytes` is set. All that goes
    over the wire is written to `trace_file`, secrets masked. `reconnect` is the first interval and how many attempts in a row (0: without end); unless set, the
    next call opens a lost session again.

    Functions run on threads of the package, and may use the client. One at a time, `on_log` gets the level and the text,
    `on_notification` the method and the parameters, `on_state` the state and the attempt. Those that answer what servers ask declare
    that this program can: `on_elicitation` gives the content of a form, True for the form as it is, False when the user declines and
    None when the user looked away; `on_url_elicitation` whether the user agrees to visit a page; `on_sampling` the text of a model, or
    a whole result; `roots` are URIs or paths, or a function that gives them. One that raises `Refused` has the server told why.
    """
    options = _abi.make("mcp_options_new", *_abi.text_in(url))
    try:
        for name, value in (headers or {}).items():
            _abi.set_option("mcp_options_header", options, *_abi.text_in(name), *_abi.text_in(value))
        if callable(bearer):
            _hear(options, "mcp_options_on_credentials", _callbacks.on_credentials, credentials(bearer))
        elif bearer is not None:
            _abi.set_option("mcp_options_bearer", options, *_abi.text_in(bearer))
        if connect_timeout is not None:
            _abi.set_option("mcp_options_connect_timeout", options, _finite(connect_timeout))
        if endpoint_timeout is not None:
            _abi.set_option("mcp_options_endpoint_timeout", options, _finite(endpoint_timeout))
        if transport not in TRANSPORTS:
            raise UsageError(f"there is no transport {transport!r} but {', '.join(TRANSPORTS)}")
        _abi.set_option("mcp_options_transport", options, TRANSPORTS[transport])
        if client_certificate is not None:
            texts = [part for text in client_certificate for part in _abi.text_in(text)]
            _abi.set_option("mcp_options_client_certificate", options, *texts)
        for name, text in (
            ("mcp_options_add_root_certificates", root_certificates),
            ("mcp_options_pin_certificate", pin_certificate),
            ("mcp_options_proxy", proxy if isinstance(proxy, str) else None),
            ("mcp_options_message_url", message_url),
            ("mcp_options_trace_file", os.fspath(trace_file) if trace_file is not None else None),
        ):
            if text is not None:
                _abi.set_option(name, options, *_abi.text_in(text))
        if proxy is False:
            _abi.set_option("mcp_options_no_proxy", options)
        if compression:
            _abi.set_option("mcp_options_compression", options, 1)
        if max_message_bytes is not None:
            if not 0 < max_message_bytes < 2**48:
                raise UsageError(f"{max_message_bytes!r} is no number of bytes for a message")
            _abi.set_option("mcp_options_max_message_bytes", options, max_message_bytes)
        common = _Common(timeout, idle_timeout, revision, reconnect)
        functions = _Functions(on_log, on_notification, on_state, on_elicitation, on_url_elicitation, on_sampling, roots)
        return _connected(options, common, functions)
    finally:
        _abi.library.mcp_options_free(options)


def spawn(
    command: Sequence[Path],
    *,
    env: Optional[Mapping[str, str]] = None,
    pass_env: Sequence[str] = (),
    cwd: Optional[Path] = None,
    grace: Optional[float] = None,
    timeout: Optional[float] = None,
    idle_timeout: Optional[float] = None,
    revision: Optional[str] = None,
    reconnect: Optional[Tuple[float, int]] = None,
    on_log: Optional[OnLog] = None,
    on_notification: Optional[OnNotification] = None,
    on_state: Optional[OnState] = None,
    on_elicitation: Optional[OnElicitation] = None,
    on_url_elicitation: Optional[OnElicitation] = None,
    on_sampling: Optional[OnSampling] = None,
    roots: Optional[Roots] = None,
) -> Client:
    """Starts a program that is a server, and speaks to it over its standard input and output; see `connect`.

    It ends with the client, and is killed when that takes longer than `grace` (2 s). Of the environment it is given little: what it needs is
    set in `env`, or named in `pass_env` to be passed on.
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
        for name in pass_env:
            _abi.set_option("mcp_options_pass_env", options, *_abi.text_in(name))
        if grace is not None:
            _abi.set_option("mcp_options_grace", options, _finite(grace))
        if cwd is not None:
            _abi.set_option("mcp_options_current_dir", options, *_abi.text_in(os.fspath(cwd)))
        common = _Common(timeout, idle_timeout, revision, reconnect)
        functions = _Functions(on_log, on_notification, on_state, on_elicitation, on_url_elicitation, on_sampling, roots)
        return _connected(options, common, functions)
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
    on_elicitation: Optional[OnElicitation] = None,
    on_url_elicitation: Optional[OnElicitation] = None,
    on_sampling: Optional[OnSampling] = None,
    roots: Optional[Roots] = None,
) -> Client:
    """Connects to a server of a configuration file: `mcpServers` of Claude and others, VS Code's `servers`, CrewAI's `mcps`."""
    options = _abi.make("mcp_options_from_config", *_abi.text_in(os.fspath(path)), *_abi.text_in(server))
    try:
        common = _Common(timeout, idle_timeout, None, reconnect)
        functions = _Functions(on_log, on_notification, on_state, on_elicitation, on_url_elicitation, on_sampling, roots)
        return _connected(options, common, functions)
    finally:
        _abi.library.mcp_options_free(options)


@dataclass(frozen=True)
class _Common:
    """What all ways to connect have."""

    timeout: Optional[float]
    idle_timeout: Optional[float]
    revision: Optional[str]
    reconnect: Optional[Tuple[float, int]]

    def set(self, options: _abi.Handle) -> None:
        if self.timeout is not None:
            _abi.set_option("mcp_options_call_timeout", options, milliseconds(self.timeout))
        if self.idle_timeout is not None:
            _abi.set_option("mcp_options_idle_timeout", options, milliseconds(self.idle_timeout))
        if self.revision is not None:
            _abi.set_option("mcp_options_revision", options, *_abi.text_in(self.revision))
        if self.reconnect is not None:
            interval, attempts = self.reconnect
            if not 0 <= attempts < 2**32:
                raise UsageError(f"{attempts!r} is no number of attempts")
            _abi.set_option("mcp_options_reconnect", options, _finite(interval), attempts)


@dataclass(frozen=True)
class _Functions:
    """What is called on threads of the library's."""

    on_log: Optional[OnLog]
    on_notification: Optional[OnNotification]
    on_state: Optional[OnState]
    on_elicitation: Optional[OnElicitation]
    on_url_elicitation: Optional[OnElicitation]
    on_sampling: Optional[OnSampling]
    roots: Optional[Roots]

    def set(self, options: _abi.Handle) -> None:
        log, notification, state, roots = self.on_log, self.on_notification, self.on_state, self.roots
        if log is not None:
            tell_log = log

            def logged(level: int, text: str) -> None:
                elsewhere(tell_log, named(LEVELS, level), text)

            _hear(options, "mcp_options_on_log", _callbacks.on_log, logged)
        if notification is not None:
            tell_notification = notification

            def notified(method: str, params: Optional[str]) -> None:
                elsewhere(tell_notification, method, None if params is None else json.loads(params))

            _hear(options, "mcp_options_on_notification", _callbacks.on_notification, notified)
        if state is not None:
            tell_state = state

            def stands(number: int, attempt: int) -> None:
                elsewhere(tell_state, named(STATES, number), attempt)

            _hear(options, "mcp_options_on_state", _callbacks.on_state, stands)
        for name in ("on_elicitation", "on_url_elicitation", "on_sampling"):
            function = getattr(self, name)
            if function is not None:
                _hear(options, f"mcp_options_{name}", _callbacks.on_question, answers(function))
        if callable(roots):
            _hear(options, "mcp_options_on_roots", _callbacks.on_question, answers(roots))
        elif roots is not None:
            # Without any, to say that there are none now.
            _abi.set_option("mcp_options_add_root", options, *_abi.text_in(None), *_abi.text_in(None))
            for root in map(root_of, roots):
                texts = [*_abi.text_in(root["uri"]), *_abi.text_in(root.get("name"))]
                _abi.set_option("mcp_options_add_root", options, *texts)


def credentials(bearer: Callable[[], str]) -> Callable[[_abi.Handle], None]:
    """What the library calls to have a token from this function."""

    def give(asked: _abi.Handle) -> None:
        try:
            token = elsewhere(bearer)
            _abi.set_option("mcp_credentials_bearer", asked, *_abi.text_in(token))
        except BaseException as error:
            # What it says may have the secret in it. It is shown by `sys.unraisablehook`.
            said = error.message if isinstance(error, Refused) else f"the function that gives it raised {type(error).__name__}"
            _abi.library.mcp_credentials_fail(asked, *_abi.text_in(said))
            if not isinstance(error, Refused):
                raise

    return give


def _connected(options: _abi.Handle, common: _Common, functions: _Functions) -> Client:
    common.set(options)
    functions.set(options)
    handle = wait(lambda _: _abi.make("mcp_client_connect", options), left_over=_abi.library.mcp_client_free)
    return Client(handle)


def named(names: Sequence[str], number: int) -> str:
    return names[number] if 0 <= number < len(names) else str(number)


def _hear(options: _abi.Handle, name: str, thunk: Any, function: Callable[..., None]) -> None:
    # Released by the library, also when this fails.
    number = _callbacks.keep(function)
    _abi.set_option(name, options, thunk, number, _callbacks.release)


def _finite(seconds: float) -> int:
    # Where the library knows no `for ever`.
    return milliseconds(1e300 if seconds == math.inf else seconds)
