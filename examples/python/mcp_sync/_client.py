"""The client: each method asks the server and waits for its answer."""

from __future__ import annotations

import ctypes
import json
import math
import os
import weakref
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable, List, Mapping, Optional, Sequence, Type

from . import _abi, _callbacks
from ._cancel import Call, Cancel
from ._errors import Closed, ToolError, UsageError
from ._process import OfThisProcess
from ._questions import Root, root_of
from ._subscription import Subscription
from ._types import Contents, Json, Prompt, PromptResult, Resource, Result, Tool
from ._waiting import Tell, wait

OnProgress = Callable[[float, Optional[float], Optional[str]], Any]

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
# For times that the numbers of the library do not hold: 100 years, in milliseconds.
LONG = 100 * 365 * 86_400_000


class Client(OfThisProcess):
    """A session with a server, made by `connect`, `spawn` or `from_config`. Any thread may use it, several at once."""

    _what = "client"

    def __init__(self, handle: _abi.Handle) -> None:
        super().__init__()
        self._handle = handle
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
        settings = _Settings(timeout, cancel, progress, idempotent)
        raw = self._run("mcp_client_call", tool, _json({**(arguments or {}), **named}), settings)
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

    def read_resource(self, uri: str, *, timeout: Optional[float] = None, cancel: Optional[Cancel] = None) -> Contents:
        """What a resource holds."""
        return Contents(self._run("mcp_client_request_with", "resources/read", _json({"uri": uri}), _Settings(timeout, cancel)))

    def prompts(self) -> List[Prompt]:
        """All prompts of the server."""
        return [Prompt.of(raw) for raw in self._ask("mcp_client_prompts")]

    def get_prompt(
        self,
        name: str,
        arguments: Optional[Mapping[str, str]] = None,
        /,
        *,
        timeout: Optional[float] = None,
        cancel: Optional[Cancel] = None,
        **named: str,
    ) -> PromptResult:
        """A prompt with these arguments, given as those of `call`."""
        params = _json({"name": name, "arguments": {**(arguments or {}), **named}})
        return PromptResult.of(self._run("mcp_client_request_with", "prompts/get", params, _Settings(timeout, cancel)))

    def complete(self, reference: str, argument: str, value: str) -> List[str]:
        """What the server proposes for an argument of a prompt, or for a variable of a template (a reference with a colon)."""
        answer = self._ask("mcp_client_complete", reference, argument, value)
        return list((answer.get("completion") or answer).get("values") or ())

    def ping(self) -> None:
        """Asks the server for a sign of life and waits for it."""
        handle = self._open()
        wait(lambda _: _abi.do("mcp_client_ping", handle))

    def request(
        self,
        method: str,
        params: Optional[Mapping[str, Any]] = None,
        *,
        progress: Optional[OnProgress] = None,
        timeout: Optional[float] = None,
        cancel: Optional[Cancel] = None,
        idempotent: bool = False,
    ) -> Any:
        """Makes any request, with the options of `call`, and gives its result as it is."""
        settings = _Settings(timeout, cancel, progress, idempotent)
        return self._run("mcp_client_request_with", method, None if params is None else _json(params), settings)

    def notify(self, method: str, params: Optional[Mapping[str, Any]] = None) -> None:
        """Sends any notification."""
        handle = self._open()
        texts = [*_abi.text_in(method), *_abi.text_in(None if params is None else _json(params))]
        wait(lambda _: _abi.do("mcp_client_notify", handle, *texts))

    def listen(
        self, *, tools: bool = False, prompts: bool = False, resources: bool = False, uris: Sequence[str] = ()
    ) -> Subscription:
        """Has the server tell of changes: of the lists that are True, and of the resources with these URIs."""
        wanted: Json = {"toolsListChanged": tools, "promptsListChanged": prompts, "resourcesListChanged": resources}
        wanted = {name: True for name, is_wanted in wanted.items() if is_wanted}
        if uris:
            wanted["resourceSubscriptions"] = list(uris)
        handle, text = self._open(), _abi.text_in(_json(wanted))
        made = wait(lambda _: _abi.make("mcp_client_listen", handle, *text), left_over=_abi.library.mcp_subscription_free)
        return Subscription(made)

    def set_log_level(self, level: str) -> None:
        """Asks for log messages of this level and above, for `on_log`. Servers of 2026-07-28 send none before."""
        if level not in LEVELS:
            raise UsageError(f"there is no level {level!r} but {', '.join(LEVELS)}")
        handle = self._open()
        wait(lambda _: _abi.do("mcp_client_set_log_level", handle, LEVELS.index(level)))

    def set_roots(self, roots: Sequence[Root]) -> None:
        """Takes other roots in place of those that were given to `connect`, and tells the server where the revision can."""
        handle, text = self._open(), _abi.text_in(json.dumps([root_of(root) for root in roots]))
        wait(lambda _: _abi.do("mcp_client_set_roots", handle, *text))

    def metrics(self) -> str:
        """What the client has done so far, as OpenMetrics text."""
        return _abi.ask("mcp_client_metrics", self._open())

    @property
    def server_info(self) -> Json:
        """Who the server says it is: `name`, `version`."""
        info: Json = json.loads(_abi.ask("mcp_client_server_info", self._open()))
        return info

    @property
    def instructions(self) -> str:
        """How to use the server, as it says itself, for models; "" when it says nothing."""
        return _abi.ask("mcp_client_instructions", self._open())

    @property
    def capabilities(self) -> Json:
        """What the server says it can do."""
        told: Json = json.loads(_abi.ask("mcp_client_capabilities", self._open()))
        return told

    @property
    def revision(self) -> str:
        """The revision of the protocol that is spoken, such as `2025-11-25`."""
        return _abi.ask("mcp_client_revision", self._open())

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
        usable = self._end.alive and self._is_here
        return f"<mcp_sync.Client {self.connection if usable else 'closed'}>"

    def _open(self) -> _abi.Handle:
        self._here()
        if not self._end.alive:
            raise Closed("the client was closed by this program")
        return self._handle

    def _run(self, function: str, name: str, body: Optional[str], settings: "_Settings") -> Any:
        """Does what can be told of, cancelled and interrupted."""
        handle = self._open()
        texts = [*_abi.text_in(name), *_abi.text_in(body)]
        progress = settings.progress
        tells: List[Tell] = [_nothing]
        number = _callbacks.keep(lambda *told: tells[0](*told)) if progress is not None else 0
        try:
            with Call(settings.cancel) as call:
                given = _abi.CallSettings(
                    timeout_ms=0 if settings.timeout is None else milliseconds(settings.timeout),
                    idempotent=settings.idempotent,
                    cancel=call.handle,
                    on_progress=_callbacks.on_progress if progress is not None else _abi.PROGRESS(),
                    userdata=number,
                )

                def work(tell: Tell) -> str:
                    tells[0] = tell
                    return _abi.ask(function, handle, *texts, ctypes.byref(given))

                return json.loads(wait(work, tell=progress, give_up=call.cancel))
        finally:
            if number:
                _callbacks.drop(number)

    def _ask(self, name: str, *texts: Optional[str]) -> Any:
        handle = self._open()
        arguments = [part for text in texts for part in _abi.text_in(text)]
        return json.loads(wait(lambda _: _abi.ask(name, handle, *arguments)))


@dataclass(frozen=True)
class _Settings:
    """How a request is made."""

    timeout: Optional[float] = None
    cancel: Optional[Cancel] = None
    progress: Optional[OnProgress] = None
    idempotent: bool = False


def _free(number: int, process: int) -> None:
    # In a child made by `fork` the session is the parent's, and locks of the library may be held by threads that are not here.
    if os.getpid() == process:
        _abi.library.mcp_client_free(_abi.Handle(number))


def _json(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise UsageError(f"the arguments are not JSON: {error}") from error


def milliseconds(seconds: float) -> int:
    """As the library takes it: negative for ever, and nothing rounds to 0, which would mean another thing."""
    if seconds == math.inf:
        return -1
    if not seconds >= 0:
        raise UsageError(f"{seconds!r} is no time in seconds")
    return LONG if seconds * 1000 >= LONG else max(1, math.ceil(seconds * 1000))


def _nothing(*_: Any) -> None:
    pass
