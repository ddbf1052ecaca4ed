"""Reading what OpenCode keeps: whichever store a session is read from, its spans are the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import kept_sessions

from collector.assemble.assembler import Assembler
from collector.assemble.dialects.reader import ItemReader, UnknownType
from collector.assemble.spans.otlp import BuiltSpan
from collector.errors import CollectorError, ConfigError
from collector.opencode import messages2
from collector.opencode.database import Database
from collector.opencode.files import Export, Storage
from collector.opencode.history import Kept, with_children
from collector.opencode.importing import Progress, SessionFilter, crowded, planned, send, since, sources

Json = dict[str, Any]
SES, AT = "ses_dfc1df27cffeVPnu6CbeI5FKBz", 1795361475971
USER, STEP, TEXT = "msg_203e20eb8001dYW023QfB0aCwc", "msg_203e21b530012UWPMJ5Gi8FYQq", "prt_203e20ecf001QFN0sdnTdxPXuY"
TOOL, SAID = "prt_203e22a0e0014xc17oaFHW7Z44", "prt_203e22a0e0014xc17oaFHW7Z45"

INFO = {
    "id": SES,
    "title": "A title",
    "directory": "/p",
    "version": "1.18.33",
    "time": {"created": AT, "updated": AT + 9},
}
MESSAGES: list[Json] = [
    {
        "info": {"id": USER, "sessionID": SES, "role": "user", "time": {"created": AT}, "agent": "build"},
        "parts": [{"id": TEXT, "messageID": USER, "sessionID": SES, "type": "text", "text": "do it"}],
    },
    {
        "info": {
            "id": STEP, "sessionID": SES, "role": "assistant", "parentID": USER, "modelID": "m", "providerID": "p",
            "finish": "stop", "time": {"created": AT + 3000, "completed": AT + 9000}, "cost": 0.1,
            "tokens": {"input": 10, "output": 5, "reasoning": 0, "cache": {"read": 0, "write": 0}},
        },
        "parts": [
            {
                "id": TOOL, "messageID": STEP, "sessionID": SES, "type": "tool", "tool": "bash", "callID": "call_1",
                "state": {"status": "completed", "input": {"command": "ls"}, "output": "a", "title": "ls",
                          "time": {"start": AT + 5000, "end": AT + 6000}},
            },
            {"id": SAID, "messageID": STEP, "sessionID": SES, "type": "text", "text": "done",
             "time": {"start": AT + 4000, "end": AT + 5000}},
        ],
    },
]  # fmt: skip


def spans(items: Iterable[Json]) -> set[tuple[str, str, str]]:
    """Trace id, span id and name of all that the items make."""
    reader, assembler = ItemReader(), Assembler()
    for item in items:
        for fact in reader.read(item, AT):
            assert not isinstance(fact, UnknownType), fact.name
            assembler.learn(fact, AT)
    return {(made.span.trace_id.hex(), made.span.span_id.hex(), made.span.name) for made in assembler.close()}


def rows() -> Iterator[tuple[str, Json]]:
    """The durable events of the same session."""
    yield "session.created.1", {"sessionID": SES, "info": INFO}
    for message in MESSAGES:
        yield "message.updated.1", {"sessionID": SES, "info": message["info"]}
        for part in message["parts"]:
            yield "message.part.updated.1", {"sessionID": SES, "part": part, "time": AT}


def database(
    path: Path, *, events_from: int | None = 0, updated: int = AT, session: str = SES, parent: str | None = None
) -> Path:
    """A database as 1.18 makes it, with its events from one sequence number on, or none."""
    with sqlite3.connect(path) as db:
        db.executescript(
            "CREATE TABLE IF NOT EXISTS session (id text PRIMARY KEY, parent_id text, project_id text, directory text,"
            " title text, version text, time_created integer, time_updated integer);"
            "CREATE TABLE IF NOT EXISTS message (id text, session_id text, time_created integer, data text);"
            "CREATE TABLE IF NOT EXISTS part (id text, message_id text, session_id text, data text);"
            "CREATE TABLE IF NOT EXISTS event (id text, aggregate_id text, seq integer, type text, data text);"
        )
        db.execute(
            "INSERT INTO session VALUES (?,?,?,?,?,?,?,?)", (session, parent, "p", "/p", "t", "1.18.33", AT, updated)
        )
        for message in MESSAGES:
            info = {key: value for key, value in message["info"].items() if key not in ("id", "sessionID")}
            db.execute("INSERT INTO message VALUES (?,?,?,?)", (message["info"]["id"], session, AT, json.dumps(info)))
            for part in message["parts"]:
                data = {key: value for key, value in part.items() if key not in ("id", "messageID", "sessionID")}
                db.execute(
                    "INSERT INTO part VALUES (?,?,?,?)", (part["id"], part["messageID"], session, json.dumps(data))
                )
        for seq, (kind, data) in enumerate(rows()):
            if events_from is not None and seq >= events_from:
                db.execute("INSERT INTO event VALUES (?,?,?,?,?)", (f"evt_{seq}", session, seq, kind, json.dumps(data)))
    db.close()
    return path


EXPECTED = spans({"type": kind.rpartition(".")[0], "properties": data} for kind, data in rows())


def test_the_session_used_here_is_a_whole_turn() -> None:
    assert sorted(name for _, _, name in EXPECTED) == ["bash: ls", "opencode", "p/m"]


@pytest.mark.parametrize("events_from", [0, 3, None])
def test_events_and_tables_of_a_database_give_the_same_spans(tmp_path: Path, events_from: int | None) -> None:
    """A session begun before there was an event table has only its end there."""
    found = Database(database(tmp_path / "opencode.db", events_from=events_from))
    assert [kept.id for kept in found.sessions()] == [SES]
    assert spans(found.items(SES)) == EXPECTED


def test_reading_leaves_the_database_as_it_is(tmp_path: Path) -> None:
    """Also while OpenCode writes: the reader asks for no lock and makes no file."""
    path = database(tmp_path / "opencode.db")
    before = path.read_bytes()
    writer = sqlite3.connect(path)
    writer.execute("BEGIN IMMEDIATE")
    assert spans(Database(path).items(SES)) == EXPECTED
    writer.rollback()
    writer.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"no database at all, but longer than a header", b"SQLite format 3\0" + b"\0" * 100]
)
def test_what_is_no_database_of_opencode_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "opencode.db"
    path.write_bytes(content)
    with pytest.raises(CollectorError, match=r"opencode\.db"):
        Database(path)


def _storage(folder: Path) -> Path:
    files = {f"session/p/{SES}.json": INFO}
    for message in MESSAGES:
        files[f"message/{SES}/{message['info']['id']}.json"] = message["info"]
        files |= {f"part/{part['messageID']}/{part['id']}.json": part for part in message["parts"]}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    (folder / f"part/{USER}/prt_half.json").write_text('{"id": "prt_ha')  # just being written
    return folder


def test_old_storage_gives_the_same_spans(tmp_path: Path) -> None:
    found = Storage(_storage(tmp_path))
    assert found.sessions() == [Kept(SES, None, AT + 9, "/p")]
    assert spans(found.items(SES)) == EXPECTED


def test_an_id_reaches_no_other_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"id": "ses_x"}')
    assert list(Storage(tmp_path / "storage").items("../../secret")) == []


def test_an_export_gives_the_same_spans(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text("Exporting session: " + SES + json.dumps({"info": INFO, "messages": MESSAGES}))
    assert spans(Export(path).items(SES)) == EXPECTED


@pytest.mark.parametrize("kept_in", ["database", "export", "storage"])
def test_wherever_an_import_is_made_to_wait_each_span_is_whole(tmp_path: Path, kept_in: str) -> None:
    """A post ends anywhere, and the next may be told to come later: a call whose text was in that one had no output."""
    if kept_in == "storage":
        items = list(Storage(_storage(tmp_path)).items(SES))
    else:
        source: Database | Export = Database(kept_sessions.database(tmp_path / "oc.db", 1, 3))
        if kept_in == "export":
            source = Export(kept_sessions.exports(tmp_path / "exports", 1, 3)[0])
        items = list(source.items(source.sessions()[0].id))

    def told(cut: int) -> dict[bytes, bytes]:
        reader, assembler = ItemReader(), Assembler()
        made: list[BuiltSpan] = []
        for at, some in ((0, items[:cut]), (3000, items[cut:])):
            for item in some:
                for fact in reader.read(item, AT):
                    assert not isinstance(fact, UnknownType)
                    made += assembler.feed(fact, at)
            made += assembler.look(at + 1500)
        made += assembler.close()
        found = {each.span.span_id: each.whole().SerializeToString() for each in made}
        assert len(found) == len(made)
        return found

    at_once = told(len(items))
    assert len(at_once) >= 3
    for cut in range(len(items)):
        assert told(cut) == at_once, items[cut - 1 : cut + 1]


def test_an_export_cut_by_a_pipe_is_said_to_be_cut(tmp_path: Path) -> None:
    """OpenCode cuts what goes into a slow pipe at a multiple of 64 KiB (measured)."""
    path = tmp_path / "export.json"
    path.write_text(('{"info": {}, "messages": ["' + "x" * 70000)[:65536])
    with pytest.raises(CollectorError, match="cut by a pipe"):
        Export(path)


# ---- OpenCode 2


def v2(kind: str, at: int, **data: Any) -> Json:
    return {"type": kind, "created": at, "data": {"sessionID": "ses_2", **data}}


MODEL = {"id": "m", "providerID": "p"}
TOKENS = {"input": 10, "output": 5, "reasoning": 0, "cache": {"read": 0, "write": 0}}
STEP2 = {"assistantMessageID": "msg_2"}
EVENTS2 = [
    v2("session.created", AT, title="t", location={"directory": "/p"}),
    v2("session.inbox.enqueued", AT, inboxID="msg_1", item={"type": "user", "payload": {"text": "do it"}}),
    v2("session.execution.started", AT + 1),
    v2("session.inbox.delivered", AT + 2, inboxID="msg_1"),
    v2("session.step.started", AT + 3, **STEP2, agent="build", model=MODEL, started=AT + 3),
    v2("session.tool.input.started", AT + 4, **STEP2, id="call_1", name="shell"),
    v2("session.tool.called", AT + 5, **STEP2, id="call_1", input={"command": "ls"}, executed=False),
    v2("session.step.streamed", AT + 6, **STEP2),
    v2("session.tool.success", AT + 7, **STEP2, id="call_1", content=[{"type": "text", "text": "a"}], executed=False),
    v2("session.text.ended", AT + 7, **STEP2, ordinal=0, text="done"),
    v2("session.step.ended", AT + 8, **STEP2, finish="stop", cost=0.1, tokens=TOKENS),
    v2("session.compaction.started", AT + 9, reason="auto", inputID="msg_3"),
    v2("session.compaction.ended", AT + 10, reason="auto", inputID="msg_3", text="summary"),
    v2("session.execution.succeeded", AT + 11),
]
MESSAGES2: list[Json] = [
    {"id": "msg_1", "type": "user", "text": "do it", "time": {"created": AT + 2}},
    {
        "id": "msg_2", "type": "assistant", "agent": "build", "model": MODEL, "finish": "stop", "cost": 0.1,
        "tokens": TOKENS, "time": {"created": AT + 3, "streamed": AT + 6, "completed": AT + 8},
        "content": [
            {"type": "tool", "id": "call_1", "name": "shell",
             "time": {"created": AT + 4, "ran": AT + 5, "completed": AT + 7},
             "state": {"status": "completed", "input": {"command": "ls"}, "content": [{"type": "text", "text": "a"}]}},
            {"type": "text", "text": "done"},
        ],
    },
    {"id": "msg_3", "type": "compaction", "status": "completed", "reason": "auto", "summary": "summary",
     "time": {"created": AT + 9}},
    {"id": "msg_4", "type": "idle", "outcome": "succeeded", "time": {"created": AT + 11}},
]  # fmt: skip
INFO2 = {"id": "ses_2", "title": "t", "location": {"directory": "/p"}, "time": {"created": AT}}


def test_kept_messages_of_opencode_2_give_the_spans_of_its_events() -> None:
    """2.x keeps no events: a gap is filled from messages, and must not make other spans."""
    found = spans(EVENTS2)
    assert len(found) == 5
    assert spans(messages2.events(INFO2, MESSAGES2)) == found
    assert spans([*EVENTS2, *messages2.events(INFO2, MESSAGES2)]) == found


def test_the_tables_of_opencode_2_are_read(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE session_v2"
            " (id text, parent_id text, directory text, title text, time_created integer, time_updated integer)"
        )
        db.execute("CREATE TABLE session_message (id text, session_id text, type text, seq integer, data text)")
        db.execute("INSERT INTO session_v2 VALUES ('ses_2', NULL, '/p', 't', ?, ?)", (AT, AT))
        for seq, message in enumerate(MESSAGES2):
            data = {key: value for key, value in message.items() if key not in ("id", "type")}
            db.execute(
                "INSERT INTO session_message VALUES (?, 'ses_2', ?, ?, ?)",
                (message["id"], message["type"], seq, json.dumps(data)),
            )
    db.close()
    assert spans(Database(path).items("ses_2")) == spans(EVENTS2)


def test_an_unfinished_message_of_opencode_2_ends_nothing() -> None:
    open_step = {**MESSAGES2[1], "time": {"created": AT + 3}}
    kinds = [event["type"] for event in messages2.events(INFO2, [MESSAGES2[0], open_step])]
    assert "session.step.ended" not in kinds
    assert "session.step.streamed" not in kinds


# ---- choosing and remembering


class SentItems:
    """A door that keeps what it is sent."""

    def __init__(self) -> None:
        self.items: list[Json] = []

    def send(self, items: Iterable[Json], _: object = None) -> int:
        found = list(items)
        self.items += found
        return len(found)


def test_an_import_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db", session="ses_a", updated=AT)
    database(path, session="ses_b", updated=AT + 5)
    first = planned([Database(path)], SessionFilter(), Progress(tmp_path))
    assert [task.kept.id for task in first] == ["ses_a", "ses_b"]
    send(first[:1], SentItems(), Progress(tmp_path), lambda *_: None)  # type: ignore[arg-type]
    assert [task.kept.id for task in planned([Database(path)], SessionFilter(), Progress(tmp_path))] == ["ses_b"]
    again = planned([Database(path)], SessionFilter(again=True), Progress(tmp_path))
    assert len(again) == 2


def test_a_session_that_changed_is_imported_again(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db")
    send(
        planned([Database(path)], SessionFilter(), Progress(tmp_path)), SentItems(), Progress(tmp_path), lambda *_: None
    )  # type: ignore[arg-type]
    assert planned([Database(path)], SessionFilter(), Progress(tmp_path)) == []
    with sqlite3.connect(path) as db:
        db.execute("UPDATE session SET time_updated = time_updated + 1")
    db.close()
    assert len(planned([Database(path)], SessionFilter(), Progress(tmp_path))) == 1


def test_what_is_remembered_names_no_path(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db")
    send(
        planned([Database(path)], SessionFilter(), Progress(tmp_path)), SentItems(), Progress(tmp_path), lambda *_: None
    )  # type: ignore[arg-type]
    (kept,) = [file for file in tmp_path.iterdir() if file.suffix == ".json"]
    assert str(tmp_path) not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_named_session_brings_its_subagents(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db", session="ses_child", parent="ses_a", updated=1)
    database(path, session="ses_a", updated=2)
    database(path, session="ses_other", updated=3)
    found = planned([Database(path)], SessionFilter(frozenset({"ses_a"})), Progress(tmp_path))
    assert [task.kept.id for task in found] == ["ses_a", "ses_child"]
    with pytest.raises(CollectorError, match="ses_nope"):
        planned([Database(path)], SessionFilter(frozenset({"ses_nope"})), Progress(tmp_path))


def test_subagents_of_subagents_belong_to_the_session() -> None:
    kept = [Kept("c", "b", 1), Kept("b", "a", 2), Kept("a", None, 3), Kept("x", None, 4)]
    assert [one.id for one in with_children(kept, {"a"})] == ["c", "b", "a"]


def test_only_what_changed_since(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db", session="ses_old", updated=AT)
    database(path, session="ses_new", updated=AT + 10)
    found = planned([Database(path)], SessionFilter(since_ms=AT + 1), Progress(tmp_path))
    assert [task.kept.id for task in found] == ["ses_new"]


@pytest.mark.parametrize("text", ["", "7", "d7", "yesterday", "99999999999999d", "-3d"])
def test_an_unclear_time_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="--since"):
        since(text)


def test_times_are_ago_or_dates() -> None:
    assert since("1d") - since("1w") == pytest.approx(6 * 86_400_000, abs=5000)
    assert since("2026-01-31T00:00:00+00:00") == 1769817600000


def test_stores_are_found_where_opencode_keeps_them(tmp_path: Path) -> None:
    folder = tmp_path / "opencode"
    folder.mkdir()
    database(folder / "opencode.db")
    database(folder / "opencode-beta.db")
    _storage(folder / "storage")
    found = sources((), {"XDG_DATA_HOME": str(tmp_path)}, tmp_path)
    assert [Path(source.name).name for source in found] == ["opencode-beta.db", "opencode.db", "storage"]
    with pytest.raises(CollectorError, match="keeps nothing"):
        sources((), {}, tmp_path / "nobody")


def test_an_import_into_a_full_store_says_that_sessions_are_forgotten() -> None:
    """The store keeps what fits; that it made room for what was imported must not go unsaid."""
    assert crowded(100 * 1024**2, 1024**3) is None
    assert "920 of 1024 MiB" in str(crowded(920 * 1024**2, 1024**3))
