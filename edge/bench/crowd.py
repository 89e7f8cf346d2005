"""Viewers of a measured worker: they read and throw away, in a thread of `edge bench`, outside the cage."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from typing import Self
from urllib.parse import urlsplit

HEAD = 64 * 1024


class _Viewer:
    __slots__ = ("bytes", "longest", "seen")

    def __init__(self, now: float) -> None:
        self.bytes, self.longest, self.seen = 0, 0.0, now


class Crowd:
    """`join` and `leave` from any thread. `longest`: seconds without a byte at the viewer who waited longest, since
    `settle`. `ended`: viewers whom the worker sent away or cut off."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._selector = selectors.DefaultSelector()
        self._viewers: list[_Viewer] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="edge-bench-crowd", daemon=True)
        self._lock = threading.Lock()
        self.ended = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def join(self, count: int) -> int:
        """Connects `count` more viewers; how many could, before descriptors or the worker's bounds ended."""
        joined = 0
        with contextlib.suppress(OSError):
            for _ in range(count):
                sock = socket.create_connection(self._address, timeout=5)
                sock.sendall(self._request)
                sock.setblocking(False)
                viewer = _Viewer(time.monotonic())
                with self._lock:
                    self._selector.register(sock, selectors.EVENT_READ, viewer)
                    self._viewers.append(viewer)
                joined += 1
        return joined

    def settle(self) -> None:
        """Gaps count from now on."""
        now = time.monotonic()
        for viewer in self._viewers:
            viewer.seen, viewer.longest = now, 0.0

    @property
    def bytes(self) -> int:
        return sum(viewer.bytes for viewer in self._viewers)

    @property
    def longest(self) -> float:
        now = time.monotonic()
        return max((max(v.longest, now - v.seen) for v in self._viewers), default=0.0)

    def _read(self) -> None:
        buffer = bytearray(HEAD)
        while not self._over.is_set():
            for key, _ in self._selector.select(0.1):
                self._read_one(key.fileobj, key.data, buffer)  # type: ignore[arg-type]

    def _read_one(self, sock: socket.socket, viewer: _Viewer, buffer: bytearray) -> None:
        try:
            size = sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size or (not viewer.bytes and not buffer.startswith(b"HTTP/1.1 200")):
            self.ended += 1
            with self._lock:
                self._selector.unregister(sock)
            sock.close()
            return
        now = time.monotonic()
        viewer.bytes += size
        viewer.longest = max(viewer.longest, now - viewer.seen)
        viewer.seen = now
