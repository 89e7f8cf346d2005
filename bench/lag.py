"""Lag of the event loop while a channel is transcoded: beside a busy process on the same core, and in a 25 % quota.

Felt from outside: how long /healthz takes, asked a hundred times a second from the other core (probe.py); the worker's
own histogram beside it. In the quota twice: one channel, which fits, and several, which need more than there is, so
that the governor has to lower and to pace them. The peer is a uvloop server with a thread that transcodes flat out
(lagpeer.py): what there is without pacing.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import common
import media
from caged import held
from together import rest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.host.cage import Cage

QUOTA = 0.25
MANY = 5  # channels of 0.07 to 0.09 cores each: more than the quota
SETTLE = 10.0
ON, BESIDE = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
COLUMNS = ("p50", "p99", "max", "inner_p99_le", "inner_max_le", "asked", "failed", "real_time", "rungs", "throttled")
P99, MAX = 0.020, 0.100


@contextlib.contextmanager
def busy(wanted: bool) -> Iterator[None]:
    """A process that uses the first core up."""
    if not wanted:
        yield
        return
    process = subprocess.Popen([*ON, sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def ask(port: int, path: str, seconds: float) -> dict[str, Any]:
    command = [*BESIDE, sys.executable, str(common.ROOT / "bench" / "probe.py"), str(port), path, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            while process.poll() is None:
                rest(0.2)
            if process.returncode:
                raise SystemExit(f"port {port} did not answer {path}")
            return dict(json.loads(process.stdout.read()))
        finally:
            process.kill()


def start(cage: Cage | None, command: list[str]) -> list[str]:
    """On the first core, in the cage if there is one."""
    return [*ON, *(cage.command(command) if cage else command)]


@contextlib.contextmanager
def quota(wanted: float | None) -> Iterator[Cage | None]:
    if wanted is None:
        yield None
        return
    with held(cpu=wanted) as cage:
        yield cage


def edge(work: Path, seconds: float, *, beside: bool = False, cores: float | None = None, channels: int = 1) -> Any:
    """The real worker, live."""
    names = ["news", *(f"news{n}" for n in range(2, channels + 1))]
    text = "".join(common.CHANNEL.replace('"news"', f'"{name}"') for name in names)
    with quota(cores) as cage, common.Source(media.sample("source"), "--replay=2") as source, busy(beside):
        command = start(cage, common.edge_command())
        with common.Edge(work, source.url, channel=text, command=command, patience=60) as process:
            process.wait_live(60)
            rest(min(SETTLE, seconds))
            before, begun, held_back = process.metrics(), time.monotonic(), throttled(cage)
            found = ask(process.port, "/healthz", seconds)
            after, passed = process.metrics(), time.monotonic() - begun
            made = media_seconds(after) - media_seconds(before)
            found |= inner(before, after) | {"real_time": made / passed / channels, "rungs": rungs(process, names)}
            return found | {"throttled": (throttled(cage) - held_back) / passed}


def peer(seconds: float, *, beside: bool = False, cores: float | None = None) -> dict[str, Any]:
    """Flat out."""
    port = common.free_port()
    command = [sys.executable, str(common.ROOT / "bench" / "lagpeer.py"), str(port), str(media.sample("source"))]
    with quota(cores) as cage, busy(beside):
        process = subprocess.Popen(start(cage, command))
        try:
            rest(min(SETTLE, seconds))
            begun, held_back = time.monotonic(), throttled(cage)
            found = ask(port, "/", seconds)
            return found | {"throttled": (throttled(cage) - held_back) / (time.monotonic() - begun)}
        finally:
            process.kill()
            process.wait(10)


# ---- what the worker says


def throttled(cage: Cage | None) -> float:
    """Seconds so far for which the quota had run out."""
    return (cage.usage().throttled_seconds if cage else None) or 0.0


def media_seconds(metrics: dict[str, float]) -> float:
    """Of all channels."""
    return sum(v for name, v in metrics.items() if name.startswith("edge_channel_output_seconds_total{"))


def inner(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Bounds of the buckets that hold the 99th percentile and the longest lag of the worker's own histogram."""
    counts = []
    for name, value in after.items():
        bucket = re.fullmatch(r'edge_event_loop_lag_seconds_bucket\{le="(.+)"\}', name)
        if bucket:
            counts.append((float(bucket[1]), value - before.get(name, 0.0)))
    counts.sort()
    if not counts or not counts[-1][1]:
        return {}
    every = counts[-1][1]
    found = {n: next(le for le, count in counts if count >= share * every) for n, share in (("p99", 0.99), ("max", 1))}
    return {f"inner_{name}_le": le for name, le in found.items()}


def rungs(edge: common.Edge, names: list[str]) -> str:
    told = [json.loads(common.fetch(f"{edge.url}/live/{name}/state")[1]).get("rung") or "not told" for name in names]
    return " ".join(f"{told.count(rung)}x{rung}" if len(told) > 1 else rung for rung in dict.fromkeys(told))


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=20, quick=6)
    common.need("taskset")
    seconds = options.seconds
    with common.folder() as work:
        cases = {
            "edge, alone": lambda: edge(work, seconds),
            "edge, beside a busy process": lambda: edge(work, seconds, beside=True),
            "flat out, beside a busy process": lambda: peer(seconds, beside=True),
            "edge, 25 %": lambda: edge(work, seconds, cores=QUOTA),
            f"edge, 25 %, {MANY} channels": lambda: edge(work, seconds, cores=QUOTA, channels=MANY),
            "flat out, 25 %": lambda: peer(seconds, cores=QUOTA),
        }
        runs = {}
        for name, run in cases.items():
            runs[name] = run()
            print(f"{name}: p99 {runs[name]['p99'] * 1000:.1f} ms, max {runs[name]['max'] * 1000:.1f} ms", flush=True)
    print()
    common.table(("", *COLUMNS), [(name, *(run.get(c, "-") for c in COLUMNS)) for name, run in runs.items()])
    print()
    bounds = []
    for name, run in runs.items():
        if name.startswith("edge"):
            bounds.append(common.verdict(f"{name}: p99, s", run["p99"], P99))
            bounds.append(common.verdict(f"{name}: max, s", run["max"], MAX))
    ratios = {
        where: runs[f"edge, {where}"]["p99"] / runs[f"flat out, {where}"]["p99"]
        for where in ("beside a busy process", "25 %")
    }
    for where, ratio in ratios.items():
        print(f"p99 of edge over flat out, {where}: {ratio:.2f}")
    common.save(options, "lag", {"runs": runs, "p99_over_flat_out": ratios, "bounds": bounds})


if __name__ == "__main__":
    main()
