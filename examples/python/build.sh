#!/usr/bin/env bash
# Builds the wheel, installs it into a clean virtual environment, and runs the tests there, with the installed package.
#
#     build.sh [FOLDER]        the wheel and the environment are left there; without it they are made in a temporary one
#
# Needs Python 3.11 with venv, and Rust unless MCP_SYNC_LIBRARY names a library that was built before. The tests want the peers
# of tests/interop/install.sh; what is missing is skipped, and fails with MCP_INTEROP=required.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -gt 0 ]; then
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

rm -rf "$folder/wheels" "$folder/environment" "$folder/beside"
python3 -m venv "$folder/environment"
python=$folder/environment/bin/python
"$python" -m pip wheel --quiet --no-index --no-deps --wheel-dir "$folder/wheels" "$here"
ls -l "$folder/wheels"
"$python" -m pip install --quiet --no-index "$folder"/wheels/*.whl
"$python" -m pip check

# The same without an environment for building, as packagers do it.
library=$(echo "$folder"/environment/lib/python3*/site-packages/mcp_sync/libmcp.*)
MCP_SYNC_LIBRARY=$library "$python" -m pip install --quiet --no-index --no-deps --no-build-isolation --target "$folder/beside" "$here"
PYTHONPATH=$folder/beside "$python" -c 'import mcp_sync; print("mcp_sync", mcp_sync.__version__, "in", mcp_sync.__file__)'

# Not from this folder, and without the variables: the package and the library are those of the wheel.
cd "$folder"
unset MCP_SYNC_LIBRARY PYTHONPATH
"$python" -c 'import mcp_sync; print("mcp_sync", mcp_sync.__version__, "in", mcp_sync.__file__)'
MCP_INTEROP_FOLDER=$here/../../tests/interop "$python" -m unittest discover --start-directory "$here/tests"
