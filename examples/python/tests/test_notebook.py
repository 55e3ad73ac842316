"""In a notebook: cells run in a real IPython kernel."""

import pathlib
import subprocess
import unittest

import peers


class Notebook(unittest.TestCase):
    def test_cells_do_what_a_notebook_wants(self):
        # The kernel and what drives it are in an environment of their own, with this package put beside them.
        python = peers.python("tools")
        url = peers.shared_server("mcp-2", "http_server.py", "/mcp")
        environment = {**peers.with_this_package(), "MCP_SYNC_TEST_URL": url}
        cells = pathlib.Path(__file__).with_name("cells.py")
        ran = subprocess.run([python, cells], env=environment, capture_output=True, text=True, timeout=3 * peers.BOUND)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("\nOK\n", ran.stderr)


if __name__ == "__main__":
    unittest.main()
