"""OpenCode's events as spans: items ─> facts (two dialects, one vocabulary) ─> turns ─> spans (pure)."""

from collector.assemble.assembler import Assembler, Finished
from collector.assemble.items import BadItem
from collector.assemble.otlp import Made, export_request
from collector.assemble.reader import Reader, Unknown
from collector.assemble.turns import Patience
from collector.assemble.vocabulary import AnyFact

__all__ = ["AnyFact", "Assembler", "BadItem", "Finished", "Made", "Patience", "Reader", "Unknown", "export_request"]
