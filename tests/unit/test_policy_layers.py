"""Layers: the machine's stand, the user's fill in, and every conflict is said."""

from __future__ import annotations

from collector.enforce.files import document_layers
from collector.policy.demands import demands
from collector.policy.layers import Combined, Layer, Rank
from collector.policy.model import Action, ContentLevel, Levels
from collector.policy.schema import Body, MachineDocument, UserDocument, read_document
from collector.redact.rules import LATEST
from collector.redact.ruleset import catalog, combined, preset_demands


def layer(rank: Rank, text: str, origin: str = "") -> Layer:
    body: Body = read_document(UserDocument, text.encode(), origin or rank.name)
    return Layer(origin or rank.name, rank, demands(body, origin or rank.name, catalog()), rank.name.lower())


def row(found: Combined, key: str) -> tuple[str, str]:
    return next((row.value, row.origin) for row in found.rows if row.key == key)


def test_a_users_policy_replaces_what_is_built_in() -> None:
    """With nobody above, how much leaves is the user's own matter."""
    found = combined([layer(Rank.USER, 'preset = "secrets"')])
    assert "email" not in found.policy.rules
    assert found.notices == ()


def test_what_the_machine_requires_a_user_cannot_turn_off() -> None:
    user = layer(Rank.USER, '[rules]\ndisable = ["email", "github-token"]')
    found = combined([layer(Rank.REQUIRED, 'mode = "mask"'), user])
    assert {"email", "github-token"} <= found.policy.rules
    assert any("email, github-token cannot be turned off" in notice for notice in found.notices)


def test_metadata_required_stays_whatever_users_and_flags_say() -> None:
    user = layer(Rank.USER, 'mode = "mask"')
    flag = Layer("COLLECTOR_CONTENT", Rank.TIGHTEN, {"content": (Levels(ContentLevel.MASK),)})
    found = combined([layer(Rank.REQUIRED, 'mode = "metadata"'), user, flag])
    assert found.policy.mode is ContentLevel.METADATA
    assert row(found, "mode") == ("metadata", "REQUIRED")
    assert len([notice for notice in found.notices if "mode stays at metadata" in notice]) == 2


def test_defaults_of_the_machine_are_the_users_to_change() -> None:
    machine = layer(Rank.DEFAULTS, 'preset = "metadata-only"\n[limits]\nmax_depth = 8')
    assert combined([machine]).policy.mode is ContentLevel.METADATA
    user = layer(Rank.USER, 'preset = "secrets"\n[limits]\nmax_depth = 20')
    found = combined([machine, user])
    assert found.policy.mode is ContentLevel.MASK
    assert found.policy.limits.max_depth == 20
    assert found.notices == ()


def test_the_built_in_holds_where_a_machine_policy_is_silent() -> None:
    """An administrator who locks one thing has not handed out the rest."""
    found = combined([layer(Rank.REQUIRED, "[limits]\nmax_depth = 8"), layer(Rank.USER, 'preset = "secrets"')])
    assert "email" in found.policy.rules
    assert found.notices


def test_limits_take_the_smallest() -> None:
    machine = layer(Rank.REQUIRED, "[limits]\nmax_value_bytes = 1000")
    assert combined([machine, layer(Rank.USER, "[limits]\nmax_value_bytes = 10")]).policy.limits.max_value_bytes == 10
    found = combined([machine, layer(Rank.USER, "[limits]\nmax_value_bytes = 100000")])
    assert found.policy.limits.max_value_bytes == 1000
    assert any("limits.max_value_bytes is 1000: REQUIRED asks for it" in notice for notice in found.notices)


def test_a_user_cannot_exempt_fields_from_a_machines_policy() -> None:
    """`keep` is the one action that loosens (34)."""
    text = '[[field]]\nkey = "note"\naction = "keep"\ntype = "string"\nshape = "identifier"'
    assert [rule.action for rule in combined([layer(Rank.USER, text)]).policy.fields] == [Action.KEEP]
    found = combined([layer(Rank.REQUIRED, 'mode = "mask"'), layer(Rank.USER, text)])
    assert found.policy.fields == ()
    assert any("keep is left out" in notice for notice in found.notices)


def test_fields_and_rules_of_all_layers_add_up() -> None:
    machine = layer(Rank.REQUIRED, '[[field]]\nkey = "a"\naction = "placeholder"')
    user = layer(Rank.USER, '[[field]]\nkey = "a"\naction = "drop"\n[[field]]\nkey = "b"\naction = "scan"')
    found = combined([machine, user]).policy.fields
    assert {(rule.key, rule.action) for rule in found} == {
        ("a", Action.PLACEHOLDER), ("a", Action.DROP), ("b", Action.SCAN)
    }  # fmt: skip


def test_a_users_rule_of_the_same_name_gives_way() -> None:
    rule = "[[rule]]\nid = 'acme-id'\npattern = '{}[0-9]{{6}}'\nmatch = ['{}123456']\nno_match = ['{}1']"
    found = combined(
        [
            layer(Rank.REQUIRED, rule.format("ACME", "ACME", "ACME")),
            layer(Rank.USER, rule.format("NOPE", "NOPE", "NOPE")),
        ]
    )
    assert [rule.pattern for rule in found.policy.own_rules] == ["ACME[0-9]{6}"]
    assert any("rule acme-id is left out" in notice for notice in found.notices)


def test_a_pseudonym_is_looser_than_a_placeholder() -> None:
    """Whoever has the key can test guesses, so a user cannot choose one over a machine's placeholder."""
    user = layer(Rank.USER, '[hmac]\nkey_file = "/k"\nkey_id = "a"\n[rules.action]\nemail = "hash"')
    assert combined([user]).policy.actions == {"email": Action.HASH}
    assert combined([layer(Rank.REQUIRED, 'mode = "mask"'), user]).policy.actions == {}


def test_levels_of_kinds_are_looked_up_layer_by_layer() -> None:
    """A layer may leave AGENT spans their content under `metadata`, unless another layer says no."""
    text = 'mode = "metadata"\n[[content]]\nlevel = "mask"\nkind = ["AGENT"]'
    assert len(combined([layer(Rank.USER, text)]).policy.levels) == 1
    assert len(combined([layer(Rank.REQUIRED, text), layer(Rank.USER, 'mode = "mask"')]).policy.levels) == 2


def test_the_order_of_layers_of_one_rank_does_not_matter() -> None:
    one = layer(Rank.REQUIRED, 'mode = "metadata"\n[limits]\nmax_depth = 3', "one")
    other = layer(Rank.REQUIRED, '[rules]\npacks = ["secrets@1"]\n[limits]\nmax_depth = 5', "other")
    assert combined([one, other]).policy.limits == combined([other, one]).policy.limits
    assert combined([one, other]).policy.rules == combined([other, one]).policy.rules
    assert combined([one, other]).policy.mode is combined([other, one]).policy.mode


def test_every_row_names_the_layer_that_set_it() -> None:
    found = combined([Layer("flag", Rank.USER, preset_demands("secrets"), "secrets")])
    assert row(found, "rules.packs") == (LATEST["secrets@latest"], "flag")
    assert row(found, "limits.max_depth")[1] == "built-in"


def test_the_fingerprint_tells_policies_apart_and_is_stable() -> None:
    text = "[limits]\nmax_depth = 4"
    one, same = combined([layer(Rank.USER, text)]), combined([layer(Rank.USER, text)])
    assert one.policy.fingerprint() == same.policy.fingerprint()
    assert one.policy.fingerprint() != combined().policy.fingerprint()


def test_a_user_policy_cannot_pass_for_the_machines() -> None:
    """Spans name the machine's policy and, apart from it, the user's."""
    machine = Layer("m", Rank.REQUIRED, {"content": (Levels(),)}, "acme", 7)
    forged = Layer("u", Rank.USER, {"content": (Levels(),)}, "acme", 99)
    found = combined([machine, forged]).policy
    assert (found.name, found.revision, found.locked) == ("acme", 7, True)
    assert (found.user_name, found.user_revision) == ("acme", 99)
    alone = combined([forged]).policy
    assert (alone.locked, alone.user_name, alone.user_revision) == (False, "acme", 99)


def _on(*documents: tuple[type[UserDocument], str]) -> frozenset[str]:
    layers = []
    for number, (kind, text) in enumerate(documents):
        document = read_document(kind, text.encode(), f"d{number}")
        layers += (
            document_layers(document, f"d{number}")
            if isinstance(document, MachineDocument)
            else [Layer(f"d{number}", Rank.USER, demands(document, f"d{number}", catalog()))]
        )
    return combined(layers).policy.rules


def test_a_default_that_turns_one_rule_off_leaves_users_that_rule_alone() -> None:
    machine = (MachineDocument, '[defaults.rules]\ndisable = ["phone"]')
    assert "phone" not in _on(machine)
    assert "phone" in _on(machine, (UserDocument, '[rules]\nenable = ["phone"]'))
    found = _on(machine, (UserDocument, '[rules]\npacks = ["pii@1"]\ndisable = ["email", "github-token", "phone"]'))
    assert {"email", "github-token"} <= found and "phone" not in found


def test_a_default_that_names_packs_leaves_users_the_choice() -> None:
    machine = (MachineDocument, '[defaults.rules]\npacks = ["secrets@1", "pii@1"]')
    assert "email" not in _on(machine, (UserDocument, '[rules]\npacks = ["secrets@1"]'))


def test_a_layer_that_only_tightens_turns_rules_on_and_none_off_and_exempts_nothing() -> None:
    base = Layer("u", Rank.USER, preset_demands("secrets"), "mine", 3)
    text = (
        '[rules]\npacks = ["pii@1"]\ndisable = ["github-token"]\n[[field]]\nkey = "a.b"\ntype = "int"\naction = "keep"'
    )
    document = read_document(UserDocument, text.encode(), "d")
    more = Layer("d", Rank.TIGHTEN, demands(document, "d", catalog()), "other", 9)
    found = combined([base, more]).policy
    assert {"email", "github-token"} <= found.rules
    assert found.fields == () and (found.name, found.revision) == ("mine", 3)
