#!/bin/sh
# Installs what tests/e2e/test_peers.py asks to read our output: halo-engine, and the MCP SDK that it brings, in an
# environment of their own in a cache (TEST_CACHE, default .cache). Does nothing when they are there.
set -eu
cd "$(dirname "$0")/../.."
target=${TEST_CACHE:-.cache}/peers
[ -f "$target/.done" ] && exit 0
mkdir -p "$target"
"${PYTHON:-python3}" -m venv "$target/python"
"$target/python/bin/pip" install --quiet --disable-pip-version-check halo-engine==0.3.5
touch "$target/.done"
