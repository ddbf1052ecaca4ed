"""How a model is asked: parameters, variants, other models, structured output, attachments, titles."""

from __future__ import annotations

import base64
from typing import Any

from e2e.opencode.scenarios.basic import png
from e2e.opencode.scenarios.play import FILES, Play, bash, call, scenario, simple, task, usage

_SCHEMA = {"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}
_FORMAT = {"type": "json_schema", "schema": _SCHEMA}


@scenario(
    "structured",
    lambda _: {"so": [{"tools": [("StructuredOutput", {"sum": 3})]}], "so_next": [{"text": "Three."}]},
)
def structured(play: Play) -> None:
    play.say("Add [[so]]", format=_FORMAT)
    play.say("So? [[so_next]]")


@scenario(
    "structured_later",
    lambda _: {"sol": [{"text": "Count.", "tools": [bash("echo 3")]}, {"tools": [("StructuredOutput", {"sum": 3})]}]},
)
def structured_later(play: Play) -> None:
    play.say("Add [[sol]]", format=_FORMAT)


@scenario("structured_missed", lambda _: {"som": [{"text": "I will not."}]})
def structured_missed(play: Play) -> None:
    play.say("Add [[som]]", format=_FORMAT)


_OTHER = {"providerID": "fake", "modelID": "other-model"}


@scenario(
    "two_models",
    lambda _: {
        "tm": [{"reasoning": "I think.", "text": "Run.", "tools": [bash("echo tm")]}, {"text": "First."}],
        "tm_next": [{"reasoning": "Me too.", "text": "Second."}],
    },
)
def two_models(play: Play) -> None:
    """What one model thought is told to another as text."""
    play.say("One [[tm]]")
    play.say("Other [[tm_next]]", model=_OTHER)
    play.say("One again [[tm_next]]")


@scenario(
    "models_of_all",
    lambda _: {
        "moa": [
            {
                "text": "Ask another.",
                "tools": [task("Look", "Look at it [[moa_sub]]", "cheap")],
                "usage": usage(900, 70),
            },
            {"text": "It said so.", "usage": usage(1500, 30, cached=800)},
        ],
        "moa_sub": [
            {"reasoning": "Hm.", "tools": [bash("echo moa")], "usage": usage(333, 17, reasoning=5)},
            {"text": "Looked.", "usage": usage(444, 11, cached=200)},
        ],
        "moa_next": [[{"status": 500}, {"text": "By the dear one.", "usage": usage(2345, 67)}]],
        "title": [{"text": "Of all", "usage": usage(77, 7)}],
    },
    config={
        "small_model": "fake/tuned-model",
        "agent": {"cheap": {"description": "Looks", "mode": "subagent", "model": "fake/other-model"}},
    },
)
def models_of_all(play: Play) -> None:
    """A subagent, a title and a turn, each of a model with a price of its own, and an attempt that failed."""
    play.say("Go [[moa]]")
    play.say("On [[moa_next]]", model=_OTHER)
    play.say("Back [[moa_next]]")
    play.compact()


@scenario("variant", lambda _: {"variant": [{"text": "With effort."}]})
def variant(play: Play) -> None:
    play.say("Hard [[variant]]", variant="high")


simple(
    "model_options",
    lambda _: {"options": [{"text": "As told."}]},
    "options",
    config={"model": "fake/tuned-model"},
)
simple(
    "small_model",
    lambda _: {"small": [{"text": "Title by another."}]},
    "small",
    config={"small_model": "fake/other-model"},
)
simple(
    "long_title",
    lambda _: {
        "lti": [{"text": "Titled."}],
        "title": [{"text": "<think>A name?</think>\n\n  The title " + "x" * 120 + "\nmore", "usage": usage(60, 40)}],
    },
    "lti",
)
simple("title_fails", lambda _: {"tf": [{"text": "Untitled."}], "title": [{"status": 400, "message": "No"}]}, "tf")


@scenario("files", lambda _: {"files": [{"text": "Seen."}]}, files=FILES)
def files(play: Play) -> None:
    """A text file, an image, a directory, and a document that the model does not take."""

    def part(mime: str, name: str, url: str) -> dict[str, Any]:
        return {"type": "file", "mime": mime, "filename": name, "url": url}

    picture = part("image/png", "dot.png", "data:image/png;base64," + base64.b64encode(png()).decode())
    text = part("text/plain", "hello.txt", (play.folder / "hello.txt").as_uri())
    lines = part("text/plain", "a.py", (play.folder / "src/a.py").as_uri() + "?start=1&end=1")
    folder = part("application/x-directory", "src", (play.folder / "src").as_uri())
    unread = part("application/pdf", "a.pdf", "data:application/pdf;base64,JVBERi0xLjQK")
    play.say("All [[files]]", picture, text, lines, folder, unread)
    play.say("Again [[files]]", picture)


@scenario(
    "image_read",
    lambda p: {"ir": [{"tools": [call("read", filePath=f"{p}/dot.png")]}, {"text": "A dot."}]},
    files=FILES,
)
def image_read(play: Play) -> None:
    """A tool's result may hold an image."""
    (play.folder / "dot.png").write_bytes(png())
    play.say("Look [[ir]]")


simple(
    "parallel_tools",
    lambda p: {
        "par": [
            {"text": "Five.", "tools": [*map(bash, ("true", "pwd", "ls")), call("read", filePath=f"{p}/hello.txt")]},
            {"text": "All five."},
        ]
    },
    "par",
    files=FILES,
)  # fmt: skip
simple(
    "separators",
    lambda _: {
        "sep": [{"text": "a\u2028b\u2029c\u0085d\x0be", "tools": [bash("printf 'x\\342\\200\\250y'")]}, {"text": "é"}]
    },
    "sep",
)  # fmt: skip


@scenario("many_parts", lambda _: {"mp": [{"text": "All."}]})
def many_parts(play: Play) -> None:
    synthetic = {"type": "text", "text": "said by a program", "synthetic": True}
    play.say("First [[mp]]", {"type": "text", "text": ""}, {"type": "text", "text": "  second  "}, synthetic)


@scenario(
    "mcp_denied",
    lambda _: {"md": [{"text": "Without MCP."}]},
    config={"tools": {"tiny_*": False, "webfetch": False}},
)
def mcp_denied(play: Play) -> None:
    play.say("Go [[md]]")


simple(
    "thinking_text",
    lambda _: {
        "tht": [
            {"reasoning": "One.", "text": "Said.", "tools": [bash("echo t")], "usage": usage(100, 60, reasoning=20)},
            {"reasoning": "Two.", "text": "", "tools": [bash("echo u")]},
            {"text": "End.", "usage": usage(700, 5, cached=650)},
        ]
    },
    "tht",
)
