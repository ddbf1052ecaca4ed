"""Our reader of OpenCode 2 against the typed models of its contract (PyPI: opencode-python-sdk)."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import pytest
from harness.opencode import NOW, v2_examples
from pydantic import BaseModel

from collector.assemble.dialects.reader import ItemReader, UnknownType

_UNREAD = {
    # what a trace has no use for
    ("session.created", "slug"),
    ("session.moved", "subpath"),
    ("session.shell.ended", "output"),
    ("session.skill.activated", "id"),
    ("session.skill.activated", "text"),
    ("session.tool.called", "executed"),
    ("session.tool.success", "executed"),
    ("session.tool.failed", "executed"),
    ("session.reasoning.started", "ordinal"),
    ("session.text.started", "ordinal"),
    ("session.compaction.delta", "text"),
    # deltas tell a time, never text
    ("session.text.delta", "delta"),
    ("session.text.delta", "ordinal"),
    ("session.reasoning.delta", "delta"),
    ("session.reasoning.delta", "ordinal"),
    ("session.tool.input.delta", "delta"),
    ("session.tool.input.delta", "id"),
}


@cache
def event_models() -> dict[str, type[BaseModel]]:
    # To import them takes a second, which only the worker that runs these tests needs.
    from opencode.types import _generated as generated

    found: dict[str, type[BaseModel]] = {}
    for model in vars(generated).values():
        if isinstance(model, type) and issubclass(model, BaseModel) and {"type", "data"} <= model.model_fields.keys():
            model.model_rebuild()  # its fields name models that stand further down
            for name in get_args(model.model_fields["type"].annotation):
                if isinstance(name, str) and "." in name:
                    found[name] = model
    return found


class Watched(dict[str, Any]):
    """Remembers which keys were asked for."""

    def __init__(self, found: dict[str, Any]) -> None:
        super().__init__(found)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


def test_the_models_were_found() -> None:
    assert {"session.step.started", "session.inbox.enqueued", "form.created"} <= event_models().keys()


def _is_unknown(name: str) -> bool:
    event = {"id": "evt_1ee565e00001Ky9Pf34qY6Nb3w", "created": NOW, "type": name, "data": {"sessionID": "ses_1"}}
    return any(isinstance(found, UnknownType) for found in ItemReader().read(event, NOW))


def test_every_type_of_the_contract_is_known() -> None:
    """An unknown type is shown to people as something this version cannot read."""
    assert not [name for name in sorted(event_models()) if _is_unknown(name)]


@pytest.mark.parametrize("event", v2_examples(), ids=lambda event: event["type"])
def test_examples_fit_the_contract_and_mean_the_same_through_it(event: dict[str, Any]) -> None:
    """What the models make of an event is what our reader makes of it: no field is read under another name."""
    model = event_models()[event["type"]]
    dumped = model.model_validate(event).model_dump(mode="json", by_alias=True)
    assert list(ItemReader().read(dumped, NOW)) == list(ItemReader().read(event, NOW))


@pytest.mark.parametrize("event", v2_examples(), ids=lambda event: event["type"])
def test_required_fields_of_what_we_read_are_read(event: dict[str, Any]) -> None:
    """A field the contract requires and we never ask for is either of no use, and listed, or overlooked."""
    data = Watched(event["data"])
    facts = list(ItemReader().read({**event, "data": data}, NOW))
    if not facts:
        return
    annotation = event_models()[event["type"]].model_fields["data"].annotation
    assert isinstance(annotation, type)
    if not issubclass(annotation, BaseModel):
        return  # the contract says nothing of it
    required = {
        str(field.serialization_alias or name) for name, field in annotation.model_fields.items() if field.is_required()
    }
    overlooked = {(event["type"], name) for name in required - data.asked} - _UNREAD
    assert not overlooked
