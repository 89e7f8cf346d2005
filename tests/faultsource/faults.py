"""What is to go wrong, as one value, and the pure decision of what happens to response number n."""

from __future__ import annotations

from typing import Literal

import msgspec

INSTANT = 1e-6  # seconds; stream times closer than this are the same
Damage = Literal["flip", "zero", "drop"]
End = Literal["close", "chunked", "exact", "length", "truncated", "reset"]
Body = Literal["media", "html", "empty", "trickle", "endless-head", "noise", "silent"]


class Faults(msgspec.Struct, frozen=True):
    """Times are seconds of the stream; "every N" means responses N, 2N, 3N …, counted from 1; 0 = never.

    `end`: how a cut response ends: "close" (no length, the usual bad server), "chunked" and "exact" (properly),
    "length" (less than its Content-Length), "truncated" (chunked without the last chunk), "reset" (RST).
    `resume`: a response goes on byte-exactly where the last one ended (then `replay` seconds earlier); otherwise it
    starts `replay` seconds before live and what was missed is lost.
    `patience`: a response starts earlier by up to so much, if that keeps `replay` seconds of the last one in it: a
    client that is late because its host is busy loses nothing.
    `damage_per_copy`: a replayed packet is damaged independently of its first copy; otherwise alike.
    """

    seed: int = 0
    first_timestamp: float = 30472.0

    cut: float = 0.0
    cut_jitter: float = 0.0
    cut_at: Literal["byte", "unit", "frame"] = "byte"
    end: End = "close"
    replay: float = 0.0
    patience: float = 0.0
    resume: bool = False
    begin: Literal["unit", "keyframe"] = "unit"

    damage: float = 0.0
    damage_kinds: tuple[Damage, ...] = ("flip", "zero", "drop")
    damage_per_copy: bool = True

    refuse_every: int = 0
    status_every: int = 0
    status: int = 503
    redirect_every: int = 0
    stall_every: int = 0
    stall_after: float = 2.0
    stall: float = 10.0
    body_every: int = 0
    body: Body = "html"

    rebase: bool = False
    jumps: tuple[tuple[float, float], ...] = ()  # (at, by): from `at` on all timestamps are `by` seconds later
    switch: tuple[tuple[int, str], ...] = ()  # (response number, sample): from that response on
    mute: tuple[tuple[float, float, Literal["audio", "video"]], ...] = ()  # (from, to, which)


class Fate(msgspec.Struct, frozen=True):
    """What happens to one response."""

    refused: bool = False
    status: int = 200
    redirected: bool = False
    body: Body = "media"
    stall: tuple[float, float] | None = None  # (after, for) seconds from the response's beginning


def fate(faults: Faults, n: int) -> Fate:
    """The fate of response `n` (from 1). The first fault that applies wins, in the order a client would meet them."""

    def hits(every: int) -> bool:
        return every > 0 and n % every == 0

    if hits(faults.refuse_every):
        return Fate(refused=True)
    if hits(faults.status_every):
        return Fate(status=faults.status)
    if hits(faults.redirect_every):
        return Fate(status=302, redirected=True)
    if hits(faults.body_every):
        return Fate(body=faults.body)
    return Fate(stall=(faults.stall_after, faults.stall) if hits(faults.stall_every) else None)


def sample_at(faults: Faults, n: int) -> str | None:
    """The sample that response `n` shows instead of the first one."""
    return next((path for first, path in reversed(faults.switch) if n >= first), None)


def jumped(faults: Faults, time: float) -> float:
    """Seconds to be added to the timestamps of stream time `time`."""
    return sum(by for at, by in faults.jumps if time >= at - INSTANT)
