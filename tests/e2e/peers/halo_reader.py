"""Reads a file as HALO does, and prints how many spans it holds, and of which kinds."""

import json
import sys
from collections import Counter
from pathlib import Path

from engine.traces.models.canonical_span import SpanRecord

spans = [SpanRecord.model_validate_json(line) for line in Path(sys.argv[1]).read_bytes().splitlines()]
print(json.dumps(Counter(span.attributes["openinference.span.kind"] for span in spans)))
