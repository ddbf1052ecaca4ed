"""The outline of a session is remembered until anything is kept: what is shown is never of before."""

from __future__ import annotations

from pathlib import Path

from harness.long_sessions import turn_of_tools
from harness.viewer import Viewed


def test_a_page_shows_what_was_kept_since_the_one_before(tmp_path: Path) -> None:
    viewed = Viewed(tmp_path)
    for number in range(1, 4):
        viewed.put(turn_of_tools(number, 2, "ses_grows"))
        for _ in range(2):
            assert f"<dt>Turns</dt><dd>{number}</dd>" in viewed.get("/sessions/ses_grows").text
    viewed.close()
