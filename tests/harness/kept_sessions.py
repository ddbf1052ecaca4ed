"""Sessions as OpenCode keeps them: in its database, and as exports."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AT = 1_795_361_475_971
"""When the first session began (ms)."""
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "my"]


def said(seed: int, words: int) -> str:
    return " ".join(WORDS[(seed * 7 + index * (seed % 5 + 1)) % len(WORDS)] for index in range(words))


def messages(session: str, turns: int, begun: int) -> Iterator[dict[str, Any]]:
    """Turns of two calls and a tool, as OpenCode tells them."""
    tokens = {"input": 100, "output": 50, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    for turn in range(turns):
        at = begun + turn * 20_000
        made = (at, at + 300, at + 5000)  # an id holds the time that its message was made at
        names = [f"msg_{(ms * 4096) % 2**48:012x}{session[-6:]}{number:08}" for number, ms in enumerate(made)]
        call = {
            "type": "tool", "tool": "bash", "callID": f"call_{turn}",
            "state": {"status": "completed", "input": {"command": f"ls {turn}"}, "output": said(begun + turn, 200),
                      "title": "ls", "time": {"start": at + 3000, "end": at + 4000}},
        }  # fmt: skip
        answer = {"type": "text", "text": said(turn, 80), "time": {"start": at + 6000, "end": at + 8000}}
        step = {
            "role": "assistant", "parentID": names[0], "modelID": "m", "providerID": "p", "agent": "build",
            "cost": 0.01, "tokens": tokens,
        }  # fmt: skip
        told = [
            ({"role": "user", "time": {"created": at}, "agent": "build"}, [{"type": "text", "text": said(turn, 30)}]),
            ({**step, "finish": "tool-calls", "time": {"created": at + 300, "completed": at + 4900}}, [call]),
            ({**step, "finish": "stop", "time": {"created": at + 5000, "completed": at + 9000}}, [answer]),
        ]
        for name, (info, parts) in zip(names, told, strict=True):
            ids = {"messageID": name, "sessionID": session}
            yield {
                "info": {**info, "id": name, "sessionID": session},
                "parts": [{**part, **ids, "id": f"prt_{name[4:]}{at}"} for at, part in enumerate(parts)],
            }


def database(path: Path, sessions: int, turns: int) -> Path:
    """What OpenCode 1.18 keeps of so many sessions, but for its events."""
    with sqlite3.connect(path) as db:
        db.executescript(
            "CREATE TABLE session (id text PRIMARY KEY, parent_id text, directory text, title text, version text,"
            " time_created integer, time_updated integer);"
            "CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, data text);"
            "CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, data text);"
            "CREATE INDEX message_of ON message (session_id); CREATE INDEX part_of ON part (message_id);"
        )
        for number in range(sessions):
            session, begun = f"ses_{number:012x}import", AT + number * 1_000_000_000
            row = (session, None, "/p", f"Session {number}", "1.18.33", begun, begun + turns * 20_000)
            db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            for message in messages(session, turns, begun):
                info = message["info"]
                row = (info["id"], session, info["time"]["created"], json.dumps(info))
                db.execute("INSERT INTO message VALUES (?, ?, ?, ?)", row)
                parts = [(part["id"], info["id"], session, json.dumps(part)) for part in message["parts"]]
                db.executemany("INSERT INTO part VALUES (?, ?, ?, ?)", parts)
    db.close()
    return path


def exports(folder: Path, sessions: int, turns: int) -> list[Path]:
    """The same sessions as `opencode export` writes them, a file each."""
    folder.mkdir()
    written = []
    for number in range(sessions):
        session, begun = f"ses_{number:012x}import", AT + number * 1_000_000_000
        info = {
            "id": session, "directory": "/p", "title": f"Session {number}", "version": "1.18.33",
            "time": {"created": begun, "updated": begun + turns * 20_000},
        }  # fmt: skip
        path = folder / f"{session}.json"
        with path.open("w") as out:
            out.write(f'{{"info": {json.dumps(info)}, "messages": [\n')
            for place, message in enumerate(messages(session, turns, begun)):
                out.write((",\n" if place else "") + json.dumps(message))
            out.write("\n]}\n")
        written.append(path)
    return written
