"""Tokens that can be told by their own shape, by what their vendors are for."""

from __future__ import annotations

from collector.redact.engine.rule import Rule
from collector.redact.rules.vendors.clouds import CLOUDS
from collector.redact.rules.vendors.code import CODE
from collector.redact.rules.vendors.custom import CUSTOM
from collector.redact.rules.vendors.messaging import MESSAGING
from collector.redact.rules.vendors.models import MODELS
from collector.redact.rules.vendors.payments import PAYMENTS
from collector.redact.rules.vendors.version_1 import VERSION_1
from collector.redact.rules.vendors.work import WORK

VENDORS: tuple[Rule, ...] = VERSION_1 + CLOUDS + CODE + MESSAGING + PAYMENTS + MODELS + WORK + CUSTOM
