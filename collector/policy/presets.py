"""The presets, named as people think, in the words of the schema."""

from __future__ import annotations

from collections.abc import Mapping

from collector.policy.known import TOOLS, WHOLE_CONVERSATIONS

DEFAULT = "secrets-and-pii"

_SECRETS = """
[rules]
packs = ["secrets@latest"]
"""
_SECRETS_AND_PII = """
[rules]
packs = ["secrets@latest", "pii@latest"]
"""


def _no_tool_content() -> str:
    """Tool spans keep metadata only; what tools were given and gave is cut out of the model's spans."""
    tables = [
        _SECRETS_AND_PII,
        '[[content]]\nlevel = "metadata"\nkind = ["TOOL"]\n',
        '[[content]]\nlevel = "metadata"\ntool = ["*"]\n',
    ]
    tables += [f'[[field]]\nkey = "{key}"\naction = "placeholder"\n' for key in (*TOOLS, *WHOLE_CONVERSATIONS)]
    for end in ("message.content", "message.contents.*"):
        tables.append(
            f'[[field]]\nkey = "llm.*_messages.*.{end}"\nrole = ["tool", "function"]\naction = "placeholder"\n'
        )
    tables += [
        f'[[field]]\nkey = "{key}"\nkind = ["LLM"]\naction = "placeholder"\n' for key in ("input.value", "output.value")
    ]
    return "\n".join(tables)


PRESETS: Mapping[str, str] = {
    "metadata-only": 'mode = "metadata"\n' + _SECRETS_AND_PII,
    "no-tool-content": _no_tool_content(),
    "secrets-and-pii": 'mode = "mask"\n' + _SECRETS_AND_PII,
    "secrets": 'mode = "mask"\n' + _SECRETS,
}
