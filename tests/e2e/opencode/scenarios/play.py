"""What a scenario is: what a user does, what the model answers, and the session it is played in."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.opencode.client import OpenCode, until
from e2e.opencode.fake_model import Exchange, FakeModel, Step

FILES = {
    "hello.txt": "hello world\nneedle here\n",
    "src/a.py": "def a():\n    return 1\n",
    "src/b.py": "def b():\n    return 2  # needle\n",
}


class Play:
    """One scenario's session in its own project of a shared server."""

    def __init__(self, client: OpenCode, folder: Path, model: FakeModel) -> None:
        self.client, self.folder, self.model = client, folder, model
        self.session = ""
        self.begun: list[str] = []

    def api(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.api(method, path, self.folder, body)

    def begin(self) -> None:
        self.session = self.api("POST", "/session", {})["id"]
        self.begun.append(self.session)

    def say(self, text: str, *files: dict[str, Any], session: str = "", **more: Any) -> Any:
        """Prompt and wait for the answer; `more` are fields of the prompt, such as `agent` or `tools`."""
        return self.api("POST", f"/session/{session or self.session}/message", {**_prompt(text, *files), **more})

    def ask(self, text: str, **more: Any) -> None:
        """Prompt and go on."""
        self.api("POST", f"/session/{self.session}/prompt_async", {**_prompt(text), **more})

    def messages(self) -> list[dict[str, Any]]:
        found = self.api("GET", f"/session/{self.session}/message")
        return found if isinstance(found, list) else []

    def parts(self) -> list[dict[str, Any]]:
        return [part for message in self.messages() for part in message["parts"]]

    def asked(self, text: str) -> str:
        """The id of the user message that says `text`."""
        return next(
            message["info"]["id"]
            for message in self.messages()
            if message["info"]["role"] == "user" and any(text in part.get("text", "") for part in message["parts"])
        )

    def child(self) -> str:
        """The session of the first subagent."""
        found: str = self.api("GET", f"/session/{self.session}/children")[0]["id"]
        return found

    def fork(self, before: str = "") -> None:
        """Go on in a copy of the session, of what came before a message."""
        body = {"messageID": before} if before else {}
        self.session = self.api("POST", f"/session/{self.session}/fork", body)["id"]
        self.begun.append(self.session)

    def sessions(self) -> frozenset[str]:
        """The sessions of the scenario with those of its subagents."""
        found = {*self.begun}
        listed = self.api("GET", "/session?limit=1000")
        for _ in range(4):  # the depth of subagents
            found |= {session["id"] for session in listed if session.get("parentID") in found}
        return frozenset(found)

    def compact(self) -> None:
        body = {"providerID": "fake", "modelID": "fake-model"}
        self.api("POST", f"/session/{self.session}/summarize", body)
        self.until_idle()

    def exchanges(self) -> list[Exchange]:
        """What the model was asked in this session; in its project, by old clients, which name no session."""
        found = self.model.of(f"{self.folder.name}@{self.client.version}")
        return [exchange for exchange in found if exchange.session in ("", self.session)]

    def until_sent(self, key: str, times: int = 1) -> None:
        """The model got so many requests for the script of `key`."""
        until(lambda: sum(sent.key == key for sent in self.exchanges()) >= times, 90, "the model is asked")

    def until_tool_runs(self) -> None:
        self.until_part("a tool runs", lambda part: part.get("state", {}).get("status") == "running")

    def until_text_streams(self) -> None:
        """A text has begun; all that comes before a hang has come."""
        self.until_part(
            "text is streamed",
            lambda part: part["type"] in ("text", "reasoning") and part.get("time") and not part["time"].get("end"),
        )
        time.sleep(0.5)

    def until_retry(self) -> None:
        """A request failed, and the agent waits before it asks again."""
        until(lambda: self.status() == "retry", 90, "the session waits for its next attempt")

    def abort(self) -> None:
        """Abort and wait until all is over: 1.2 says idle before, and would abort a prompt that comes until then."""
        self.api("POST", f"/session/{self.session}/abort")
        self.until_idle()
        until(self._is_answered, 90, "the aborted message is complete")

    def _is_answered(self) -> bool:
        answers = [message["info"] for message in self.messages() if message["info"]["role"] == "assistant"]
        return not answers or answers[-1]["time"].get("completed") is not None

    def delete(self) -> None:
        self.api("DELETE", f"/session/{self.session}")

    def until_asked(self, what: str) -> dict[str, Any]:
        """What is asked in this session: `permission` or `question`."""

        def mine() -> list[dict[str, Any]]:
            return [found for found in self.api("GET", f"/{what}") if self.session in ("", found["sessionID"])]

        found: dict[str, Any] = until(mine, 90, f"{what} is asked")[0]
        return found

    def until_part(self, what: str, claim: Callable[[dict[str, Any]], Any], seconds: float = 90) -> None:
        until(lambda: any(claim(part) for part in self.parts()), seconds, what)

    def status(self) -> str:
        """`busy`, `retry` or `idle`; empty where the client does not say."""
        found = self.api("GET", "/session/status")
        return found.get(self.session, {}).get("type", "idle") if isinstance(found, dict) else ""

    def until_idle(self) -> None:
        until(lambda: self.status() == "idle", 150, "the session is idle")


def _prompt(text: str, *files: dict[str, Any]) -> dict[str, Any]:
    return {"parts": [{"type": "text", "text": text}, *files]}


Act = Callable[[Play], None]
Script = dict[str, list[Step | list[Step]]]


@dataclass(frozen=True)
class Scenario:
    script: Callable[[Path], Script]
    act: Act
    files: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def project(self, name: str) -> str:
        """The project it is played in: its own, or one it shares, since a project takes the client seconds to open."""
        if self.files or _OF_ALL & self.script(Path()).keys():
            return name
        return "shared-" + hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()[:8]


SCENARIOS: dict[str, Scenario] = {}
_OF_ALL = {"default", "title", "compaction", "wake"}
"""Keys of scripts that no prompt holds: the model tells them by what it is asked."""


def scenario(name: str, script: Callable[[Path], Script], **more: Any) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        SCENARIOS[name] = Scenario(script, act, **more)
        return act

    return add


def simple(name: str, script: Callable[[Path], Script], key: str = "", **more: Any) -> None:
    """A scenario of one prompt."""
    scenario(name, script, **more)(lambda play: play.say(f"Please do it [[{key or name}]]"))


def call(tool: str, **arguments: Any) -> tuple[str, Any]:
    return tool, arguments


def bash(command: str, description: str = "Run") -> tuple[str, Any]:
    return call("bash", command=command, description=description)


def task(description: str, prompt: str, kind: str = "general", **more: Any) -> tuple[str, Any]:
    return call("task", description=description, prompt=prompt, subagent_type=kind, **more)


def usage(prompt: int, completion: int, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
    if cached:
        found["prompt_tokens_details"] = {"cached_tokens": cached}
    if reasoning:
        found["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return found
