#!/bin/sh
# Installs axe-core, which tests/browser runs in Chromium, into a cache (TEST_CACHE, default .cache). Chromium itself
# is the system's: /usr/bin/chromium, or what CHROMIUM names.
set -eu
cd "$(dirname "$0")/../.."
target=${TEST_CACHE:-.cache}/axe
[ -f "$target/node_modules/axe-core/axe.min.js" ] && exit 0
npm install --no-audit --no-fund --silent --prefix "$target" axe-core@4
