"""Credentials that only the text around them gives away, by where they stand."""

from __future__ import annotations

from collector.redact.engine.rule import Rule
from collector.redact.rules.labels.arguments import ARGUMENTS
from collector.redact.rules.labels.assignments import ASSIGNMENTS
from collector.redact.rules.labels.blocks import BLOCKS
from collector.redact.rules.labels.commands import COMMANDS
from collector.redact.rules.labels.files import FILES
from collector.redact.rules.labels.headers import HEADERS
from collector.redact.rules.labels.nested import NESTED
from collector.redact.rules.labels.prose import PROSE
from collector.redact.rules.labels.seldom import SELDOM
from collector.redact.rules.labels.tables import TABLES
from collector.redact.rules.labels.urls import URLS
from collector.redact.rules.labels.version_1 import VERSION_1

LABELLED: tuple[Rule, ...] = (
    VERSION_1 + ASSIGNMENTS + NESTED + COMMANDS + ARGUMENTS + SELDOM + URLS + HEADERS + FILES + TABLES + BLOCKS + PROSE
)
