"""What the tests of the bench share: a report with everything in it."""

from __future__ import annotations

import msgspec

from edge.bench.facts import Allowed, Facts
from edge.bench.model import (
    Bound,
    Fanout,
    Figure,
    Host,
    Lag,
    Rendition,
    Report,
    Request,
    RungCost,
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
        verdict=judge(facts()),
        snippet='[[channel]]\nname = "main"\nsource = "http://source.example/live.ts"\n',
    )
    return msgspec.structs.replace(whole, **changes)
