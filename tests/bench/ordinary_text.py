"""Findings per MB of ordinary text, by rule: `python tests/bench/ordinary_text.py [DIRECTORY...]`, niced.

Without directories it reads the standard library and all packages installed here.
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
    size, found = findings(sys.argv[1:] or installed(), 1000 * MB)
    print(f"{size:.0f} MB, {sum(found.values()) / size:.2f} findings a MB")
    for rule, times in found.most_common():
        print(f"  {rule:24}{times:7}{times / size:9.3f}")


if __name__ == "__main__":
    main()
