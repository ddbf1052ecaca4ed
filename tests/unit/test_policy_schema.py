"""A policy is read strictly: what is not understood refuses to start."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from collector.errors import ConfigError
from collector.policy.demands import demands
from collector.policy.presets import PRESETS
from collector.policy.schema import MachineDocument, RemoteDocument, UserDocument, read_document
from collector.redact.ruleset import catalog, combined, preset_policy

WHOLE = """
schema = 1
name = "acme"
revision = 3
mode = "mask"
on_error = "drop"
hide = ["OPENINFERENCE_HIDE_OUTPUTS", "input_images"]
[hmac]
key_file = "/etc/acme/hmac.key"
key_id = "2026a"
[limits]
max_value_bytes = 262144
max_depth = 16
[rules]
packs = ["secrets@1", "pii@1"]
disable = ["email"]
[rules.action]
iban = "hash"
[[content]]
level = "metadata"
signal = ["logs"]
[[content]]
level = "metadata"
kind = ["TOOL"]
tool = ["mcp_*"]
[[rule]]
id = "acme-badge"
pattern = 'ACME-[0-9]{8}'
literals = ["ACME-"]
action = "hash"
match = ["ACME-12345678"]
no_match = ["ACME-1"]
[[field]]
signal = ["span", "log"]
at = ["attr", "event-attr"]
key = "gen_ai.*.messages"
action = "placeholder"
[[field]]
key = "build.id"
type = "string"
shape = "identifier"
action = "keep"
[[field]]
at = ["name"]
action = "truncate:40"
[report]
span_attributes = true
"""


def refusal(text: str, kind: type = UserDocument) -> str:
    with pytest.raises(ConfigError) as caught:
        demands(read_document(kind, text.encode(), "f.toml"), "f.toml", catalog())
    message = str(caught.value)
    assert message.startswith("f.toml: ")
    assert "\n" not in message
    return message


def test_every_part_of_the_schema_is_read() -> None:
    found = demands(read_document(UserDocument, WHOLE.encode(), "f.toml"), "f.toml", catalog())
    assert {"content", "field", "rule", "rules", "hmac", "limits.max_depth", "report.span_attributes"} <= found.keys()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('modee = "mask"', "modee: unknown key; did you mean mode?"),
        ('[limits]\nmax_dept = 3', "limits.max_dept: unknown key; did you mean max_depth?"),
        ('[[field]]\nkey = "a"\naction = "drop"\nvalue = 1', "field[1].value: unknown key"),
        ('mode = "passthrough"', "mode: "),
        ('mode = "Mask"', "mode: "),
        ("mode = 1", "mode: "),
        ("mode =", "not valid TOML"),
        ('mode = "mask"\nmode = "mask"', "not valid TOML"),
        ("[rules]\npacks = []", "rules.packs: an empty list"),
        ('[rules]\npacks = ["secrets"]', "rules.packs[1]: "),
        ('[rules]\npacks = ["secrets@9"]', "rules.packs: there is no secrets@9"),
        ('[rules]\ndisable = ["emial"]', "rules.disable: there is no rule emial; did you mean email?"),
        ('[rules]\nenable = ["nothing-like-it"]', "rules.enable: there is no rule"),
        ('[rules.action]\nemail = "partial"', "rules.action.email: "),
        ('[rules.action]\nphonee = "hash"', "rules.action: there is no rule phonee"),
        ('[[content]]\nlevel = "none"', "content[1].level: "),
        ('[[content]]\nlevel = "metadata"', "content[1]: name a signal"),
        ('[[content]]\nlevel = "metadata"\nkind = ["WIZARD"]', "content[1].kind: no such span kind"),
        ('[[content]]\nlevel = "metadata"\nsignal = ["metrics"]\nkind = ["TOOL"]', "content[1]: "),
        ('[[content]]\nlevel = "metadata"\nsignal = ["profiles"]', "content[1].signal[1]: "),
        ('[[field]]\naction = "drop"', "field[1]: name a key"),
        ('[[field]]\nkey = "a"\naction = "remove"', "field[1].action: "),
        ('[[field]]\nkey = "a"\naction = "truncate"', "field[1].action: "),
        ('[[field]]\nkey = "a"\naction = "truncate:0"', "field[1].action: "),
        ('[[field]]\nat = ["attribute"]\naction = "drop"', "field[1].at: no such place"),
        ('[[field]]\nat = ["status"]\nsignal = ["logs"]\naction = "drop"', "field[1]: status is not found"),
        ('[[field]]\nat = ["attr", "body"]\nsignal = ["traces"]\naction = "drop"', "field[1].at: body"),
        ('[[field]]\nat = ["name"]\nkey = "a"\naction = "drop"', "field[1].key: name has no keys"),
        ('[[field]]\nkey = "a.**"\naction = "drop"', "field[1].key: `*` is the only wildcard"),
        ('[[field]]\nkey = "a?"\naction = "drop"', "field[1].key: `*` is the only wildcard"),
        ('[[field]]\nkey = "gen_ai.input.mesages"\naction = "drop"', "did you mean gen_ai.input.messages?"),
        ('[[field]]\nkey = "a"\nrole = ["tool"]\naction = "drop"', "field[1].role: "),
        ('[[field]]\nkey = "a*"\naction = "keep"\ntype = "int"', "keep needs an exact key"),
        ('[[field]]\nkey = "a"\naction = "keep"', "keep needs the type"),
        ('[[field]]\nkey = "a"\naction = "keep"\ntype = "string"', "keep needs the shape"),
        ('[[field]]\nkey = "a"\naction = "drop"\ntype = "string"', "type and shape belong to keep"),
        ('[limits]\nmax_depth = "3"', "limits.max_depth: "),
        ("[limits]\nmax_value_bytes = 0", "limits.max_value_bytes: "),
        ('[hmac]\nkey_file = "/k"', "hmac.key_id: missing"),
        ('[hmac]\nkey_file = "/k"\nkey_id = "a:b"', "hmac.key_id: "),
        ('hide = ["OPENINFERENCE_HIDE_EVERYTHING"]', "hide: "),
        ('name = "has space"', "name: "),
        ("schema = 2", "schema: this collector reads schema 1 only"),
        ('policy_url = "https://example.com"', "policy_url: unknown key"),
        ("[required]\nmode = 'metadata'", "required: unknown key"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(text: str, said: str) -> None:
    """A policy that is only partly applied looks enforced and is not (30)."""
    assert said in refusal(text)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("pattern = '('\nmatch = ['a']\nno_match = ['b']", "rule[1] x-y: "),
        ("pattern = 'AB[0-9]{4}'\nmatch = []\nno_match = ['b']", "rule[1].match: "),
        ("pattern = 'AB[0-9]{4}'\nmatch = ['AB1234']", "rule[1].no_match: missing"),
        ("pattern = 'AB[0-9]{4}'\nmatch = ['nothing']\nno_match = ['b']", "rule[1] x-y: "),
        ("pattern = 'AB[0-9]{4}'\nmatch = ['AB1234']\nno_match = ['AB5678']", "rule[1] x-y: "),
    ],
)
def test_a_rule_must_prove_itself_by_its_examples(rule: str, said: str) -> None:
    """A failing example stops the start, also after an upgrade of the engine (50)."""
    assert said in refusal(f"[[rule]]\nid = 'x-y'\n{rule}")


def test_a_rule_cannot_take_the_name_of_one_of_a_pack() -> None:
    """It would be unclear which of the two a report names."""
    text = "[[rule]]\nid = 'email'\npattern = 'AB[0-9]{4}'\nmatch = ['AB1234']\nno_match = ['b']"
    assert "is a rule of a pack" in refusal(text)


def test_a_refusal_never_repeats_a_value() -> None:
    """A policy may hold what an organisation looks for."""
    secret = "Zanzibar-" + "4711"
    for text in (f'mode = "{secret}"', f'[[field]]\nkey = "a"\naction = "{secret}"', f'[hmac]\nkey_id = "{secret}"'):
        assert secret not in refusal(text)


def test_a_machine_may_name_a_server_and_a_server_may_not() -> None:
    """Otherwise whoever serves a policy could hand enforcement on."""
    text = 'policy_url = "https://example.com/p.toml"\npublic_keys = ["k"]\nmax_age = "7d"'
    read_document(MachineDocument, text.encode(), "f.toml")
    assert "policy_url: unknown key" in refusal(text, RemoteDocument)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_policies_as_a_person_would_write_them(name: str) -> None:
    tomllib.loads(PRESETS[name])
    assert preset_policy(name).name == name


def test_presets_differ_and_the_default_masks_secrets_and_personal_data() -> None:
    assert len({preset_policy(name).fingerprint() for name in PRESETS}) == len(PRESETS)
    assert combined().policy.rules == preset_policy("secrets-and-pii").rules
    assert "email" in combined().policy.rules
    assert "email" not in preset_policy("secrets").rules


def test_the_policy_in_the_documentation_loads() -> None:
    """People begin by copying it."""
    page = (Path(__file__).parents[2] / "docs" / "policy-administrator.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    document = read_document(MachineDocument, text.encode(), "page")
    assert document.name == "acme"
    for body in (document, document.required, document.defaults):
        assert body is not None
        demands(body, "page", catalog())


def test_rules_that_are_off_stay_off_until_enabled() -> None:
    """Addresses look like version numbers: that rule is for those who ask for it."""
    found = demands(read_document(UserDocument, b'[rules]\nenable = ["ip-address"]', "f"), "f", catalog())
    assert "ip-address" not in combined().policy.rules
    assert found["rules"].over(combined().policy.rules, catalog()) - combined().policy.rules == {"ip-address"}
