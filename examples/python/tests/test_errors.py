"""Errors are exceptions by kind."""

import builtins
import math
import socket
import sys
import unittest

import mcp_sync as mcp
import peers


class Errors(unittest.TestCase):
    def test_nobody_who_listens_is_a_connection_error_of_python_too(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with self.assertRaises(builtins.ConnectionError) as caught:
            mcp.connect(f"http://127.0.0.1:{port}/mcp")
        self.assertIsInstance(caught.exception, mcp.McpError)
        self.assertIn("refused", str(caught.exception))

    def test_an_http_status_is_known(self):
        with peers.OwnServer(status=503, headers={"Retry-After": "7"}) as server:
            with self.assertRaises(mcp.HttpError) as caught:
                mcp.connect(server.url, transport="streamable-http", timeout=5)
        self.assertEqual(caught.exception.http_status, 503)
        self.assertAlmostEqual(caught.exception.retry_after, 7, delta=1)

    def test_a_token_is_sent_and_in_no_message(self):
        with peers.OwnServer(status=401) as server:
            with self.assertRaises(mcp.McpError) as caught:
                mcp.connect(server.url, bearer="s3cret", headers={"X-Key": "k3y"})
        self.assertNotIn("s3cret", repr(caught.exception) + str(caught.exception))
        sent = {name.lower(): value for name, value in server.seen[0][1].items()}
        self.assertEqual((sent["authorization"], sent["x-key"]), ("Bearer s3cret", "k3y"))

    def test_a_program_that_cannot_be_started_or_ends_at_once(self):
        with self.assertRaises(mcp.McpError):
            mcp.spawn(["/no/such/program"])
        with self.assertRaises(mcp.ConnectionError):
            mcp.spawn([sys.executable, "-c", "pass"], timeout=peers.BOUND)

    def test_mistakes_of_the_caller_are_value_errors(self):
        for wrong in (
            lambda: mcp.connect("no url"),
            lambda: mcp.connect("http://127.0.0.1:1/mcp", transport="pigeon"),
            lambda: mcp.connect("http://127.0.0.1:1/mcp", revision="1999-01-01"),
            lambda: mcp.connect("http://127.0.0.1:1/mcp", timeout=-1),
            lambda: mcp.connect("http://127.0.0.1:1/mcp", timeout=math.nan),
            lambda: mcp.connect("http://127.0.0.1:1/mcp", reconnect=(1, -1)),
            lambda: mcp.spawn("a program"),
            lambda: mcp.from_config("/no/such/file", "any"),
        ):
            with self.subTest(wrong=wrong), self.assertRaises(mcp.UsageError) as caught:
                wrong()
            self.assertIsInstance(caught.exception, ValueError)

    def test_arguments_that_are_no_json_are_refused_before_anything_is_sent(self):
        with peers.OwnServer() as server, mcp.connect(server.url) as client:
            before = len(server.seen)
            for wrong in ({"x": object()}, {"x": math.nan}, {"x": "\ud800"}):
                with self.assertRaises(mcp.UsageError):
                    client.call("any", wrong)
            self.assertEqual(len(server.seen), before)
            # Names that are options of `call` go into the dictionary.
            self.assertEqual(client.call("any", {"timeout": 1, "a-b": 2}, tool=3).text, '{"a-b": 2, "timeout": 1, "tool": 3}')

    def test_times_without_end_are_times(self):
        for long in (math.inf, 1e300):
            times = {"timeout": long, "connect_timeout": long, "idle_timeout": long, "endpoint_timeout": long}
            with peers.OwnServer() as server, mcp.connect(server.url, **times) as client:
                self.assertEqual(client.call("any", {"x": 1}, timeout=long).text, '{"x": 1}')

    def test_a_closed_client_says_so(self):
        with peers.OwnServer() as server:
            client = mcp.connect(server.url)
            self.assertTrue(client.is_connected)
            client.close()
            client.close()
            self.assertFalse(client.is_connected)
            self.assertIn("closed", repr(client))
            for use in (client.tools, client.ping, lambda: client.call("any")):
                with self.assertRaises(mcp.Closed):
                    use()

    def test_every_kind_is_one_of_the_package(self):
        kinds = [value for value in vars(mcp).values() if isinstance(value, type) and issubclass(value, Exception)]
        self.assertGreater(len(kinds), 15)
        self.assertTrue(all(issubclass(kind, mcp.McpError) for kind in kinds))


if __name__ == "__main__":
    unittest.main()
