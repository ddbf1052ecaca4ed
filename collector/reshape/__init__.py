"""Spans of many conventions to OpenInference spans, one convention a span (pure).

A span that no convention knows is left as it is; so is one whose convention fails on it.
"""

from collector.reshape.convention import Convention
from collector.reshape.conventions import CONVENTIONS
from collector.reshape.join import LogJoin
from collector.reshape.stage import INTERNAL, Reshaper
from collector.reshape.target import SourceKeys

__all__ = ["CONVENTIONS", "INTERNAL", "Convention", "LogJoin", "Reshaper", "SourceKeys"]
