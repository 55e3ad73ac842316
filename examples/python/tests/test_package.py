"""The package as others see it: its types, its documentation, its wheel."""

import contextlib
import doctest
import importlib.metadata
import inspect
import io
import pathlib
import re
import subprocess
import tempfile
import unittest
import unittest.mock

import mcp_sync as mcp
import peers

HERE = pathlib.Path(__file__).parent
README = (HERE.parent / "README.md").read_text()
USE = '''
import mcp_sync as mcp

with mcp.connect("http://localhost:8000/mcp", timeout=1) as client:
    reveal_type(client.call("add", a=1, b=2).text)
    for change in client.listen(tools=True):
        reveal_type(change.kind)

server = mcp.Server("any")

@server.tool
def add(a: int, b: int) -> int:
    return a + b

@server.tool(title="Adds")
def sum(a: int, b: int) -> int:
    return a + b

reveal_type(add(1, 2))
reveal_type(sum(1, 2))
mcp.connect(8000)
client.call("add", timeout="soon")
'''


class Types(unittest.TestCase):
    def test_they_are_whole_and_right_and_seen_by_those_who_use_the_package(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "use.py"
            program.write_text(USE)
            command = [peers.python("tools"), "-m", "mypy", "--strict", "--cache-dir", folder, "--python-version", "3.10"]
            package = pathlib.Path(mcp.__file__).parent
            checked = subprocess.run([*command, program, package], capture_output=True, text=True, cwd=folder)
        revealed = re.findall(r'Revealed type is "(?:builtins\.)?(\w+)"', checked.stdout)
        self.assertEqual(revealed, ["str", "str", "int", "int"], checked.stdout + checked.stderr)
        wrong = [line for line in checked.stdout.splitlines() if "error:" in line]
        self.assertEqual(len(wrong), 2, checked.stdout)
        self.assertTrue(all("use.py" in line and "[arg-type]" in line for line in wrong), checked.stdout)


class Readme(unittest.TestCase):
    def test_the_session_in_it_is_one(self):
        (session,) = re.findall(r"```pycon\n(.*?)```", README, flags=re.DOTALL)
        url = peers.shared_server("mcp-2", "http_server.py", "/mcp")
        session = re.sub(r"http://127\.0\.0\.1:\d+/mcp", url, session)
        test = doctest.DocTestParser().get_doctest(session, {}, "README.md", None, 0)
        report = io.StringIO()
        ran = doctest.DocTestRunner().run(test, out=report.write)
        self.assertEqual((ran.failed, ran.attempted > 10), (0, True), report.getvalue())

    def test_the_programs_in_it_run(self):
        programs = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
        self.assertEqual(len(programs), 4)
        running = []

        def start(server, address):
            running.append(server.start())

        # Those that connect do so to the first one that serves, which is the tests' own.
        url = peers.shared_server("mcp-2", "http_server.py", "/mcp")
        with unittest.mock.patch.object(mcp.Server, "run", start):
            for program in programs:
                printed = io.StringIO()
                with self.subTest(program=program), contextlib.redirect_stdout(printed):
                    exec(compile(program.replace("http://localhost:8000/mcp", url), "README.md", "exec"), {"__name__": "readme"})
                    # What a line prints stands behind it.
                    wanted = re.findall(r"print\(.*\)  # (.*)", program)
                    self.assertEqual(printed.getvalue().splitlines(), wanted)
            self.assertEqual(len(running), 1)
            with mcp.connect(running.pop().url) as client:
                self.assertEqual(client.call("add", a=1, b=2).text, "3")

    def test_every_error_is_in_its_table(self):
        kinds = {name for name, value in vars(mcp).items() if isinstance(value, type) and issubclass(value, Exception)}
        told = set(re.findall(r"^\| `(\w+)` ", README, flags=re.MULTILINE))
        self.assertEqual(kinds - told, set())


class Documentation(unittest.TestCase):
    def test_everything_public_is_described(self):
        missing = []
        for name in mcp.__all__:
            value = getattr(mcp, name)
            if not inspect.getdoc(value):
                missing.append(name)
            if inspect.isclass(value) and value.__module__ == "mcp_sync":
                members = [(n, m) for n, m in vars(value).items() if not n.startswith("_") and (callable(m) or isinstance(m, property))]
                missing += [f"{name}.{n}" for n, m in members if not inspect.getdoc(m) and n != "of"]
        self.assertEqual(missing, [])


class Wheel(unittest.TestCase):
    def test_what_is_installed_says_what_it_is(self):
        try:
            distribution = importlib.metadata.distribution("mcp-sync")
        except importlib.metadata.PackageNotFoundError:
            raise unittest.SkipTest("the package is not installed") from None
        metadata = distribution.metadata
        self.assertEqual((metadata["Name"], metadata["Version"]), ("mcp-sync", mcp.__version__))
        self.assertIn("mcp_sync/py.typed", [str(file) for file in distribution.files])
        self.assertIn("with mcp.connect(", metadata.get_payload())
        tag = re.search(r"Tag: py3-none-manylinux_2_(\d+)_\w+", distribution.read_text("WHEEL"))
        self.assertTrue(tag, distribution.read_text("WHEEL"))
        # The tag is as new as the newest symbol that the library wants, and no newer.
        (library,) = [file for file in distribution.files if file.name == "libmcp.so"]
        wanted = [int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", pathlib.Path(library.locate()).read_bytes())]
        self.assertEqual(int(tag.group(1)), max(17, *wanted))


if __name__ == "__main__":
    unittest.main()
