"""Builds the wheel: the package, and the C library in it.

PEP 517. Needs Python 3.11 to build (for `tomllib`), and Rust, unless `MCP_SYNC_LIBRARY` names a library that was built before.
`MCP_SYNC_PROFILE` is the profile that it is built with, `release-small` unless set.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = "mcp_sync"
NAME = {"darwin": "libmcp.dylib", "win32": "mcp.dll"}.get(sys.platform, "libmcp.so")


def get_requires_for_build_wheel(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    binary = library().read_bytes()
    tag = f"py3-none-{platform_tag(binary)}"
    release = f"{PACKAGE}-{project['version']}"
    information = f"{release}.dist-info"

    files = {f"{PACKAGE}/{path.name}": path.read_bytes() for path in sorted((HERE / PACKAGE).iterdir()) if is_source(path)}
    files[f"{PACKAGE}/{NAME}"] = binary
    files[f"{information}/METADATA"] = metadata(project).encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: {PACKAGE}\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files[f"{information}/WHEEL"] = wheel.encode()
    lines = [f"{name},sha256={digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{information}/RECORD"] = "\n".join([*lines, f"{information}/RECORD,,", ""]).encode()

    name = f"{release}-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            # The time is fixed: what goes in alike comes out alike.
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path.endswith(NAME) else 0o644) << 16
            archive.writestr(entry, data)
    return name


def library():
    """The library, built unless it is given."""
    given = os.environ.get("MCP_SYNC_LIBRARY")
    if given:
        return pathlib.Path(given)
    profile = os.environ.get("MCP_SYNC_PROFILE", "release-small")
    command = ["cargo", "build", "--quiet", "--locked", "--package", "mcp-c-abi", "--profile", profile]
    command.append("--message-format=json")
    made = subprocess.run(command, cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True, check=True)
    # Cargo says where it is: the target directory may be set in the environment or in a configuration file.
    for line in made.stdout.splitlines():
        for file in json.loads(line).get("filenames", ()):
            if file.endswith(NAME):
                return pathlib.Path(file)
    raise RuntimeError(f"cargo made no {NAME}")


def platform_tag(binary):
    """Where it runs: on Linux, wherever the C library is as new as the newest symbol of it that the library wants."""
    here = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    versions = [int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", binary)]
    if not here.startswith("linux_") or not versions:
        return here
    # 2.17 is the oldest that a tag of this form can say.
    return here.replace("linux_", f"manylinux_2_{max(17, *versions)}_")


def metadata(project):
    head = {
        "Metadata-Version": "2.1",
        "Name": project["name"],
        "Version": project["version"],
        "Summary": project["description"],
        "License": project["license"]["text"],
        "Requires-Python": project["requires-python"],
        "Description-Content-Type": "text/markdown",
    }
    lines = [f"{name}: {value}" for name, value in head.items()]
    lines += [f"Classifier: {classifier}" for classifier in project["classifiers"]]
    return "\n".join(lines) + "\n\n" + (HERE / project["readme"]).read_text()


def is_source(path):
    return path.suffix == ".py" or path.name == "py.typed"


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
