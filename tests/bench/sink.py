"""A destination that costs little: it counts bytes, reads none, and answers 200, or 503 while it is told to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SINK = """
import asyncio, os, sys
CLOSED = sys.argv[1]
class Sink(asyncio.Protocol):
    def connection_made(self, transport): self.transport, self.left, self.head = transport, 0, b""
    def data_received(self, data):
        while data:
            if self.left:
                taken = min(self.left, len(data)); self.left -= taken; data = data[taken:]
                if not self.left: self.answer()
                continue
            self.head += data; end = self.head.find(b"\\r\\n\\r\\n")
            if end < 0: return
            head, data, self.head = self.head[:end].lower(), self.head[end + 4:], b""
            self.left = int(head.split(b"content-length:")[1].split(b"\\r\\n")[0])
            if not self.left: self.answer()
    def answer(self):
        status = b"503 Service Unavailable" if os.path.exists(CLOSED) else b"200 OK"
        head = b"\\r\\ncontent-type: application/json\\r\\ncontent-length: 2\\r\\n\\r\\n"
        self.transport.write(b"HTTP/1.1 " + status + head + b"{}")
async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def sink() -> Iterator[tuple[str, Path]]:
    """The address of a sink, and a path: while a file is there it answers 503."""
    with tempfile.TemporaryDirectory() as directory:
        closed = Path(directory) / "closed"
        process = subprocess.Popen([sys.executable, "-c", _SINK, str(closed)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().decode().strip()}", closed
        finally:
            process.kill()
            process.wait()
