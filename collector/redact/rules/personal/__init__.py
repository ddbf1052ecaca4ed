"""Personal data: addresses of mail and networks, cards, bank accounts, telephone numbers, numbers of national ids."""

from __future__ import annotations

from collector.redact.engine.rule import Rule
from collector.redact.rules.personal.contact import CONTACT
from collector.redact.rules.personal.money import MONEY
from collector.redact.rules.personal.national import NATIONAL_IDS
from collector.redact.rules.personal.version_1 import VERSION_1

PERSONAL: tuple[Rule, ...] = VERSION_1 + CONTACT + MONEY + NATIONAL_IDS
