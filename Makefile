# make run    start the collector          make test   pass the tests
# Both do all the set-up themselves, in .venv; nothing else on the machine is touched.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Three for two cores: what waits for a client or a timeout leaves a core to the others.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

# A process that keeps its bytecode starts faster, and the tests start hundreds.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run test setup quick check lint audit bench bench-peers fuzz soak clients docs lock

run: setup
	@exec $(BIN)/collector serve

setup: .venv/installed

test: .venv/installed-dev
	$(PYTEST)

quick: .venv/installed-dev
	HYPOTHESIS_PROFILE=quick $(PYTEST) -m "not slow and not real and not soak"

check: lint audit test

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Whether a vulnerability is known of what is installed, where advisories can be reached.
audit: .venv/installed-dev
	$(BIN)/python .ci/audit

bench: .venv/installed-dev
	$(BIN)/python tests/bench/bench.py
	$(BIN)/python tests/bench/redaction.py
	$(BIN)/python tests/bench/bench_seal.py
	$(BIN)/python tests/bench/reshape.py
	$(BIN)/python tests/bench/assemble.py
	$(BIN)/python tests/bench/importing.py
	$(BIN)/python tests/bench/page.py
	$(BIN)/python tests/bench/backlog.py
	$(BIN)/python tests/bench/store_engines.py
	$(BIN)/python tests/bench/workers.py

# Twelve minutes beside other systems; writes docs/performance.md. PEERS="--quick --only Rotel" tries it in little.
bench-peers: .venv/installed-dev
	sh tests/bench/install_peers.sh
	$(BIN)/python tests/bench/bench_peers.py $(PEERS)

# Ten minutes on two cores: every property on fifteen times its examples, four minutes of damage sent to a running collector.
fuzz: .venv/installed-dev
	HYPOTHESIS_PROFILE=fuzz $(PYTEST) --timeout 3600 tests/property tests/unit/test_every_text_position.py

# What takes minutes: a long outage, an hour of load in small, ten minutes of 500 sessions, all agents and SDKs into a real Phoenix (needs npm).
soak: .venv/installed-dev
	PYTHON=$(PYTHON) sh tests/e2e/install_reshape_clients.sh all
	$(BIN)/python -m pytest --timeout 3600 -m soak

# The real clients that tests/e2e drives: OpenCode, its tracing plugin, other agents and SDKs (needs npm).
clients:
	sh tests/e2e/opencode/install_clients.sh
	PYTHON=$(PYTHON) sh tests/e2e/install_reshape_clients.sh
	PYTHON=$(PYTHON) sh tests/e2e/install_peers.sh
	sh tests/browser/install.sh

# Writes the tables in docs/: of settings and presets from the code, of capacity from what was measured.
docs: .venv/installed-dev
	$(BIN)/python docs/generate.py
	$(BIN)/python tests/bench/capacity.py --write

# Rewrites the lock files from pyproject.toml: hashes, no addresses.
lock: .venv/installed-dev
	$(BIN)/uv pip compile $(LOCK) --extra postgres --group build -o requirements.lock
	$(BIN)/uv pip compile $(LOCK) --extra postgres --group build --group dev -c requirements.lock -o requirements-dev.lock

LOCK := pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url

.venv/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed; name one with: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; rm -rf .venv; exit 2; }
	@touch $@

.venv/installed: .venv/python requirements.lock pyproject.toml
	@echo "setting up .venv ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "setting up what the tests need ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
