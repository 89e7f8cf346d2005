"""The source of a measured worker: the sample in real time over HTTP on the loopback, from a thread of `edge bench`.

It is not in the cage: on a real host the source is another machine.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Self

from edge.bench.tsloop import TsLoop
from edge.media.ts import PACKET

LEAD = 1.0  # seconds sent at once, as servers do
BEAT = 0.04
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n"


class Feeder:
    """Serves one client after the other. A client that does not keep up is waited for; it gets what is due at once."""

    def __init__(self, loop: TsLoop) -> None:
        self._loop = loop
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self._thread = threading.Thread(target=self._serve, name="edge-bench-feed", daemon=True)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/sample.ts"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:  # nobody for 0.2 s
                continue
            with client, contextlib.suppress(OSError):  # the client has gone: its worker was stopped
                client.settimeout(1.0)
                client.recv(4096)
                client.sendall(HEAD)
                self._feed(client)

    def _feed(self, client: socket.socket) -> None:
        began, lap = time.monotonic() - LEAD, 0
        data = memoryview(self._loop.lap(0))
        at = 0  # in this lap
        while not self._over.is_set():
            due = int((time.monotonic() - began) / self._loop.seconds * len(data)) - lap * len(data)
            end = min(len(data), due // PACKET * PACKET)
            if end > at and not self._send(client, data[at:end]):
                return
            at = max(at, end)
            if at == len(data):
                lap, at = lap + 1, 0
                data = memoryview(self._loop.lap(lap))
            else:
                self._over.wait(BEAT)

    def _send(self, client: socket.socket, data: memoryview) -> bool:
        """Everything, however long it takes; False: it is over."""
        while data:
            try:
                data = data[client.send(data) :]
            except TimeoutError:
                if self._over.is_set():
                    return False
        return True
