#!/bin/sh
# Installs the real clients that tests/e2e drives into a cache (TEST_CACHE, default .cache): OpenCode, its
# tracing plugin, and ripgrep, which OpenCode would otherwise try to download. Does nothing when they are there.
set -eu
cd "$(dirname "$0")/../.."
cache=${TEST_CACHE:-.cache}
install() { # directory, packages
  target=$cache/$1
  shift
  [ -f "$target/.installed" ] && [ "$(cat "$target/.installed")" = "$*" ] && return
  mkdir -p "$target"
  npm install --no-audit --no-fund --silent --prefix "$target" "$@"
  echo "$*" > "$target/.installed"
}
command -v npm > /dev/null || { echo "npm is needed to install the clients" >&2; exit 2; }
install opencode opencode-ai@1.18.33
install plugin @inference/trace-opencode@0.1.13
install ripgrep "@vscode/ripgrep-$(node -p 'process.platform + "-" + process.arch')"
