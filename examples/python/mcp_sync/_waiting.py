"""Waiting that Ctrl-C ends.

Python tells signals to its main thread alone, and only between two steps of Python: a function of a C library that waits for a
server would hold Ctrl-C back until the server has answered. So what the main thread waits for is done on a helper thread, and the
main thread waits for that in Python, which a signal does end. Every other thread calls the library itself.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import Any, Callable, List, Optional, Tuple, TypeVar

T = TypeVar("T")
Tell = Callable[..., None]

# Seconds. A signal that comes just before the main thread sleeps does not wake it (and on Windows none does): it is seen when the slice
# is over.
SLICE = 0.1

_idle: List["_Helper"] = []


class _Helper:
    def __init__(self) -> None:
        self.jobs: "queue.SimpleQueue[Tuple[Callable[[Tell], Any], queue.SimpleQueue[Any]]]" = queue.SimpleQueue()
        # A daemon: a program that ends does not wait for a server.
        threading.Thread(target=self._run, name="mcp-sync", daemon=True).start()

    def _run(self) -> None:
        while True:
            work, outcome = self.jobs.get()
            try:
                said = ("done", work(lambda *told: outcome.put(("told", told))))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                said = ("failed", error)
            # First, so that the thread that waits finds it idle.
            _idle.append(self)
            outcome.put(said)
            del work, outcome, said


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
    if threading.current_thread() is not threading.main_thread():
        return _directly(work, tell, give_up)
    try:
        helper = _idle.pop()
    except IndexError:
        helper = _Helper()
    outcome: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
    abandoned = _Abandoned(left_over)
    helper.jobs.put((lambda told: abandoned.unless(work(told)), outcome))
    try:
        while True:
            try:
                kind, value = outcome.get(timeout=SLICE)
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
    if kind == "failed":
        try:
            raise value
        finally:
            # The traceback refers to this frame.
            del value
    result: T = value
    return result


def _directly(work: Callable[[Tell], T], tell: Optional[Tell], give_up: Optional[Callable[[], None]]) -> T:
    raised: List[BaseException] = []

    def told(*what: Any) -> None:
        # This runs under a function of the library, through which no exception passes.
        if tell is None or raised:
            return
        try:
            tell(*what)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            raised.append(error)
            if give_up is not None:
                give_up()

    try:
        result = work(told)
    except BaseException:
        if raised:
            raise raised[0] from None
        raise
    if raised:
        raise raised[0]
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


# The threads of the parent are not in the child.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
