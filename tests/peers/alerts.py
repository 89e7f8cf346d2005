"""The alerts as a table: which series make each fire, which are just short of it, when, and what it says then."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import msgspec

from edge.hits.store import COMMIT_SECONDS
from edge.observe.lag import BUCKETS

RULES = Path(__file__).resolve().parents[2] / "ansible" / "files" / "prometheus" / "edge.rules.yml"
HOST = 'job="edge", instance="a:9100"'
NEWS = f'{HOST}, channel="news"'
A = {"job": "edge", "instance": "a:9100"}
CHANNEL = A | {"channel": "news"}
DAY = 86_400.0
# A number stays as it is (of a counter: what it grows by a minute); a pair begins and grows; a text is promtool's own.
Play: TypeAlias = dict[str, float | tuple[float, float] | str]


class Case(msgspec.Struct, frozen=True):
    """Minutes are counted from the first sample. `since`: the first at which the expression holds; `lasts`: the rule's
    `for`. `also`: what the alert's lower severity says at the moment this one fires, if it fires too. `calm`: minutes
    of `good` after which it is over. `step`: minutes between two evaluations."""

    alert: str
    severity: str
    lasts: int
    summary: str
    says: str
    bad: Play
    near: tuple[Play, ...]
    good: Play
    since: int = 0
    also: tuple[str, str] | None = None
    labels: dict[str, str] = msgspec.field(default_factory=A.copy)
    counter: bool = False
    calm: int = 1
    step: int = 1


def series(name: str, value: float | tuple[float, float] | str, labels: str = HOST) -> Play:
    return {f"{name}{{{labels}}}": value}


def three(name: str, bad: float, near: float, good: float, labels: str = HOST) -> dict[str, Play | tuple[Play, ...]]:
    """One series."""
    return {"bad": series(name, bad, labels), "near": (series(name, near, labels),), "good": series(name, good, labels)}


def histogram(name: str, bounds: tuple[float, ...], within: float, low: float, total: float = 100.0) -> Play:
    """So many calls a minute: `low` of them at most half as late as the bound `within` or so, the others up to it."""
    made: Play = {}
    for bound in (*bounds, float("inf")):
        count = total if bound >= within else low
        made |= series(f"{name}_bucket", count, f'{HOST}, le="{"+Inf" if bound == float("inf") else bound}"')
    return made


def lag(within: float, low: float = 0.0) -> Play:
    return histogram("edge_event_loop_lag_seconds", BUCKETS, within, low)


def commits(within: float, low: float = 0.0) -> Play:
    return histogram("edge_hits_commit_seconds", COMMIT_SECONDS, within, low)


def disk(free: float | tuple[float, float]) -> Play:
    return series("edge_disk_free_bytes", free) | series("edge_disk_size_bytes", 1000.0)


def descriptors(opened: float) -> Play:
    return series("process_open_fds", opened) | series("process_max_fds", 1000.0)


def memory(charged: float, name: str = "edge_memory_charged_bytes") -> Play:
    return series(name, charged) | series("edge_memory_limit_bytes", 1000.0)


def refused(rejected: float, hits: float | None, reason: str = "site") -> Play:
    """A minute."""
    counted = {} if hits is None else series("edge_hits_total", hits, f'{HOST}, site="1", kind="pageview"')
    return series("edge_hits_rejected_total", rejected, f'{HOST}, reason="{reason}"') | counted


def versions(second: str, there: float | str = 1.0) -> Play:
    """Two hosts, the second one with that version."""
    first = series("edge_build_info", 1.0, f'{HOST}, version="1"')
    return first | series("edge_build_info", there, f'job="edge", instance="b:9100", version="{second}"')


def frame(at: float | tuple[float, float], up: float = 1.0) -> Play:
    return series("edge_channel_last_frame_timestamp_seconds", at, NEWS) | series("edge_channel_up", up, NEWS)


def rung(number: float) -> Play:
    return series("edge_channel_rung", number, NEWS)
