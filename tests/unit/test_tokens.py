"""A token is read where it is sent and shown nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from collector.forward.tokens import FileToken, FixedToken


def _value(source: FileToken) -> str | None:
    token = source.token()
    return token.get_secret_value() if token else None


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Short-lived tokens are replaced while the collector runs."""
    file = tmp_path / "token"
    file.write_text("first\n")
    source = FileToken(file)
    assert _value(source) == "first"
    file.write_text("second-token\n")
    os.utime(file, (1, 1))
    assert _value(source) == "second-token"


def test_a_token_file_that_is_being_replaced_keeps_its_last_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    source = FileToken(file)
    source.token()
    file.unlink()
    assert _value(source) == "first"


def test_an_empty_or_missing_token_file_has_no_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert FileToken(file).token() is None
    file.write_text("")
    assert FileToken(file).token() is None


def test_a_token_prints_as_stars() -> None:
    source = FixedToken(SecretStr("very-secret"))
    assert "very-secret" not in f"{source.token()} {source.token()!r} {vars(source)}"
