#!/bin/sh
# Put the real clients that tests/e2e drives into TEST_CACHE (default: .cache in the tree). Does nothing when they are there.
set -eu
root=$(cd "$(dirname "$0")/../../.." && pwd)
cache=${TEST_CACHE:-$root/.cache}
mkdir -p "$cache"

get() { # folder package file
  [ -e "$cache/$1/node_modules/$3" ] && return 0
  echo "installing $2"
  npm install --no-audit --no-fund --silent --prefix "$cache/$1" "$2"
  [ -e "$cache/$1/node_modules/$3" ] || { echo "$2 did not bring $3" >&2; exit 1; }
}

get opencode-1.18.33 opencode-ai@1.18.33 .bin/opencode
get opencode-1.1.65 opencode-linux-x64@1.1.65 opencode-linux-x64/bin/opencode
get trace-opencode @inference/trace-opencode@0.1.13 @inference/trace-opencode/dist/index.js
get ripgrep @vscode/ripgrep-linux-x64 @vscode/ripgrep-linux-x64/bin/rg
