"""What happens to the library, and to what rests on it, in another process.

Of a process that forks, the child gets the memory and one thread. The threads of the library are not there, and its locks are as they
were, some of them held by nobody who could let go. So the child never enters that library again: it loads a copy of its own when it first
needs one. What belongs to the parent, such as its sessions, is not the child's to use, and to carry it to another process by `pickle` is
refused as well.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from typing import Any, Callable, NoReturn

from ._errors import UsageError


class OfThisProcess:
    """Something that only the process that made it can use."""

    _what: str
    _instead = "make one here as well"

    def __init__(self) -> None:
        self._process = os.getpid()

    @property
    def _is_here(self) -> bool:
        return os.getpid() == self._process

    def _here(self) -> None:
        if not self._is_here:
            raise UsageError(f"this {self._what} belongs to the process that this one was forked from: {self._instead}")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"a {self._what} is neither copied nor pickled: it belongs to its process")


def loaded_again(path: str, load: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    """The library once more: another file, or the loader would say that it is there already."""
    if hasattr(os, "memfd_create"):
        copy = os.memfd_create("libmcp")
        try:
            with open(path, "rb") as source, os.fdopen(os.dup(copy), "wb") as target:
                shutil.copyfileobj(source, target)
            # With the number of the process: the child of a child has to get another name.
            return load(f"/proc/{os.getpid()}/fd/{copy}")
        except ImportError:
            # No /proc, or memory that may not be executed.
            pass
        finally:
            os.close(copy)
    with tempfile.TemporaryDirectory(prefix="mcp_sync-") as folder:
        return load(shutil.copy(path, folder))
