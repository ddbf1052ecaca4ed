#!/bin/sh
# What tests/e2e/install_clients.sh brings, and old clients beside it. Does nothing when they are there.
set -eu
cd "$(dirname "$0")/../../.."
sh tests/e2e/install_clients.sh
for version in 1.1.65 1.2.27 1.15.13; do
  target=${TEST_CACHE:-.cache}/opencode-$version
  [ -x "$target/node_modules/opencode-linux-x64/bin/opencode" ] && continue
  npm install --no-audit --no-fund --silent --prefix "$target" "opencode-linux-x64@$version"
done
