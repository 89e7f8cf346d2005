"""An hour of cuts every 12 s with viewers who come and go: does anything grow? Once clean, once with 0.1 % damage.

Both run at the same time. Viewers of all outputs come for 40 s and stay away for 20 s, when things are counted at rest;
a scrape every five seconds. Anonymous memory every ten seconds: the median of the last sixth against that of the sixth
after the first ten minutes. Threads, descriptors and PyAV's containers and codecs at rest, after those ten minutes.
"""

from __future__ import annotations

import collections
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common
import media
from together import rest, together
from visitors import Visitors
from watched import Scraper

if TYPE_CHECKING:
    import argparse

VARIANTS = {"cuts": ("--cut=12", "--replay=2"), "cuts and damage": ("--cut=12", "--replay=2", "--damage=0.001")}
EVERY = 10.0  # seconds between samples of memory
CYCLE, AWAY = 60.0, 20.0
STALE = 30.0
MOST = 400  # samples kept
SETTLED = 600.0  # seconds that do not count; a sixth of shorter runs
COLUMNS = ("rise_mb", "anonymous_first_mb", "anonymous_last_mb", "threads", "descriptors", "containers", "codecs")
MORE = ("openings", "visits", "failed_visits", "failed_scrapes", "cpu_per_minute", "VmHWM_mb")


def entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def at_rest(pid: int) -> dict[str, int]:
    """The commonest of some counts in a few seconds: a reconnection has a socket more or less for a moment."""
    counts = collections.defaultdict(list)
    for _ in range(12):
        counts["threads"].append(entries(f"/proc/{pid}/task"))
        counts["descriptors"].append(entries(f"/proc/{pid}/fd"))
        rest(0.4)
    return {name: statistics.mode(several) for name, several in counts.items()}


class Series:
    """What was seen, by seconds since the start."""

    def __init__(self, pid: int) -> None:
        self.pid, self.begun = pid, time.monotonic()
        self.anonymous: list[tuple[float, float]] = []  # MiB
        self.rests: list[dict[str, float]] = []

    def age(self) -> float:
        return time.monotonic() - self.begun

    def sample(self) -> None:
        self.anonymous.append((round(self.age(), 1), common.memory(self.pid)["RssAnon"] / 1024))

    def rest(self, log: Path) -> None:
        self.rests.append({"at": round(self.age(), 1), **at_rest(self.pid), **still_open(log)})


def still_open(path: Path) -> dict[str, Any]:
    """PyAV's objects, the newest count. The thread that counts must not have ended: its last count would stand."""
    found: dict[str, Any] = json.loads(path.read_text().rpartition("\n")[0].rpartition("\n")[2])
    if time.monotonic() - found["at"] > STALE:
        raise SystemExit(f"expected a count of PyAV's objects every few seconds, the newest of {path} is older")
    return {name: found[name] for name in ("containers", "codecs")}


def follow(series: Series, visitors: Visitors, seconds: float, log: Path, cycle: float) -> None:
    """Viewers come, leave, stay away, come again."""
    away = cycle * AWAY / CYCLE
    while series.age() < seconds:
        visitors.come()
        pace(series, cycle - away)
        visitors.leave()
        pace(series, max(1.0, away - 5))  # what nobody watches any more is given up within this time
        series.rest(log)


def pace(series: Series, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not series.anonymous or series.age() - series.anonymous[-1][0] >= EVERY:
            series.sample()
        rest(min(1.0, max(0.0, end - time.monotonic())))


def run(work: Path, faults: tuple[str, ...], options: argparse.Namespace) -> dict[str, Any]:
    work.mkdir()
    log = work / "open.log"
    command = [sys.executable, str(common.ROOT / "bench" / "soakworker.py")]
    env = os.environ | {"EDGE_SOAK_LOG": str(log), "PYTHONPATH": str(common.ROOT)}
    with (
        common.Source(media.sample("source"), *faults) as source,
        common.Edge(work, source.url, command=command, env=env) as edge,
    ):
        edge.wait_live()
        pid = edge.process.pid
        scraper, series, visitors = Scraper(edge), Series(pid), Visitors(edge, options.viewers)
        cpu = common.cpu_seconds(pid)
        try:
            follow(series, visitors, options.seconds, log, 20.0 if options.quick else CYCLE)
        finally:
            visitors.leave()
        found = summary(series, min(SETTLED, options.seconds / 6))
        found["cpu_per_minute"] = (common.cpu_seconds(pid) - cpu) / series.age() * 60
        found["VmHWM_mb"] = common.memory(pid)["VmHWM"] / 1024
        scraper.finish()
        found["openings"] = sum(event["what"] == "begin" for event in source.events())
        found["metrics"] = {n: v for n, v in edge.metrics().items() if n.startswith(("edge_source", "edge_frames"))}
    found |= {"visits": sum(visitors.visits.values()), "failed_visits": sum(visitors.failed.values())}
    return found | {"by_output": visitors.visits, "failed_scrapes": scraper.failed}


def summary(series: Series, settled: float) -> dict[str, Any]:
    """Figures, and the series, thinned."""
    values = [value for at, value in series.anonymous if at >= settled]
    sixth = max(1, len(values) // 6)
    first, last = statistics.median(values[:sixth]), statistics.median(values[-sixth:])
    rests = [each for each in series.rests if each["at"] >= settled] or series.rests
    found: dict[str, Any] = {"anonymous_first_mb": first, "anonymous_last_mb": last, "rise_mb": last - first}
    for name in ("threads", "descriptors", "containers", "codecs"):
        seen = [each[name] for each in rests if name in each]
        found[name] = f"{min(seen)} to {max(seen)}" if seen else "-"
        found[f"{name}_spread"] = max(seen) - min(seen) if seen else None
    every = len(series.anonymous) // MOST + 1
    return found | {"anonymous_mb": [(at, round(mb, 2)) for at, mb in series.anonymous[::every]], "rests": series.rests}


def bounds(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for name, one in runs.items():
        found.append(
            common.verdict(f"{name}: anonymous memory rises after the first ten minutes by MB", one["rise_mb"], 1)
        )
        for kind in ("threads", "descriptors", "containers", "codecs"):
            spread = one[f"{kind}_spread"]
            if spread is not None:
                found.append(common.verdict(f"{name}: {kind} at rest differ by", spread, 0))
    return found


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=3600, quick=60, viewers=6)
    with common.folder() as work:
        jobs = {n: lambda n=n, f=f: run(work / n.replace(" ", "-"), f, options) for n, f in VARIANTS.items()}
        runs = together(jobs)
    for columns in (COLUMNS, MORE):
        common.table(("", *columns), [(name, *(one.get(c, "-") for c in columns)) for name, one in runs.items()])
        print()
    common.save(options, "soak", {"runs": runs, "bounds": bounds(runs)})


if __name__ == "__main__":
    main()
