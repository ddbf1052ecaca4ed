"""How content could get past the engine, and that it does not."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import zlib
from collections import Counter
from collections.abc import Callable

import pytest

from collector.redact.engine.engine import Engine, Extent, RuleError, compile_rule, replace
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.engine.scan import hyperscan
from collector.redact.report import ERROR
from collector.redact.rules import DEFAULT_RULES

BODY = "x7K2mQ9vT4bW8nR3cY6pL1zD5fH0jS2gA4eU"
TOKEN = "gh" + "p_" + BODY
ENGINE = Engine()

PRIV = "PRIV"  # no file holds the head of a key


def masked_all(engine: Engine, texts: list[str], findings: Counter[str]) -> dict[int, str]:
    """The texts that change, by their index; what is found is counted by rule."""
    changed = {}
    for index, data, extents in engine.find_all(texts):
        changed[index] = replace(data, extents).decode()
        findings.update(extent.rule for extent in extents)
    return changed


def masked(text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    return replace(data, ENGINE.find(data)).decode("utf-8", "surrogatepass")


def test_a_placeholder_names_the_rule_and_nothing_else() -> None:
    assert masked(f"a {TOKEN} b") == "a [REDACTED:github-token] b"


def test_what_is_clean_comes_back_unnamed() -> None:
    """Only texts that change are returned, so clean ones cost no copy."""
    findings: Counter[str] = Counter()
    assert masked_all(ENGINE, ["plain", f"x {TOKEN}", ""], findings) == {1: "x [REDACTED:github-token]"}
    assert findings == {"github-token": 1}


def test_the_caller_chooses_what_is_put_in_place() -> None:
    """Actions other than the placeholder see the extent and what was found."""
    data = f"a {TOKEN} b".encode()
    seen: list[tuple[Extent, bytes]] = []

    def render(extent: Extent, found: bytes) -> bytes:
        seen.append((extent, found))
        return b"<gone>"

    assert replace(data, ENGINE.find(data), render) == b"a <gone> b"
    assert seen == [(Extent(2, 2 + len(TOKEN), "github-token"), TOKEN.encode())]


# -- encodings ---------------------------------------------------------------------------------------------------------


def _dump(data: bytes, group: int) -> str:
    """As `hexdump -C` and `xxd` print bytes."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        said = "".join(chr(byte) if 32 < byte < 127 else "." for byte in row)
        if group == 1:
            lines.append(f"{at:08x}  {row[:8].hex(' ')}  {row[8:].hex(' ')}  |{said}|")
        else:
            lines.append(f"{at:08x}: {row.hex(' ', -2)}  {said}")
    return "\n".join(lines)


_HIDDEN: dict[str, str] = {
    "json unicode escape": '{"a":"\\u0067' + TOKEN[1:] + '"}',
    "json unicode escapes, all": '{"a":"' + "".join(f"\\u{ord(c):04X}" for c in TOKEN) + '"}',
    "json in json": json.dumps({"a": json.dumps({"b": "\n" + TOKEN + "\n"})}),
    "json in json in json": json.dumps({"a": json.dumps({"b": json.dumps(["\\" + TOKEN])})}),
    "escaped slash": "https:\\/\\/hooks.slack.com\\/services\\/" + "T0AB1CD2E\\/B0AB1CD2E\\/" + BODY[:24],
    "hex escape": 'x = b"\\x67' + TOKEN[1:] + '"',
    "percent": TOKEN.replace("_", "%5F"),
    "percent twice": TOKEN.replace("_", "%255F"),
    "html entity": TOKEN.replace("_", "&#x5f;"),
    "base64": base64.b64encode(f"a: {TOKEN}\n".encode()).decode(),
    "base64, unpadded and url-safe": base64.urlsafe_b64encode(f"??>{TOKEN}??".encode()).decode().rstrip("="),
    "base64, in the middle of a run": "QQ" + base64.b64encode(f"k={TOKEN};".encode()).decode(),
    "base64, wrapped": base64.encodebytes(f"the key that you asked for is this one: {TOKEN} and no other".encode()).decode(),
    "base64, wrapped in json": json.dumps(base64.encodebytes(f"the key that you asked for is this: {TOKEN} ok".encode()).decode()),
    "base64 twice": base64.b64encode(base64.b64encode(f"a: {TOKEN}\n".encode())).decode(),
    "base64 of gzip": base64.b64encode(gzip.compress(f"a: {TOKEN}\n".encode(), mtime=0)).decode(),
    "data uri": "data:text/plain;base64," + base64.b64encode(TOKEN.encode()).decode(),
    "hexadecimal": f"a: {TOKEN}".encode().hex(),
    "zero-width space": TOKEN[:9] + "\u200b" + TOKEN[9:],
    "zero-width in the prefix": TOKEN[:1] + "\u200d" + TOKEN[1:],
    "byte order mark": TOKEN[:9] + "\ufeff" + TOKEN[9:],
    "right-to-left override": TOKEN[:9] + "\u202e" + TOKEN[9:],
    "lone surrogate": TOKEN[:9] + "\ud800" + TOKEN[9:],
    "full-width letters": "".join(chr(ord(c) + 0xFEE0) for c in TOKEN[:6]) + TOKEN[6:],
    "ansi colours": TOKEN[:9] + "\x1b[31m" + TOKEN[9:],
    "shell continuation": TOKEN[:20] + "\\\n" + TOKEN[20:],
    "broken line": "token: " + TOKEN[:20] + "\n" + TOKEN[20:] + "\nnext",
    "broken line in a diff": "+" + TOKEN[:20] + "\n+" + TOKEN[20:] + "\n+",
    "numbered lines": "00001| " + TOKEN[:20] + "\n00002| " + TOKEN[20:] + "\n00003| ",
    "string concatenation": '"' + TOKEN[:9] + '" + "' + TOKEN[9:] + '"',
    "concatenation over lines": "'" + TOKEN[:9] + "'\n    '" + TOKEN[9:] + "'",
    "python bytes": repr(f"{TOKEN}\n".encode()),
    "forged placeholder": TOKEN[:20] + "[REDACTED:x]" + TOKEN[20:],
    "forged pseudonym": TOKEN[:20] + "[HMAC:email:k:00ff]" + TOKEN[20:],
    "html entity, decimal": TOKEN.replace("_", "&#95;"),
    "html entity, named": TOKEN.replace("_", "&lowbar;"),
    "html entities, all": "".join(f"&#{ord(c):03};" for c in TOKEN),
    "octal": "".join(f"\\{ord(c):03o}" for c in TOKEN),
    "octal in the prefix": "\\147" + TOKEN[1:],
    "braced escape": "\\u{67}" + TOKEN[1:],
    "long escape": "\\U00000067" + TOKEN[1:],
    "base64 of UTF-16": "powershell -enc " + base64.b64encode(f"$t = '{TOKEN}'".encode("utf-16-le")).decode(),
    "base64 of zlib": base64.b64encode(zlib.compress(f"a: {TOKEN}\n".encode())).decode(),
    "hexdump": _dump(f"a token, {TOKEN}, and more of it".encode(), 1),
    "hexdump in pairs": _dump(f"a token, {TOKEN}, and more of it".encode(), 2),
    "bytes apart": f"a {TOKEN} b".encode().hex(" "),
    "tag characters between": TOKEN[:9] + "\U000e0020" + TOKEN[9:20] + "\U000e007f" + TOKEN[20:],
    "tag characters": "".join(chr(0xE0000 + ord(c)) for c in TOKEN),
    "variation selector": TOKEN[:9] + "\U000e0101" + TOKEN[9:],
    "filler": TOKEN[:9] + "\u3164" + TOKEN[9:15] + "\u115f" + TOKEN[15:],
    "mongolian selector": TOKEN[:9] + "\u180b" + TOKEN[9:],
    "control character": TOKEN[:9] + "\x08" + TOKEN[9:],
    "box": f"│ token: {TOKEN[:20]} │\n│ {TOKEN[20:]}     │\n",
    "table": f"| {TOKEN[:20]} |\n| {TOKEN[20:]} |\n",
    "trailing spaces": f"{TOKEN[:20]}   \n{TOKEN[20:]}\nnext",
    "folded YAML": f"token: >-\n  {TOKEN[:20]}\n  {TOKEN[20:]}\nnext: 1",
    "glued to a word": "x" + TOKEN,
    "after a newline escape": "\\n" + TOKEN,
}  # fmt: skip


@pytest.mark.parametrize("text", _HIDDEN.values(), ids=_HIDDEN.keys())
@pytest.mark.parametrize(
    "around", ["{}", "see {} there", '{{"k": "{}"}}', "é🔑{}🔚"], ids=["alone", "prose", "json", "unicode"]
)
def test_encodings_do_not_hide_a_token(text: str, around: str) -> None:
    """Every way in which the same characters can be written is read; what it was written in goes."""
    whole = around.format(text)
    out = masked(whole)
    start = whole.index(text)
    kept = [piece for piece in (BODY[:12], BODY[12:24], BODY[24:]) if piece in out]
    assert kept == []
    findings = ENGINE.find(whole.encode("utf-8", "surrogatepass"))
    low = len(whole[:start].encode("utf-8", "surrogatepass"))
    high = low + len(text.encode("utf-8", "surrogatepass"))
    assert any(found.start < high and found.end > low for found in findings)
    assert ERROR not in {found.rule for found in findings}


def _pem(join: str, kind: str = "RSA ") -> str:
    lines = [base64.b64encode(bytes((n * 37 + i * 11) % 256 for i in range(48))).decode() for n in range(6)]
    return join.join([f"-----BEGIN {kind}PRIVATE KEY-----", *lines, f"-----END {kind}PRIVATE KEY-----"])


_JOINTS = {
    "plain": "\n", "windows": "\r\n", "json": "\\n", "json in json": "\\\\n", "indented": "\n    ", "diff": "\n+", "quoted": "\n> ",
    "cat -n": "\n     7\t", "opencode": "\n00007| ", "concatenated": '\\n" +\n  "', "implicit": "\\n'\n    '", "list": '",\n"', "yaml": "\n\n",
}  # fmt: skip


@pytest.mark.parametrize("joint", _JOINTS.values(), ids=_JOINTS.keys())
@pytest.mark.parametrize("cut", ["whole", "head", "tail"])
def test_private_keys_go_whole_however_their_lines_are_joined(joint: str, cut: str) -> None:
    """Gutters, quotes and escapes between lines, and a key cut short at either end."""
    key = _pem(joint)
    lines = key.split(joint)
    if cut == "head":
        key = joint.join(lines[:-2]) + joint + lines[-2][:20]
    elif cut == "tail":
        key = lines[2][30:] + joint + joint.join(lines[3:])
    out = masked(f"before {key}")
    assert [line for line in lines[1:-1] if line[:24] in out or line[-24:] in out] == []
    assert "before" in out


@pytest.mark.parametrize(
    "text", [_pem("\n", "EC ").replace("PRIVATE", "PUBLIC"), f'if "-----BEGIN {PRIV}ATE KEY-----" in text: pass']
)
def test_public_keys_and_code_about_keys_stay(text: str) -> None:
    assert masked(text) == text


# -- masks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "password=[REDACTED:secret-assignment]",
        "https://u:[REDACTED:url-password]@h/x",
        "curl -u jo:[REDACTED:cli-secret] x",
        "k: [HMAC:email:2026a:9f3c12ab9f3c12ab]",
    ],
)
def test_masks_are_left_alone(text: str) -> None:
    """What was redacted once is not redacted again."""
    assert masked(text) == text


def test_a_forged_mask_before_a_password_does_not_save_it() -> None:
    assert "Zk29xQmW71" not in masked("password=[REDACTED:x]Zk29xQmW71")


@pytest.mark.parametrize("word", ["gitleaks:allow", "EXAMPLE", "pragma: allowlist secret", "nosec"])
def test_no_word_switches_a_rule_off(word: str) -> None:
    """Comments for linters have no effect here, and neither has a word inside a token."""
    assert BODY not in masked(f"k = '{TOKEN}'  # {word}")
    assert BODY not in masked(f"k = '{TOKEN}{word}'")


def test_known_examples_are_left_alone_by_exact_value_only() -> None:
    example = "AKIA" + "IOSFODNN7" + "EXAMPLE"
    assert masked(f"id={example}") == f"id={example}"
    assert masked(f"id={example}2") != f"id={example}2"


# -- JSON --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_number_in_json_is_replaced_by_a_string(depth: int) -> None:
    """`{"card": [REDACTED:credit-card]}` would be no JSON."""
    text = json.dumps({"card": 4111111111111111, "pan": [4111111111111111, 1]})
    for _ in range(depth):
        text = json.dumps({"a": text})
    out = masked(text)
    for _ in range(depth):
        out = json.loads(out)["a"]
    assert json.loads(out) == {"card": "[REDACTED:credit-card]", "pan": ["[REDACTED:credit-card]", 1]}


def test_an_escape_is_not_cut_in_two() -> None:
    """The n of a newline escape could be read as the first letter of an npm token."""
    text = json.dumps({"a": "\n" + "pm_" + BODY})
    json.loads(masked(text))


# -- failures ----------------------------------------------------------------------------------------------------------


def _raises(data: bytes, place: int) -> None:
    raise MemoryError


@pytest.mark.parametrize("name", ["re", *(["hyperscan"] if hyperscan else [])])
def test_any_failure_replaces_the_value(name: str) -> None:
    """An exception in a rule must not let the text through, nor the texts beside it suffer."""
    bad = Rule("bad", "own", (Trigger("boom", 4, (b"boom",)),), _raises)
    engine = Engine((*DEFAULT_RULES, bad), scanner_name=name)
    assert engine.find(b"secret boom here") == [Extent(0, 16, ERROR)]
    findings: Counter[str] = Counter()
    assert masked_all(engine, ["fine", "a boom", TOKEN], findings) == {
        1: "[REDACTED:error]",
        2: "[REDACTED:github-token]",
    }
    assert findings == {ERROR: 1, "github-token": 1}


def test_a_match_storm_replaces_the_value() -> None:
    """A pattern that matches at every byte is stopped after so many matches; the text goes whole."""
    engine = Engine([compile_rule("words", "[a-z]{3,}")])
    assert engine.find(b"abcdefghij" * 1000) == [Extent(0, 10000, ERROR)]
    assert engine.find(b"abc 1") == [Extent(0, 3, "words")]
    out = masked_all(engine, ["a1", "abcdefghij" * 1000, "xyz"], Counter())
    assert out == {1: "[REDACTED:error]", 2: "[REDACTED:words]"}


def test_without_the_wheel_the_twin_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """`name` tells which, so that whoever starts the collector can say so once."""
    monkeypatch.setattr("collector.redact.engine.scan.hyperscan", None)
    engine = Engine()
    assert engine.name == "re"
    assert [found.rule for found in engine.find(f"x {TOKEN}".encode())] == ["github-token"]
    assert compile_rule("own", "ACME-[0-9]+", match=["ACME-1"]).id == "own"


def test_an_engine_is_shared_between_threads() -> None:
    """Hyperscan refuses a scratch that two threads use at once: each has its own."""
    texts = [f"{n} {TOKEN} {'x ' * 4000}".encode() for n in range(20)]
    wrong: list[object] = []

    def work() -> None:
        for text in texts:
            if [found.rule for found in ENGINE.find(text)] != ["github-token"]:
                wrong.append(text[:3])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "make", [lambda: "x" * 50_000_000, lambda: TOKEN + " y" * 25_000_000], ids=["clean", "one token"]
)
def test_a_huge_value_is_scanned_whole(make: Callable[[], str]) -> None:
    """Too large to scan is no reason to pass: 50 MB take a second."""
    text = make().encode()
    assert [found.rule for found in ENGINE.find(text)] == (["github-token"] if TOKEN.encode() in text else [])


def test_a_token_over_the_border_of_two_texts_is_two_texts() -> None:
    assert masked_all(ENGINE, [TOKEN[:20], TOKEN[20:]], Counter()) == {}


def test_a_token_at_any_offset_of_a_long_text_is_found() -> None:
    """No slices, so no border to hide on."""
    for offset in range(4080, 4110):
        assert BODY not in masked("." * offset + TOKEN + "." * 5000)


# -- an organisation's own rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a+)+$", "inside another repeat|several lengths"), ("(a|ab)*c", "several lengths"), ("(a|a)*b", "many ways"),
        ("(?<=x)a", "lookaround"), ("a(?!b)", "lookaround"), (r"(a)\1", "backreference"), ("a*", "empty"), ("^a", "anchor"),
        ("[a", "does not compile"), ("a" * 1001, "longer"), (".*a.*b.*c", "many ways"), ("a{1,9999}", "longer than"), ("é", "ASCII"),
    ],
)  # fmt: skip
def test_a_pattern_that_could_be_slow_is_refused_with_one_sentence(pattern: str, why: str) -> None:
    with pytest.raises(RuleError, match=why) as raised:
        compile_rule("own", pattern)
    assert "\n" not in str(raised.value)


def test_a_failing_example_refuses_the_rule() -> None:
    with pytest.raises(RuleError, match="to match"):
        compile_rule("own", "ACME-[0-9]{4}", match=["ACME-12"])
    with pytest.raises(RuleError, match="not to match"):
        compile_rule("own", "ACME-[0-9]{4}", no_match=["ACME-1234"])
    compile_rule("own", "ACME-[0-9]{4}", match=["ACME-1234"], no_match=["ACME-1"])


def test_a_group_and_a_check_narrow_what_is_replaced() -> None:
    rule = compile_rule(
        "badge", r"badge ([0-9]+)", group=1, check=lambda found: found.endswith(b"7"), match=["badge 17"]
    )
    engine = Engine([rule])
    assert replace(b"badge 127 badge 128", engine.find(b"badge 127 badge 128")) == b"badge [REDACTED:badge] badge 128"
