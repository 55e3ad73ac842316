"""Changes of a server, as they are told."""

from __future__ import annotations

import ctypes
import json
import math
import os
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Deque, Iterator, Optional, Type

from . import _abi
from ._process import OfThisProcess
from ._types import Json
from ._waiting import wait

KINDS = ("none", "tools", "prompts", "resources", "resource", "missed", "over")
# Seconds. How long the library is asked to wait at a time: whoever is interrupted meanwhile has its helper back after that.
ROUND = 1.0


@dataclass(frozen=True)
class Change:
    """Something changed on the server."""

    kind: str
    """`tools`, `prompts` or `resources` for a list, `resource` for one of those that were subscribed to, `missed` when changes may have
    gone unnoticed and everything is to be fetched again."""
    uri: Optional[str] = None
    """Of the resource."""


class Subscription(OfThisProcess):
    """An iterator over changes, made by `Client.listen`. It ends when it is closed, from any thread, when the client is, or when the
    server ends it."""

    _what = "subscription"

    def __init__(self, handle: _abi.Handle) -> None:
        super().__init__()
        self._handle = handle
        self._late: Deque[Change] = deque()
        # The library lets one thread wait at a time. A helper whose waiting was given up is one for a while.
        self._turn = threading.Lock()
        self._is_over = False
        self._end = weakref.finalize(self, _free, handle.id, os.getpid())

    @property
    def acknowledged(self) -> Json:
        """What the server said it will tell of: all that was asked for, or a part of it."""
        self._here()
        told: Json = json.loads(_abi.ask("mcp_subscription_acknowledged", self._handle))
        return told

    def next(self, timeout: Optional[float] = None) -> Optional[Change]:
        """The next change; None when none came within so many seconds, or it is over (`is_over`). Each change is told once, whenever
        it is asked for, to one of the threads that wait."""
        self._here()
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not self._is_over and self._end.alive:
            left = end - time.monotonic()
            change = self._late.popleft() if self._late else self._wait(max(0.0, min(left, ROUND)))
            if change is None:
                if left <= ROUND:
                    return None
            elif change.kind == "over":
                self._is_over = True
            else:
                return change
        return None

    @property
    def is_over(self) -> bool:
        """Whether there will be no more changes."""
        return self._is_over or not self._end.alive

    def close(self) -> None:
        """Ends it. Twice is fine."""
        self._end()

    def _wait(self, seconds: float) -> Optional[Change]:
        def work(_: object) -> Optional[Change]:
            end = time.monotonic() + seconds
            if not self._turn.acquire(timeout=seconds):
                return None
            try:
                return in_turn(max(0.0, end - time.monotonic()))
            finally:
                self._turn.release()

        def in_turn(seconds: float) -> Optional[Change]:
            kind, uri, error = ctypes.c_int32(), _abi.Text(), _abi.ErrorInfo()
            out = (ctypes.byref(kind), ctypes.byref(uri), ctypes.byref(error))
            status = _abi.library.mcp_subscription_next(self._handle, math.ceil(seconds * 1000), *out)
            if status:
                if not self._end.alive:
                    return Change("over")
                raise _abi.exception(status, error)
            text = _abi.taken(uri)
            return Change(KINDS[kind.value], text or None) if kind.value else None

        return wait(work, left_over=lambda change: self._late.append(change) if change is not None else None)

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        change = self.next()
        if change is None:
            raise StopIteration
        return change

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def _free(number: int, process: int) -> None:
    if os.getpid() == process:
        _abi.library.mcp_subscription_free(_abi.Handle(number))
