"""The reader of HTTP sources: ours in the loop against libavformat's `http`, demuxing only, on the same sources.

Processor time per media minute, how soon the end of a response is noticed and the next one gives packets, what a
reopening costs, and after how many seconds each gives up on a server that takes no connection, says nothing, or
trickles.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
from typing import Any

import common
import media

NAMES = ("ours", "libav")
HANGS = {"silent after its head": "silent", "a byte a second": "trickle", "a head that never ends": "endless-head"}


def read(name: str, url: str, seconds: float) -> dict[str, Any]:
    command = [sys.executable, str(common.ROOT / "bench" / "readchild.py"), name, url, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False, cwd=common.ROOT)
    if not done.stdout:
        raise SystemExit(f"{name} on {url} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def on(options: tuple[str, ...], name: str, seconds: float) -> dict[str, Any]:
    """Read a fault source; `notice` and `again` are seconds from its end of a response to ours, and to new packets."""
    with common.Source(media.sample("source"), *options) as source:
        found = read(name, source.url, seconds)
        ends = [source.about["epoch"] + e["at"] for e in source.events() if e["what"] == "end"]
    connections = found["connections"]
    pairs = list(zip(ends, connections, connections[1:], strict=False))
    found["notice"] = [now["ended"] - end for end, now, _ in pairs]
    found["again"] = [later["first"] - end for end, _, later in pairs if "first" in later]
    found["seconds"] = seconds
    return found


def cpu_minute(run: dict[str, Any]) -> float:
    return float(run["cpu"] / run["seconds"] * 60)


def reopening(steady: dict[str, Any], often: dict[str, Any]) -> float:
    """Processor milliseconds of one reopening: what a source cut every second costs more, by connection."""
    more = often["cpu"] - steady["cpu"] * often["seconds"] / steady["seconds"]
    return float(more / max(1, len(often["connections"])) * 1000)


def patience(name: str, url: str, seconds: float) -> str:
    """After how long the first connection is given up, and why."""
    first = read(name, url, seconds)["connections"][:1]
    if not first or "ended" not in first[0]:
        return f"not within {seconds:.0f} s"
    return f"{first[0]['ended'] - first[0]['begun']:.2f} s ({first[0]['why']})"


class Full:
    """A listener that accepts nobody, its backlog full: a connection attempt just hangs."""

    def __enter__(self) -> str:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._waiting = []
        address = self._listener.getsockname()
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(address)
            self._waiting.append(client)
        return f"http://127.0.0.1:{address[1]}/none.ts"

    def __exit__(self, *_: object) -> None:
        for each in (*self._waiting, self._listener):
            each.close()


def hangs(name: str, seconds: float) -> dict[str, str]:
    with Full() as url:
        found = {"no connection (backlog full)": patience(name, url, seconds)}
    for what, body in HANGS.items():
        with common.Source(media.sample("source"), "--set", "body_every=1", "--set", f"body={body}") as source:
            found[what] = patience(name, source.url, seconds)
    return found


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=60, quick=13, patience=20)
    result: dict[str, Any] = {}
    for name in NAMES:
        steady = on(("--replay=2",), name, options.seconds)
        cut = on(("--cut=6", "--replay=2"), name, options.seconds)
        often = on(("--cut=1",), name, options.seconds)
        result[name] = {
            "cpu_minute": cpu_minute(steady),
            "cpu_minute_cut": cpu_minute(cut),
            "notice_ms": statistics.median(cut["notice"]) * 1000,
            "again_ms": statistics.median(cut["again"]) * 1000,
            "reopening_ms": reopening(steady, often),
            "packets": cut["packets"],
            "hangs": hangs(name, 10 if options.quick else options.patience),
        }
    columns = [key for key in result["ours"] if key != "hangs"]
    common.table(("", *columns), [(name, *(found[c] for c in columns)) for name, found in result.items()])
    print()
    causes = list(result["ours"]["hangs"])
    common.table(("gives up after", *NAMES), [(cause, *(result[n]["hangs"][cause] for n in NAMES)) for cause in causes])
    common.save(options, "reader", result)


if __name__ == "__main__":
    main()
