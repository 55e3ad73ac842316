"""Processes: forked, pooled, ended."""

import contextlib
import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import unittest

import mcp_sync as mcp
import peers


def run(program, *arguments, interrupt_after=None):
    """Runs a program of Python, which is sent SIGINT when it has printed this line."""
    # A program that was started in the background may ignore it.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + textwrap.dedent(program)
    command = [sys.executable, "-X", "faulthandler", "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # Ends a program that hangs, and so the reading below.
        late = threading.Timer(peers.BOUND, process.kill)
        late.start()
        try:
            if interrupt_after is not None:
                line = process.stdout.readline()
                assert line.strip() == interrupt_after, line
                process.send_signal(signal.SIGINT)
            said, complained = process.communicate()
        except BaseException:
            process.kill()
            raise
        finally:
            late.cancel()
    return process.returncode, said, complained


def in_child(work):
    """What the work gives in a child made by `fork`: it must end, whatever it does."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            try:
                said = work()
            except BaseException as error:
                said = error
            os.write(writing, pickle.dumps(said))
        os._exit(0)
    os.close(writing)
    # Ends a child that hangs, and so the reading below.
    late = threading.Timer(peers.BOUND, os.kill, (child, signal.SIGKILL))
    late.start()
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    late.cancel()
    if not told:
        raise AssertionError("the child said nothing")
    return pickle.loads(told)


@unittest.skipUnless(hasattr(os, "fork"), "needs fork")
class Forked(unittest.TestCase):
    def test_what_belongs_to_the_parent_says_so_and_is_left_alone(self):
        server = mcp.Server("not yet run")
        with peers.OwnServer() as own, mcp.connect(own.url) as client, mcp.Server("runs").start() as running:

            def use():
                errors = []
                for wrong in (client.ping, client.tools, server.start, running.wait, lambda: running.resource_updated("memo://x")):
                    try:
                        wrong()
                    except mcp.UsageError as error:
                        errors.append(str(error))
                client.close()
                running.stop()
                return errors, repr(client)

            errors, shown = in_child(use)
            self.assertEqual(len(errors), 5)
            self.assertTrue(all("forked" in error for error in errors), errors)
            self.assertIn("closed", shown)
            # What the child did with them has not ended those of the parent.
            self.assertEqual(client.call("any", x=1).text, '{"x": 1}')
            with mcp.connect(running.url) as other:
                self.assertEqual(other.server_info["name"], "runs")

    def test_the_call_that_a_function_answers_belongs_to_the_parent_too(self):
        server, seen = mcp.Server("forks"), []

        def refused(*uses):
            errors = []
            for use in uses:
                try:
                    use()
                except mcp.UsageError as error:
                    errors.append("forked" in str(error))
            return errors

        @server.tool
        def fork(call: mcp.Context) -> str:
            name = lambda: call.name  # noqa: E731
            uses = (name, lambda: call.progress(1), lambda: call.log("info", "x"), lambda: call.roots(), call.defer)
            seen.append(in_child(lambda: refused(*uses)))
            call.progress(1)
            return call.name

        @server.tool
        def later(call: mcp.Context) -> None:
            deferred = call.defer()
            cancelled = lambda: deferred.is_cancelled  # noqa: E731
            uses = (cancelled, lambda: deferred.progress(1), lambda: deferred.log("info", "x"), lambda: deferred.reply("child"))
            seen.append(in_child(lambda: refused(*uses, lambda: deferred.fail("child"))))
            deferred.reply("parent")

        with server.start() as running, mcp.connect(running.url, timeout=peers.BOUND) as client:
            self.assertEqual((client.call("fork").text, client.call("later").text), ("fork", "parent"))
        self.assertEqual(seen, [[True] * 5] * 2)

    def test_a_cancellation_belongs_to_the_parent_too(self):
        cancel = mcp.Cancel()
        with peers.OwnServer() as own, cancel._lock:
            # As when a thread of the parent was using it: nobody in the child lets go of the lock.

            def use():
                errors = []
                with mcp.connect(own.url) as client:
                    for wrong in (cancel.trigger, lambda: cancel.is_triggered, lambda: client.call("any", cancel=cancel)):
                        try:
                            wrong()
                        except mcp.UsageError as error:
                            errors.append("forked" in str(error))
                return errors

            self.assertEqual(in_child(use), [True] * 3)
        self.assertFalse(cancel.is_triggered)

    def test_a_child_connects_itself_while_threads_of_the_parent_are_at_work(self):
        stop = threading.Event()
        url = peers.shared_server("mcp-1", "sse_server.py", "/sse")
        with mcp.connect(url) as client:

            def work():
                while not stop.is_set():
                    client.call("add", a=1, b=2)

            def connect():
                with mcp.connect(url, timeout=peers.BOUND / 2) as own:
                    return own.call("add", a=20, b=3).text

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            try:
                self.assertEqual([in_child(connect) for _ in range(5)], ["23"] * 5)
                # And so does the child of a child.
                self.assertEqual(in_child(lambda: [connect(), in_child(connect)]), ["23", "23"])
            finally:
                stop.set()
                for thread in threads:
                    thread.join()

    def test_a_child_never_enters_the_library_of_the_parent(self):
        # Some lock of it may be held by a thread that is not in the child: here every function of it is.
        library = mcp._abi.library

        class Locked:
            def __getattr__(self, name):
                raise AssertionError(f"the child entered {name}")

        mcp._abi.library = Locked()
        try:
            with peers.OwnServer() as own:
                self.assertEqual(in_child(lambda: mcp.connect(own.url).call("any", x=1).text), '{"x": 1}')
        finally:
            mcp._abi.library = library

    def test_a_pool_of_processes_gives_results_and_errors(self):
        program = """
            import multiprocessing, sys
            import mcp_sync as mcp

            def add(number):
                with mcp.connect(sys.argv[1]) as client:
                    return client.call("add", a=number, b=1)

            def fail(_):
                with mcp.connect(sys.argv[1]) as client:
                    client.call("fail")

            if __name__ == "__main__":
                with mcp.connect(sys.argv[1]) as client, multiprocessing.get_context("fork").Pool(2) as pool:
                    print([result.text for result in pool.map(add, range(4))])
                    try:
                        pool.map(fail, [0])
                    except mcp.ToolError as error:
                        print(error.result.is_error, client.call("add", a=1, b=1).text)
            """
        code, said, complained = run(program, peers.shared_server("mcp-2", "http_server.py", "/mcp"))
        self.assertEqual((code, said), (0, "['1', '2', '3', '4']\nTrue 2\n"), complained)


class Carried(unittest.TestCase):
    def test_what_belongs_to_its_process_is_neither_pickled_nor_copied(self):
        with peers.OwnServer() as own, mcp.connect(own.url) as client, mcp.Server("any").start() as running:
            for thing in (client, mcp.Server("any"), running, mcp.Cancel()):
                for carry in (pickle.dumps, copy.copy, copy.deepcopy):
                    with self.subTest(thing=thing), self.assertRaisesRegex(TypeError, "belongs to its process"):
                        carry(thing)

    def test_what_servers_said_is_pickled(self):
        result = mcp.Result.of({"content": [{"type": "text", "text": "3"}]})
        self.assertEqual(pickle.loads(pickle.dumps(result)), result)

    def test_errors_are_pickled_with_all_they_know(self):
        rpc = mcp.RpcError("no such method", mcp.Status.RPC, delivery=True, retry_after=2.0)
        rpc.code = -32601
        tool = mcp.ToolError("no tea", mcp.Result.of({"isError": True}))
        for error in (rpc, tool):
            again = pickle.loads(pickle.dumps(error))
            self.assertIs(type(again), type(error))
            self.assertEqual((str(again), vars(again)), (str(error), vars(error)))


class Shown(unittest.TestCase):
    def test_nothing_that_is_shown_has_secrets(self):
        with peers.OwnServer() as own:
            with self.assertRaises(mcp.UsageError) as caught:
                mcp.connect(own.url.replace("http://", "http://user:p4ss@"))
            with mcp.connect(own.url + "?token=s3cret", bearer="t0ken", headers={"X-Key": "k3y"}) as client:
                shown = [repr(caught.exception), repr(client), client.connection, client.metrics()]
        with mcp.Server("any", bearer="t0ken").start() as running:
            shown += [repr(mcp.Server("any", bearer="t0ken")), repr(running)]
        for text in shown:
            for secret in ("p4ss", "s3cret", "t0ken", "k3y"):
                self.assertNotIn(secret, text)


class Ended(unittest.TestCase):
    def test_a_program_may_end_without_closing_anything(self):
        program = """
            import sys, threading
            import mcp_sync as mcp
            client = mcp.connect(sys.argv[1], on_log=print, on_notification=print, on_state=lambda *_: None)
            child = mcp.spawn(sys.argv[2:], on_log=print)
            server = mcp.Server("open").start()
            changes = mcp.connect(server.url).listen(tools=True)
            started = threading.Event()
            call = lambda: client.call("progress", steps=1000, ms=1, progress=lambda *_: started.set(), check=False)
            threading.Thread(target=call, daemon=True).start()
            threading.Thread(target=changes.next, daemon=True).start()
            started.wait()
            print(child.call("add", a=1, b=2))
            """
        url = peers.shared_server("mcp-1", "sse_server.py", "/sse")
        code, said, complained = run(program, url, *peers.stdio_server("mcp-1"))
        self.assertEqual((code, said), (0, "3\n"), complained)

    def test_a_program_may_end_while_functions_of_it_run(self):
        # Each on a thread that the library waits on: of a tool, of progress, and of what a server asks.
        program = """
            import threading
            import mcp_sync as mcp
            server = mcp.Server("busy")
            running = threading.Barrier(4)

            def compute(*_):
                running.wait()
                while True:
                    sum(range(1000))

            @server.tool
            def busy(call: mcp.Context) -> None:
                compute()

            @server.tool
            def told(call: mcp.Context) -> None:
                call.progress(1)
                threading.Event().wait()

            @server.tool
            def ask(call: mcp.Context) -> None:
                call.elicit("Which tea?", {"tea": str})

            client = mcp.connect(server.start().url, on_elicitation=compute)

            def call(tool, **more):
                try:
                    client.call(tool, **more)
                except mcp.McpError:
                    pass

            threading.Thread(target=call, args=["busy"], daemon=True).start()
            threading.Thread(target=call, args=["told"], kwargs={"progress": compute}, daemon=True).start()
            threading.Thread(target=call, args=["ask"], daemon=True).start()
            running.wait()
            print("ends")
            """
        code, said, complained = run(program)
        self.assertEqual((code, said), (0, "ends\n"), complained)

    def test_ctrl_c_that_nobody_catches_ends_a_program_that_waits(self):
        program = """
            import sys
            import mcp_sync as mcp
            with mcp.connect(sys.argv[1]) as client:
                client.call("progress", steps=2, ms=600_000, timeout=600, progress=lambda *_: print("waits", flush=True))
            """
        url = peers.shared_server("mcp-2", "http_server.py", "/mcp")
        code, said, complained = run(program, url, interrupt_after="waits")
        self.assertEqual(code, -signal.SIGINT, complained)
        self.assertTrue(complained.rstrip().endswith("KeyboardInterrupt"), complained)

    def test_ctrl_c_ends_a_program_that_serves_over_stdio(self):
        program = """
            import os, threading
            import mcp_sync as mcp
            server = mcp.Server("program")
            reading, writing = os.pipe()
            os.dup2(reading, 0)
            # Not printed: that goes to standard error meanwhile.
            threading.Timer(0, os.write, (1, b"serves" + bytes([10]))).start()
            server.serve_stdio()
            """
        code, _, complained = run(program, interrupt_after="serves")
        self.assertEqual(code, -signal.SIGINT, complained)

    def test_a_client_that_nobody_has_any_more_is_closed(self):
        with peers.OwnServer() as own:
            client = mcp.connect(own.url)
            end = client._end
            del client
            gc.collect()
            self.assertFalse(end.alive)


if __name__ == "__main__":
    unittest.main()
