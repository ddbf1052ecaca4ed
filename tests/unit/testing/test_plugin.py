"""The pytest plugin, as a project that uses it sees it: run by pytest in a directory of its own."""

from __future__ import annotations

import json
import textwrap

import pytest
from harness.process import ask

from collector.testing.running import RunningCollector

pytest_plugins = ["pytester"]

SEND = """
    import json
    import urllib.request

    def send(endpoint, name="bash: ls", kind="TOOL", span="b" * 16, parent="", failed=False, **attributes):
        values = {"openinference.span.kind": kind, "session.id": "ses_1", **attributes}
        document = {"traceId": "a" * 32, "spanId": span, "parentSpanId": parent, "name": name,
                    "startTimeUnixNano": "1000000", "endTimeUnixNano": "3000000",
                    "status": {"code": 2, "message": "no such file"} if failed else {},
                    "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in values.items()]}
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [document]}]}]}).encode()
        request = urllib.request.Request(endpoint + "/v1/traces", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
"""


def outcome(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    pytester.makepyfile(textwrap.dedent(SEND) + "\n\n" + textwrap.dedent(test))
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q")


@pytest.mark.slow
def test_a_test_waits_for_spans_and_asks_for_attributes(pytester: pytest.Pytester) -> None:
    outcome(
        pytester,
        """
        def test_tool(collector):
            send(collector.endpoint, **{"tool.name": "bash"})
            send(collector.endpoint, "build", "AGENT", "c" * 16)
            assert len(collector.wait_for(2)) == 2
            span = collector.span(kind="TOOL", tool__name="bash")
            assert span["tool.name"] == "bash" and span["nothing"] is None and "nothing" not in span
            assert (span.session, span.trace, span.id, span.failed) == ("ses_1", "a" * 32, "b" * 16, False)
            assert collector.spans(kind="LLM") == []
            assert collector.env["OTEL_EXPORTER_OTLP_ENDPOINT"] == collector.endpoint

        def test_each_test_has_its_own(collector):
            assert collector.spans() == []
            assert collector.tree() == "no spans"
        """,
    ).assert_outcomes(passed=2)


@pytest.mark.slow
def test_a_failure_prints_the_tree(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
        def test_missing(collector):
            send(collector.endpoint, "build", "AGENT", "c" * 16)
            send(collector.endpoint, "bash: ls", parent="c" * 16, failed=True)
            collector.wait_for(3, seconds=0.1)

        def test_other(collector):
            send(collector.endpoint)
            collector.wait_for()
            assert False
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*2 of 3 spans came within 0.1 s; the collector kept*"])
    result.stdout.fnmatch_lines(["*AGENT build (0.0 s)*", "*  TOOL bash: ls (0.0 s) FAILED: no such file*"])
    result.stdout.fnmatch_lines(["*spans the collector kept*"])


@pytest.mark.slow
@pytest.mark.parametrize(("given", "name"), [("contentt='metadata'", "contentt"), ("content='loud'", "content")])
def test_a_wrong_setting_is_named(pytester: pytest.Pytester, given: str, name: str) -> None:
    result = outcome(
        pytester,
        f"""
        import pytest

        @pytest.mark.collector({given})
        def test_nothing(collector):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"E *ConfigError: collector({name}=...): *"])
    result.stdout.no_fnmatch_line("E *ValidationError*")


@pytest.mark.slow
def test_what_must_not_leave_is_looked_for_everywhere(pytester: pytest.Pytester) -> None:
    result = outcome(
        pytester,
        """
        import pytest

        TOKEN = "gh" + "p_" + "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"

        def test_masked(collector):
            send(collector.endpoint, **{"output.value": f"the token is {TOKEN}"})
            collector.wait_for()
            collector.assert_no_text(TOKEN)

        def test_kept(collector):
            send(collector.endpoint, **{"output.value": "plain words"})
            collector.wait_for()
            with pytest.raises(AssertionError, match="stands in output.value of the span bash: ls"):
                collector.assert_no_text("plain words")

        @pytest.mark.collector(content="metadata")
        def test_metadata(collector):
            send(collector.endpoint, **{"output.value": "plain words"})
            collector.wait_for()
            collector.assert_no_text("plain words")
        """,
    )
    result.assert_outcomes(passed=3)


@pytest.mark.slow
def test_what_would_pass_for_the_wrong_reason_fails(pytester: pytest.Pytester) -> None:
    """A misspelt filter, a text to look for before anything came, no text at all, a setting given without its name."""
    result = outcome(
        pytester,
        """
        import pytest

        def test_names(collector):
            with pytest.raises(TypeError, match="'kindd' is no filter, 'kind' is"):
                collector.spans(kindd="TOOL")
            with pytest.raises(AssertionError, match="nothing was kept yet"):
                collector.assert_no_text("a password")
            send(collector.endpoint, **{"tool.name": "bash", "output.value": '{"says": "two\\\\nlines"}'})
            span = collector.wait_for()[0]
            with pytest.raises(KeyError, match="span.'tool.name'."):
                span["tool__name"]
            with pytest.raises(TypeError, match="'kindd' is no filter"):
                collector.wait_for(kindd="TOOL")
            with pytest.raises(AssertionError, match="attribute tool.nam; one has tool.name"):
                collector.wait_for(tool__nam="bash", seconds=0)
            with pytest.raises(ValueError, match="no text to look for"):
                collector.assert_no_text("")
            with pytest.raises(ValueError, match="before any came"):
                collector.wait_for(0)
            with pytest.raises(AssertionError, match="stands in output.value"):
                collector.assert_no_text("two\\nlines")
            collector.assert_no_text("a password")

        @pytest.mark.collector("metadata")
        def test_mark(collector):
            pass
        """,
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*takes settings by name, not 'metadata'*"])


def test_a_run_of_opencode_is_wired_beside_its_own_configuration() -> None:
    """With what lets the collector read from its database what the plugin could not tell."""
    with RunningCollector() as collector:
        given = {"model": "a/b", "plugin": ["mine"]}
        content = json.loads(collector.opencode_env(given)["OPENCODE_CONFIG_CONTENT"])
        assert given == {"model": "a/b", "plugin": ["mine"]}
        assert (content["model"], content["plugin"][0]) == ("a/b", "mine")
        file, options = content["plugin"][1]
        assert file.startswith("file://") and file.endswith("/collector-opencode.js")
        assert options["url"] == collector.endpoint
        headers = {"content-type": "application/x-ndjson", "x-collector-install-token": options["installToken"]}
        event = json.dumps({"type": "session.idle", "properties": {"sessionID": "ses_1"}}).encode()
        status, _, answer = ask(f"{collector.endpoint}/v1/opencode/events", event, headers)
        assert (status, json.loads(answer)["accepted"]) == (200, 1)
