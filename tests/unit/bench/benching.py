"""What the tests of the bench share: a report with everything in it."""

from __future__ import annotations

import msgspec

from edge.bench.facts import Allowed, Facts
from edge.bench.model import (
    Alone,
    Beside,
    Bound,
    Disk,
    Fanout,
    Figure,
    Hits,
    Host,
    Lag,
    Rendition,
    Report,
    Request,
    RungCost,
    Sent,
    Stream,
    Together,
)
from edge.bench.verdict import judge

RENDITION = Rendition(352, 240, 15.0, 256_000, 64_000)
STREAM = Stream("made here", 9.6, 1_090_964, "h264 High 960x540", "aac LC 48000 Hz stereo", 960, 540, 50.0)
RUNGS = (
    RungCost("full", True, Figure(0.05, 0.049, 0.051), 18.0, 0.95, 15.0, 60 << 20, 28 << 20),
    RungCost("skip-nonref", False, Figure(0.04)),
    RungCost("key", True, Figure(0.02, 0.0198, 0.0203), 40.0, 0.95, 5.0, 58 << 20, 26 << 20),
)
LAGS = (Lag("in real time", 0.0002, 0.004, 0.009, 250), Lag("flat out", 0.0002, 0.011, 0.02, 250))
FANOUT = Fanout(100, 8.0, 352_000.0, Figure(0.00005, 0.000048, 0.000053), 0.00014, 2048, 0)
TOGETHER = Together(3, 20.0, 1.0, 0.06, 0.005, 0.01, 0.2, 70 << 20, 36 << 20, None, ("full",), None)
STEADY = Sent(32, 200.0, 400, 2.0, Figure(200.0), None, 0.002, 0.008, 0.01, 0, 0)
FULL = Sent(
    32, None, 10_000, 2.0, Figure(5000.0, 4900.0, 5100.0), Figure(0.0001, 0.00009, 0.00011), 0.006, 0.02, 0.03, 0, 0
)  # fmt: skip
UNCOSTED = msgspec.structs.replace(FULL, connections=200, per_second=Figure(3000.0), cost=None)
HITS = Hits(
    "power", Disk("data_dir", "ext4", 0.002, 0.009, 100), Alone((STEADY, FULL), 17 << 20, 18 << 20, 28 << 20),
    Beside((STEADY, UNCOSTED), 0.99, 4.0, ("full",)),
)  # fmt: skip
ALLOWED = Allowed(2, None, "", 512 << 20, "available now", 0.0)
HOST = Host("AMD EPYC", 2600.0, ("sse2", "avx2"), 2, 2, "Linux 6.1 x86_64", "kvm", 1 << 30, 512 << 20, 0, {"edge": "1"})


def facts(**changes: object) -> Facts:
    return msgspec.structs.replace(
        Facts(RENDITION, STREAM, RUNGS, TOGETHER, FANOUT, LAGS, ALLOWED, 10_000_000), **changes
    )


def report(**changes: object) -> Report:
    whole = Report(
        edge="0.1.0",
        when="2026-01-01 00:00 UTC",
        took=30.0,
        complete=True,
        host=HOST,
        limits=(Bound("cores", 2, "sched_getaffinity"), Bound("cpu quota", 0.25, "/sys/fs/cgroup/cpu.max")),
        request=Request(None, RENDITION, 10_000_000, None, None, 30.0, "none asked for: the host as it is"),
        stream=STREAM,
        rungs=RUNGS,
        lags=LAGS,
        fanout=FANOUT,
        together=TOGETHER,
        steal=0.0,
        left_out=(),
        verdict=judge(facts(hits=HITS)),
        snippet='[[channel]]\nname = "main"\nsource = "http://source.example/live.ts"\n',
        hits=HITS,
    )
    return msgspec.structs.replace(whole, **changes)
