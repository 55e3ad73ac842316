"""Threads of Python, on which the functions of callers run.

What the library calls back runs on top of its own frames. A function of the caller's must not stay there: Python ends its threads in
the middle of whatever they do when the program ends, and that cannot be done to frames that are none of Python's. So it runs on a
thread of this module, and the one that the library called from waits for that, holding nothing.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import Any, Callable, List, Tuple, TypeVar

from ._errors import UsageError

T = TypeVar("T")
Job = Callable[[], None]

_idle: List["_Helper"] = []


class _Helper:
    def __init__(self) -> None:
        self.jobs: "queue.SimpleQueue[Job]" = queue.SimpleQueue()
        # A daemon: a program that ends waits for no server.
        threading.Thread(target=self._run, name="mcp-sync", daemon=True).start()

    def _run(self) -> None:
        while True:
            job = self.jobs.get()
            job()
            del job


def start(work: Callable[[], Any], done: Callable[[str, Any], None]) -> None:
    """Does `work` on a helper, and has `done` told there what became of it: `done` and the result, or `failed` and the exception."""
    try:
        helper = _idle.pop()
    except IndexError:
        helper = _Helper()

    def job() -> None:
        try:
            said: Tuple[str, Any] = ("done", work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            said = ("failed", error)
        # First, so that the thread that waits finds it idle.
        _idle.append(helper)
        done(*said)

    helper.jobs.put(job)


def elsewhere(function: Callable[..., T], *arguments: Any) -> T:
    """Runs a function of the caller's on a helper, and waits for it."""
    return Errand().run(lambda: function(*arguments))


class Errand:
    """A function that runs on a helper and may have things done on the thread that waits for it."""

    def __init__(self) -> None:
        self._inbox: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_over = False

    def run(self, work: Callable[[], T]) -> T:
        start(work, lambda kind, value: self._inbox.put((kind, value)))
        while True:
            kind, value = self._inbox.get()
            if kind != "do":
                break
            value()
        with self._lock:
            self._is_over = True
        # What other threads have asked for in the last moment is done as well.
        while not self._inbox.empty():
            self._inbox.get()[1]()
        result: T = outcome(kind, value)
        return result

    def do(self, work: Callable[[], T]) -> T:
        """Does it on the thread that waits. From any thread, until the function has returned."""
        answer: "queue.SimpleQueue[Tuple[str, Any]]" = queue.SimpleQueue()

        def there() -> None:
            try:
                said: Tuple[str, Any] = ("done", work())
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                said = ("failed", error)
            answer.put(said)

        with self._lock:
            if self._is_over:
                raise UsageError("the call is over")
            self._inbox.put(("do", there))
        result: T = outcome(*answer.get())
        return result


def outcome(kind: str, value: Any) -> Any:
    """The result, or raises what was raised."""
    if kind == "done":
        return value
    try:
        raise value
    finally:
        # The traceback refers to this frame.
        del value


# The threads of the parent are not in the child.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
