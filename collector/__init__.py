"""A local OTLP collector for coding agents.

    OTLP/HTTP ─> receive ─> decode ─> reshape ─> redact ══> store ══> forward ─> Catalyst, or any OTLP endpoint
                                                               └────> viewer  ─> command line, page

Left of `══>` an `ExportRequest` (the OTLP message itself) may hold secrets and lives only in memory.
Right of it a `SealedBatch` of redacted bytes is all that is stored, shown or sent.
`redact.seal.seal` turns the first into the second and is the only way to do so.
"""

__version__ = "0.1.0"
