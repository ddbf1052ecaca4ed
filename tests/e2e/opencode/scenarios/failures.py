"""What goes wrong: refused requests, retries, aborts, denied permissions, cut answers, a session that is deleted."""

from __future__ import annotations

from e2e.opencode.client import until
from e2e.opencode.scenarios.play import Play, bash, call, scenario, simple, task, usage

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
    until(lambda: play.api("GET", f"/session/{play.session}/children"), 90, "the subagent is there")
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


@scenario(
    "stream_breaks",
    lambda _: {
        "sbr": [[{"text": "Half", "breaks": "Overloaded"}, {"text": "A whole answer."}]],
        "sbr_next": [{"text": "On."}],
    },
)
def stream_breaks(play: Play) -> None:
    """The answer is begun again in the same message, and sent as two from then on."""
    play.say("Go [[sbr]]")
    play.say("Next [[sbr_next]]")


simple("empty_answer", lambda _: {"empty": [{"text": ""}]}, "empty")


@scenario("empty_answer_next", lambda _: {"ean": [{"text": ""}], "ean_next": [{"reasoning": "Hm.", "text": ""}]})
def empty_answer_next(play: Play) -> None:
    for key in ("ean", "ean_next", "ean"):
        play.say(f"Say nothing [[{key}]]")


simple("length", lambda _: {"length": [{"text": "Too lo", "finish": "length"}]}, "length")
simple("filtered", lambda _: {"filtered": [{"text": "Hm", "finish": "content_filter"}]}, "filtered")
simple(
    "tool_timeout",
    lambda _: {"tt": [{"tools": [call("bash", command="sleep 9", timeout=600, description="Slow")]}, {"text": "So."}]},
    "tt",
)


@scenario(
    "abort_retry",
    lambda _: {
        "abr": [[{"status": 503, "headers": {"retry-after": "60"}}]], "abr_next": [{"text": "Good."}],
    },
)  # fmt: skip
def abort_retry(play: Play) -> None:
    """No request was under way: the next would have left a minute later."""
    play.ask("Go [[abr]]")
    play.until_retry()
    play.abort()
    play.say("After [[abr_next]]")


@scenario(
    "abort_second_attempt",
    lambda _: {
        "asa": [[{"status": 503, "headers": {"retry-after": "0"}}, {"text": "Cut here", "hang": 30}]],
        "asa_next": [{"text": "Good."}],
    },
)
def abort_second_attempt(play: Play) -> None:
    play.ask("Go [[asa]]")
    play.until_sent("asa", times=2)
    play.until_text_streams()
    play.abort()
    play.say("After [[asa_next]]")


@scenario("deleted_in_turn", lambda _: {"dit": [{"text": "Run.", "tools": [bash("sleep 2")]}]})
def deleted_in_turn(play: Play) -> None:
    """OpenCode can keep nothing of the turn any more."""
    play.ask("Go [[dit]]")
    play.until_tool_runs()
    play.delete()
    play.until_idle()


@scenario(
    "deleted_and_retried",
    lambda _: {"dar": [{"text": "Run 503.", "tools": [bash("sleep 1; echo 503")], "usage": usage(503, 20)}]},
)
def deleted_and_retried(play: Play) -> None:
    """OpenCode mostly takes the 503 that its database could not keep for the model's error, and asks again."""
    play.ask("Go [[dar]]")
    play.until_tool_runs()
    play.delete()
    until(lambda: play.status() == "idle" or len(play.exchanges()) > 3, 150, "it is asked again, or all is over")
    play.api("POST", f"/session/{play.session}/abort")
    play.until_idle()


@scenario("deleted_waiting", lambda _: {"dwa": [{"text": "Late.", "delay": 2}]})
def deleted_waiting(play: Play) -> None:
    """The model has not answered yet."""
    play.ask("Go [[dwa]]")
    play.until_sent("dwa")
    play.delete()
    play.until_idle()


@scenario("deleted_streaming", lambda _: {"dst": [{"text": "Half of it", "hang": 2}]})
def deleted_streaming(play: Play) -> None:
    play.ask("Go [[dst]]")
    play.until_text_streams()
    play.delete()
    play.until_idle()


@scenario(
    "deleted_in_retry", lambda _: {"dir": [[{"status": 503, "headers": {"retry-after": "3"}}, {"text": "Late."}]]}
)
def deleted_in_retry(play: Play) -> None:
    """OpenCode asks again all the same; until it does, it says of a session that is gone that it is idle."""
    play.ask("Go [[dir]]")
    play.until_retry()
    play.delete()
    play.until_sent("dir", times=2)
    play.until_idle()
