"""The C library, as include/mcp.h describes it, and nothing above it.

`ctypes.CDLL` gives the interpreter lock back while a function of the library runs, so that other threads of Python go on.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from ctypes import POINTER, byref, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, List, Optional, Sequence

from ._errors import KINDS, HttpError, LibraryError, McpError, RpcError, Status, UsageError
from ._process import loaded_again

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
QUESTION = ctypes.CFUNCTYPE(None, c_void_p, Handle)
COMPLETE = ctypes.CFUNCTYPE(None, c_void_p, Handle)
CREDENTIALS = ctypes.CFUNCTYPE(None, c_void_p, Handle)


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
_LENT: List[Any] = [POINTER(c_void_p), POINTER(c_size_t)]
_CALLBACK: List[Any] = [c_void_p, RELEASE]

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
    "mcp_options_client_certificate": [Handle, *_TEXT_IN, *_TEXT_IN],
    "mcp_options_pin_certificate": [Handle, *_TEXT_IN],
    "mcp_options_proxy": [Handle, *_TEXT_IN],
    "mcp_options_no_proxy": [Handle],
    "mcp_options_compression": [Handle, c_int32],
    "mcp_options_max_message_bytes": [Handle, c_size_t],
    "mcp_options_message_url": [Handle, *_TEXT_IN],
    "mcp_options_trace_file": [Handle, *_TEXT_IN],
    "mcp_options_on_credentials": [Handle, CREDENTIALS, *_CALLBACK],
    "mcp_options_problem": [Handle, _ERROR],
    "mcp_credentials_bearer": [Handle, *_TEXT_IN],
    "mcp_credentials_fail": [Handle, *_TEXT_IN],
    "mcp_options_pass_env": [Handle, *_TEXT_IN],
    "mcp_options_grace": [Handle, c_uint64],
    "mcp_options_reconnect": [Handle, c_uint64, c_uint32],
    "mcp_options_on_log": [Handle, LOG, *_CALLBACK],
    "mcp_options_on_notification": [Handle, NOTIFICATION, *_CALLBACK],
    "mcp_options_on_state": [Handle, STATE, *_CALLBACK],
    "mcp_options_on_elicitation": [Handle, QUESTION, *_CALLBACK],
    "mcp_options_on_url_elicitation": [Handle, QUESTION, *_CALLBACK],
    "mcp_options_on_sampling": [Handle, QUESTION, *_CALLBACK],
    "mcp_options_sampling_can": [Handle, c_int32, c_int32],
    "mcp_options_on_roots": [Handle, QUESTION, *_CALLBACK],
    "mcp_options_add_root": [Handle, *_TEXT_IN, *_TEXT_IN],
    "mcp_question_method": [Handle, *_LENT],
    "mcp_question_server": [Handle, *_LENT],
    "mcp_question_params": [Handle, *_LENT],
    "mcp_question_reply": [Handle, *_TEXT_IN, _ERROR],
    "mcp_question_accept": [Handle, *_TEXT_IN, _ERROR],
    "mcp_question_decline": [Handle],
    "mcp_question_cancel": [Handle],
    "mcp_question_fail": [Handle, *_TEXT_IN],
    "mcp_client_connect": [Handle, POINTER(Handle), _ERROR],
    "mcp_client_free": [Handle],
    "mcp_client_is_connected": [Handle],
    "mcp_client_connection": [Handle, *_OUT],
    "mcp_client_server_info": [Handle, *_OUT],
    "mcp_client_metrics": [Handle, *_OUT],
    "mcp_client_instructions": [Handle, *_OUT],
    "mcp_client_capabilities": [Handle, *_OUT],
    "mcp_client_revision": [Handle, *_OUT],
    "mcp_client_set_log_level": [Handle, c_int32, _ERROR],
    "mcp_client_set_roots": [Handle, *_TEXT_IN, _ERROR],
    "mcp_client_tell_roots_changed": [Handle, _ERROR],
    "mcp_client_listen": [Handle, *_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_subscription_acknowledged": [Handle, *_OUT],
    "mcp_subscription_next": [Handle, c_int64, POINTER(c_int32), *_OUT],
    "mcp_subscription_free": [Handle],
    "mcp_client_tools": [Handle, *_OUT],
    "mcp_client_call": [Handle, *_TEXT_IN, *_TEXT_IN, POINTER(CallSettings), *_OUT],
    "mcp_client_resources": [Handle, *_OUT],
    "mcp_client_resource_templates": [Handle, *_OUT],
    "mcp_client_prompts": [Handle, *_OUT],
    "mcp_client_complete": [Handle, *_TEXT_IN, *_TEXT_IN, *_TEXT_IN, *_OUT],
    "mcp_client_request_with": [Handle, *_TEXT_IN, *_TEXT_IN, POINTER(CallSettings), *_OUT],
    "mcp_client_notify": [Handle, *_TEXT_IN, *_TEXT_IN, _ERROR],
    "mcp_client_ping": [Handle, _ERROR],
    "mcp_cancel_new": [POINTER(Handle), _ERROR],
    "mcp_cancel_trigger": [Handle],
    "mcp_cancel_free": [Handle],
    "mcp_call_name": [Handle, *_LENT],
    "mcp_call_arguments": [Handle, *_LENT],
    "mcp_call_is_cancelled": [Handle],
    "mcp_call_progress": [Handle, c_double, c_double, *_TEXT_IN],
    "mcp_call_log": [Handle, c_int32, *_TEXT_IN],
    "mcp_call_revision": [Handle, *_LENT],
    "mcp_call_tools_changed": [Handle],
    "mcp_call_prompts_changed": [Handle],
    "mcp_call_resources_changed": [Handle],
    "mcp_call_resource_updated": [Handle, *_TEXT_IN],
    "mcp_call_elicit": [Handle, *_TEXT_IN, *_TEXT_IN, *_OUT],
    "mcp_call_sample": [Handle, *_TEXT_IN, *_TEXT_IN, *_OUT],
    "mcp_call_roots": [Handle, *_TEXT_IN, *_OUT],
    "mcp_call_reply_text": [Handle, *_TEXT_IN],
    "mcp_call_reply_json": [Handle, *_TEXT_IN],
    "mcp_call_reply_result": [Handle, *_TEXT_IN],
    "mcp_call_reply_bytes": [Handle, c_char_p, c_size_t],
    "mcp_call_reply_missing": [Handle],
    "mcp_call_fail": [Handle, *_TEXT_IN],
    "mcp_call_fail_arguments": [Handle, *_TEXT_IN],
    "mcp_call_fail_rpc": [Handle, c_int64, *_TEXT_IN],
    "mcp_call_defer": [Handle, POINTER(Handle), _ERROR],
    "mcp_deferred_is_cancelled": [Handle],
    "mcp_deferred_progress": [Handle, c_double, c_double, *_TEXT_IN],
    "mcp_deferred_log": [Handle, c_int32, *_TEXT_IN],
    "mcp_deferred_reply_text": [Handle, *_TEXT_IN],
    "mcp_deferred_reply_json": [Handle, *_TEXT_IN],
    "mcp_deferred_reply_result": [Handle, *_TEXT_IN],
    "mcp_deferred_fail": [Handle, *_TEXT_IN],
    "mcp_deferred_free": [Handle],
    "mcp_server_new": [*_TEXT_IN, *_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_server_free": [Handle],
    "mcp_server_problem": [Handle, _ERROR],
    "mcp_server_add_tool_json": [Handle, *_TEXT_IN, c_int32, HANDLER, *_CALLBACK, _ERROR],
    "mcp_server_add_resource_json": [Handle, *_TEXT_IN, c_int32, HANDLER, *_CALLBACK, _ERROR],
    "mcp_server_add_resource_template_json": [Handle, *_TEXT_IN, c_int32, HANDLER, COMPLETE, *_CALLBACK, _ERROR],
    "mcp_server_add_prompt_json": [Handle, *_TEXT_IN, c_int32, HANDLER, COMPLETE, *_CALLBACK, _ERROR],
    "mcp_completion_argument": [Handle, *_LENT],
    "mcp_completion_typed": [Handle, *_LENT],
    "mcp_completion_propose": [Handle, *_TEXT_IN],
    "mcp_server_instructions": [Handle, *_TEXT_IN],
    "mcp_server_bearer": [Handle, *_TEXT_IN],
    "mcp_server_without_token": [Handle],
    "mcp_server_allow_host": [Handle, *_TEXT_IN],
    "mcp_server_allow_origin": [Handle, *_TEXT_IN],
    "mcp_server_limits": [Handle, c_size_t, c_size_t, c_size_t],
    "mcp_server_serve_stdio": [Handle, _ERROR],
    "mcp_server_bind": [Handle, *_TEXT_IN, POINTER(Handle), _ERROR],
    "mcp_bound_url": [Handle, *_OUT],
    "mcp_bound_run": [Handle, _ERROR],
    "mcp_bound_stop": [Handle],
    "mcp_bound_tools_changed": [Handle],
    "mcp_bound_prompts_changed": [Handle],
    "mcp_bound_resources_changed": [Handle],
    "mcp_bound_resource_updated": [Handle, *_TEXT_IN],
    "mcp_bound_free": [Handle],
}
_RESULTS = {
    "mcp_version": c_char_p,
    "mcp_string_free": None,
    "mcp_options_free": None,
    "mcp_client_free": None,
    "mcp_cancel_free": None,
    "mcp_deferred_free": None,
    "mcp_subscription_free": None,
    "mcp_server_free": None,
    "mcp_bound_free": None,
}


def load(path: str) -> ctypes.CDLL:
    """The library at a place, with its functions declared."""
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"mcp_sync cannot load its library (set {VARIABLE} to use another one): {error}") from error
    for name, arguments in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = _RESULTS.get(name, c_int32)
    return library


# The one that `MCP_SYNC_LIBRARY` names, else the one that lies in this package.
_path = os.path.abspath(os.environ.get(VARIABLE) or Path(__file__).with_name(NAME))
library: Any = load(_path)


class _Anew:
    """The library in a child made by `fork`: loaded when it is first used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        global library
        with self._lock:
            if library is self:
                library = loaded_again(_path, load)
        return getattr(library, name)


def _after_fork() -> None:
    global library
    library = _Anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


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


def lent(name: str, *arguments: Any) -> str:
    """Calls a function that shows a text of the library's own."""
    data, length = c_void_p(), c_size_t()
    status = getattr(library, name)(*arguments, byref(data), byref(length))
    if status:
        raise KINDS.get(status, LibraryError)(f"the library shows nothing ({known(status)})", status)
    return text_out(data.value, length.value)


def ask(name: str, *arguments: Any) -> str:
    """Calls a function that gives a text, and frees what it gives."""
    text, error = Text(), ErrorInfo()
    status = getattr(library, name)(*arguments, byref(text), byref(error))
    if status:
        raise exception(status, error)
    return taken(text)


def taken(text: Text) -> str:
    """What the library gave, which is freed; "" for nothing."""
    try:
        return ctypes.string_at(text.data, text.length).decode("utf-8") if text.data else ""
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
    if not status:
        return
    kind, setting = name.split("_", 2)[1:]
    error = ErrorInfo()
    if kind in ("options", "server") and getattr(library, f"mcp_{kind}_problem")(arguments[0], byref(error)) == status:
        raise exception(status, error)
    setting = setting.replace("_", " ")
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
