"""Whatever is asked of the documented interface, the answer is never a 500 and says nothing of our insides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from harness.examples import examples
from harness.process import running
from harness.telemetry import traces
from hypothesis import HealthCheck, given, settings

ANSWERS = {200, 303, 400, 401, 403, 404, 405, 406, 413, 415, 422, 429}
EXAMPLES = examples(25)


@pytest.mark.slow
def test_no_request_of_the_documented_interface_is_answered_with_500(tmp_path: Path) -> None:
    with running(tmp_path, COLLECTOR_READ_WITHOUT_TOKEN="true") as collector:
        assert collector.post("/v1/traces", traces(5).SerializeToString())[0] == 200
        schema = schemathesis.openapi.from_url(f"{collector.url}/api/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) > 5
        for operation in operations:

            @given(case=operation.as_strategy())
            @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
            def asked(case: Any) -> None:
                answer = case.call(timeout=30)
                assert answer.status_code in ANSWERS, (case.method, case.path, case.query, answer.status_code)
                assert "Traceback" not in answer.text

            asked()
        assert "could not be shown" not in collector.log.read_text()
        assert collector.get("/healthz")["status"] == "ok"
