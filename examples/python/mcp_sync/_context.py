"""What a function that is offered has at hand while it answers a call."""

from __future__ import annotations

import json
import os
import weakref
from dataclasses import dataclass, field
from typing import Any, Callable, List, Mapping, Optional, Sequence, TypeVar, Union

from . import _abi
from ._client import LEVELS
from ._errors import McpError, Status, UsageError
from ._process import OfThisProcess
from ._schema import form
from ._threads import Errand
from ._types import Json, Result, jsonable

T = TypeVar("T")


class Asked(BaseException):
    """Ends a run of a function whose question is on its way. No `Exception`: functions that catch those must not catch it."""


@dataclass(frozen=True)
class ElicitResult:
    """What the user said."""

    action: str
    """`accept`, `decline` or `cancel`."""
    content: Json
    """What was filled in; empty unless a form was accepted."""

    @property
    def is_accepted(self) -> bool:
        """Whether the user filled it in, or agreed to visit the page."""
        return self.action == "accept"


@dataclass(frozen=True)
class CreateMessageResult:
    """What the model said."""

    text: str
    model: str
    raw: Json = field(repr=False)


class Context(OfThisProcess):
    """The call that a function answers: a parameter with this annotation gets it. Good until the function returns, on any thread."""

    _what = "call"
    _instead = "it is answered there"

    def __init__(self, call: _abi.Handle, errand: Errand) -> None:
        super().__init__()
        self._call = call
        self._errand = errand
        self._questions = 0
        self.refusal: Optional[McpError] = None
        self.is_deferred = False

    @property
    def name(self) -> str:
        """The name of the tool or prompt, or the URI of the resource."""
        return self._do(lambda: _abi.lent("mcp_call_name", self._call))

    @property
    def revision(self) -> str:
        """The revision of the protocol that the client speaks."""
        return self._do(lambda: _abi.lent("mcp_call_revision", self._call))

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._do(lambda: bool(_abi.library.mcp_call_is_cancelled(self._call)))

    def progress(self, progress: float, total: Optional[float] = None, message: Optional[str] = None) -> None:
        """Tells how far the call has come."""
        arguments = progress_in(progress, total, message)
        self._do(lambda: _abi.set_option("mcp_call_progress", self._call, *arguments))

    def log(self, level: str, text: str) -> None:
        """Sends a log message: `debug`, `info`, `notice`, `warning`, `error`, `critical`, `alert`, `emergency`."""
        arguments = log_in(level, text)
        self._do(lambda: _abi.set_option("mcp_call_log", self._call, *arguments))

    def resource_updated(self, uri: str) -> None:
        """Tells the clients that subscribed to a resource that it has changed."""
        self._do(lambda: _abi.set_option("mcp_call_resource_updated", self._call, *_abi.text_in(uri)))

    def tools_changed(self) -> None:
        """Tells all clients that the list of tools is another one now."""
        self._do(lambda: _abi.set_option("mcp_call_tools_changed", self._call))

    def prompts_changed(self) -> None:
        """Tells all clients that the list of prompts is another one now."""
        self._do(lambda: _abi.set_option("mcp_call_prompts_changed", self._call))

    def resources_changed(self) -> None:
        """Tells all clients that the list of resources is another one now."""
        self._do(lambda: _abi.set_option("mcp_call_resources_changed", self._call))

    def elicit(self, message: str, form_: Mapping[str, Any], *, key: Optional[str] = None) -> ElicitResult:
        """Asks the user to fill in a form: the kinds of its fields by their names, or a JSON Schema.

        The first time it raises `Asked`, which ends the function, and the question goes out. With the answer **the function runs again
        from its start**, and this gives the answer; no thread waits meanwhile. So ask first, act afterwards, and ask the same questions
        in the same order, or give each its `key`. A client that cannot be asked raises `InputRequired`.
        """
        return self._elicited({"message": message, "requestedSchema": form(form_)}, key)

    def elicit_url(self, message: str, url: str, *, key: Optional[str] = None) -> ElicitResult:
        """Asks the user to visit a page; see `elicit`."""
        return self._elicited({"mode": "url", "message": message, "url": url}, key)

    def sample(
        self, messages: Union[str, Sequence[Mapping[str, Any]]], *, max_tokens: int = 1000, key: Optional[str] = None, **more: Any
    ) -> CreateMessageResult:
        """Has the client's model go on with a conversation; see `elicit`. `more` are other parameters, named as in the protocol."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": {"type": "text", "text": messages}}]
        params = {"messages": list(messages), "maxTokens": max_tokens, **more}
        raw = self._ask("mcp_call_sample", key, params)
        contents = raw.get("content") or {}
        parts = contents if isinstance(contents, list) else [contents]
        text = "\n".join(part["text"] for part in parts if part.get("type") == "text")
        return CreateMessageResult(text, raw.get("model", ""), raw)

    def roots(self, *, key: Optional[str] = None) -> List[Json]:
        """Asks where the client lets the server work, each with a `uri`; see `elicit`."""
        return list(self._ask("mcp_call_roots", key, None).get("roots") or ())

    def defer(self) -> "Deferred":
        """Takes the call of a tool along, to be answered later by any thread. What the function returns is not looked at then."""
        deferred = Deferred(self._do(lambda: _abi.make("mcp_call_defer", self._call)))
        self.is_deferred = True
        return deferred

    def _elicited(self, params: Json, key: Optional[str]) -> ElicitResult:
        raw = self._ask("mcp_call_elicit", key, params)
        return ElicitResult(raw.get("action", "cancel"), raw.get("content") or {})

    def _ask(self, name: str, key: Optional[str], params: Optional[Json]) -> Any:
        self._questions += 1
        texts = [*_abi.text_in(key if key is not None else str(self._questions))]
        if params is not None:
            texts += _abi.text_in(json.dumps(params, allow_nan=False))
        try:
            return json.loads(self._do(lambda: _abi.ask(name, self._call, *texts)))
        except McpError as error:
            if error.status == Status.ASKED:
                raise Asked() from None
            # A function that lets it through has the call fail for this reason.
            self.refusal = error
            raise

    def _do(self, work: Callable[[], T]) -> T:
        # The library knows the call on the thread that it called from, which is not in a child.
        self._here()
        return self._errand.do(work)


class Deferred(OfThisProcess):
    """The call of a tool that is answered later, once, by any thread. One that nobody has any more fails."""

    _what = "call"
    _instead = "it is answered there"

    def __init__(self, handle: _abi.Handle) -> None:
        super().__init__()
        self._handle = handle
        self._end = weakref.finalize(self, _free, handle.id, os.getpid())

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the answer any more, or it was given."""
        self._here()
        return bool(_abi.library.mcp_deferred_is_cancelled(self._handle))

    def progress(self, progress: float, total: Optional[float] = None, message: Optional[str] = None) -> None:
        """Tells how far the call has come."""
        self._here()
        _abi.set_option("mcp_deferred_progress", self._handle, *progress_in(progress, total, message))

    def log(self, level: str, text: str) -> None:
        """Sends a log message, as `Context.log`."""
        self._here()
        _abi.set_option("mcp_deferred_log", self._handle, *log_in(level, text))

    def reply(self, value: Any) -> None:
        """Answers, as what a function returns."""
        self._here()
        reply("mcp_deferred", self._handle, value)

    def fail(self, text: str) -> None:
        """Answers that the call failed, and why."""
        self._here()
        _abi.set_option("mcp_deferred_fail", self._handle, *_abi.text_in(text))


def progress_in(progress: float, total: Optional[float], message: Optional[str]) -> Sequence[Any]:
    return (progress, float("nan") if total is None else total, *_abi.text_in(message))


def log_in(level: str, text: str) -> Sequence[Any]:
    if level not in LEVELS:
        raise UsageError(f"there is no level {level!r} but {', '.join(LEVELS)}")
    return (LEVELS.index(level), *_abi.text_in(text))


def reply(prefix: str, handle: _abi.Handle, value: Any) -> None:
    """Answers with what a function returned: text, bytes, a whole result, or else JSON."""
    if isinstance(value, str):
        _abi.set_option(f"{prefix}_reply_text", handle, *_abi.text_in(value))
    elif isinstance(value, bytes):
        _abi.set_option(f"{prefix}_reply_bytes", handle, value, len(value))
    elif isinstance(value, Result):
        _abi.set_option(f"{prefix}_reply_result", handle, *_abi.text_in(jsonable(value.raw)))
    else:
        _abi.set_option(f"{prefix}_reply_json", handle, *_abi.text_in(jsonable(value)))


def _free(number: int, process: int) -> None:
    if os.getpid() == process:
        _abi.library.mcp_deferred_free(_abi.Handle(number))
