"""Many viewers in one process: `python crowd.py URL COUNT SECONDS STUCK`. Prints what came, and when, as one JSON line.

STUCK more viewers ask and then never read. Each viewer notes the times between arrivals once SETTLE has passed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from urllib.parse import urlsplit

SETTLE = 3.0
MOST = 10_000


class Viewer(asyncio.Protocol):
    """Counts bytes and notes the seconds between arrivals, at most MOST of them."""

    def __init__(self, request: bytes, *, stuck: bool) -> None:
        self.bytes = 0
        self.status = b""
        self.gaps: list[float] = []
        self.ended = False
        self._request, self._stuck = request, stuck
        self._begun = self._last = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)
        if self._stuck:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.bytes:
            self.status = data[9:12]
        elif now - self._begun > SETTLE and len(self.gaps) < MOST:
            self.gaps.append(now - self._last)
        self._last = now
        self.bytes += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.ended = True


async def watch(url: str, count: int, seconds: float, stuck: int) -> dict[str, object]:
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()

    async def join(*, stuck: bool) -> Viewer:
        sock = socket.socket()
        if stuck:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await loop.sock_connect(sock, (parts.hostname, parts.port))
        _, viewer = await loop.create_connection(lambda: Viewer(request, stuck=stuck), sock=sock)
        return viewer

    viewers = [await join(stuck=False) for _ in range(count)]
    stopped = [await join(stuck=True) for _ in range(stuck)]
    print("joined", flush=True)
    await asyncio.sleep(SETTLE)
    before = sum(v.bytes for v in viewers)
    began = time.monotonic()
    print("settled", flush=True)
    await asyncio.sleep(seconds)
    gaps = sorted(gap for v in viewers for gap in v.gaps) or [0.0]
    return {
        "bytes": sum(v.bytes for v in viewers) - before,
        "seconds": time.monotonic() - began,
        "refused": sum(v.status != b"200" for v in viewers),
        "ended": sum(v.ended for v in viewers),
        "stuck_ended": sum(v.ended for v in stopped),
        "gap_p99": gaps[int(len(gaps) * 0.99)],
        "longest_gap": gaps[-1],
    }


def main() -> None:
    url, count, seconds, stuck = sys.argv[1:5]
    print(json.dumps(asyncio.run(watch(url, int(count), float(seconds), int(stuck)))), flush=True)


if __name__ == "__main__":
    main()
