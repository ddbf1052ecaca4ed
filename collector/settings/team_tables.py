"""`[[team]]` of `collector.toml`: an access token of a team's own, with what may come by it and where that goes."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from collector.settings.destination_tables import Globs

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _sendable(token: SecretStr) -> SecretStr:
    """A token that a header can carry; blanks alone would let everyone in who sends nothing."""
    text = token.get_secret_value().strip()
    if not text:
        raise ValueError("holds nothing but blanks: set a token, or leave it out")
    if any(ord(char) <= 32 or ord(char) > 126 for char in text):
        raise ValueError("holds spaces or characters that no token has")
    return SecretStr(text)


AccessToken = Annotated[SecretStr, AfterValidator(_sendable)]


class TeamTable(BaseModel):
    """One team: its token sends, and neither reads nor sends raw events.

    `services` are the only ones it may send, names with `*`; none allow every service. What it sends goes to
    `destinations` alone, which get nothing of others; none mean those that no team names. `policy` is a policy file
    or the name of a preset that holds beside the policy in force, and can only tighten it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str
    token: AccessToken
    services: Globs = []
    destinations: list[Annotated[str, Field(min_length=1)]] = []
    policy: str = ""
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    bytes_per_minute: Annotated[int, Field(ge=1024)] | None = None

    @field_validator("name")
    @classmethod
    def _can_be_told(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("use letters, digits, dots, dashes and underscores")
        return name
