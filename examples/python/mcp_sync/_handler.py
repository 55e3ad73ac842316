"""A function that a server offers, as the library calls it."""

from __future__ import annotations

import enum
import json
import logging
import os
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Sequence, Union

from . import _abi
from ._context import Asked, Context, reply
from ._errors import ToolError
from ._threads import Errand, elsewhere
from ._types import Json

Completions = Mapping[str, Union[Sequence[str], Callable[[str], Iterable[str]]]]

logger = logging.getLogger("mcp_sync")


class Kind(enum.Enum):
    TOOL = enum.auto()
    RESOURCE = enum.auto()
    PROMPT = enum.auto()


class Handler:
    """Answers calls with a function; `context` is the name of its parameter that gets the call, `read` makes the others."""

    def __init__(
        self,
        function: Callable[..., Any],
        context: Optional[str],
        read: Callable[[Json], Dict[str, Any]],
        kind: Kind = Kind.TOOL,
        completions: Optional[Completions] = None,
    ) -> None:
        self._function = function
        self._name: str = getattr(function, "__name__", "a function")
        self._context = context
        self._read = read
        self._kind = kind
        self._completions = completions or {}

    def __call__(self, call: _abi.Handle) -> None:
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
            # It will be called again, with the answer.
            pass
        except BaseException as error:  # noqa: BLE001 - the client is told
            # What a question came to is told by the library itself, when the function let it through.
            if error is not context.refusal:
                self._fail(call, error)

    def complete(self, completion: _abi.Handle) -> None:
        """Proposes values for what somebody types."""
        known = self._completions.get(_abi.lent("mcp_completion_argument", completion), ())
        typed = _abi.lent("mcp_completion_typed", completion)
        if callable(known):
            proposed = elsewhere(lambda: list(known(typed)))
        else:
            proposed = [value for value in known if value.lower().startswith(typed.lower())]
        for value in proposed:
            _abi.set_option("mcp_completion_propose", completion, *_abi.text_in(value))

    def _reply(self, call: _abi.Handle, value: Any) -> None:
        if self._kind is Kind.RESOURCE and value is None:
            _abi.set_option("mcp_call_reply_missing", call)
        elif self._kind is Kind.PROMPT and isinstance(value, (list, tuple)):
            _abi.set_option("mcp_call_reply_result", call, *_abi.text_in(json.dumps({"messages": list(value)})))
        else:
            reply("mcp_call", call, value)

    def _fail(self, call: _abi.Handle, error: BaseException) -> None:
        if not isinstance(error, ToolError):
            logger.error("%s failed", self._name, exc_info=(type(error), error, _of_caller(error.__traceback__)))
        _abi.library.mcp_call_fail(call, *_told(str(error) or type(error).__name__))


def _of_caller(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    """The traceback from where the frames of this package end."""
    inner = trace
    while inner is not None and os.path.dirname(inner.tb_frame.f_code.co_filename) == os.path.dirname(__file__):
        inner = inner.tb_next
    return inner or trace


def _told(text: str) -> Sequence[Any]:
    # A half of a surrogate pair is no reason to tell nothing.
    return _abi.text_in(text.encode("utf-8", "replace").decode())
