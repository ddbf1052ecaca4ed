#!/bin/sh
# Installs what `make bench-peers` measures beside the collector, in a cache (TEST_CACHE, default .cache): Rotel and
# Phoenix from PyPI, each in an environment of its own, and the OpenTelemetry Collector, built by its own builder
# through the Go module proxy where `go` is installed. What cannot be installed is reported as not measured.
set -u
cd "$(dirname "$0")/../.."
target=$(mkdir -p "${TEST_CACHE:-.cache}/bench-peers" && cd "${TEST_CACHE:-.cache}/bench-peers" && pwd)
version=v0.161.0

python_peer() {  # name, requirement
    [ -f "$target/$1/.done" ] && return
    "${PYTHON:-python3}" -m venv "$target/$1" &&
        "$target/$1/bin/pip" install --quiet --disable-pip-version-check "$2" && touch "$target/$1/.done"
}

python_peer rotel rotel==0.0.1a15 || echo "rotel could not be installed"
python_peer phoenix arize-phoenix==20.26.1 || echo "phoenix could not be installed"

if [ ! -x "$target/otelcol/otelcol" ]; then
    if command -v go > /dev/null; then
        mkdir -p "$target/otelcol"
        cat > "$target/otelcol/builder.yaml" <<BUILD
dist: {name: otelcol, output_path: $target/otelcol/build, version: "1"}
receivers: [{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver $version}]
exporters: [{gomod: go.opentelemetry.io/collector/exporter/otlphttpexporter $version}]
processors: [{gomod: github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor $version}]
extensions:
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage $version
BUILD
        go run "go.opentelemetry.io/collector/cmd/builder@$version" --config "$target/otelcol/builder.yaml" \
            > "$target/otelcol/build.log" 2>&1 && mv "$target/otelcol/build/otelcol" "$target/otelcol/otelcol" ||
            echo "the OpenTelemetry Collector could not be built: see build.log"
    else
        echo "go is not installed: the OpenTelemetry Collector is not measured"
    fi
fi
