"""A local collector for coding agents.

    OTLP/HTTP ─> receive ─> decode ─> sift ─> reshape ─> redact ══> store ══> forward ─> Catalyst, or any OTLP endpoint
                                                           ^           └────> viewer  ─> command line
    OpenCode  ─> receive ─> intake ══> inbox ─> assemble ──┘

Left of `══>` telemetry may hold secrets and lives only in memory. Right of it a `SealedBatch` of redacted bytes
is all that is stored, shown or sent; `redact.seal` makes it and is the only way to do so. OpenCode's events are
redacted by `intake` before the inbox keeps them. ARCHITECTURE.md tells the rest.
"""

__version__ = "0.1.0"
