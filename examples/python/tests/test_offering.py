"""A server of this package, with clients of the official SDK."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

import mcp_sync as mcp
import offering_server
import peers

HERE = pathlib.Path(__file__).parent


def use(version, *arguments):
    """Has the SDK's client of that version use a server, and gives what it was told."""
    command = [peers.python(version), str(HERE / "sdk_client.py"), *arguments]
    ran = subprocess.run(command, env=peers.with_this_package(), capture_output=True, text=True, timeout=2 * peers.BOUND)
    if ran.returncode:
        raise AssertionError(ran.stdout + ran.stderr)
    return json.loads(ran.stdout), ran.stderr


class Offered:
    """Tests that each class below runs with what a client was told."""

    def text(self, name):
        (part,) = self.told[name]["content"]
        return part["text"], self.told[name].get("isError", False)

    def test_functions_are_tools(self):
        add = self.told["tools"]["add"]
        self.assertEqual(add["description"], "Adds two numbers.")
        first = {"type": "integer", "description": "the first one"}
        self.assertEqual(add["inputSchema"]["properties"], {"a": first, "b": {"type": "integer", "default": 1}})
        self.assertEqual(add["inputSchema"]["required"], ["a"])
        self.assertEqual(self.told["tools"]["pour"]["description"], "Pours what is ordered.")
        self.assertEqual(self.text("add"), ("3", False))
        self.assertEqual(self.told["instructions"], "Ask for tea.")

    def test_annotations_are_a_schema_and_values(self):
        properties = self.told["tools"]["pour"]["inputSchema"]["properties"]
        cup = properties["cups"]["items"]
        self.assertEqual(cup["properties"]["size"], {"enum": ["small", "large"]})
        self.assertEqual(cup["required"], ["tea"])
        self.assertEqual(properties["kind"], {"enum": ["hot", "cold"], "default": "hot"})
        self.assertEqual(properties["note"]["anyOf"], [{"type": "string"}, {"type": "null"}])
        self.assertEqual(properties["prices"]["additionalProperties"], {"type": "number"})
        poured = {"cups": [{"tea": "green", "size": "large"}], "kind": "hot", "note": None, "sum": 2.0}
        self.assertEqual(json.loads(self.text("pour")[0]), poured)

    def test_a_data_class_that_is_returned_is_an_output_schema(self):
        tool = self.told["tools"]["cup"]
        self.assertEqual((tool["title"], tool["annotations"]), ("A cup", {"readOnlyHint": True}))
        self.assertEqual(list(tool["outputSchema"]["properties"]), ["tea", "size"])
        self.assertEqual(self.told["cup"]["structuredContent"], {"tea": "black", "size": "large"})

    def test_a_wrong_argument_is_named(self):
        said, is_error = self.text("wrong")
        self.assertTrue(is_error)
        self.assertIn("cups: [0]: tea: 1 is no string", said)

    def test_progress_and_logs_are_told(self):
        self.assertEqual(self.told["progress"], [[1.0, 2.0, "step 1"], [2.0, 2.0, "step 2"]])
        self.assertEqual(self.told["logs"], ["log 1", "log 2"])
        self.assertEqual(self.text("steps"), (f"steps in {self.revision}", False))

    def test_what_a_function_raises_is_told_without_its_traceback(self):
        self.assertEqual(self.text("fail"), ("there is no tea", True))
        self.assertEqual(self.text("broken"), ("'leaf'", True))
        said, is_error = self.text("no_json")
        self.assertTrue(is_error)
        self.assertIn("object is no JSON", said)
        self.assertNotIn("Traceback", json.dumps(self.told))

    def test_a_whole_result_is_given_as_it_is(self):
        self.assertEqual(self.told["whole"]["content"][0]["type"], "image")

    def test_functions_ask_and_run_again(self):
        self.assertEqual(self.text("order"), ("2 of green", False))
        self.assertEqual(self.text("poem"), ("small: on A poem on tea", False))
        self.assertEqual(json.loads(self.text("roots")[0]), ["file:///srv/tea"])

    def test_a_call_is_answered_later_or_fails_when_that_is_forgotten(self):
        self.assertEqual(json.loads(self.text("later")[0]), {"later": True})
        self.assertIn("no answer", self.told["lost"])

    def test_resources_are_text_or_bytes_or_missing(self):
        self.assertEqual(self.told["resources"], ["memo://tea", "memo://leaf", "memo://gone"])
        (tea,), (leaf,) = self.told["tea"]["contents"], self.told["leaf"]["contents"]
        self.assertEqual((tea["text"], tea["mimeType"]), ("green", "text/plain"))
        self.assertEqual(leaf["blob"], "AP8=")
        self.assertIsInstance(self.told["gone"], str)

    def test_templates_give_their_variables_to_a_function(self):
        (template,) = self.told["templates"]
        self.assertEqual(template["uriTemplate"], "shop://{city}/shelf/{number}")
        self.assertEqual((template["description"], template["mimeType"]), ("What is on a shelf.", "text/plain"))
        (shelf,) = self.told["shelf"]["contents"]
        self.assertEqual((shelf["text"], shelf["uri"]), ("shelf 5 in Bern", "shop://Bern/shelf/4"))
        self.assertIsInstance(self.told["no shelf"], str)

    def test_values_are_proposed_from_a_list_or_by_a_function(self):
        self.assertEqual((self.told["cities"], self.told["whom"]), (["Bern", "Berlin"], ["Ada", "Adb"]))

    def test_prompts_are_text_or_messages(self):
        praise, talk = self.told["prompts"]
        self.assertEqual((praise["title"], praise["description"], talk["name"]), ("Praise", "Praises somebody.", "talk"))
        who, times = praise["arguments"]
        self.assertEqual((who["name"], who["description"], who["required"]), ("who", "whom", True))
        self.assertEqual((times["name"], times.get("required", False)), ("times", False))
        (message,) = self.told["praise"]["messages"]
        self.assertEqual(message["content"]["text"], "Praise Ada. Praise Ada.")
        self.assertEqual([message["role"] for message in self.told["talk"]["messages"]], ["user", "assistant"])


class OverHttp(Offered):
    @classmethod
    def setUpClass(cls):
        # Also what the traceback of a function is shown to.
        with unittest.TestCase().assertLogs("mcp_sync", "ERROR") as cls.logs:
            with offering_server.build(bearer="t0ken").start() as running:
                cls.told, _ = use(cls.version, running.url, "t0ken")

    def test_tracebacks_go_to_the_log_of_this_program(self):
        failed = [record.exc_info[0] for record in self.logs.records]
        self.assertEqual(failed, [KeyError, TypeError])


class OverHttp1(OverHttp, unittest.TestCase):
    version, revision = "mcp-1", "2025-11-25"


class OverHttp2(OverHttp, unittest.TestCase):
    version, revision = "mcp-2", "2026-07-28"


class OverStdio(Offered, unittest.TestCase):
    version, revision = "mcp-2", "2026-07-28"

    @classmethod
    def setUpClass(cls):
        cls.told, cls.printed = use(cls.version, "--stdio", sys.executable, str(HERE / "offering_server.py"))

    def test_what_functions_print_goes_to_standard_error(self):
        self.assertIn("this is not for the client", self.printed)


class Access(unittest.TestCase):
    def test_a_client_without_the_token_is_turned_away(self):
        with offering_server.build(bearer=["t0ken", "other"]).start() as running:
            for wrong in (None, "wrong"):
                with self.assertRaises(mcp.HttpError) as caught:
                    mcp.connect(running.url, bearer=wrong)
                self.assertEqual(caught.exception.http_status, 401)
            with mcp.connect(running.url, bearer="other") as client:
                self.assertEqual(client.instructions, "Ask for tea.")
                self.assertEqual(client.capabilities["tools"]["listChanged"], client.capabilities["prompts"]["listChanged"])

    def test_other_machines_want_a_token(self):
        with self.assertRaisesRegex(mcp.UsageError, "wants a token"):
            mcp.Server("open").start("0.0.0.0:0")
        for server in (mcp.Server("open", allow_anyone=True), mcp.Server("closed", bearer="t0ken")):
            server.start("0.0.0.0:0").stop()

    def test_a_request_that_is_too_large_is_refused(self):
        with offering_server.build(max_body_bytes=10_000).start() as running, mcp.connect(running.url) as client:
            with self.assertRaises(mcp.HttpError) as caught:
                client.call("add", a=1, c="x" * 20_000)
        self.assertEqual(caught.exception.http_status, 413)

    def test_changes_are_told_by_the_server_and_by_its_functions(self):
        with offering_server.build().start() as running, mcp.connect(running.url, timeout=peers.BOUND) as client:
            everything = {"tools": True, "prompts": True, "resources": True, "uris": ["memo://tea"]}
            with client.listen(**everything) as changes:
                for announce in (running.tools_changed, running.prompts_changed, running.resources_changed):
                    announce()
                running.resource_updated("memo://tea")
                told = {changes.next(peers.BOUND) for _ in range(4)}
                resource = mcp.Change("resource", "memo://tea")
                self.assertEqual(told, {mcp.Change("tools"), mcp.Change("prompts"), mcp.Change("resources"), resource})
                client.call("announce")
                self.assertEqual({changes.next(peers.BOUND) for _ in range(2)}, {mcp.Change("tools"), resource})

    def test_a_token_may_be_given_by_a_function_and_is_asked_for_again_when_it_is_refused(self):
        tokens = iter(["old", "t0ken"])
        with offering_server.build(bearer="t0ken").start() as running:
            with mcp.connect(running.url, bearer=lambda: next(tokens, "t0ken")) as client:
                self.assertEqual(client.call("add", a=1).text, "2")

            def refuse():
                raise mcp.Refused("nobody is logged in")

            with self.assertRaisesRegex(mcp.CredentialsError, "nobody is logged in"):
                mcp.connect(running.url, bearer=refuse)

    def test_a_program_over_stdio_is_spawned(self):
        program = [sys.executable, str(HERE / "offering_server.py")]
        variables = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "MCP_SYNC_LIBRARY")
        env = {name: os.environ[name] for name in variables if name in os.environ}
        with mcp.spawn(program, env=env, timeout=peers.BOUND) as client:
            self.assertEqual(client.call("add", a=1).text, "2")
            self.assertIn("lines", client.connection)


# They are no tests of their own.
del Offered, OverHttp

if __name__ == "__main__":
    unittest.main()
