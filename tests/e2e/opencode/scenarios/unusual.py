"""What few sessions have: plugins that rewrite, servers that die, calls that come in pieces, histories of histories."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from e2e.opencode.client import until
from e2e.opencode.scenarios.play import FILES, Play, Script, bash, call, scenario, simple, task, usage

_TINY = [sys.executable, str(Path(__file__).parents[1] / "tiny_mcp.py")]
_MCP = {"mcp": {"tiny": {"type": "local", "command": _TINY}}}


def _talk(name: str) -> Script:
    return {f"{name}{number}": [{"text": f"Answer {number}."}] for number in range(1, 6)}


def _say(play: Play, name: str, *numbers: int) -> None:
    for number in numbers:
        play.say(f"Question {number} [[{name}{number}]]")


# ---- other plugins


_REWRITES = """
export const Rewrites = async () => ({
  "tool.execute.before": async (input, output) => {
    if (input.tool === "bash") output.args.command = output.args.command.replace("before", "rewritten")
  },
  "tool.execute.after": async (input, output) => { output.output += "\\nadded by a plugin" },
  "chat.message": async (input, output) => {
    for (const part of output.parts) if (part.type === "text") part.text += " (as the plugin has it)"
  },
})
"""
simple(
    "plugin_rewrites",
    lambda _: {"pr": [{"text": "Run.", "tools": [bash("echo before")]}, {"text": "Ran."}]},
    "pr",
    files={".opencode/plugin/rewrites.js": _REWRITES},
)

_AFTER_OURS = """
const note = ({ info }) =>
  ({ id: "prt_note", sessionID: info.sessionID, messageID: info.id, type: "text", text: "A note" })
export const Prunes = async () => ({
  "experimental.chat.system.transform": async (input, output) => { output.system.push("Added by a plugin") },
  "experimental.chat.messages.transform": async (input, output) => {
    await new Promise((done) => setTimeout(done, 20))
    const { messages } = output
    if (messages.length > 3) messages.splice(0, 2)
    for (const message of messages)
      for (const part of message.parts)
        if (part.type === "tool" && part.state.status === "completed") part.state.output = "pruned by a plugin"
    const last = messages.findLast((message) => message.info.role === "user")
    if (last) last.parts.push(note(last))
    output.messages = []
  },
  "chat.params": async (input, output) => {
    Object.assign(output, { temperature: 0.42, topP: 0.5, maxOutputTokens: 777 })
    output.options.reasoningEffort = "low"
  },
})
"""


@scenario(
    "plugin_after_ours",
    lambda _: {**_talk("pao"), "pao": [{"text": "Run.", "tools": [bash("echo real")]}, {"text": "Ran."}]},
    files={".opencode/plugin/prunes.js": _AFTER_OURS},
)
def plugin_after_ours(play: Play) -> None:
    """A plugin that comes after the collector's; what it puts in the place of the messages is not sent."""
    _say(play, "pao", 1)
    play.say("Run [[pao]]")
    _say(play, "pao", 2)


_INSERTS = """
export const Inserts = async () => ({
  "experimental.chat.messages.transform": async (input, { messages }) => {
    const first = messages[0]
    if (!first) return
    const id = "00000000000000000000000000"
    const part = { id: `prt_${id}`, messageID: `msg_${id}`, sessionID: first.info.sessionID, type: "text" }
    messages.unshift({ info: { ...first.info, id: `msg_${id}` }, parts: [{ ...part, text: "Mind the rules." }] })
  },
})
"""


@scenario("plugin_inserts", lambda _: _talk("pin"), files={".opencode/plugin/inserts.js": _INSERTS})
def plugin_inserts(play: Play) -> None:
    """A plugin that adds a message to each request, which is kept nowhere."""
    _say(play, "pin", 1, 2)


_TOOL = """
export const Greets = async () => ({
  tool: {
    greet: { description: "Greets someone", args: {}, execute: async () => "hello from a plugin" },
    breaks: { description: "Breaks", args: {}, execute: async () => { throw new Error("it broke") } },
  },
})
"""
simple(
    "plugin_tools",
    lambda _: {
        "pt": [
            {"text": "Greet.", "tools": [call("greet"), call("breaks")]},
            {"tools": [call("greet")]},
            {"text": "Hi."},
        ]
    },
    "pt",
    files={".opencode/plugin/greets.js": _TOOL},
)

# ---- tools


simple(
    "calls_in_pieces",
    lambda p: {
        "cip": [
            {"text": "At once.", "interleaved": True, "tools": [
                bash("echo one"), call("read", filePath=f"{p}/hello.txt"), bash("echo three"),
            ]},
            {"text": "All three."},
        ]
    },
    "cip",
    files=FILES,
)  # fmt: skip


@scenario(
    "mcp_dies",
    lambda _: {
        "mdi": [{"text": "Die.", "tools": [call("tiny_die", text="x")]}, {"text": "It died."}],
        "mdi_next": [{"tools": [call("tiny_echo", text="there?")]}, {"text": "Still."}],
    },
    config={"mcp": {"tiny": {"type": "local", "command": [*_TINY, "die", "picture"]}}},
)
def mcp_dies(play: Play) -> None:
    play.say("Go [[mdi]]")
    play.say("Again [[mdi_next]]")


@scenario(
    "mcp_comes_and_goes",
    lambda _: {"mcg": [{"tools": [call("tiny_echo", text="hi")]}, {"text": "Hi."}], **_talk("mcg")},
    config={**_MCP, "username": "mcg"},
)
def mcp_comes_and_goes(play: Play) -> None:
    """The tools of a request are not those of the one before it."""
    play.say("One [[mcg]]")
    play.api("POST", "/mcp/tiny/disconnect")
    _say(play, "mcg", 1)
    play.api("POST", "/mcp/tiny/connect")
    play.say("Two [[mcg]]")


simple(
    "mcp_picture",
    lambda _: {"mpi": [{"tools": [call("tiny_picture", text="x")]}, {"text": "A dot."}, {"text": "Yes."}]},
    "mpi",
    config={"mcp": {"tiny": {"type": "local", "command": [*_TINY, "picture"]}}},
)
simple(
    "same_call_again",
    lambda _: {"sca": [*({"text": f"Try {n}.", "tools": [bash("false")]} for n in range(5)), {"text": "I give up."}]},
    "sca",
)
simple(
    "calls_but_stops",
    lambda _: {"cbs": [{"text": "Run.", "tools": [bash("echo cbs")], "finish": "stop"}, {"text": "Ran."}]},
    "cbs",
)
simple(
    "ten_calls",
    lambda p: {
        "ten": [
            {"reasoning": "All of it.", "tools": [
                *(bash(f"echo {number}") for number in range(7)), bash("exit 4"),
                call("read", filePath=f"{p}/none.txt"), call("nosuchtool"),
            ]},
            {"text": "Nine or ten."},
        ]
    },
    "ten",
)  # fmt: skip
simple("only_reasoning", lambda _: {"onr": [{"reasoning": "I think, and say nothing.", "text": ""}]}, "onr")
simple(
    "retry_429_529",
    lambda _: {
        "rr": [
            [
                {"status": 429, "message": "Slow down", "headers": {"retry-after": "1"}},
                {"status": 529, "message": "Overloaded"},
                {"text": "Run.", "tools": [bash("echo rr")]},
            ],
            [{"status": 529, "message": "Overloaded"}, {"text": "Through."}],
        ]
    },
    "rr",
)
simple(
    "looks_like_ours",
    lambda _: {
        "llo": [
            {"text": "[attachment: image/png, 12 bytes]", "tools": [
                bash("echo '[Old tool result content cleared]'; echo '[compaction]'"),
                bash("""printf '{"role":"system","content":"What did we do so far?"}'"""),
            ]},
            {"text": '{"type": "text", "text": "Attached media from tool result:"}'},
        ]
    },
    "llo",
)  # fmt: skip

# ---- subagents


@scenario(
    "subagent_resumed",
    lambda _: {
        "sre": [{"tools": [task("Begin", "Begin it [[sre_kid]]")]}, {"text": "Begun."}],
        "sre_kid": [{"text": "Half of it."}],
        "sre_kid2": [{"tools": [bash("echo rest")]}, {"text": "The rest."}],
    },
)
def subagent_resumed(play: Play) -> None:
    """A subagent is asked again, in the session it had."""
    play.say("Begin [[sre]]")
    again = task("Go on", "Go on [[sre_kid2]]", task_id=play.child())
    place = f"{play.folder.name}@{play.client.version}"
    play.model.scripts[place]["sre_next"] = [{"tools": [again]}, {"text": "Done."}]
    play.say("Go on [[sre_next]]")


@scenario(
    "subagent_asks",
    lambda _: {
        "sas": [{"tools": [task("Ask", "Ask [[sas_kid]]", "asker")]}, {"text": "It asked."}],
        "sas_kid": [
            {"tools": [call("question", questions=[{
                "question": "Which?", "header": "Which", "options": [{"label": "A", "description": "a"}],
            }])]},
            {"text": "A then."},
        ],
    },
    config={"agent": {"asker": {"description": "Asks", "mode": "subagent", "permission": {"question": "allow"}}}},
)  # fmt: skip
def subagent_asks(play: Play) -> None:
    play.ask("Ask [[sas]]")
    kid = Play(play.client, play.folder, play.model)
    until(lambda: play.api("GET", f"/session/{play.session}/children"), 90, "the subagent is there")
    kid.session = play.child()
    asked = kid.until_asked("question")
    play.api("POST", f"/question/{asked['id']}/reply", {"answers": [["A"]]})
    play.until_part("the end", lambda part: part.get("text") == "It asked.")
    play.until_idle()


# ---- histories


@scenario("undo_redo_fork", lambda _: _talk("urf"))
def undo_redo_fork(play: Play) -> None:
    _say(play, "urf", 1, 2)
    play.api("POST", f"/session/{play.session}/revert", {"messageID": play.asked("Question 2")})
    play.api("POST", f"/session/{play.session}/unrevert")
    play.fork()
    _say(play, "urf", 3)
    play.api("POST", f"/session/{play.session}/revert", {"messageID": play.asked("Question 3")})
    _say(play, "urf", 4)


@scenario("fork_of_fork", lambda _: _talk("fof"))
def fork_of_fork(play: Play) -> None:
    _say(play, "fof", 1)
    play.fork()
    _say(play, "fof", 2)
    play.fork()
    _say(play, "fof", 3)


@scenario("fork_of_compacted", lambda _: {**_talk("foc"), "compaction": [{"text": "Summary of the first."}]})
def fork_of_compacted(play: Play) -> None:
    _say(play, "foc", 1, 2)
    play.compact()
    _say(play, "foc", 3)
    play.fork()
    _say(play, "foc", 4)


@scenario("undo_compaction", lambda _: {**_talk("uco"), "compaction": [{"text": "Summary, to be undone."}]})
def undo_compaction(play: Play) -> None:
    """With the compaction undone the conversation before it is sent again."""
    _say(play, "uco", 1, 2)
    play.compact()
    _say(play, "uco", 3)
    play.api("POST", f"/session/{play.session}/revert", {"messageID": play.asked("Question 2")})
    _say(play, "uco", 4)


@scenario(
    "undo_from_part",
    lambda _: {**_talk("ufp"), "ufp_two": [{"text": "One.", "tools": [bash("echo a")]}, {"text": "Two."}]},
)
def undo_from_part(play: Play) -> None:
    play.say("Do [[ufp_two]]")
    answer = next(message for message in play.messages() if any(part["type"] == "tool" for part in message["parts"]))
    part = next(part for part in answer["parts"] if part["type"] == "tool")
    body = {"messageID": answer["info"]["id"], "partID": part["id"]}
    play.api("POST", f"/session/{play.session}/revert", body)
    _say(play, "ufp", 1)


@scenario(
    "delete_tool_part",
    lambda _: {
        **_talk("dtp"),
        "dtp_two": [{"text": "One.", "tools": [bash("echo a"), bash("echo b")]}, {"text": "Two."}],
    },
)
def delete_tool_part(play: Play) -> None:
    play.say("Do [[dtp_two]]")
    answer = next(message for message in play.messages() if any(part["type"] == "tool" for part in message["parts"]))
    part = next(part for part in answer["parts"] if part["type"] == "tool")
    play.api("DELETE", f"/session/{play.session}/message/{answer['info']['id']}/part/{part['id']}")
    _say(play, "dtp", 1)


@scenario(
    "abort_then_compact",
    lambda _: {
        **_talk("atc"), "atc_slow": [{"text": "Slow.", "tools": [bash("sleep 30")]}],
        "compaction": [{"text": "It was aborted."}],
    },
)  # fmt: skip
def abort_then_compact(play: Play) -> None:
    _say(play, "atc", 1)
    play.ask("Slow [[atc_slow]]")
    play.until_tool_runs()
    play.abort()
    play.compact()
    _say(play, "atc", 2)


@scenario(
    "no_reply_busy",
    lambda _: {**_talk("nrb"), "nrb_slow": [{"text": "Slow.", "tools": [bash("sleep 2")]}, {"text": "Over."}]},
)
def no_reply_busy(play: Play) -> None:
    """A note that is given while the agent works stands in its next request."""
    play.ask("Slow [[nrb_slow]]")
    play.until_tool_runs()
    note: dict[str, Any] = {"parts": [{"type": "text", "text": "A note on the side."}], "noReply": True}
    play.api("POST", f"/session/{play.session}/message", note)
    play.until_part("the end", lambda part: part.get("text") == "Over.")
    play.until_idle()
    _say(play, "nrb", 1)


@scenario(
    "queued_behind_slow",
    lambda _: {"qbs": [{"text": "At last.", "delay": 13, "usage": usage(700, 9)}], **_talk("qbsn")},
)
def queued_behind_slow(play: Play) -> None:
    """A prompt is queued while the model takes longer to answer than an agent that died is waited for."""
    play.ask("Slow [[qbs]]")
    play.until_sent("qbs")
    play.ask("Question 1 [[qbsn1]]")
    play.until_part("the second answer", lambda part: part.get("text") == "Answer 1.")
    play.until_idle()


@scenario(
    "command_of_model",
    lambda _: {"com": [{"text": "By another.", "usage": usage(500, 20)}], **_talk("comm")},
    config={
        "command": {"other": {"template": "Other $1 and $2 [[com]]", "model": "fake/other-model", "agent": "plan"}}
    },
)
def command_of_model(play: Play) -> None:
    _say(play, "comm", 1)
    play.api("POST", f"/session/{play.session}/command", {"command": "other", "arguments": "one two three"})
    _say(play, "comm", 2)


@scenario(
    "two_sessions_at_once",
    lambda _: {"tsa": [{"text": "Run.", "tools": [bash("sleep 1; echo tsa")]}, {"text": "Ran."}], **_talk("tsao")},
)
def two_sessions_at_once(play: Play) -> None:
    """Requests of two sessions of one project are prepared at the same time."""
    play.ask("First [[tsa]]")
    first = play.session
    play.begin()
    play.ask("Second [[tsa]]")
    time.sleep(0.2)
    _say(play, "tsao", 1)
    play.until_idle()
    play.session = first
    play.until_idle()
