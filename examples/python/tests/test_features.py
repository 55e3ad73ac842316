"""What servers offer, over each transport, with the servers of the official SDK."""

import contextlib
import json
import pathlib
import tempfile
import threading
import unittest

import mcp_sync as mcp
import peers


class OverAnyTransport:
    """Tests that each class below runs with a server of its own."""

    version = "mcp-2"

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.logs = []
        cls.logged = threading.Event()
        cls.client = cls.stack.enter_context(cls.connect(on_log=cls.on_log, timeout=peers.BOUND))

    @classmethod
    def on_log(cls, level, text):
        cls.logs.append((level, text))
        if text.endswith("2"):
            cls.logged.set()

    def test_tools_are_listed_with_their_schemas(self):
        tools = {tool.name: tool for tool in self.client.tools()}
        self.assertEqual(tools["add"].description, "Adds two numbers.")
        self.assertEqual(sorted(tools["add"].input_schema["properties"]), ["a", "b"])
        self.assertEqual(tools["add"].raw["name"], "add")

    def test_a_tool_is_called_by_name_with_named_arguments(self):
        result = self.client.call("add", a=40, b=2)
        self.assertEqual((result.text, result.structured, result.is_error), ("42", {"result": 42}, False))
        self.assertEqual(str(result), "42")

    def test_arguments_may_be_a_dictionary(self):
        self.assertEqual(self.client.call("echo", {"text": "grüß \0 😀"}).text, "grüß \0 😀")

    def test_a_large_answer_is_whole(self):
        self.assertEqual(len(self.client.call("big", bytes=1_000_000).text), 1_000_000)

    def test_a_tool_that_fails_raises_unless_the_caller_looks_itself(self):
        with self.assertRaises(mcp.ToolError) as caught:
            self.client.call("fail")
        self.assertIn("always fails", str(caught.exception))
        self.assertTrue(caught.exception.result.is_error)
        self.assertTrue(self.client.call("fail", check=False).is_error)

    def test_progress_is_told_on_the_thread_that_calls(self):
        told = []
        self.client.call("progress", steps=3, progress=lambda *step: told.append((*step, threading.current_thread())))
        here = threading.current_thread()
        self.assertEqual(told, [(float(n), 3.0, f"step {n}", here) for n in (1, 2, 3)])

    def test_a_progress_callback_may_call_as_well(self):
        answers = []

        def add(step, *_):
            answers.append(self.client.call("add", a=int(step), b=1).text)

        self.client.call("progress", steps=2, progress=add)
        other = threading.Thread(target=lambda: self.client.call("progress", steps=2, progress=add))
        other.start()
        other.join()
        self.assertEqual(answers, ["2", "3", "2", "3"])

    def test_what_a_progress_callback_raises_ends_the_call(self):
        def refuse(*_):
            raise LookupError("enough")

        with self.assertRaisesRegex(LookupError, "enough"):
            self.client.call("progress", steps=2, ms=peers.BOUND * 1000, progress=refuse)

        raised = []

        def elsewhere():
            try:
                self.client.call("progress", steps=2, ms=peers.BOUND * 1000, progress=refuse)
            except BaseException as error:
                raised.append(type(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        self.assertEqual(raised, [LookupError])

    def test_a_deadline_is_a_timeout_of_python_too(self):
        with self.assertRaises(TimeoutError) as caught:
            self.client.call("slow", ms=peers.BOUND * 1000, timeout=0.2)
        self.assertIsInstance(caught.exception, mcp.TimeoutError)
        self.assertEqual(caught.exception.status, mcp.Status.TIMEOUT)
        self.assertTrue(caught.exception.delivery)

    def test_a_call_is_cancelled_from_another_thread(self):
        cancel = mcp.Cancel()
        # Told on the thread that calls; the other one is there once the call is on its way.
        started = threading.Event()
        other = threading.Thread(target=lambda: started.wait(peers.BOUND) and cancel.trigger())
        other.start()
        with self.assertRaises(mcp.Cancelled):
            self.client.call(
                "progress", steps=2, ms=peers.BOUND * 1000, progress=lambda *_: started.set(), cancel=cancel
            )
        other.join()
        with self.assertRaises(mcp.Cancelled):
            self.client.call("add", a=1, b=2, cancel=cancel)
        self.assertEqual(self.client.call("add", a=1, b=2, cancel=mcp.Cancel()).text, "3")

    def test_an_error_of_json_rpc_has_its_code(self):
        with self.assertRaises(mcp.RpcError) as caught:
            self.client.request("no/such/method")
        self.assertLess(caught.exception.code, 0)

    def test_any_request_may_be_made(self):
        tools = self.client.request("tools/list", {})["tools"]
        self.assertIn("add", [tool["name"] for tool in tools])

    def test_metrics_are_openmetrics_text(self):
        self.client.call("add", a=1, b=2)
        self.assertTrue(self.client.metrics().rstrip().endswith("# EOF"))

    def test_logs_of_the_server_are_told(self):
        # Servers of 2026-07-28 send none before; those of the handshake have no levels here, and send all.
        if "stateless" in self.client.connection:
            self.client.set_log_level("info")
        self.client.call("logs", count=2)
        self.assertTrue(self.logged.wait(peers.BOUND))
        self.assertEqual(self.logs[:2], [("info", "log 1"), ("info", "log 2")])


class WithResourcesAndPrompts(OverAnyTransport):
    def test_resources_are_listed_and_read(self):
        self.assertIn("memo://greeting", [resource.uri for resource in self.client.resources()])
        contents = self.client.read_resource("memo://greeting")
        self.assertEqual((contents.text, contents.data), ("Good morning.", b"Good morning."))
        self.assertEqual(self.client.resource_templates(), [])

    def test_prompts_are_listed_and_given(self):
        (prompt,) = self.client.prompts()
        self.assertEqual((prompt.name, prompt.arguments), ("greet", ("name",)))
        self.assertEqual(self.client.get_prompt("greet", name="Ann").text, "Greet Ann.")

    def test_the_server_says_who_it_is(self):
        self.assertEqual(self.client.server_info["name"], "python")


class OverSse1(OverAnyTransport, unittest.TestCase):
    version = "mcp-1"

    @classmethod
    def connect(cls, **options):
        url = cls.stack.enter_context(peers.server(cls.version, "sse_server.py", "/sse"))
        return mcp.connect(url, **options)

    def test_the_transport_is_the_one_of_old(self):
        self.assertIn("HTTP+SSE", self.client.connection)
        self.client.ping()


class OverSse2(OverSse1):
    version = "mcp-2"


class OverStreamableHttp1(WithResourcesAndPrompts, unittest.TestCase):
    version = "mcp-1"

    @classmethod
    def connect(cls, **options):
        url = cls.stack.enter_context(peers.server(cls.version, "http_server.py", "/mcp"))
        return mcp.connect(url, **options)


class OverStreamableHttp2(OverStreamableHttp1):
    version = "mcp-2"

    def test_the_newest_revision_is_spoken(self):
        self.assertIn("2026-07-28", self.client.connection)


class OverStdio(WithResourcesAndPrompts, unittest.TestCase):
    version = "mcp-1"

    @classmethod
    def connect(cls, **options):
        return mcp.spawn(peers.stdio_server(cls.version), env={"PYTHONDONTWRITEBYTECODE": "1"}, **options)


class FromConfig(unittest.TestCase):
    def test_a_configuration_file_names_the_server(self):
        program, *arguments = peers.stdio_server("mcp-2")
        entry = {"command": program, "args": arguments, "env": {"PYTHONDONTWRITEBYTECODE": "1"}}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "mcp.json"
            path.write_text(json.dumps({"mcpServers": {"python": entry}}))
            with mcp.from_config(path, "python") as client:
                self.assertEqual(client.call("add", a=1, b=2).text, "3")
            with self.assertRaisesRegex(mcp.ConfigError, "there is no server `other` in the file but python"):
                mcp.from_config(path, "other")


# They are no tests of their own.
del OverAnyTransport, WithResourcesAndPrompts

if __name__ == "__main__":
    unittest.main()
