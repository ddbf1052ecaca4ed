"""Whether what a source key says stands in what was written: only then may the key go.

Looked for are the values, not the form: every text of a JSON document must be a written text, a line of one, or a text
within JSON that was written; numbers and truths must be found under the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.otlp.values import Value, read_json
from collector.reshape.events import MESSAGE_EVENTS

_OF_FORM = {
    "type": frozenset(
        {
            *(
                "text",
                "input_text",
                "output_text",
                "summary_text",
                "refusal",
                "reasoning",
                "thinking",
                "redacted_thinking",
            ),
            *("message", "function", "constructor", "object", "base64", "url", "human", "ai", "system", "tool"),
            *(
                "image",
                "image_url",
                "input_image",
                "image-url",
                "audio",
                "audio-url",
                "input_audio",
                "video",
                "video-url",
            ),
            *("document", "document-url", "file", "input_file", "blob", "uri", "binary", "media"),
            *("tool_call", "tool-call", "tool_use", "function_call", "custom_tool_call", "server_tool_call"),
            *("tool_call_response", "tool_result", "tool-result", "function_call_output", "custom_tool_call_output"),
            *("function_response", "server_tool_call_response", "tool_return", "tool_error", "server_tool_use"),
        }
    ),
    "role": frozenset({"model", "ai", "human", "function", "chat", "thinking", "user", "assistant", "tool", "system"}),
    "status": frozenset({"success", "completed"}),
    "name": MESSAGE_EVENTS,
}
"""Words that a message's form says again, and states that are those of everything that does not say otherwise."""

_SAME_FORM = {
    "kind": "type",
    "part_kind": "type",
    "toolCallType": "type",
    "block_type": "type",
    "modality": "type",
    "event.name": "name",
}
_POSITIONS = frozenset({"index", "gen_ai.message.index", "lc"})


class Written:
    """The values that a span was given, to be looked up."""

    def __init__(self, values: Iterable[Value]) -> None:
        self._values = list(values)
        self._same = {id(value) for value in self._values}
        self._texts: set[str] | None = None
        self._pieces: set[str] = set()
        self._named: set[tuple[str, Value]] = set()
        self._numbers: set[Value] = set()
        self._in_pieces = False

    def holds(self, name: str, value: Value) -> bool:
        """Whether all that `value` says, which stood under `name`, is among the written values."""
        if (
            isinstance(value, str) and id(value) in self._same
        ):  # as whole inputs and outputs are: a long text is not looked at
            return True
        if self._texts is None:
            self._texts = {item for item in self._values if isinstance(item, str)}
        if value is None or (isinstance(value, str) and (not value or value in self._texts)):
            return True
        read = read_json(value)
        return all(self._has(leaf_name, leaf) for leaf_name, leaf in _leaves(name.rpartition(".")[2], read))

    def _has(self, name: str, leaf: Value) -> bool:
        if leaf is None or leaf is False or leaf == "":
            return True
        texts = self._texts or ()
        if isinstance(leaf, str):
            if leaf in texts or leaf in _OF_FORM.get(_SAME_FORM.get(name, name), ()):
                return True
            self._take_apart()
            if leaf in self._pieces or all(line in self._pieces for line in leaf.split("\n")):
                return True
            read = read_json(leaf)
            return read is not leaf and all(self._has(*inner) for inner in _leaves(name, read))
        if name in _POSITIONS and isinstance(leaf, int):
            return True
        self._take_apart()
        if isinstance(leaf, (int, float)):
            return (name, leaf) in self._named or (leaf is not True and leaf in self._numbers)
        return False

    def _take_apart(self) -> None:
        """Find what is within the written texts: lines, the data of data URLs, and the leaves of JSON."""
        if self._in_pieces:
            return
        self._in_pieces = True
        for value in self._values:
            self._take(value)

    def _take(self, value: Value) -> None:
        if isinstance(value, str):
            self._pieces.add(value)
            read = read_json(value)
            if read is not value:
                for name, leaf in _leaves("", read):
                    if isinstance(leaf, str):
                        self._take(leaf)  # JSON within JSON: the arguments of a call
                    else:
                        self._named.add((name, leaf))
            else:
                self._take_text(value)
        elif isinstance(value, list):
            for item in value:
                self._take(item)
        elif isinstance(value, (int, float)):
            self._numbers.add(value)

    def _take_text(self, text: str) -> None:
        self._pieces.add(text)
        if "\n" in text:
            self._pieces.update(text.split("\n"))
        elif text.startswith("data:"):
            self._pieces.add(text.partition(",")[2])
            self._pieces.add(text[5:].partition(";")[0])


def _leaves(name: str, value: Value) -> Iterator[tuple[str, Value]]:
    """What a document holds that is neither a list nor an object, each with the name it stands under."""
    left = [(name, value)]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += value.items()
        elif isinstance(value, list):
            left += [(name, item) for item in value]
        else:
            yield str(name), value
