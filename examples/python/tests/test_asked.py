"""What servers ask, with servers of the official SDK that do."""

import concurrent.futures
import pathlib
import sys
import threading
import time
import unittest
import unittest.mock

import mcp_sync as mcp
import peers
from mcp_sync import _subscription

SERVER = str(pathlib.Path(__file__).with_name("asking_server.py"))


class Asked:
    """Tests that each class below runs with a server of its own."""

    @classmethod
    def setUpClass(cls):
        cls.url = cls.enterClassContext(peers.server(cls.version, SERVER, "/mcp"))

    def client(self, **functions):
        client = mcp.connect(self.url, timeout=peers.BOUND, **functions)
        self.addCleanup(client.close)
        return client

    def test_a_form_is_filled_in(self):
        asked = []

        def answer(question):
            asked.append(question)
            return {"tea": "green", "cups": 3}

        self.assertEqual(self.client(on_elicitation=answer).call("order").text, "3 of green")
        (question,) = asked
        self.assertEqual((question.message, question.url), ("Which tea?", None))
        self.assertEqual(sorted(question.requested_schema["properties"]), ["cups", "tea"])
        self.assertEqual(question.server["name"], "asking")

    def test_a_form_is_declined_or_looked_away_from(self):
        answers = iter([False, None])
        client = self.client(on_elicitation=lambda _: next(answers))
        self.assertEqual([client.call("order").text for _ in range(2)], ["decline", "cancel"])

    def test_several_calls_are_asked_on_several_threads(self):
        client = self.client(on_elicitation=lambda _: {"tea": "black", "cups": threading.get_ident() % 9 + 1})
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: client.call("order").text, range(8)))
        self.assertTrue(all(answer.endswith("of black") for answer in answers), answers)

    def test_a_function_that_answers_may_use_the_client(self):
        clients = []

        def answer(_):
            return {"tea": "green", "cups": len(clients[0].tools())}

        clients.append(self.client(on_elicitation=answer))
        self.assertEqual(clients[0].call("order").text, f"{len(clients[0].tools())} of green")

    def test_a_function_that_fails_dismisses_the_form_and_is_shown_here_alone(self):
        def broken(_):
            raise LookupError("s3cret")

        shown = self.shown()
        said = self.client(on_elicitation=broken).call("order", check=False).text
        self.assertEqual(said, "cancel")
        self.assertEqual([type(error) for error in shown], [LookupError])

    def test_an_answer_that_does_not_fit_the_form_is_not_sent(self):
        shown = self.shown()
        said = self.client(on_elicitation=lambda _: {"tea": "coffee"}).call("order", check=False).text
        self.assertEqual(said, "cancel")
        self.assertEqual([type(error) for error in shown], [mcp.UsageError])
        self.assertIn("tea", str(shown[0]))

    def test_a_model_answers_with_text_or_with_a_whole_result(self):
        asked = []

        def text(question):
            asked.append(question)
            return "tea is good"

        self.assertEqual(self.client(on_sampling=text).call("poem").text, "unknown: tea is good")
        (question,) = asked
        self.assertEqual((question.text, question.max_tokens, question.system_prompt), ("A poem on tea", 20, "Be short"))
        whole = {"role": "assistant", "content": {"type": "text", "text": "tea"}, "model": "small"}
        self.assertEqual(self.client(on_sampling=lambda _: whole).call("poem").text, "small: tea")

    def test_a_model_may_refuse_and_the_server_is_told_why(self):
        def refuse(_):
            raise mcp.Refused("no model today")

        with self.assertRaises(mcp.McpError) as caught:
            self.client(on_sampling=refuse).call("poem")
        self.assertIn("no model today", str(caught.exception))

    def test_roots_are_told_and_changed(self):
        client = self.client(roots=["file:///srv/tea", pathlib.Path("/srv/cups")])
        self.assertEqual(client.call("roots").structured, {"result": ["file:///srv/tea", "file:///srv/cups"]})
        client.set_roots([{"uri": "file:///srv/pot", "name": "pot"}])
        self.assertEqual(client.call("roots").structured, {"result": ["file:///srv/pot"]})
        self.assertEqual(self.client(roots=lambda: ["file:///now"]).call("roots").structured, {"result": ["file:///now"]})

    def test_a_question_that_nobody_answers_fails_the_call(self):
        with self.assertRaises(mcp.McpError):
            self.client().call("order")

    def shown(self):
        """What `sys.unraisablehook` is given from now on."""
        shown, before = [], sys.unraisablehook
        sys.unraisablehook = lambda raised: shown.append(raised.exc_value)
        self.addCleanup(setattr, sys, "unraisablehook", before)
        return shown


class ByTheFirstSdk(Asked, unittest.TestCase):
    version = "mcp-1"

    def test_a_page_is_agreed_to(self):
        asked = []

        def agree(question):
            asked.append((question.message, question.url))
            return len(asked) == 1

        client = self.client(on_url_elicitation=agree)
        self.assertEqual([client.call("visit").text for _ in range(2)], ["accept", "decline"])
        self.assertEqual(asked[0], ("Please pay", "https://tea.example/pay"))


class ByTheSecondSdk(Asked, unittest.TestCase):
    version = "mcp-2"

    def test_changes_are_an_iterator(self):
        client = self.client()
        with client.listen(tools=True) as changes:
            self.assertEqual(changes.acknowledged, {"toolsListChanged": True})
            self.assertIsNone(changes.next(timeout=0))
            client.call("change")
            self.assertEqual(next(changes), mcp.Change("tools"))
            self.assertFalse(changes.is_over)
        self.assertTrue(changes.is_over)
        self.assertEqual(list(changes), [])

    def test_changes_are_waited_for_on_a_thread_until_they_are_over(self):
        client = self.client()
        changes, first, seen = client.listen(tools=True), threading.Event(), []

        def listen():
            for change in changes:
                seen.append(change.kind)
                first.set()
            seen.append("over")

        thread = threading.Thread(target=listen)
        thread.start()
        client.call("change")
        self.assertTrue(first.wait(peers.BOUND))
        changes.close()
        thread.join(peers.BOUND)
        self.assertEqual(seen, ["tools", "over"])

    def test_two_threads_wait_each_for_its_own_time(self):
        client, seen = self.client(), []
        # The first asks the library to wait for as long as this test may take.
        with client.listen(tools=True) as changes, unittest.mock.patch.object(_subscription, "ROUND", peers.BOUND):
            thread = threading.Thread(target=lambda: seen.append(changes.next(peers.BOUND)))
            thread.start()
            deadline = time.monotonic() + peers.BOUND
            while not changes._turn.locked():
                self.assertLess(time.monotonic(), deadline, "nobody waits")
            self.assertIsNone(changes.next(timeout=0.2))
            self.assertEqual(changes.acknowledged, {"toolsListChanged": True})
            self.assertEqual(seen, [])
            client.call("change")
            thread.join(peers.BOUND)
            self.assertEqual(seen, [mcp.Change("tools")])

    def test_a_resource_that_changes_is_told_with_its_uri(self):
        client = self.client()
        with client.listen(uris=["memo://tea"]) as changes:
            client.call("change")
            self.assertEqual(changes.next(peers.BOUND), mcp.Change("resource", "memo://tea"))


# They are no tests of their own.
del Asked

if __name__ == "__main__":
    unittest.main()
