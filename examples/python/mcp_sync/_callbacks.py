"""Functions of Python's that the library calls.

The library is given a number, by which the function is found here, and the address of one of a few functions that live as long as
the process: so nothing that the library may still call is ever collected.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict

from . import _abi

_functions: Dict[int, Callable[..., Any]] = {}
_numbers = itertools.count(1)


def keep(function: Callable[..., Any]) -> int:
    """Keeps a function until `drop`, and gives its number."""
    number = next(_numbers)
    _functions[number] = function
    return number


def drop(number: int) -> None:
    _functions.pop(number, None)


def _call(number: int, *arguments: Any) -> None:
    # It runs above frames of the library's: what is the caller's own, it hands to `_threads`. What it raises is shown by
    # `sys.unraisablehook`: there is nobody to catch it.
    function = _functions.get(number)
    if function is not None:
        function(*arguments)


def _on_progress(number: int, progress: float, total: float, message: int, length: int) -> None:
    known = None if total != total else total
    _call(number, progress, known, _abi.text_out(message, length) if message else None)


def _on_log(number: int, level: int, text: int, length: int) -> None:
    _call(number, level, _abi.text_out(text, length))


def _on_notification(number: int, method: int, method_length: int, params: int, params_length: int) -> None:
    _call(number, _abi.text_out(method, method_length), _abi.text_out(params, params_length) if params else None)


def _on_state(number: int, state: int, attempt: int) -> None:
    _call(number, state, attempt)


def _with_handle(number: int, handle: _abi.Handle) -> None:
    # The struct is the caller's and goes with it.
    _call(number, _abi.Handle(handle.id))


def _completes(number: int, handle: _abi.Handle) -> None:
    # The library has one number for what answers and what completes.
    function = _functions.get(number)
    if function is not None:
        function.complete(_abi.Handle(handle.id))  # type: ignore[attr-defined]


on_progress = _abi.PROGRESS(_on_progress)
on_log = _abi.LOG(_on_log)
on_notification = _abi.NOTIFICATION(_on_notification)
on_state = _abi.STATE(_on_state)
on_call = _abi.HANDLER(_with_handle)
on_question = _abi.QUESTION(_with_handle)
on_complete = _abi.COMPLETE(_completes)
on_credentials = _abi.CREDENTIALS(_with_handle)
release = _abi.RELEASE(drop)
