"""What a conversation goes through: undo, deletion, forks, compaction, pruning, prompts that come while it is busy."""

from __future__ import annotations

import time
from typing import Any

from e2e.opencode.scenarios.play import FILES, Play, Script, bash, scenario, usage


def _talk(name: str) -> Script:
    return {f"{name}{number}": [{"text": f"Answer {number}."}] for number in range(1, 6)}


def _say(play: Play, name: str, *numbers: int) -> None:
    for number in numbers:
        play.say(f"Question {number} [[{name}{number}]]")


@scenario("undo", lambda _: _talk("undo"))
def undo(play: Play) -> None:
    """What is undone is gone from the next request on."""
    _say(play, "undo", 1, 2, 3)
    play.api("POST", f"/session/{play.session}/revert", {"messageID": play.asked("Question 2")})
    _say(play, "undo", 4, 5)


@scenario("undo_redo", lambda _: _talk("redo"))
def undo_redo(play: Play) -> None:
    _say(play, "redo", 1, 2)
    play.api("POST", f"/session/{play.session}/revert", {"messageID": play.asked("Question 2")})
    play.api("POST", f"/session/{play.session}/unrevert")
    _say(play, "redo", 3)


@scenario("undo_all", lambda _: _talk("undo_all"))
def undo_all(play: Play) -> None:
    _say(play, "undo_all", 1, 2)
    play.api("POST", f"/session/{play.session}/revert", {"messageID": play.asked("Question 1")})
    _say(play, "undo_all", 3)


@scenario(
    "undo_part", lambda _: {"undo_part": [{"text": "A.", "tools": [bash("echo a")]}, {"text": "B."}], **_talk("up")}
)
def undo_part(play: Play) -> None:
    """An undo from within a turn keeps what came before it."""
    play.say("Do [[undo_part]]")
    last = next(message for message in reversed(play.messages()) if message["info"]["role"] == "assistant")
    play.api("POST", f"/session/{play.session}/revert", {"messageID": last["info"]["id"]})
    _say(play, "up", 1)


@scenario("delete_message", lambda _: _talk("delete"))
def delete_message(play: Play) -> None:
    _say(play, "delete", 1, 2)
    for message in play.messages()[:2]:
        play.api("DELETE", f"/session/{play.session}/message/{message['info']['id']}")
    _say(play, "delete", 3)


@scenario("delete_part", lambda _: _talk("dp"))
def delete_part(play: Play) -> None:
    play.say("Question 1 [[dp1]]", {"type": "text", "text": "and more"})
    message = play.messages()[0]
    part = next(part for part in message["parts"] if part.get("text") == "and more")
    play.api("DELETE", f"/session/{play.session}/message/{message['info']['id']}/part/{part['id']}")
    _say(play, "dp", 2)


@scenario("edit_part", lambda _: _talk("ep"))
def edit_part(play: Play) -> None:
    _say(play, "ep", 1)
    message = play.messages()[1]
    part = next(part for part in message["parts"] if part["type"] == "text")
    path = f"/session/{play.session}/message/{message['info']['id']}/part/{part['id']}"
    play.api("PATCH", path, {**part, "text": "Another answer."})
    _say(play, "ep", 2)


@scenario(
    "edit_result",
    lambda _: {"er_tool": [{"text": "Run.", "tools": [bash("echo one")]}, {"text": "Ran."}], **_talk("er")},
)
def edit_result(play: Play) -> None:
    """A result that someone edits is sent as edited from then on."""
    play.say("Run [[er_tool]]")
    message = play.messages()[1]
    part = next(part for part in message["parts"] if part["type"] == "tool")
    path = f"/session/{play.session}/message/{message['info']['id']}/part/{part['id']}"
    play.api("PATCH", path, {**part, "state": {**part["state"], "output": "two"}})
    _say(play, "er", 1)


@scenario("fork_at_once", lambda _: _talk("fork"))
def fork_at_once(play: Play) -> None:
    """A fork made within the second of the turn it copies."""
    _say(play, "fork", 1)
    play.fork()
    _say(play, "fork", 2)


@scenario("fork_renamed", lambda _: _talk("fr"))
def fork_renamed(play: Play) -> None:
    _say(play, "fr", 1)
    play.fork()
    play.api("PATCH", f"/session/{play.session}", {"title": "A name of its own"})
    _say(play, "fr", 2)


@scenario("fork_later", lambda _: _talk("fl"))
def fork_later(play: Play) -> None:
    _say(play, "fl", 1, 2)
    time.sleep(1.5)
    play.fork(before=play.asked("Question 2"))
    _say(play, "fl", 3)


@scenario("compaction_manual", lambda _: {**_talk("cm"), "compaction": [{"text": "Summary of the talk."}]})
def compaction_manual(play: Play) -> None:
    _say(play, "cm", 1, 2)
    play.compact()
    _say(play, "cm", 3, 4)


@scenario(
    "compaction_twice",
    lambda _: {
        **_talk("ct"), "compaction": [{"text": "A summary."}],
        "ct_tool": [{"text": "Run.", "tools": [bash("echo ct")]}, {"text": "Ran."}],
    },
)  # fmt: skip
def compaction_twice(play: Play) -> None:
    play.say("First [[ct_tool]]")
    play.compact()
    _say(play, "ct", 1)
    play.compact()
    _say(play, "ct", 2)


@scenario(
    "compaction_tried_again",
    lambda _: {**_talk("cta"), "compaction": [[{"status": 400, "message": "No"}, {"text": "Summary, at last."}]]},
)
def compaction_tried_again(play: Play) -> None:
    """Where a compaction failed the next prompt is answered with it, and the conversation does not begin there."""
    _say(play, "cta", 1, 2)
    play.compact()
    _say(play, "cta", 3)
    play.compact()
    _say(play, "cta", 4)


_LONG = "word " * 3000


@scenario(
    "compaction_tail",
    lambda _: {**_talk("tail"), "tail_long": [{"text": _LONG}], "compaction": [{"text": "Summary, long part."}]},
    config={"compaction": {"tail_turns": 2, "preserve_recent_tokens": 2000}},
)
def compaction_tail(play: Play) -> None:
    """The newest turns stay as they are behind the summary."""
    play.say("Long [[tail_long]]")
    _say(play, "tail", 1, 2)
    play.compact()
    _say(play, "tail", 3)


_TOO_LONG: dict[str, Any] = {
    "status": 400, "message": "This model's maximum context length is 20000 tokens. prompt is too long",
}  # fmt: skip


@scenario(
    "overflow",
    lambda _: {
        **_talk("of"), "of_big": [[_TOO_LONG, {"text": "Then it went."}], {"text": "On."}],
        "compaction": [{"text": "Summary after overflow."}], "default": [{"text": "Resumed."}],
    },
)  # fmt: skip
def overflow(play: Play) -> None:
    """A request that was too long is compacted and asked again."""
    _say(play, "of", 1, 2)
    play.say("A big question [[of_big]]")
    play.until_idle()
    _say(play, "of", 3)


@scenario(
    "compaction_auto_tool",
    lambda _: {
        "auto_tool": [
            {"text": "One.", "tools": [bash("echo one")], "usage": usage(15000, 50)},
            {"text": "Two.", "tools": [bash("echo two")], "usage": usage(19000, 900)},
            {"text": "Never sent."},
        ],
        "compaction": [{"text": "What was done so far."}],
        "default": [{"text": "Went on."}],
        **_talk("cat"),
    },
    config={"limit": {"context": 20000, "output": 2000}},
)
def compaction_auto_tool(play: Play) -> None:
    """The limit is met between two steps of a turn."""
    play.say("Go [[auto_tool]]")
    play.until_idle()
    _say(play, "cat", 1)


_WIDE = "yes 'a line of some width' | head -n 1900"


@scenario(
    "pruned",
    lambda _: {
        **{f"pr{n}": [{"text": f"Big {n}.", "tools": [bash(_WIDE)]}, {"text": f"Seen {n}."}] for n in range(9)},
        **_talk("pruned"),
    },
    config={"compaction": {"prune": True}},
)
def pruned(play: Play) -> None:
    """Old tool results give way to a placeholder."""
    for number in range(9):
        play.say(f"Big {number} [[pr{number}]]")
    play.until_part("a result is pruned", lambda part: part.get("state", {}).get("time", {}).get("compacted"))
    _say(play, "pruned", 1, 2)


@scenario("no_reply", lambda _: _talk("nr"))
def no_reply(play: Play) -> None:
    """What was said without asking for an answer goes along with the next prompt."""
    play.say("Note this.", noReply=True)
    play.say("And this.", noReply=True)
    _say(play, "nr", 1)


@scenario("no_reply_only", lambda _: {})
def no_reply_only(play: Play) -> None:
    play.say("Only a note.", noReply=True)


@scenario(
    "queued",
    lambda _: {
        "queued": [{"text": "Busy.", "tools": [bash("sleep 2; echo slow")]}, {"text": "Done with it."}],
        "meanwhile": [{"text": "That too."}],
    },
)
def queued(play: Play) -> None:
    """Prompts that come while a tool runs are answered by the step after it."""
    play.ask("Long [[queued]]")
    play.until_tool_runs()
    play.ask("Also this [[meanwhile]]")
    play.say("And that [[meanwhile]]")
    play.until_idle()


@scenario("shell", lambda _: _talk("sh"), files=FILES)
def shell(play: Play) -> None:
    """A command the user runs by hand asks no model, but goes along with the next prompt."""
    _say(play, "sh", 1)
    play.api("POST", f"/session/{play.session}/shell", {"agent": "build", "command": "echo by-hand"})
    play.until_idle()
    _say(play, "sh", 2)


@scenario("renamed", lambda _: _talk("rn"))
def renamed(play: Play) -> None:
    """A session with a name of its own is asked for no title."""
    play.api("PATCH", f"/session/{play.session}", {"title": "My own title"})
    _say(play, "rn", 1, 2)


@scenario("long_talk", lambda _: {"lt": [{"text": "Aye.", "tools": [bash("echo lt")]}, {"text": "Aye again."}]})
def long_talk(play: Play) -> None:
    for number in range(8):
        play.say(f"Go on {number} [[lt]]")
