"""What `_abi.py` says by hand is what the header of the library says."""

import ctypes
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import mcp_sync as mcp
from mcp_sync import _abi, _subscription

import peers

INCLUDE = pathlib.Path(__file__).parents[2] / "c-abi/include"
# Structs that are more than a number, by their names there.
STRUCTS = {"mcp_string": _abi.Text, "mcp_error": _abi.ErrorInfo, "mcp_call_settings": _abi.CallSettings}
NUMBERS = {
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
    "mcp_status": ctypes.c_int32,
    "mcp_change": ctypes.c_int32,
}


class Header:
    """The declarations in it, as types of `ctypes`."""

    def __init__(self):
        text = (INCLUDE / "mcp.h").read_text()
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
        self.constants = {name: int(number) for name, number in re.findall(r"#define (\w+) (\d+)", text)}
        self.statuses = {name: int(number) for name, number in re.findall(r"MCP_STATUS_(\w+) = (\d+)", text)}
        self.changes = [name.lower() for name in re.findall(r"MCP_CHANGE_(\w+) = \d+", text)]
        text = re.sub(r"^#[^\n]*", "", text, flags=re.MULTILINE).replace('extern "C" {', "")
        structs = re.findall(r"typedef struct (\w+) \{(.*?)\}", text, flags=re.DOTALL)
        self.fields = {name: re.findall(r"(\w+)(?:\[\w+\])?;", body) for name, body in structs}
        self.callbacks = dict(re.findall(r"typedef void \(\*(\w+)\)\((.*?)\);", text, flags=re.DOTALL))
        found = re.findall(r"([\w ]+?[ *]+)(mcp_\w+)\(([^)]*)\);", re.sub(r"\{[^}]*\}", "", text))
        self.functions = {name: (result, arguments) for result, name, arguments in found}

    def types(self, parameters, text=ctypes.c_char_p):
        parts = [" ".join(part.split()) for part in parameters.split(",")]
        # The name goes, the stars before it stay.
        return [self.type(re.sub(r"\w+$", "", part).strip(), text) for part in parts if part not in ("", "void")]

    def type(self, declared, text=ctypes.c_char_p):
        kind = re.sub(r"\b(const|struct)\b|\*", "", declared).strip()
        stars = declared.count("*")
        if kind in ("char", "uint8_t") and stars:
            # Text and bytes in; and the place for a text that the library lends.
            return text if stars == 1 else ctypes.POINTER(ctypes.c_void_p)
        if kind == "void":
            return ctypes.c_void_p if stars else None
        if kind in self.callbacks:
            base = self.callback(kind)
        elif kind in STRUCTS:
            base = STRUCTS[kind]
        elif kind in NUMBERS:
            base = NUMBERS[kind]
        else:
            assert self.fields[kind] == ["id"], f"{kind} is more than a number, and unknown here"
            base = _abi.Handle
        return ctypes.POINTER(base) if stars else base

    def callback(self, name):
        # Callbacks get their text as a pointer: as `c_char_p` it would end with its first NUL.
        return ctypes.CFUNCTYPE(None, *self.types(self.callbacks[name], text=ctypes.c_void_p))


class TheHeader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.header = Header()

    def test_every_function_takes_and_gives_what_is_declared(self):
        self.assertGreater(len(self.header.functions), 80)
        for name, arguments in _abi._FUNCTIONS.items():
            with self.subTest(function=name):
                result, parameters = self.header.functions[name]
                self.assertEqual(arguments, self.header.types(parameters))
                function = getattr(_abi.library, name)
                self.assertEqual(function.restype, self.header.type(result.strip()))
                self.assertEqual(function.argtypes, self.header.types(parameters))

    def test_every_function_for_clients_is_used_here(self):
        theirs = {name for name in self.header.functions if re.match("mcp_(client|options|cancel|question|subscription)_", name)}
        # Freeing a client closes it; requests are made with `mcp_client_request_with`.
        others = {"mcp_client_close", "mcp_client_request", "mcp_client_read_resource", "mcp_client_get_prompt"}
        left_out = {"root_certificates", "system_roots", "danger_accept_any_certificate", "max_connections", "client_info"}
        self.assertEqual(theirs - set(_abi._FUNCTIONS), others | {f"mcp_options_{name}" for name in left_out})

    def test_the_numbers_of_statuses_are_the_same(self):
        self.assertEqual({status.name: status.value for status in mcp.Status}, self.header.statuses)
        self.assertEqual(list(_subscription.KINDS), self.header.changes)
        self.assertEqual(_abi.ErrorInfo.message.size, self.header.constants["MCP_ERROR_MESSAGE"])

    def test_structs_lie_in_memory_as_the_compiler_lays_them(self):
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            if os.environ.get("MCP_INTEROP") == "required":
                raise AssertionError("there is no C compiler")
            self.skipTest("there is no C compiler")
        numbers = {name: _abi.Handle for name, fields in self.header.fields.items() if fields == ["id"]}
        self.assertGreater(len(numbers), 5)
        lines, ours = [], []
        for name, struct in {**STRUCTS, **numbers}.items():
            self.assertEqual([field[0] for field in struct._fields_], self.header.fields[name])
            places = [("size", f"sizeof({name})", ctypes.sizeof(struct))]
            for field in self.header.fields[name]:
                described = getattr(struct, field)
                places.append((field, f"offsetof({name}, {field})", described.offset))
                places.append((f"{field} in bytes", f"sizeof((({name} *)0)->{field})", described.size))
            for what, asked, number in places:
                lines.append(f'printf("{name} {what} %zu\\n", {asked});')
                ours.append(f"{name} {what} {number}")
        source = "#include <stdio.h>\n#include <mcp.h>\nint main(void) {" + "\n".join(lines) + "}\n"
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "layout"
            command = [compiler, "-I", INCLUDE, "-x", "c", "-", "-o", program]
            subprocess.run(command, input=source, text=True, check=True, timeout=peers.BOUND)
            theirs = subprocess.run([program], capture_output=True, text=True, check=True, timeout=peers.BOUND)
        self.assertEqual(ours, theirs.stdout.splitlines())


if __name__ == "__main__":
    unittest.main()
