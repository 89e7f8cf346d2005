"""What a channel is and when it tries again. Pure: times are arguments, monotonic seconds unless said."""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["off", "starting", "live", "away"]

AWAY = 5.0  # seconds without a frame: viewers are told that the source is away
LONGEST = 10.0
FIRST = 0.5
BREATH = 0.25  # between the starts of two connections, even if each brings media


class ChannelState(msgspec.Struct, frozen=True):
    """What viewers may know. `reason`: why the source is away, a word; `since`: wall second at which `status` began;
    size 0 until it is known; `sar` is the width of a pixel by its height; `rung`: of the quality ladder, in effect;
    `lowered`: why it is not the best one, a word."""

    status: Status = "off"
    reason: str | None = None
    since: float = 0.0
    width: int | None = None
    height: int | None = None
    sar: float = 1.0
    codecs: tuple[str, ...] = ()
    rung: str | None = None
    lowered: str | None = None


def status(*, running: bool, frame_age: float | None) -> Status:
    """`frame_age`: seconds since the last frame, None before the first."""
    if not running:
        return "off"
    if frame_age is None:
        return "starting"
    return "live" if frame_age < AWAY else "away"


class Backoff(msgspec.Struct, frozen=True):
    """How long to wait before the next connection. `failures`: connections in a row that brought nothing."""

    failures: int = 0

    def after(self, *, brought_media: bool, lasted: float, chance: float) -> tuple[Backoff, float]:
        """The next state and the seconds to wait: none after media, else doubling to LONGEST, with jitter. `lasted`:
        seconds of the connection; `chance`: a random number from 0 to 1."""
        if brought_media:
            return Backoff(), max(0.0, BREATH - lasted)
        wait = min(LONGEST, FIRST * 2.0 ** min(self.failures, 10))
        return Backoff(self.failures + 1), wait * (0.5 + chance / 2)
