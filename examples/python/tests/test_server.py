"""A server of this package."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import unittest

import mcp_sync as mcp
import peers


class Servers(unittest.TestCase):
    def setUp(self):
        server = mcp.Server("small", "1")

        @server.tool
        def add(a: int, b: int = 1) -> int:
            """Adds two numbers."""
            return a + b

        @server.tool
        def greet(name: str, call: mcp.Context) -> str:
            call.progress(1, 2, "half")
            return f"Hello, {name}."

        @server.tool
        def fail() -> str:
            raise LookupError("nothing there")

        @server.tool
        def where() -> dict:
            return {"thread": threading.get_ident()}

        @server.resource("memo://now", mime_type="text/plain")
        def now() -> str:
            return "today"

        self.running = server.start()
        self.addCleanup(self.running.stop)

    def test_functions_are_tools_over_each_transport(self):
        for url in (self.running.url, self.running.url.replace("/mcp", "/sse")):
            with self.subTest(url=url), mcp.connect(url, timeout=peers.BOUND) as client:
                tools = {tool.name: tool for tool in client.tools()}
                self.assertEqual(tools["add"].description, "Adds two numbers.")
                self.assertEqual(tools["add"].input_schema["properties"]["a"], {"type": "integer"})
                self.assertEqual(tools["add"].input_schema["required"], ["a"])
                self.assertEqual(list(tools["greet"].input_schema["properties"]), ["name"])
                self.assertEqual((client.call("add", a=1).text, client.call("add", a=1, b=5).text), ("2", "6"))
                told = []
                result = client.call("greet", name="Ann", progress=lambda *step: told.append(step))
                self.assertEqual((result.text, told), ("Hello, Ann.", [(1.0, 2.0, "half")]))
                with self.assertLogs("mcp_sync"), self.assertRaisesRegex(mcp.ToolError, "nothing there"):
                    client.call("fail")
                self.assertNotEqual(client.call("where").structured["thread"], threading.get_ident())
                self.assertEqual(client.read_resource("memo://now").text, "today")

    def test_a_server_runs_once_and_stops_twice(self):
        server = mcp.Server("once")
        with server.start() as running:
            with self.assertRaises(mcp.UsageError):
                server.start()
        running.stop()
        with self.assertRaises(mcp.ConnectionError):
            mcp.connect(running.url)

    def test_what_ends_a_server_is_raised_for_whoever_waits(self):
        from mcp_sync import _abi, _server

        # One that is run already: it runs once.
        server = mcp.Server("any")
        handle = _abi.make("mcp_server_bind", server._handle, *_abi.text_in("127.0.0.1:0"))
        first = threading.Thread(target=lambda: _abi.do("mcp_bound_run", handle))
        first.start()
        with mcp.connect(_abi.ask("mcp_bound_url", handle), timeout=peers.BOUND) as client:
            self.assertEqual(client.tools(), [])
        with self.assertLogs("mcp_sync", "ERROR") as logged:
            running = _server.Running(handle)
            with self.assertRaisesRegex(mcp.UsageError, "run already"):
                running.wait()
        self.assertIn("run already", logged.output[0])
        running.stop()
        first.join()

    def test_a_parameter_without_a_name_is_refused(self):
        with self.assertRaises(mcp.UsageError):
            mcp.Server("any").tool(lambda *numbers: 0)

    def test_ctrl_c_ends_a_server_program(self):
        program = textwrap.dedent(
            """
            import signal
            import mcp_sync as mcp
            signal.signal(signal.SIGINT, signal.default_int_handler)
            server = mcp.Server("program")
            try:
                with server.start() as running:
                    print(running.url, flush=True)
                    running.wait()
            except KeyboardInterrupt:
                print("ended")
            """
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            with mcp.connect(process.stdout.readline().strip()) as client:
                self.assertEqual(client.tools(), [])
            os.kill(process.pid, signal.SIGINT)
            self.assertEqual(process.communicate(timeout=peers.BOUND)[0], "ended\n")
            self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
