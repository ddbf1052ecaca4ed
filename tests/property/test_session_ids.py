"""Whatever characters the id of a session holds, who is given its link or its id gets to the session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from harness.process import run
from harness.viewer import Viewed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.openinference.session_ids import listed_session
from collector.viewer.mcp import answer
from collector.viewer.shown.addresses import session_link

ODD = (
    "..", ".", "../../etc", "a/b", "/", "//", "a/../b", "x?y=1", "x#y", "100%", "%2e%2e", "%2F", " ", "a b", "-x", "--",
    "-", "export", "a/export", "rail", "x/2", "deadbeef", "a+b", "a&b=c", "é", "\U0001f600", "'\"", "$(id)", "<b>", "*",
    "[a]", "~", "\\", "a\nb", "\0", "\x1b[31m", "\u202e", "\u2028", "a" * 300, "é" * 100_000, "s:1", "@", "null",
)  # fmt: skip


def request(session: str, number: int) -> ExportTraceServiceRequest:
    found = ExportTraceServiceRequest()
    span = found.resource_spans.add().scope_spans.add().spans.add(
        trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name="turn",
        start_time_unix_nano=10**18 + number, end_time_unix_nano=10**18 + number + 5,
    )  # fmt: skip
    for key, value in (("session.id", session), ("openinference.span.kind", "AGENT"), ("input.value", f"ask {number}")):
        pair = span.attributes.add(key=key)
        pair.value.string_value = value
    return found


@pytest.fixture(scope="module")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewed]:
    found = Viewed(tmp_path_factory.mktemp("ids"))
    for number, session in enumerate(ODD, 1):
        found.put(request(session, number))
    yield found
    found.close()


def opens(viewed: Viewed, session: str, number: int) -> None:
    """Its page, each view of it, what lies below it, and what agents and programs ask, all tell of this session."""
    listed = listed_session(session)
    link = session_link(listed)
    page = viewed.get(link)
    assert page.status_code == 200 and f"ask {number}<" in page.text, link
    assert viewed.get(session_link(session)).text == page.text if len(session) < 1000 else True
    for href in re.findall(r'<nav class="tabs".*?</nav>', page.text, re.S):
        for each in re.findall(r'href="([^"]+)"', href):
            assert viewed.get(unescape(each)).status_code == 200, each
    for href in re.findall(r'href="([^"]*export[^"]*format[^"]*)"', page.text):
        found = viewed.get(unescape(href))
        assert found.status_code == 200 and found.content, href
    rail = re.search(r'data-rail="([^"]+)"', page.text)
    assert rail is not None and viewed.get(unescape(rail[1])).status_code == 200
    assert viewed.live.reader.find(session, 1)[0].session_id == listed
    span = viewed.get(f"/spans/{number:032x}/{number:016x}").text
    back = re.search(r'href="(/session[^"]*#s-[^"]*)"', span)
    assert back is not None and f"ask {number}<" in viewed.get(unescape(back[1])).text
    call = {"name": "conversation", "arguments": {"session": session}}
    told = answer(lambda: viewed.reader, "1", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    assert told is not None and f"ask {number}" in told["result"]["content"][0]["text"]


def test_every_listed_session_is_opened_by_its_link(viewed: Viewed) -> None:
    for number, session in enumerate(ODD, 1):
        opens(viewed, session, number)
    hrefs = {unescape(each) for each in re.findall(r'class="title" href="([^"]+)"', viewed.get("/").text)}
    assert hrefs == {session_link(listed_session(session)) for session in ODD}
    for href in hrefs:
        assert viewed.get(href).status_code == 200, href
        assert len(href) < 3000


@pytest.mark.slow
def test_every_listed_session_is_shown_by_the_command(viewed: Viewed, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the id that was sent where a command line can hold it, else by the listed one."""
    directory = viewed.directory.parent
    for number, session in [
        (number, each) for number, each in enumerate(ODD, 1) if each in ("..", "x/2", "-x", "\0", "a\nb", "/")
    ]:
        given_id = listed_session(session) if "\0" in session else session
        found = run(directory, "show", "--", given_id, COLLECTOR_DATA_DIR=str(viewed.directory), COLLECTOR_PORT="1")
        assert found.returncode == 0 and f"ask {number}\n".encode() in found.stdout, (session, found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(min_size=1, max_size=40), st.integers(10**6, 10**9))
def test_any_session_is_opened_by_its_link(viewed: Viewed, session: str, number: int) -> None:
    viewed.put(request(session, number))
    page = viewed.get(session_link(listed_session(session)))
    assert page.status_code == 200 and f"ask {number}<" in page.text
    assert viewed.live.reader.find(session, 1)[0].session_id == listed_session(session)


@given(st.text())
def test_a_listed_id_can_be_read_copied_and_listed_again(session: str) -> None:
    listed = listed_session(session)
    assert listed.isprintable() and len(listed) <= 256
    assert listed_session(listed) == listed
