"""The command line: one module a command. Exit codes: 0 fine, 1 failed, 2 usage or configuration error."""

from __future__ import annotations

import os
import sys

import typer

from collector.cli import config, doctor, opencode, policy, preview, read, redact, send_test, serve, status
from collector.errors import CollectorError, ConfigError

app = typer.Typer(
    name="collector",
    help="A local OTLP collector for coding agents: redacts, keeps, forwards with a token only it knows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (serve, status, doctor, read, send_test, preview, redact, opencode, policy, config):
    module.register(app)


def main() -> None:
    """Run the command line; what goes wrong is one line on stderr."""
    try:
        app(standalone_mode=True)
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
    print(f"collector: {message}", file=sys.stderr)
    sys.exit(code)
