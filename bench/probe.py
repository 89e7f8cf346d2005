"""How long a small answer takes: `python probe.py PORT PATH SECONDS`, some hundred a second over one connection.

At intervals of 5 to 15 ms, at random, so that no quota's period is met in step. One JSON line, in seconds.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time


def ask(sock: socket.socket, request: bytes) -> float:
    begun = time.perf_counter()
    sock.sendall(request)
    if not sock.recv(65536):
        raise ConnectionError("closed")
    return time.perf_counter() - begun


def probe(port: int, path: str, seconds: float) -> dict[str, float]:
    """A connection that was closed is opened anew, between two measurements; a failure counts."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    waits, failed = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ask(sock, request)
            try:
                while time.monotonic() < end:
                    time.sleep(random.uniform(0.005, 0.015))
                    waits.append(ask(sock, request))
            except OSError:
                failed += 1
                time.sleep(0.1)
    waits.sort()
    return {
        "asked": len(waits),
        "failed": failed,
        "p50": waits[len(waits) // 2],
        "p99": waits[int(len(waits) * 0.99)],
        "max": waits[-1],
    }


if __name__ == "__main__":
    print(json.dumps(probe(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))), flush=True)
