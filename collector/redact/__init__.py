"""An `ExportRequest` to a `SealedBatch`: every text position visited, nothing passed on by default (pure)."""

from collector.policy.model import ContentLevel
from collector.redact.engine import Engine
from collector.redact.seal import Sealer

__all__ = ["ContentLevel", "Engine", "Sealer"]
