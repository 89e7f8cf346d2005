"""Loads for the hit collector: scripts for `wrk`, which is cheap enough not to be what is measured, and a paced one.

`python hits_load.py PORT RATE SECONDS FILE` sends the requests of FILE (JSON lines, as captured) at random moments,
RATE a second, whether or not the last ones are answered. One JSON line, in seconds, counted from when each was due.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SITE = """
[[site]]
id = 1
hosts = ["site.example", "example.com"]
public = true
"""
BULK = 50  # hits, as matomo.js sends at most
ON, BESIDE = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_ROUND = """
local all, n = {%s}, 0
function request() n = n %% #all + 1 return all[n] end
"""
# A million of these have a million paths, agents and addresses (of 10/8, through a proxy that is trusted).
_DIFFERENT = """
local n = %d
function request()
  n = n + 1
  return "GET /matomo.php?idsite=1&rec=1&send_image=0&res=1920x1080&url=http%%3A%%2F%%2Fsite.example%%2Fpage%%2F" .. n
    .. "%%2Fread&urlref=http%%3A%%2F%%2Fh" .. n .. ".example%%2F HTTP/1.1\\r\\nHost: site.example\\r\\n"
    .. "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/" .. n .. ".0\\r\\nAccept-Language: en\\r\\n"
    .. "X-Forwarded-For: 10." .. math.floor(n / 65536) %% 256 .. "." .. math.floor(n / 256) %% 256 .. "." .. n %% 256
    .. "\\r\\n\\r\\n"
end
"""


def captured(path: Path) -> list[tuple[bytes, int]]:
    """Tracking requests as they were sent, and how many hits each holds."""
    if not path.exists():
        raise SystemExit(f"expected captured requests (a JSON object with m, p, h, b a line) in {path}: see --captured")
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if one["p"].startswith("/matomo.php"):
            fields = "".join(f"{name}: {value}\r\n" for name, value in one["h"].items())
            whole = f"{one['m']} {one['p']} HTTP/1.1\r\n{fields}\r\n{one['b']}".encode()
            found.append((whole, len(_bulk(one["b"])) or 1))
    return found


def _bulk(body: str) -> list[str]:
    return list(json.loads(body)["requests"]) if body.startswith("{") else []


def bulk(requests: list[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """One request with `BULK` of the captured single hits."""
    bodies = [whole.partition(b"\r\n\r\n")[2].decode() for whole, _ in requests if whole.startswith(b"POST")]
    items = [f"?{body}" for body in bodies if not body.startswith("{")]
    body = json.dumps({"requests": [items[n % len(items)] for n in range(BULK)]}).encode()
    head = b"POST /matomo.php HTTP/1.1\r\nHost: site.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)"
    return [(b"%s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(body), body), BULK)]


def round_script(path: Path, requests: list[tuple[bytes, int]]) -> Path:
    """All of them in turn."""
    quoted = ['"' + "".join(f"\\{byte:03d}" for byte in whole) + '"' for whole, _ in requests]
    path.write_text(_ROUND % ",".join(quoted), encoding="ascii")
    return path


def different_script(path: Path, first: int) -> Path:
    path.write_text(_DIFFERENT % first, encoding="ascii")
    return path


def wrk(program: str, port: int, script: Path, connections: int, seconds: float) -> dict[str, Any]:
    """What wrk saw, on the second core: requests, seconds, p50 and p99 in seconds, and what was no 2xx."""
    command = [*BESIDE, program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s"]
    done = subprocess.run(
        [*command, "--latency", "-s", str(script), f"http://127.0.0.1:{port}/"],
        capture_output=True, text=True, check=True, timeout=seconds + 60,
    ).stdout  # fmt: skip
    count, took, unit = re.search(r"(\d+) requests in ([\d.]+)(\w+),", done).groups()  # type: ignore[union-attr]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    errors = re.search(r"Socket errors: .*", done)
    return {
        "requests": int(count),
        "seconds": float(took) * _UNITS[unit],
        "p50": _percentile(done, 50),
        "p99": _percentile(done, 99),
        "refused": int(refused[1]) if refused else 0,
        "errors": errors[0] if errors else "",
    }


def _percentile(said: str, which: int) -> float:
    value, unit = re.search(rf"{which}%\s+([\d.]+)(\w+)", said).groups()  # type: ignore[union-attr]
    return float(value) * _UNITS[unit]


# ---- paced


class Pace:
    """Sends what is due over connections that are free; opens another when none is."""

    def __init__(self, port: int, requests: list[bytes]) -> None:
        self._port = port
        self._requests = requests
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.waits: list[float] = []
        self.failed = 0
        self.opened = 0

    async def run(self, rate: float, seconds: float) -> None:
        due, end = time.perf_counter(), time.perf_counter() + seconds
        sending: set[asyncio.Task[None]] = set()
        while due < end:
            due += random.expovariate(rate)
            await asyncio.sleep(due - time.perf_counter())
            task = asyncio.create_task(self._send(due))
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)

    async def _send(self, due: float) -> None:
        try:
            if self._free:
                reader, writer = self._free.pop()
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self.opened += 1
            writer.write(random.choice(self._requests))
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if length:
                await reader.readexactly(int(length[1]))
            self.waits.append(time.perf_counter() - due)
            if not head.startswith(b"HTTP/1.1 2"):
                self.failed += 1
            if b"close" in head:
                writer.close()
            else:
                self._free.append((reader, writer))
        except (OSError, EOFError):
            self.failed += 1


def main(port: int, rate: float, seconds: float, path: Path) -> None:
    pace = Pace(port, [whole for whole, _ in captured(path)])
    asyncio.run(pace.run(rate, seconds))
    waits = sorted(pace.waits)
    found = {f"p{which}": waits[int(len(waits) * which / 100)] for which in (50, 90, 99)}
    print(json.dumps(found | {"max": waits[-1], "asked": len(waits), "failed": pace.failed}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
