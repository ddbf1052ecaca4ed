#!/bin/sh
# What tests/e2e/install_clients.sh brings, and an old client beside it. Does nothing when they are there.
set -eu
cd "$(dirname "$0")/../../.."
sh tests/e2e/install_clients.sh
target=${TEST_CACHE:-.cache}/opencode-1.1.65
[ -x "$target/node_modules/opencode-linux-x64/bin/opencode" ] && exit 0
npm install --no-audit --no-fund --silent --prefix "$target" opencode-linux-x64@1.1.65
