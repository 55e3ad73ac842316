"""Waiting that Ctrl-C ends.

Python tells signals to its main thread alone, and only between two steps of Python: a function of a C library that waits for a
server would hold Ctrl-C back until the server has answered. So what the main thread waits for is done on a helper thread, and the
main thread waits for that in Python, which a signal does end. Every other thread calls the library itself, unless it is to be told of
something meanwhile.
"""

from __future__ import annotations

import queue
import threading
from typing import Any, Callable, List, Optional, TypeVar

from ._threads import outcome, start

T = TypeVar("T")
Tell = Callable[..., None]

# Seconds. A signal that comes just before the main thread sleeps does not wake it (and on Windows none does): it is seen when the slice
# is over.
SLICE = 0.1


def wait(
    work: Callable[[Tell], T],
    *,
    tell: Optional[Tell] = None,
    give_up: Optional[Callable[[], None]] = None,
    left_over: Optional[Callable[[T], None]] = None,
) -> T:
    """Does `work`, which blocks, and gives its result.

    `work` gets a function to call with what is to be told meanwhile; `tell` is called with that on the thread that waits. When the
    waiting ends early, by Ctrl-C or because `tell` raises, `give_up` is called, and a result that comes all the same goes to `left_over`.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if tell is None and not is_main:
        return work(lambda *_: None)
    inbox: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
    abandoned = _Abandoned(left_over)
    start(
        lambda: abandoned.unless(work(lambda *told: inbox.put(("told", told)))),
        lambda kind, value: inbox.put((kind, value)),
    )
    try:
        while True:
            try:
                kind, value = inbox.get(timeout=SLICE if is_main else None)
            except queue.Empty:
                continue
            if kind != "told":
                break
            if tell is not None:
                tell(*value)
    except BaseException:
        abandoned.now()
        if give_up is not None:
            give_up()
        raise
    result: T = outcome(kind, value)
    return result


class _Abandoned:
    """Whether anybody still wants the result; if not, it is disposed of."""

    def __init__(self, left_over: Optional[Callable[[Any], None]]) -> None:
        self._lock = threading.Lock()
        self._left_over = left_over
        self._is_abandoned = False
        self._result: List[Any] = []

    def unless(self, result: Any) -> Any:
        with self._lock:
            if not self._is_abandoned:
                if self._left_over is not None:
                    self._result.append(result)
                return result
        if self._left_over is not None:
            self._left_over(result)
        return None

    def now(self) -> None:
        with self._lock:
            self._is_abandoned = True
            results, self._result = self._result, []
        if self._left_over is not None:
            for result in results:
                self._left_over(result)
