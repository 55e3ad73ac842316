"""The C library, as include/mcp.h describes it, and nothing above it.

`ctypes.CDLL` gives the interpreter lock back while a function of the library runs, so that other threads of Python go on.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, List, Optional, Sequence

from ._errors import KINDS, HttpError, LibraryError, McpError, RpcError, Status, UsageError

VARIABLE = "MCP_SYNC_LIBRARY"
NAME = {"darwin": "libmcp.dylib", "win32": "mcp.dll"}.get(sys.platform, "libmcp.so")


class Handle(ctypes.Structure):
    """Every handle of the client's side is a number in a struct, passed by value."""

    _fields_ = [("id", c_uint64)]


class Text(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("length", c_size_t)]


class ErrorInfo(ctypes.Structure):
    _fields_ = [
        ("status", c_int32),
        ("delivery", c_int32),
        ("rpc_code", c_int64),
        ("http_status", c_int32),
        ("retry_after_ms", c_int64),
        ("message_length", c_size_t),
        ("message", c_char * 1024),
    ]


PROGRESS = ctypes.CFUNCTYPE(None, c_void_p, c_double, c_double, c_void_p, c_size_t)
LOG = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_void_p, c_size_t)
NOTIFICATION = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t)
STATE = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_uint32)
RELEASE = ctypes.CFUNCTYPE(None, c_void_p)
HANDLER = ctypes.CFUNCTYPE(None, c_void_p, Handle)


class CallSettings(ctypes.Structure):
    _fields_ = [
        ("timeout_ms", c_int64),
        ("idempotent", c_int32),
        ("cancel", Handle),
        ("on_progress", PROGRESS),
        ("userdata", c_void_p),
    ]


_TEXT_IN: List[Any] = [c_char_p, c_size_t]
_OUT: List[Any] = [POINTER(Text), POINTER(ErrorInfo)]
_ERROR = POINTER(ErrorInfo)

# What each function takes; all of them give a status unless `_RESULTS` says otherwise.
_FUNCTIONS = {
    "mcp_string_free": [POINTER(Text)],
    "mcp_version": [],
    "mcp_options_new": [*_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_options_spawn": [*_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_options_from_config": [*_TEXT_IN, *_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_options_free": [Handle],
    "mcp_options_argument": [Handle, *_TEXT_IN],
    "mcp_options_env": [Handle, *_TEXT_IN, *_TEXT_IN],
    "mcp_options_current_dir": [Handle, *_TEXT_IN],
    "mcp_options_header": [Handle, *_TEXT_IN, *_TEXT_IN],
    "mcp_options_bearer": [Handle, *_TEXT_IN],
    "mcp_options_connect_timeout": [Handle, c_uint64],
    "mcp_options_call_timeout": [Handle, c_int64],
    "mcp_options_idle_timeout": [Handle, c_int64],
    "mcp_options_endpoint_timeout": [Handle, c_uint64],
    "mcp_options_transport": [Handle, c_int32],
    "mcp_options_revision": [Handle, *_TEXT_IN],
    "mcp_options_add_root_certificates": [Handle, *_TEXT_IN],
    "mcp_options_reconnect": [Handle, c_uint64, c_uint32],
    "mcp_options_on_log": [Handle, LOG, c_void_p, RELEASE],
    "mcp_options_on_notification": [Handle, NOTIFICATION, c_void_p, RELEASE],
    "mcp_options_on_state": [Handle, STATE, c_void_p, RELEASE],
    "mcp_client_connect": [Handle, POINTER(Handle), _ERROR],
    "mcp_client_free": [Handle],
    "mcp_client_is_connected": [Handle],
    "mcp_client_connection": [Handle, *_OUT],
    "mcp_client_server_info": [Handle, *_OUT],
    "mcp_client_metrics": [Handle, *_OUT],
    "mcp_client_tools": [Handle, *_OUT],
    "mcp_client_call": [Handle, *_TEXT_IN, *_TEXT_IN, POINTER(CallSettings), *_OUT],
    "mcp_client_resources": [Handle, *_OUT],
    "mcp_client_resource_templates": [Handle, *_OUT],
    "mcp_client_read_resource": [Handle, *_TEXT_IN, *_OUT],
    "mcp_client_prompts": [Handle, *_OUT],
    "mcp_client_get_prompt": [Handle, *_TEXT_IN, *_TEXT_IN, *_OUT],
    "mcp_client_complete": [Handle, *_TEXT_IN, *_TEXT_IN, *_TEXT_IN, *_OUT],
    "mcp_client_request": [Handle, *_TEXT_IN, *_TEXT_IN, *_OUT],
    "mcp_client_notify": [Handle, *_TEXT_IN, *_TEXT_IN, _ERROR],
    "mcp_client_ping": [Handle, _ERROR],
    "mcp_cancel_new": [POINTER(Handle), _ERROR],
    "mcp_cancel_trigger": [Handle],
    "mcp_cancel_free": [Handle],
    "mcp_call_arguments": [Handle, POINTER(c_void_p), POINTER(c_size_t)],
    "mcp_call_is_cancelled": [Handle],
    "mcp_call_progress": [Handle, c_double, c_double, *_TEXT_IN],
    "mcp_call_reply_text": [Handle, *_TEXT_IN],
    "mcp_call_reply_json": [Handle, *_TEXT_IN],
    "mcp_call_fail": [Handle, *_TEXT_IN],
    "mcp_server_new": [*_TEXT_IN, *_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_server_free": [Handle],
    "mcp_server_add_tool": [Handle, *_TEXT_IN, *_TEXT_IN, *_TEXT_IN, c_int32, HANDLER, c_void_p, RELEASE],
    "mcp_server_add_resource_with": [Handle, *_TEXT_IN, *_TEXT_IN, *_TEXT_IN, HANDLER, c_void_p, RELEASE],
    "mcp_server_bind": [Handle, *_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_bound_url": [Handle, *_OUT],
    "mcp_bound_run": [Handle, _ERROR],
    "mcp_bound_stop": [Handle],
    "mcp_bound_free": [Handle],
}
_RESULTS = {
    "mcp_version": c_char_p,
    "mcp_string_free": None,
    "mcp_options_free": None,
    "mcp_client_free": None,
    "mcp_cancel_free": None,
    "mcp_server_free": None,
    "mcp_bound_free": None,
}


def load() -> ctypes.CDLL:
    """The library: the one that `MCP_SYNC_LIBRARY` names, else the one that lies in this package."""
    path = os.environ.get(VARIABLE) or str(Path(__file__).with_name(NAME))
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"mcp_sync cannot load its library (set {VARIABLE} to use another one): {error}") from error
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = _RESULTS.get(name, c_int32)
    return library


library = load()


def text_in(text: Optional[str]) -> Sequence[Any]:
    """Text as functions take it: its bytes and their number. NULL for None."""
    if text is None:
        return (None, 0)
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        # A half of a surrogate pair.
        raise UsageError(f"the text is not Unicode: {error}") from error
    return (data, len(data))


def text_out(pointer: Optional[int], length: int) -> str:
    """Text that a callback was given."""
    return ctypes.string_at(pointer, length).decode("utf-8", "replace") if pointer else ""


def ask(name: str, *arguments: Any) -> str:
    """Calls a function that gives a text, and frees what it gives."""
    text, error = Text(), ErrorInfo()
    status = getattr(library, name)(*arguments, byref(text), byref(error))
    if status:
        raise exception(status, error)
    try:
        return ctypes.string_at(text.data, text.length).decode("utf-8")
    finally:
        library.mcp_string_free(byref(text))


def do(name: str, *arguments: Any) -> None:
    """Calls a function that gives nothing but an error."""
    error = ErrorInfo()
    status = getattr(library, name)(*arguments, byref(error))
    if status:
        raise exception(status, error)


def make(name: str, *arguments: Any) -> Handle:
    """Calls a function that gives a handle."""
    handle = Handle()
    do(name, *arguments, byref(handle))
    return handle


def set_option(name: str, *arguments: Any) -> None:
    """Calls a function that gives a status alone."""
    status = getattr(library, name)(*arguments)
    if status:
        setting = name.removeprefix("mcp_options_").removeprefix("mcp_server_add_").replace("_", " ")
        raise KINDS.get(status, LibraryError)(f"the library does not take the {setting} ({known(status)})", status)


def exception(status: int, error: ErrorInfo) -> McpError:
    """The exception for what a function said."""
    place = ctypes.addressof(error) + ErrorInfo.message.offset
    message = ctypes.string_at(place, error.message_length).decode("utf-8", "replace")
    made = KINDS.get(status, LibraryError)(
        message,
        status,
        delivery=None if error.delivery < 0 else bool(error.delivery),
        retry_after=None if error.retry_after_ms < 0 else error.retry_after_ms / 1000,
    )
    if isinstance(made, RpcError):
        made.code = error.rpc_code
    if isinstance(made, HttpError):
        made.http_status = error.http_status
    return made


def known(status: int) -> str:
    try:
        return Status(status).name.lower().replace("_", " ")
    except ValueError:
        return f"status {status}"
