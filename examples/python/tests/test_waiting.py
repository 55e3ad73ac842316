"""Threads, signals, event loops."""

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import socket
import threading
import time
import unittest

import mcp_sync as mcp
import peers


def in_thread(work):
    """Does something on a thread of its own, and gives its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(peers.BOUND)
    return results[0]


def three(server, message):
    """The answer of a server that adds one and two."""
    if message["method"] == "tools/call":
        return {"result": {"content": [{"type": "text", "text": "3"}]}}
    return peers.OwnServer.answer(server, message)


class WhileACallWaits(unittest.TestCase):
    def setUp(self):
        # A program that was started in the background may ignore it.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def test_other_threads_run(self):
        # A server that is a thread of this process answers only when the caller holds no lock of the interpreter.
        with peers.OwnServer() as server, mcp.connect(server.url, timeout=peers.BOUND) as client:
            self.assertEqual(client.call("any", x=1).text, '{"x": 1}')
            self.assertEqual(in_thread(lambda: client.call("any", x=2).text), '{"x": 2}')

    def test_another_thread_computes_until_the_answer_comes(self):
        # The answer is held back until this thread has counted, which it does between two steps of the interpreter.
        arrived, counted = threading.Event(), threading.Event()

        def held_back(message):
            answer = peers.OwnServer.answer(server, message)
            if message["method"] == "tools/call":
                arrived.set()
                assert counted.wait(peers.BOUND)
            return answer

        with peers.OwnServer() as server, mcp.connect(server.url, timeout=peers.BOUND) as client:
            server.answer = held_back
            answers = []
            caller = threading.Thread(target=lambda: answers.append(client.call("any", x=1).text))
            caller.start()
            self.assertTrue(arrived.wait(peers.BOUND))
            self.assertEqual(sum(range(100_000)), 4_999_950_000)
            self.assertEqual(answers, [])
            counted.set()
            caller.join()
            self.assertEqual(answers, ['{"x": 1}'])

    def test_as_many_calls_as_there_are_threads_wait_at_once(self):
        # No answer comes before all have asked.
        together = threading.Barrier(16)

        def meet(message):
            if message["method"] == "tools/call":
                together.wait(peers.BOUND)
            return peers.OwnServer.answer(server, message)

        with peers.OwnServer() as server, mcp.connect(server.url, timeout=peers.BOUND) as client:
            server.answer = meet
            with concurrent.futures.ThreadPoolExecutor(together.parties) as pool:
                answers = list(pool.map(lambda number: client.call("any", x=number).text, range(together.parties)))
        self.assertEqual(answers, [f'{{"x": {number}}}' for number in range(together.parties)])

    def test_ctrl_c_ends_it_at_once_and_the_server_is_told(self):
        with mcp.connect(peers.shared_server("mcp-2", "http_server.py", "/mcp")) as client:
            started, before = threading.Event(), client.call("cancelled").text

            def interrupt():
                started.wait(peers.BOUND)
                os.kill(os.getpid(), signal.SIGINT)

            other = threading.Thread(target=interrupt)
            other.start()
            begin = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                client.call("progress", steps=2, ms=60_000, progress=lambda *_: started.set(), timeout=20)
            self.assertLess(time.monotonic() - begin, 10)
            other.join()
            deadline = time.monotonic() + peers.BOUND
            while client.call("cancelled").text == before:
                self.assertLess(time.monotonic(), deadline, "the server was not told")
            self.assertEqual(client.call("add", a=1, b=2).text, "3")

    def test_ctrl_c_ends_connecting_as_well(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"

            def interrupt():
                accepted, _ = silent.accept()
                accepted.recv(1)
                os.kill(os.getpid(), signal.SIGINT)
                return accepted

            kept = []
            other = threading.Thread(target=lambda: kept.append(interrupt()))
            other.start()
            begin = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                mcp.connect(url, timeout=20)
            self.assertLess(time.monotonic() - begin, 10)
            other.join()
            kept[0].close()

    def test_several_threads_share_a_client(self):
        with mcp.connect(peers.shared_server("mcp-1", "sse_server.py", "/sse")) as client:
            wrong, workers = [], []

            def work(number):
                for step in range(10):
                    if client.call("add", a=number, b=step).text != str(number + step):
                        wrong.append((number, step))
                if client.call("echo", text=str(number)).text != str(number):
                    wrong.append(number)
                done.append(number)

            done = []
            for number in range(8):
                workers.append(threading.Thread(target=work, args=(number,)))
                workers[-1].start()
            for worker in workers:
                worker.join()
            self.assertEqual((sorted(done), wrong), (list(range(8)), []))

    def test_closing_ends_calls_of_other_threads(self):
        client = mcp.connect(peers.shared_server("mcp-2", "http_server.py", "/mcp"))
        started, ended = threading.Event(), []

        def work():
            try:
                client.call("progress", steps=2, ms=60_000, progress=lambda *_: started.set())
            except mcp.McpError as error:
                ended.append(type(error))

        thread = threading.Thread(target=work)
        thread.start()
        self.assertTrue(started.wait(peers.BOUND))
        client.close()
        thread.join(peers.BOUND)
        self.assertEqual(ended, [mcp.Closed])


class InARunningEventLoop(unittest.TestCase):
    def test_a_call_in_its_own_thread_works_and_blocks_it(self):
        async def main(url):
            ran = []
            with mcp.connect(url) as client:
                beside = asyncio.create_task(asyncio.sleep(0))
                beside.add_done_callback(lambda _: ran.append("beside"))
                self.assertEqual(client.call("add", a=1, b=2).text, "3")
                ran.append("call")
                await beside
                await asyncio.sleep(0)
            self.assertEqual(ran, ["call", "beside"])

        with peers.OwnServer() as server:
            server.answer = lambda message: three(server, message)
            asyncio.run(main(server.url))

    def test_many_calls_wait_at_once_on_threads_of_the_loop(self):
        together = threading.Barrier(5)

        def meet(message):
            if message["method"] == "tools/call":
                together.wait(peers.BOUND)
            return three(server, message)

        async def main(url):
            with mcp.connect(url, timeout=peers.BOUND) as client:
                calls = [asyncio.to_thread(client.call, "add", a=1, b=2) for _ in range(together.parties)]
                self.assertEqual([result.text for result in await asyncio.gather(*calls)], ["3"] * together.parties)

        with peers.OwnServer() as server:
            server.answer = meet
            asyncio.run(main(server.url))

    def test_the_loop_goes_on_while_a_call_waits_on_a_thread(self):
        async def main(url):
            with mcp.connect(url) as client:
                started = asyncio.Event()
                loop = asyncio.get_running_loop()
                cancel = mcp.Cancel()
                waiting = asyncio.create_task(
                    asyncio.to_thread(
                        client.call,
                        "progress",
                        {"steps": 2, "ms": 60_000},
                        progress=lambda *_: loop.call_soon_threadsafe(started.set),
                        cancel=cancel,
                    )
                )
                await asyncio.wait_for(started.wait(), peers.BOUND)
                cancel.trigger()
                with self.assertRaises(mcp.Cancelled):
                    await waiting

        asyncio.run(main(peers.shared_server("mcp-2", "http_server.py", "/mcp")))


if __name__ == "__main__":
    unittest.main()
