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

from collector.app.frames import DONE, EVENTS, FAILED, LAST_WORDS, POLICY, READ, REFUSED, frame, read_frame
from collector.app.memory import settle_memory, tune_allocator
from collector.batch import Signal
from collector.errors import BadRequest, CollectorError
from collector.otlp.read import decode
from collector.pipeline.crossing import pack_batch, pack_decoded, pack_events
from collector.pipeline.events import Intake
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
    jobs = _Jobs()
    while (job := read_frame(stream)) is not None:
        number, kind, *about = job
        if kind == POLICY:
            # What cannot be made or proved must seal nothing: the process ends, and the collector says so.
            jobs.sealers[about[0]] = _proved(pickle.loads(about[1]))
            settle_memory()
            answer = frame(number, DONE, b"")
        else:
            answer = jobs.answer(number, kind, about)
        del job, about
        channel.sendall(answer)


def _proved(recipe: Recipe) -> Sealer:
    sealer = recipe.sealer()
    prove(sealer)
    return sealer


class _Jobs:
    """What this process does for the collector, with the sealers it was given, by their numbers."""

    def __init__(self) -> None:
        self.sealers: dict[int, Sealer] = {}
        self._intakes: dict[tuple[int, str], Intake] = {}
        """What is remembered from one body of events to the next, by the number of the sealer and the service."""

    def answer(self, number: int, kind: str, about: list[Any]) -> bytes:
        try:
            return frame(number, DONE, self._do(kind, about))
        except BadRequest as error:
            return frame(number, REFUSED, str(error))
        except Exception as error:
            return frame(number, FAILED, type(error).__name__)

    def _do(self, kind: str, about: list[Any]) -> bytes:
        if kind == READ:
            signal_name, body, content_type = about
            return pack_decoded(decode(Signal(signal_name), body, content_type))
        if kind == EVENTS:
            sealer_number, service, body, now = about
            return pack_events(self._intake(sealer_number, service).take(body, now))
        sealer_number, signal_name, data = about
        of = Signal(signal_name)
        return pack_batch(self.sealers[sealer_number].seal(of, of.request.FromString(data)))

    def _intake(self, number: int, service: str) -> Intake:
        if (number, service) not in self._intakes:
            self._intakes[number, service] = Intake(lambda: self.sealers[number], service)
        return self._intakes[number, service]


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
