"""Cells of a notebook, run one after another in one kernel; `test_notebook.py` runs this where Jupyter is installed.

    MCP_SYNC_TEST_URL=… tests/interop/.venv/tools/bin/python cells.py

The server at the URL is tests/interop/http_server.py.
"""

import os
import textwrap
import time
import unittest

from jupyter_client.manager import start_new_kernel

BOUND = 30


class Cell:
    """A cell that runs."""

    def __init__(self, client, code):
        self.client = client
        self.printed = ""
        self.shown = []
        self.error = None
        self.is_done = False
        self.number = client.execute(code)

    def until(self, condition):
        """Reads what the kernel publishes until the condition holds or the cell is done."""
        while not self.is_done and not condition(self):
            message = self.client.get_iopub_msg(timeout=BOUND)
            if message["parent_header"].get("msg_id") != self.number:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                self.printed += content["text"]
            elif kind == "execute_result":
                self.shown.append(content["data"]["text/plain"])
            elif kind == "error":
                self.error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                self.is_done = True
        return self


class Cells(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(startup_timeout=BOUND)
        cls.addClassCleanup(cls.end)
        connected = cls.run_cell(
            f"""
            import asyncio, threading
            import mcp_sync as mcp
            c = mcp.connect({os.environ["MCP_SYNC_TEST_URL"]!r}, timeout={BOUND})
            """
        )
        assert connected.error is None, connected.printed

    @classmethod
    def end(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)

    @classmethod
    def start_cell(cls, code):
        return Cell(cls.client, textwrap.dedent(code))

    @classmethod
    def run_cell(cls, code):
        return cls.start_cell(code).until(lambda _: False)

    def good(self, code):
        cell = self.run_cell(code)
        self.assertIsNone(cell.error, cell.printed)
        return cell

    def test_a_cell_lists_and_shows(self):
        self.assertEqual(self.good("[tool.name for tool in c.tools()][:2]").shown, ["['echo', 'add']"])
        self.assertIn("Result(text='3'", self.good("c.call('add', a=1, b=2)").shown[0])
        self.assertIn("2026-07-28", self.good("c").shown[0])

    def test_progress_is_printed_below_the_cell_that_calls(self):
        cell = self.good("c.call('progress', steps=2, progress=print).text")
        self.assertEqual((cell.printed, cell.shown), ("1.0 2.0 step 1\n2.0 2.0 step 2\n", ["'2 steps'"]))

    def test_the_stop_button_ends_a_call_that_waits(self):
        # The call takes longer than this test may, so it is not its end that ends the cell.
        before = self.good("c.call('cancelled').text").shown
        cell = self.start_cell("c.call('progress', steps=2, ms=600_000, timeout=600, progress=lambda *_: print('waits'))")
        cell.until(lambda cell: "waits" in cell.printed)
        self.manager.interrupt_kernel()
        cell.until(lambda _: False)
        self.assertEqual(cell.error, "KeyboardInterrupt")
        # The kernel has kept its variables, the client its session, and the server was told.
        self.assertEqual(self.good("c.call('add', a=2, b=2).text").shown, ["'4'"])
        deadline = time.monotonic() + BOUND
        while self.good("c.call('cancelled').text").shown == before:
            self.assertLess(time.monotonic(), deadline, "the server was not told")

    def test_the_loop_of_the_kernel_runs_and_calls_work_inside_it(self):
        cell = self.good(
            """
            asyncio.get_running_loop()
            inside = c.call('add', a=1, b=1).text
            beside = await asyncio.gather(*(asyncio.to_thread(c.call, 'add', a=n, b=1) for n in range(4)))
            inside, [result.text for result in beside]
            """
        )
        self.assertEqual(cell.shown, ["('2', ['1', '2', '3', '4'])"])

    def test_a_server_of_one_cell_is_called_from_the_next(self):
        self.good(
            """
            server = mcp.Server("cells")
            @server.tool
            def double(number: int) -> int:
                return 2 * number
            running = server.start()
            """
        )
        cell = self.good(
            """
            with mcp.connect(running.url) as own:
                doubled = own.call('double', number=21).text
            running.stop()
            doubled
            """
        )
        self.assertEqual(cell.shown, ["'42'"])

    def test_an_error_is_one_of_the_package(self):
        self.assertEqual(self.run_cell("c.call('fail')").error, "ToolError")


class End(unittest.TestCase):
    def test_a_kernel_with_an_open_client_ends_by_itself(self):
        manager, client = start_new_kernel(startup_timeout=BOUND)
        try:
            opened = Cell(client, f"import mcp_sync; c = mcp_sync.connect({os.environ['MCP_SYNC_TEST_URL']!r})")
            self.assertIsNone(opened.until(lambda _: False).error)
            process = manager.provisioner.process
            client.shutdown()
            self.assertEqual(process.wait(BOUND), 0)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    unittest.main()
