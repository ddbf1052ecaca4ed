"""A process that reads and seals for the collector: the other end of `workers.py`.

It keeps nothing, writes no file and no log, and ends when the collector does, however that ends: its socket closes.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import pickle
import signal
import socket
import sys
from typing import Any, BinaryIO, cast

from collector.app.frames import DONE, FAILED, LAST_WORDS, POLICY, READ, REFUSED, frame, read_frame
from collector.app.memory import settle_memory, tune_allocator
from collector.batch import Signal
from collector.errors import BadRequest, CollectorError
from collector.otlp.read import decode
from collector.pipeline.crossing import pack_batch, pack_decoded
from collector.pipeline.selftest import prove
from collector.redact.seal import Recipe, Sealer

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve the socket that this process was started with, until it closes."""
    _leave_signals_to_the_collector()
    _end_with_the_collector()
    tune_allocator()
    with _channel() as channel:
        stream = cast(BinaryIO, channel.makefile("rb", buffering=1024 * 1024))
        try:
            _serve(stream, channel)
        except ConnectionError:
            pass  # the collector is gone
        except Exception as error:  # its text may quote what was being sealed, but for our own
            words = str(error) if isinstance(error, CollectorError) else type(error).__name__
            with contextlib.suppress(OSError):
                channel.sendall(frame(LAST_WORDS, FAILED, words))
            sys.exit(1)


def _serve(stream: BinaryIO, channel: socket.socket) -> None:
    sealers: dict[int, Sealer] = {}
    while (job := read_frame(stream)) is not None:
        number, kind, *about = job
        if kind == POLICY:
            # What cannot be made or proved must seal nothing: the process ends, and the collector says so.
            sealers[about[0]] = _proved(pickle.loads(about[1]))
            settle_memory()
            answer = frame(number, DONE, b"")
        else:
            answer = _answer(number, kind, about, sealers)
        del job, about
        channel.sendall(answer)


def _proved(recipe: Recipe) -> Sealer:
    sealer = recipe.sealer()
    prove(sealer)
    return sealer


def _answer(number: int, kind: str, about: list[Any], sealers: dict[int, Sealer]) -> bytes:
    try:
        if kind == READ:
            signal_name, body, content_type = about
            return frame(number, DONE, pack_decoded(decode(Signal(signal_name), body, content_type)))
        sealer_number, signal_name, data = about
        of = Signal(signal_name)
        return frame(number, DONE, pack_batch(sealers[sealer_number].seal(of, of.request.FromString(data))))
    except BadRequest as error:
        return frame(number, REFUSED, str(error))
    except Exception as error:
        return frame(number, FAILED, type(error).__name__)


def _leave_signals_to_the_collector() -> None:
    """A terminal and a service manager signal all processes; this one is still needed until the collector is done."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _end_with_the_collector() -> None:
    """Linux ends this process too when the collector is killed, though it is busy or stopped; else its socket does."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _channel() -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(cast(io.BufferedReader, sys.stdin.buffer).read())
    return socket.socket(fileno=0)


if __name__ == "__main__":
    main()
