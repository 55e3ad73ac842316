"""Cancelling calls from another thread."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Optional, Set, Type

from . import _abi
from ._process import OfThisProcess


class Cancel(OfThisProcess):
    """Given to calls as `cancel=`, then triggered from any thread: they end at once with `Cancelled`, and so do those that it is given
    to later."""

    _what = "cancellation"

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._calls: Set["Call"] = set()
        self._is_triggered = False

    def trigger(self) -> None:
        """Cancels the calls. Twice is fine."""
        self._here()
        with self._lock:
            self._is_triggered = True
            calls, self._calls = self._calls, set()
        for call in calls:
            call.cancel()

    @property
    def is_triggered(self) -> bool:
        """Whether it was."""
        self._here()
        return self._is_triggered

    def _add(self, call: "Call") -> None:
        with self._lock:
            if not self._is_triggered:
                self._calls.add(call)
                return
        call.cancel()

    def _remove(self, call: "Call") -> None:
        with self._lock:
            self._calls.discard(call)


class Call:
    """One call that can be cancelled, by its own thread or by a `Cancel`."""

    def __init__(self, cancel: Optional[Cancel]) -> None:
        if cancel is not None:
            cancel._here()
        self.handle = _abi.make("mcp_cancel_new")
        self._cancel = cancel

    def __enter__(self) -> "Call":
        if self._cancel is not None:
            self._cancel._add(self)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._cancel is not None:
            self._cancel._remove(self)
        # Of a number that was freed nothing is left to be triggered: numbers are not used again.
        _abi.library.mcp_cancel_free(self.handle)

    def cancel(self) -> None:
        _abi.library.mcp_cancel_trigger(self.handle)
