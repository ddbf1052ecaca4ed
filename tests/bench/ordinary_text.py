"""Findings per MB of ordinary text, by kind of text and by rule, niced.

    python tests/bench/ordinary_text.py [DIRECTORY...]

Without directories it reads the standard library and all packages installed here. `harness/ordinary_text.py` says what
counts as an example and what as an annoyance.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.ordinary_text import MB, findings, installed


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    counted = findings(sys.argv[1:] or installed(), 1000 * MB)
    print(f"{'':24}{'MB':>8}{'annoying/MB':>13}{'examples/MB':>13}")
    for kind, size in sorted(counted.mb.items()):
        annoying, examples = counted.a_mb(kind)
        print(f"{kind:24}{size:8.0f}{annoying:13.3f}{examples:13.3f}")
        for rule, times in counted.annoying.get(kind, {}).items():
            print(f"  {rule:22}{'':8}{times / size:13.3f}")


if __name__ == "__main__":
    main()
