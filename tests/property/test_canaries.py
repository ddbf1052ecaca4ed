"""Arbitrary OTLP with a planted secret: wherever it stands and however it is wrapped, it is in no output."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from harness.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import Signal
from collector.otlp.read import JSON, PROTOBUF
from collector.otlp.write import to_document
from collector.pipeline.otlp import Pipeline
from collector.redact.ruleset import preset_policy
from collector.redact.seal import Sealer, always

TOKENS = (
    "gh" + "p_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
    "sk-" + "ant-api03-" + "Zq8Lw3Rt6Yp1Xc9Vb4Nm7Kj2Hg5Fd0Sa" * 2,
    "AK" + "IA" + "QX7LW5RB6TZ3VMHD",
)
plain = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)

WRAPPINGS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: json.dumps({"a": text}),
    lambda text: json.dumps({"a": json.dumps({"b": [text]})}),
    lambda text: json.dumps(json.dumps(json.dumps([text]))),
    lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    lambda text: f"\\u{ord(text[0]):04x}" + text[1:],
    lambda text: base64.b64encode(f"token={text}\n".encode()).decode(),
    lambda text: base64.urlsafe_b64encode(f"xx {text} yy".encode()).decode().rstrip("="),
    lambda text: base64.encodebytes(f"some more text before {text} and after it, to fill lines".encode()).decode(),
    lambda text: quote(f"?t={text}", safe=""),
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    lambda text: f"\x1b[31m{text}\x1b[0m",
    lambda text: f"00012| + export T={text}",
    lambda text: f"curl -H 'x: {text[:10]}\\\n{text[10:]}'",
)


class Chooser:
    """Fills a message at random, from its descriptor; one of its strings gets the secret."""

    def __init__(self, data: st.DataObject, planted: str) -> None:
        self._draw = data.draw
        self._planted = planted
        self.slots: list[Callable[[str], None]] = []

    def fill(self, message: Message, depth: int = 0) -> None:
        for field in message.DESCRIPTOR.fields:
            if field.containing_oneof is not None and not self._draw(st.booleans()):
                continue
            if field.message_type is not None:
                self._message(message, field, depth)
            elif field.type == FieldDescriptor.TYPE_STRING:
                self._string(message, field)
            elif field.type == FieldDescriptor.TYPE_BYTES:
                if field.name.endswith("_id"):
                    setattr(message, field.name, b"\7" * (16 if field.name == "trace_id" else 8))
                else:
                    setattr(message, field.name, self._planted.encode())

    def _message(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        least = 0 if depth > 6 else 1
        if field.message_type.full_name.endswith(("ArrayValue", "KeyValueList")) and depth > 7:
            return
        if not field.is_repeated:
            getattr(message, field.name).SetInParent()
            self.fill(getattr(message, field.name), depth + 1)
            return
        for _ in range(self._draw(st.integers(least, 2 if depth < 3 else 1))):
            self.fill(getattr(message, field.name).add(), depth + 1)

    def _string(self, message: Message, field: FieldDescriptor) -> None:
        if field.is_repeated:
            target = getattr(message, field.name)
            target.append(self._draw(plain))
            self.slots.append(lambda text, target=target: target.__setitem__(0, text))
        else:
            setattr(message, field.name, self._draw(plain))
            self.slots.append(lambda text: set_string(message, field.name, text))


def set_string(message: Message, name: str, text: str) -> None:
    """A value whose kind was chosen differently since stays what it is."""
    if message.DESCRIPTOR.full_name.endswith("AnyValue") and message.WhichOneof("value") != name:  # type: ignore[arg-type]
        return
    setattr(message, name, text)


PIPELINES = {
    name: Pipeline(always(Sealer(preset_policy(name))))
    for name in ("secrets-and-pii", "no-tool-content", "metadata-only")
}


@settings(max_examples=examples(150), deadline=None)
@given(
    data=st.data(),
    signal=st.sampled_from(list(Signal)),
    token=st.sampled_from(TOKENS),
    wrap=st.sampled_from(WRAPPINGS),
    preset=st.sampled_from(sorted(PIPELINES)),
    as_json=st.booleans(),
)
def test_a_planted_secret_is_in_no_output(
    data: st.DataObject, signal: Signal, token: str, wrap: Callable[[str], str], preset: str, as_json: bool
) -> None:
    request: Any = signal.request()
    chooser = Chooser(data, token)
    chooser.fill(request)
    before, after = (
        data.draw(st.sampled_from(["", " ", "say: ", '"'])),
        data.draw(st.sampled_from(["", " ", ".", "\n"])),
    )
    wrapped = wrap(token)
    for slot in data.draw(st.lists(st.sampled_from(chooser.slots), min_size=1, max_size=3)):
        slot(before + wrapped + after)
    body = orjson.dumps(to_document(request)) if as_json else request.SerializeToString()
    outcome = PIPELINES[preset].run(signal, body, JSON if as_json else PROTOBUF)
    if outcome.batch is None:
        return
    out = outcome.batch.data
    told = orjson.dumps(to_document(signal.request.FromString(out)))
    for needle in {token, wrapped, token[4:28], json.dumps(wrapped)[1:-1]}:
        assert needle.encode() not in out
        assert needle.encode() not in told
    assert token not in str(outcome.batch.spans)
    assert token not in str(outcome.left_out)
