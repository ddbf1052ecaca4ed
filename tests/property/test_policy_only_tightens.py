"""For every machine policy and every user's: the user never makes anything leave that the machine's alone removes."""

from __future__ import annotations

from typing import Any

from harness.examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Signal
from collector.policy.demands import demands
from collector.policy.layers import Layer, Rank
from collector.policy.model import ContentLevel, Levels, Policy
from collector.policy.schema import UserDocument
from collector.redact.ruleset import catalog, combined
from collector.redact.seal import Sealer

TOKEN = "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
MAIL = "ada.lovelace" + "@" + "analytical-engines.net"
SESSION = "ses_0123456789abcdef"
WORDS = "please look at the house"
ATTRIBUTES: dict[str, str] = {
    "openinference.span.kind": "TOOL", "tool.name": "bash", "session.id": SESSION, "input.value": f"{WORDS} {TOKEN}",
    "output.value": f"mail {MAIL}", "note": WORDS * 20, "build.id": "b-123456", "user.id": "ada",
}  # fmt: skip

modes = st.sampled_from(["mask", "metadata"])
keys = st.sampled_from(["input.value", "output.value", "note", "build.id", "*.value", "user.*", "session.id", "*"])
actions = st.sampled_from(["scan", "truncate:4", "truncate:60", "placeholder", "drop"])
keeps = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["note", "build.id", "user.id"]),
        "action": st.just("keep"),
        "type": st.just("string"),
        "shape": st.sampled_from(["identifier", "model"]),
    }
)
fields = st.lists(st.one_of(st.fixed_dictionaries({"key": keys, "action": actions}), keeps), max_size=3)
contents = st.lists(
    st.fixed_dictionaries({"level": modes, "kind": st.sampled_from([["TOOL"], ["LLM"], ["AGENT", "TOOL"]])}), max_size=2
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "packs": st.sampled_from([["secrets@1"], ["pii@1"], ["secrets@1", "pii@1"]]),
        "disable": st.lists(st.sampled_from(["github-token", "email", "jwt", "secret-field"]), max_size=3, unique=True),
        "enable": st.lists(st.sampled_from(["github-token", "email", "ip-address"]), max_size=2, unique=True),
    },
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(["metadata-only", "no-tool-content", "secrets-and-pii", "secrets"]),
        "mode": modes,
        "content": contents,
        "rules": rules,
        "field": fields,
        "hide": st.lists(st.sampled_from(["INPUTS", "OUTPUTS", "INPUT_TEXT"]), max_size=2),
        "limits": st.fixed_dictionaries(
            {}, optional={"max_value_bytes": st.integers(10, 5000), "max_attributes": st.integers(1, 50)}
        ),
    },
)


def layer(rank: Rank, body: dict[str, Any]) -> Layer:
    document = UserDocument.model_validate(body)
    return Layer(rank.name, rank, demands(document, rank.name, catalog()), rank.name.lower())


def pieces(policy: Policy) -> set[tuple[str, str]]:
    """What leaves of each attribute: every four characters of its own text, by key."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="x", trace_id=b"1" * 16, span_id=b"2" * 8)
    for key, value in ATTRIBUTES.items():
        span.attributes.add(key=key).value.string_value = value
    data = Sealer(policy, ENGINES.get(policy.rules)).seal(Signal.TRACES, request).data
    out = ExportTraceServiceRequest.FromString(data).resource_spans[0].scope_spans[0].spans[0]
    left = set()
    for pair in out.attributes:
        text = ATTRIBUTES.get(pair.key, "")
        ours = pair.value.string_value
        left |= {(pair.key, text[i : i + 6]) for i in range(len(text)) if len(text[i : i + 6]) == 6} & {
            (pair.key, ours[i : i + 6]) for i in range(len(ours))
        }
    return left


class Engines(dict[frozenset[str], Any]):
    def get(self, key: frozenset[str], default: Any = None) -> Any:  # engines take a while to make
        if key not in self:
            self[key] = Sealer(Policy(rules=key)).engine
        return self[key]


ENGINES = Engines()


@settings(max_examples=examples(120), deadline=None)
@given(machine=bodies, user=bodies, flag=st.sampled_from([None, ContentLevel.MASK, ContentLevel.METADATA]))
def test_no_user_layer_makes_anything_leave_that_the_machines_alone_removes(
    machine: dict[str, Any], user: dict[str, Any], flag: ContentLevel | None
) -> None:
    above = layer(Rank.REQUIRED, machine)
    below = [layer(Rank.USER, user)]
    if flag is not None:
        below.append(Layer("flag", Rank.TIGHTEN, {"content": (Levels(flag),)}))
    assert pieces(combined([above, *below]).policy) <= pieces(combined([above]).policy)


@settings(max_examples=examples(60), deadline=None)
@given(body=bodies, flag=st.sampled_from([ContentLevel.MASK, ContentLevel.METADATA]))
def test_flags_and_environment_only_take_away(body: dict[str, Any], flag: ContentLevel) -> None:
    user = layer(Rank.USER, body)
    alone = combined([user]).policy
    assert pieces(combined([user, Layer("flag", Rank.TIGHTEN, {"content": (Levels(flag),)})]).policy) <= pieces(alone)


FIRST_SIX = {
    "preset": "secrets-and-pii",
    "mode": "mask",
    "limits": {"max_attributes": 6},
    "field": [{"key": "build.id", "action": "keep", "type": "string", "shape": "identifier"}],
}


@settings(max_examples=examples(60), deadline=None)
@given(one=bodies, other=bodies)
@example(one=FIRST_SIX, other={"preset": "metadata-only"})  # what the second takes away made room for others
def test_required_layers_only_add_up(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A second required policy, such as the organisation's, takes away at least what the first does.

    Rules that only one of them leaves out count as left out where the other is silent: that is its choice to make.
    """
    first, second = layer(Rank.REQUIRED, one), layer(Rank.REQUIRED, other)
    if any(rule.action.name == "KEEP" for rule in second.demands.get("field", ())):
        return  # an administrator's own exemption
    both = combined([first, second]).policy
    alone = combined([first]).policy
    if "rules" not in first.demands and "rules" in second.demands:
        return
    assert pieces(both) <= pieces(alone)
