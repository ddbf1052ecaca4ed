"""What spans are asked for: a misspelt name matches nothing, and a test that expects nothing would pass for ever."""

from __future__ import annotations

from typing import Any

import pytest

from collector.testing.filters import check, unknown

THERE = {"tool.name", "session.id", "metadata"}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"kindd": "TOOL"}, "'kindd' is no filter, 'kind' is: there are kind, name, session, trace, failed"),
        ({"sesion": "ses_1"}, "'session' is"),
        ({"tool_name": "bash"}, "'tool__name' is"),
        ({"tool": "bash"}, "without dots the kept spans have metadata"),
        ({"kind": "tool"}, "no kind is 'tool': there are AGENT, "),
        ({"failed": "yes"}, "failed is True or False, not 'yes'"),
        ({"name": 3}, "name is a text, not 3"),
    ],
)
@pytest.mark.parametrize("more_may_come", [False, True])
def test_what_cannot_be_meant_is_refused_by_name(wanted: dict[str, Any], says: str, more_may_come: bool) -> None:
    if more_may_come and "tool" in wanted:
        check(wanted, THERE, more_may_come=True)  # the span that has it may be on its way
        return
    with pytest.raises(TypeError) as refused:
        check(wanted, THERE, more_may_come=more_may_come)
    assert says in str(refused.value)


def test_what_can_be_meant_is_let_through() -> None:
    check(
        {"kind": "TOOL", "failed": False, "session": "", "tool__name": "bash", "not__there": 1, "metadata": "{}"}, THERE
    )


def test_a_misspelt_number_of_seconds_is_no_attribute() -> None:
    with pytest.raises(TypeError, match="'second' is no filter, 'seconds' is"):
        check({"second": 5}, THERE, more_may_come=True, also=("wanted", "seconds"))


def test_a_failure_says_which_attribute_no_span_has_and_which_one_is_like_it() -> None:
    assert unknown({"tool__nam": "bash", "kind": "TOOL", "tool__name": "x"}, THERE) == (
        "no kept span has the attribute tool.nam; one has tool.name\n"
    )
