"""What is looked for again after masking: around what was put, and as much as if all of the text were read."""

from __future__ import annotations

from harness.examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from collector.redact.engine.engine import Engine, Extent, compile_rule, replace
from collector.redact.engine.rule import expand
from collector.redact.rules import ALL_RULES, DEFAULT_RULES

ENGINE = Engine((*DEFAULT_RULES, compile_rule("acme-user", r"\bemp[: ]{1,3}[a-z]{1,40}\b")))
_EXAMPLES = [expand(example) for rule in ALL_RULES for example in (*rule.match, *rule.no_match)]
_FILLING = ["\n", " ", "words of no interest, " * 60, "key: value\n" * 150, "emp ", "\\", "b=\n" * 500]
_texts = st.lists(st.sampled_from([*_EXAMPLES, *_FILLING, *_FILLING]), min_size=20, max_size=60).map("".join)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(_texts, st.lists(st.tuples(st.floats(0, 1), st.integers(1, 60)), min_size=1, max_size=3))
def test_matches_in_what_is_left_are_those_of_reading_it_whole(text: str, cuts: list[tuple[float, int]]) -> None:
    data = text.encode()
    extents: list[Extent] = []
    for part, size in sorted(cuts):
        start = int(part * (len(data) - size))
        if start >= (extents[-1].end if extents else 0):
            extents.append(Extent(start, start + size, "email"))
    assume(extents)
    left = replace(data, extents)
    found = ENGINE._hits_left(data, ENGINE._hits(data), extents, left)
    assume(found is not None)
    assert found is not None
    assert _found_everywhere(found[0]) == _found_everywhere(ENGINE._hits(left)[0])


def _found_everywhere(hits: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted(hit for hit in hits if hit[0] < ENGINE._masked)
