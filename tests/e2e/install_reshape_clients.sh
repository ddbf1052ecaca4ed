#!/bin/sh
# Install the real clients that tests/e2e/test_reshape_clients.py, test_sdks.py and test_phoenix.py drive into $TEST_CACHE
# (default: .cache), once. With "all" also those that `make soak` alone drives.
set -eu
cache="${TEST_CACHE:-.cache}/reshape-clients"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"

once() { # once NAME COMMAND...: skip what an earlier run has finished
    stamp="$cache/$1.done"
    [ -f "$stamp" ] && return 0
    shift
    "$@" && : > "$stamp"
}

npm_install() { npm install --silent --no-audit --no-fund --prefix "$cache/$1" $2; }

python_install() {
    "${PYTHON:-python3}" -m venv "$cache/python"
    "$cache/python/bin/pip" install --quiet --disable-pip-version-check \
        openai==2.8.1 "wrapt<2" opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2 \
        opentelemetry-instrumentation-openai-v2==2.3b0 opentelemetry-instrumentation-openai==0.62.4
}

telemetry="@opentelemetry/api@1 @opentelemetry/sdk-trace-node@2 @opentelemetry/exporter-trace-otlp-http@0 zod@4"
once ai-sdk-5 npm_install ai-sdk-5 "ai@5.0.277 $telemetry"
once ai-sdk-7 npm_install ai-sdk-7 "ai@7.0.173 @ai-sdk/otel $telemetry"
once otlp-grpc npm_install otlp-grpc "@opentelemetry/api@1 @opentelemetry/sdk-trace-node@2 @opentelemetry/exporter-trace-otlp-grpc@0"
once python python_install
once codex npm_install codex "@openai/codex@0.169.0" || echo "codex could not be installed" >&2
once claude-code npm_install claude-code "@anthropic-ai/claude-code@2.1.197" || echo "claude-code could not be installed" >&2
once claude-code-2.1.332 npm_install claude-code-2.1.332 "@anthropic-ai/claude-code@2.1.332" ||
    echo "claude-code 2.1.332 could not be installed" >&2

phoenix_install() {
    "${PYTHON:-python3}" -m venv "$cache/phoenix"
    "$cache/phoenix/bin/pip" install --quiet --disable-pip-version-check "arize-phoenix==$1"
}
once phoenix phoenix_install 20.26.1 || echo "Phoenix could not be installed" >&2

[ "${1:-}" = all ] || exit 0
once copilot npm_install copilot "@github/copilot@1.0.102" || echo "copilot could not be installed" >&2
once gemini-cli npm_install gemini-cli "@google/gemini-cli@0.61.0" || echo "gemini-cli could not be installed" >&2

sdk_install() { # sdk_install NAME PACKAGE...: in an environment of its own
    name="$1"
    shift
    "${PYTHON:-python3}" -m venv "$cache/$name"
    "$cache/$name/bin/pip" install --quiet --disable-pip-version-check --prefer-binary \
        opentelemetry-exporter-otlp-proto-http==1.45.2 "$@"
}
once python-sdks sdk_install python-sdks "pydantic-ai-slim[openai]==2.68.0" langfuse==5.0.4 \
    openinference-instrumentation-openai==0.1.66 || echo "the Python SDKs could not be installed" >&2
once litellm sdk_install litellm litellm==1.110.2 || echo "litellm could not be installed" >&2
