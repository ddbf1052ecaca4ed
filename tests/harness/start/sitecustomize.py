"""What Python runs first in each collector that a test starts: it reads the triggers that were compiled before.

Nothing is imported that the process does not import itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_COMPILED = Path(__file__).parents[1] / "compiled.py"


class _WithKeptTriggers(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "collector.redact.engine.scan":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_keep(module: ModuleType) -> None:
            execute(module)
            found = spec_from_file_location("compiled_triggers", _COMPILED)
            assert found is not None and found.loader is not None
            compiled = module_from_spec(found)
            found.loader.exec_module(compiled)
            compiled.keep_compiled_triggers(module)

        spec.loader.exec_module = execute_and_keep  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _WithKeptTriggers())
