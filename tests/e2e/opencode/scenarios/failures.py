"""What goes wrong: refused requests, retries, aborts, denied permissions, cut answers, a session that is deleted."""

from __future__ import annotations

import time

from e2e.opencode.client import until
from e2e.opencode.scenarios.play import Play, bash, call, scenario, simple, task

simple(
    "retry_429",
    lambda _: {
        "r429": [[{"status": 429, "message": "Slow down", "headers": {"retry-after": "1"}}, {"text": "Through."}]]
    },
    "r429",
)
simple(
    "retry_in_turn",
    lambda _: {"rit": [{"text": "Run.", "tools": [bash("echo rit")]}, [{"status": 503}, {"text": "After a pause."}]]},
    "rit",
)
simple("refused_401", lambda _: {"r401": [{"status": 401, "message": "No key"}]}, "r401")


@scenario(
    "refused_later",
    lambda _: {
        "rl": [{"text": "Run.", "tools": [bash("echo rl")]}, {"status": 400, "message": "Invalid"}],
        "rl_next": [{"text": "Back again."}],
    },
)
def refused_later(play: Play) -> None:
    play.say("Go [[rl]]")
    play.say("Again [[rl_next]]")


@scenario(
    "abort_reasoning", lambda _: {"ar": [{"reasoning": "Thinking hard", "hang": 30}], "ar_next": [{"text": "Fine."}]}
)
def abort_reasoning(play: Play) -> None:
    play.ask("Think [[ar]]")
    play.until_text_streams()
    play.abort()
    play.say("After [[ar_next]]")


@scenario(
    "abort_twice",
    lambda _: {
        "at_tool": [{"text": "Run.", "tools": [bash("sleep 30")]}], "at_text": [{"text": "Cut here", "hang": 30}],
        "at_next": [{"text": "Good."}],
    },
)  # fmt: skip
def abort_twice(play: Play) -> None:
    play.ask("Tool [[at_tool]]")
    play.until_tool_runs()
    play.abort()
    play.ask("Text [[at_text]]")
    play.until_text_streams()
    play.abort()
    play.say("After [[at_next]]")


@scenario("abort_waiting", lambda _: {"aw": [{"text": "Late.", "delay": 20}], "aw_next": [{"text": "Good."}]})
def abort_waiting(play: Play) -> None:
    """Nothing has been answered yet."""
    play.ask("Wait [[aw]]")
    play.until_sent("aw")
    play.abort()
    play.say("After [[aw_next]]")


_ASKING = {"permission": {"*": "allow", "bash": "ask"}}


@scenario(
    "abort_permission",
    lambda _: {"ap": [{"text": "May I?", "tools": [bash("echo ap")]}], "ap_next": [{"text": "Good."}]},
    config=_ASKING,
)
def abort_permission(play: Play) -> None:
    play.ask("Ask [[ap]]")
    play.until_asked("permission")
    play.abort()
    play.say("After [[ap_next]]")


@scenario(
    "abort_subagent",
    lambda _: {
        "asub": [{"text": "Delegating.", "tools": [task("Slow", "Slow [[slow_kid]]")]}],
        "slow_kid": [{"text": "Run.", "tools": [bash("sleep 30")]}],
        "asub_next": [{"text": "Good."}],
    },
)
def abort_subagent(play: Play) -> None:
    play.ask("Delegate [[asub]]")
    play.until_tool_runs()
    until(lambda: play.api("GET", f"/session/{play.session}/children"), 30, "the subagent is there")
    kid = Play(play.client, play.folder, play.model)
    kid.session = play.child()
    kid.until_tool_runs()
    play.abort()
    play.say("After [[asub_next]]")


@scenario(
    "permission_always",
    lambda _: {"pa": [{"tools": [bash("echo a")]}, {"tools": [bash("echo b")]}, {"text": "Both."}]},
    config={"permission": {"*": "allow", "bash": "ask", "webfetch": "ask"}},
)
def permission_always(play: Play) -> None:
    play.ask("Ask [[pa]]")
    asked = play.until_asked("permission")
    play.api("POST", f"/permission/{asked['id']}/reply", {"reply": "always"})
    play.until_part("the end", lambda part: part.get("text") == "Both.")
    play.until_idle()


@scenario(
    "permission_corrected",
    lambda _: {
        "pc": [{"tools": [bash("rm x")]}, {"text": "I leave it."}], "pc_next": [{"text": "Good."}],
    },
    config=_ASKING,
)  # fmt: skip
def permission_corrected(play: Play) -> None:
    """A rejection with a message goes to the model, and the turn goes on."""
    play.ask("Ask [[pc]]")
    asked = play.until_asked("permission")
    play.api("POST", f"/permission/{asked['id']}/reply", {"reply": "reject", "message": "Use trash instead"})
    play.until_idle()
    play.say("After [[pc_next]]")


@scenario(
    "permission_rejected",
    lambda _: {"prj": [{"text": "May I?", "tools": [bash("rm y")]}], "prj_next": [{"text": "Good."}]},
    config=_ASKING,
)
def permission_rejected(play: Play) -> None:
    play.ask("Ask [[prj]]")
    asked = play.until_asked("permission")
    play.api("POST", f"/permission/{asked['id']}/reply", {"reply": "reject"})
    play.until_idle()
    play.say("After [[prj_next]]")


simple(
    "permission_denied",
    lambda _: {"pd": [{"tools": [bash("rm -rf z"), bash("echo fine")]}, {"text": "One was denied."}]},
    "pd",
    config={"permission": {"bash": {"*": "allow", "rm *": "deny"}}},
)


@scenario(
    "question_rejected",
    lambda _: {
        "qr": [{"text": "Let me ask.", "tools": [call("question", questions=[
            {"question": "Which?", "header": "W", "options": [{"label": "A", "description": "a"}]}
        ])]}],
        "qr_next": [{"text": "Good."}],
    },
)  # fmt: skip
def question_rejected(play: Play) -> None:
    play.ask("Ask [[qr]]")
    asked = play.until_asked("question")
    play.api("POST", f"/question/{asked['id']}/reject")
    play.until_idle()
    play.say("After [[qr_next]]")


simple("cut_answer", lambda _: {"cut": [{"text": "Half an ans", "cut": True}, {"text": "A whole answer."}]}, "cut")
simple("empty_answer", lambda _: {"empty": [{"text": ""}]}, "empty")
simple("length", lambda _: {"length": [{"text": "Too lo", "finish": "length"}]}, "length")
simple("filtered", lambda _: {"filtered": [{"text": "Hm", "finish": "content_filter"}]}, "filtered")
simple(
    "tool_timeout",
    lambda _: {"tt": [{"tools": [call("bash", command="sleep 9", timeout=600, description="Slow")]}, {"text": "So."}]},
    "tt",
)


@scenario("deleted_in_turn", lambda _: {"dit": [{"text": "Run.", "tools": [bash("sleep 20")]}]})
def deleted_in_turn(play: Play) -> None:
    play.ask("Go [[dit]]")
    play.until_tool_runs()
    play.api("DELETE", f"/session/{play.session}")
    time.sleep(1)
