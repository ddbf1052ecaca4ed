"""The kinds of turns that most sessions have."""

from __future__ import annotations

import base64
import random
import string
import struct
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from e2e.opencode.client import until
from e2e.opencode.scenarios.play import FILES, Play, bash, call, scenario, simple, task, usage

simple("text", lambda _: {"text": [{"text": "A plain answer.", "usage": usage(1200, 30, cached=400)}]})
simple(
    "bash",
    lambda _: {"bash": [{"text": "Running.", "tools": [bash("echo hello; ls")]}, {"text": "It printed hello."}]},
    files=FILES,
)
simple(
    "multi",
    lambda p: {
        "multi": [
            {"text": "Reading.", "tools": [
                call("read", filePath=f"{p}/hello.txt"), call("grep", pattern="needle here", path=str(p)),
                bash("sleep 0.5; echo slow"),
            ]},
            {"text": "Writing.", "tools": [call("write", filePath=f"{p}/new.txt", content="one\ntwo\n")]},
            {"text": "Editing.", "tools": [
                call("edit", filePath=f"{p}/hello.txt", oldString="hello world", newString="hello brave world"),
                call("glob", pattern="**/*.py"),
            ]},
            {"text": "All done."},
        ]
    },
    files=FILES,
)  # fmt: skip
simple(
    "toolerror",
    lambda p: {
        "toolerror": [
            {"text": "Trying.", "tools": [call("read", filePath=f"{p}/no/such.txt"), bash("echo bad >&2; exit 3")]},
            {"tools": [call("nosuchtool", x=1)]},
            {"tools": [("read", '{"filePath": 12')]},
            {"text": "It failed."},
        ]
    },
)
simple(
    "retry500",
    lambda _: {
        "retry500": [
            [
                {"status": 500},
                {"status": 429, "message": "Rate limit exceeded", "headers": {"retry-after": "1"}},
                {"text": "At last."},
            ]
        ]
    },
)
simple("fatal400", lambda _: {"fatal400": [{"status": 400, "message": "Invalid request"}]})
simple(
    "reasoning",
    lambda _: {
        "reasoning": [
            {
                "reasoning": "Step by step.", "text": "First I list.", "tools": [bash("echo thinking")],
                "usage": usage(5000, 300, cached=4096, reasoning=120),
            },
            {"reasoning": "And then.", "text": "Done.", "usage": usage(5400, 200, cached=5000, reasoning=80)},
        ]
    },
)  # fmt: skip
simple(
    "subagent",
    lambda _: {
        "subagent": [{"text": "Delegating.", "tools": [task("Count files", "Count [[subtask]]")]}, {"text": "Three."}],
        "subtask": [{"text": "Counting.", "tools": [bash("ls | wc -l")]}, {"text": "There are 3."}],
    },
    files=FILES,
)
simple(
    "subagent_par",
    lambda _: {
        "subagent_par": [
            {"text": "Twice.", "tools": [task("Job A", "Do A [[sub_a]]"), task("Job B", "Do B [[sub_b]]", "explore")]},
            {"text": "Both done."},
        ],
        "sub_a": [{"tools": [bash("sleep 0.5; echo A")]}, {"text": "A done."}],
        "sub_b": [{"tools": [bash("sleep 0.5; echo B")]}, {"text": "B done."}],
    },
)


@scenario(
    "subagent_bg",
    lambda _: {
        "subagent_bg": [
            {"text": "In the background.", "tools": [task("Later", "Do it [[sub_bg]]", background=True)]},
            {"text": "Started."},
        ],
        "sub_bg": [{"delay": 1.0, "tools": [bash("sleep 1; echo later")]}, {"text": "Background done."}],
        "wake": [{"text": "Noted: it finished."}],
    },
)
def subagent_bg(play: Play) -> None:
    play.say("Please do it [[subagent_bg]]")
    play.until_part("the background task wakes its parent", lambda part: part.get("text") == "Noted: it finished.")
    play.until_idle()


@scenario(
    "multiturn",
    lambda _: {
        "turn1": [{"tools": [bash("echo one")]}, {"text": "Answer one."}],
        "turn2": [{"text": "Answer two."}],
        "turn3": [{"text": "Answer three."}],
    },
)
def multiturn(play: Play) -> None:
    for number in (1, 2, 3):
        play.say(f"Turn {number} [[turn{number}]]")


@scenario(
    "abort",
    lambda _: {
        "abort_tool": [{"text": "Running.", "tools": [bash("sleep 30; echo never")]}, {"text": "never"}],
        "abort_text": [{"text": "A text that is cut", "hang": 30}],
        "after": [{"text": "Fine now."}],
    },
)
def abort(play: Play) -> None:
    play.ask("Slow tool [[abort_tool]]")
    play.until_part("the tool runs", lambda part: part.get("state", {}).get("status") == "running")
    play.abort()
    play.ask("Slow text [[abort_text]]")
    play.until_sent("abort_text")
    time.sleep(1.5)  # all that comes before the hang has come
    play.abort()
    play.say("After [[after]]")


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@scenario("attach", lambda _: {"attach": [{"text": "I see it."}]}, files=FILES)
def attach(play: Play) -> None:
    url = (play.folder / "hello.txt").as_uri()
    play.say("Look [[attach]]", {"type": "file", "mime": "text/plain", "filename": "hello.txt", "url": url})
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    play.say("Look again [[attach]]", {"type": "file", "mime": "image/png", "filename": "dot.png", "url": url})


@scenario(
    "command",
    lambda _: {"command": [{"text": "Executed."}]},
    config={"command": {"hello": {"template": "Say hello to $ARGUMENTS [[command]]", "description": "Say hello"}}},
)
def command(play: Play) -> None:
    play.api("POST", f"/session/{play.session}/command", {"command": "hello", "arguments": "some args"})


@scenario(
    "compaction",
    lambda _: {
        "big": [{"text": "A tool.", "tools": [bash("echo x")], "usage": usage(19500, 100)}, {"text": "The end of it."}],
        "second": [{"text": "Second."}],
        "compaction": [{"text": "## Goal\nA summary of what was said."}],
        "third": [{"text": "Going on."}],
        "default": [{"text": "Continued."}],
    },
    config={"limit": {"context": 20000, "output": 2000}},
)
def compaction(play: Play) -> None:
    play.say("A big turn [[big]]")
    play.say("Again [[second]]")
    play.api("POST", f"/session/{play.session}/summarize", {"providerID": "fake", "modelID": "fake-model"})
    play.until_idle()
    play.say("After compaction [[third]]")


def _todos(first: str, second: str) -> tuple[str, Any]:
    items = (("Write", first, "high"), ("Test", second, "low"))
    return call("todowrite", todos=[dict(zip(("content", "status", "priority"), item, strict=True)) for item in items])


simple(
    "todo",
    lambda _: {
        "todo": [
            {"tools": [_todos("in_progress", "pending")]},
            {"tools": [_todos("completed", "completed")]},
            {"text": "Todos done."},
        ]
    },
)
simple(
    "large",
    lambda p: {
        "large": [{"tools": [bash("seq 1 20000"), call("read", filePath=f"{p}/big.txt")]}, {"text": "That was large."}]
    },
    files={"big.txt": "\n".join(f"line {number:05} {'y' * 30}" for number in range(1800))},
)

# Put together at run time, so that no file holds a credential.
_DICE = random.Random(7)
_LETTERS = string.ascii_letters + string.digits
TOKEN = "gh" + "p_" + "".join(_DICE.choices(_LETTERS, k=36))
KEY_ID = "AK" + "IA" + "".join(_DICE.choices(string.ascii_uppercase + "234567", k=16))
PEM = "-----BEGIN RSA PRIV" + "ATE KEY-----"
PEM_LINE = "MIIEpAIBAAKCAQEA" + "".join(_DICE.choices(_LETTERS + "+/", k=48))
_SECRET_FILE = f"""AWS_ACCESS_KEY_ID={KEY_ID}
GITHUB_TOKEN={TOKEN}
{PEM}
{PEM_LINE}
{PEM.replace("BEGIN", "END")}
"""


@scenario(
    "secrets",
    lambda p: {
        "secrets": [
            {
                "reasoning": f"The secret is {TOKEN}.", "text": f"Reading {KEY_ID}.",
                "tools": [call("read", filePath=f"{p}/secrets.env"),
                    bash(f"echo {TOKEN}; cat secrets.env", f"Print {TOKEN}"),
                    call("grep", pattern=KEY_ID, path=str(p))],
            },
            {"tools": [
                call("write", filePath=f"{p}/out.txt", content=f"key={KEY_ID}\n"),
                call("edit", filePath=f"{p}/secrets.env", oldString="GITHUB_TOKEN", newString="TOKEN"),
                call("read", filePath=f"{p}/missing-{KEY_ID}.txt"),
                call("todowrite", todos=[{"content": f"rotate {KEY_ID}", "status": "pending", "priority": "high"}]),
                task(f"Rotate {KEY_ID}", "Rotate [[secret_sub]]"),
            ]},
            {"text": f"Your key is {KEY_ID}."},
        ],
        "secret_sub": [{"text": f"rotated {KEY_ID}"}],
    },
    files={"secrets.env": _SECRET_FILE},
)  # fmt: skip
def secrets(play: Play) -> None:
    play.say(f"My key is {KEY_ID}, use it [[secrets]]")


@scenario(
    "unicode",
    lambda p: {
        "unicode": [
            {
                "text": "Grüße 👩‍👩‍👧‍👦 日本語 \u202eRTL café",
                "tools": [
                    bash("printf 'naïve — 🚀 \\xff\\xfe bad bytes\\n'", "Prüfe 🚀"),
                    call("write", filePath=f"{p}/ファイル 🚀.txt", content="内容 é\u0000nul\n")],
            },
            {"text": "完了 ✅ " + "🚀" * 40},
        ]
    },
)  # fmt: skip
def unicode(play: Play) -> None:
    play.say("Übung macht den Meister 🎉 [[unicode]]")


simple(
    "mcp",
    lambda _: {"mcp": [{"tools": [call("tiny_echo", text="hi"), call("tiny_fail", text="x")]}, {"text": "MCP done."}]},
    config={
        "mcp": {"tiny": {"type": "local", "command": [sys.executable, str(Path(__file__).parents[1] / "tiny_mcp.py")]}}
    },
)


@scenario(
    "permission",
    lambda _: {
        "permission": [
            {"tools": [bash("echo asked")]},
            {"tools": [bash("rm -f nothing")]},
            {"text": "ok then."},
        ]
    },
    config={"permission": {"*": "allow", "bash": "ask"}},
)
def permission(play: Play) -> None:
    play.ask("Ask me [[permission]]")
    for reply in ("once", "reject"):
        (asked, *_) = until(lambda: play.api("GET", "/permission"), 90, "permission is asked")
        play.api("POST", f"/permission/{asked['id']}/reply", {"reply": reply})
        until(lambda before=asked: before not in play.api("GET", "/permission"), 60, "the reply is taken")
    play.until_idle()


@scenario(
    "question",
    lambda _: {
        "question": [
            {"tools": [call("question", questions=[{
                "question": "Which color?", "header": "Color",
                "options": [{"label": "Red", "description": "r"}, {"label": "Blue", "description": "b"}],
            }])]},
            {"text": "You chose."},
        ]
    },
)  # fmt: skip
def question(play: Play) -> None:
    play.ask("Ask [[question]]")
    (asked, *_) = until(lambda: play.api("GET", "/question"), 90, "a question is asked")
    play.api("POST", f"/question/{asked['id']}/reply", {"answers": [["Red"]]})
    play.until_idle()
