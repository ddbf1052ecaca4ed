"""The command line: one module a command, imported when that command is called.

Exit codes: 0 fine, 1 failed, 2 usage or configuration error.
"""

from __future__ import annotations

import difflib
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from collector import __version__
from collector.errors import CollectorError, ConfigError

COMMANDS = {
    "serve": "serve",
    "status": "status",
    "doctor": "doctor",
    "sessions": "read",
    "traces": "read",
    "spans": "read",
    "tail": "tail",
    "show": "show_one",
    "open": "open",
    "export": "export",
    "clear": "clear",
    "mcp": "mcp",
    "send-test": "send_test",
    "preview": "preview",
    "redact": "redact",
    "opencode": "opencode",
    "run": "run",
    "setup": "setup",
    "queue": "queue",
    "dead-letters": "dead_letters",
    "policy": "policy",
    "service": "service",
    "config": "config",
}
"""Each command, in the order `--help` lists them, and the module of this package that registers it."""


class _ImportedWhenCalled(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        registered = typer.Typer(add_completion=False)
        import_module(f"{__name__}.{COMMANDS[cmd_name]}").register(registered)
        found = get_command(registered)
        return found.commands[cmd_name] if isinstance(found, TyperGroup) and found.name != cmd_name else found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in COMMANDS:
            close = difflib.get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"No such command {args[0]!r}.{f' Did you mean {close[0]!r}?' if close else ''}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="collector",
    cls=_ImportedWhenCalled,
    help="A local OTLP collector for coding agents: redacts, keeps and forwards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"opencode-collector {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what goes wrong is one line on stderr."""
    try:
        try:
            app(standalone_mode=True)
        finally:
            sys.stdout.flush()  # here, and not when the interpreter ends: that would complain of a reader that left
    except ConfigError as error:
        _fail(str(error), 2)
    except CollectorError as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        # Its text may quote what was being read.
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
        _fail(f"internal error: {type(error).__name__} at {place}; please report it", 1)


def _fail(message: str, code: int) -> None:
    from collector.cli.show import say

    say(f"collector: {message}", sys.stderr)
    sys.exit(code)
