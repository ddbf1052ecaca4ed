"""Where a trace may say something else than what was sent, each with its reason; all else is a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass

from e2e.opencode.judge import Difference


@dataclass(frozen=True)
class Known:
    """A difference that is expected, and `why` no door can know better; `what` and `call` are patterns."""

    what: str
    why: str
    call: str = ""
    error: str | None = None
    sent: str | None = None
    shown: str | None = None
    scenarios: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    contained: bool = False

    def explains(self, difference: Difference) -> bool:
        return (
            re.fullmatch(self.what, difference.what) is not None
            and re.search(self.call, difference.call) is not None
            and self.error in (None, difference.error)
            and self.sent in (None, difference.sent)
            and self.shown in (None, difference.shown)
            and (not self.scenarios or difference.scenario in self.scenarios)
            and (not self.versions or difference.version in self.versions)
            and (difference.contained or not self.contained)
        )


_TITLE = re.escape("[title]")
_ABORTED = "MessageAbortedError"
_COMPACTION = re.escape("[compaction]")
_DELETED = ("deleted_in_turn", "deleted_and_retried", "deleted_waiting", "deleted_streaming", "deleted_in_retry")
_UNKEPT = "OpenCode keeps no answer to a session that is deleted, and at times takes that for a failure of the model"
_OLDEST = ("1.1.65",)
_OLD = ("1.2.27", *_OLDEST)

KNOWN = (
    Known(
        r"message [23] \(user\) text",
        "a title is prepared beside the first step: whether a reminder, or a plugin's note, is added by then is a race",
        _TITLE,
        scenarios=("plan_then_build", "plan_twice", "command_agent", "plugin_after_ours"),
    ),
    Known("parameter tool_choice", "the client's model library sets it wherever there are tools", sent="'auto'"),
    Known("usage .*|cost", "OpenCode 1 counts what a title uses nowhere", call=_TITLE),
    Known("failed", "a title that failed leaves no mark: the session keeps its first name", _TITLE, shown="'False'"),
    Known("answer text", "a title is kept as OpenCode cut it", _TITLE, scenarios=("long_title",)),
    Known("failed", "OpenCode calls the step of an abort aborted, also when the model was done", error=_ABORTED),
    Known(
        "usage .*|cost", "OpenCode does not count a step that was aborted, though the model was done", error=_ABORTED
    ),
    Known("failed", "the model answered, and OpenCode did not accept it", error="StructuredOutputError"),
    Known("failed", "the model answered, and OpenCode did not accept it", error="ContentFilterError"),
    Known(
        "answer calls",
        "OpenCode keeps a call that no tool can take as a call of its own tool `invalid`",
        scenarios=("toolerror", "ten_calls", "mcp_dies"),
    ),
    Known(
        "answer calls",
        "OpenCode keeps a call as another plugin rewrote it, and sends it so from then on",
        scenarios=("plugin_rewrites",),
    ),
    Known("usage .*|cost", _UNKEPT, scenarios=_DELETED),
    Known("failed", _UNKEPT, scenarios=_DELETED, error="retry"),
    Known("end", "the call was given up while its request was still on its way to the model", scenarios=_DELETED),
    Known("answer text", _UNKEPT, scenarios=_DELETED, shown="''"),
    Known(
        "tools not shown",
        "which they were is asked of OpenCode, in whose answer the session is gone",
        scenarios=_DELETED,
    ),
    Known("answer calls", _UNKEPT, scenarios=_DELETED, shown="'()'"),
    Known("answer text", "an answer edited within a second of its turn is told as edited", scenarios=("edit_part",)),
    Known("answer text", "it was cut before the model answered anything", scenarios=("abort_waiting",)),
    Known(
        "answer text",
        "texts are taken whole, and 1.2 does not always tell a text whole that was cut",
        shown="''",
        scenarios=("abort",),
        versions=("1.2.27",),
    ),
    Known(
        "roles",
        "OpenCode says in words of its own that this is the last step it allows; no hook shows them",
        scenarios=("agent_steps",),
        contained=True,
    ),
    Known(
        "roles",
        "before 1.16 OpenCode asks for the summary in words of its own, after the conversation",
        _COMPACTION,
        versions=("1.15.13", *_OLD),
        contained=True,
    ),
    Known(
        "cost",
        "up to 1.2 OpenCode charges reasoning twice, and its own figure is told",
        scenarios=("reasoning",),
        versions=_OLD,
    ),
    Known("parameter max_tokens", "up to 1.2 no hook shows it", shown="'None'", versions=_OLD),
    Known(
        "roles|message .*|answer text",
        "1.1 asks its title agent twice, and no hook says which request is which",
        _TITLE,
        versions=_OLDEST,
    ),
    Known(
        "tools not shown",
        "servers of the Model Context Protocol add tools of their own",
        scenarios=("mcp", "mcp_dies", "mcp_picture", "mcp_comes_and_goes"),
    ),
    Known(
        "tool StructuredOutput description",
        "it is OpenCode's own, and shown by no hook",
        scenarios=("structured", "structured_later", "structured_missed"),
        shown="''",
    ),
)


def unexplained(differences: list[Difference]) -> list[Difference]:
    """The differences that no entry explains."""
    return [found for found in differences if not any(known.explains(found) for known in KNOWN)]
