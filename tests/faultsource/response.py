"""One response of the live source: which bytes are due when. Pure: the stream's time is an argument."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from faultsource.faults import INSTANT, Fate, Faults, jumped

if TYPE_CHECKING:
    from faultsource.loop import Loop

MAX_AT_ONCE = 1 << 18  # bytes of one `take`; a long replay goes out in several


def begin_at(loop: Loop, faults: Faults, now: float, last_end: int | None) -> int:
    """Where a response opened at stream time `now` begins. `last_end` is the position where the last one ended."""
    if faults.resume and last_end is not None:
        position = loop.at(loop.due(last_end) - faults.replay) if faults.replay else last_end
    else:
        start = now - faults.replay
        if last_end is not None and faults.patience:
            start = max(start - faults.patience, min(start, loop.due(last_end) - faults.replay))
        position = loop.at(start)
    return loop.snap(position, loop.keys) if faults.begin == "keyframe" else position


def end_at(loop: Loop, faults: Faults, now: float, n: int) -> int | None:
    """Where response `n`, opened at stream time `now`, ends; None = never."""
    if faults.cut <= 0:
        return None
    draw = random.Random(f"{faults.seed}/cut/{n}")
    position = loop.at(now + faults.cut + faults.cut_jitter * (2 * draw.random() - 1))
    if faults.cut_at == "frame":
        return loop.snap(position, loop.frames)
    return position + (draw.randrange(1, 188) if faults.cut_at == "byte" else 0)


class Response:
    """The media of one response: `take` what is due, sleep until `wake`, stop when `ended`."""

    def __init__(self, loop: Loop, faults: Faults, fate: Fate, n: int, now: float, last_end: int | None) -> None:
        self.n = n
        self.begin = self.position = begin_at(loop, faults, now, last_end)
        self.end = end_at(loop, faults, now, n)
        if self.end is not None:
            self.end = max(self.end, self.begin)
        self._loop = loop
        self._faults = faults
        self._opened = now
        self._stall = fate.stall
        self._origin = faults.first_timestamp - (loop.due(self.begin) if faults.rebase else 0.0)

    @property
    def ended(self) -> bool:
        return self.end is not None and self.position >= self.end

    def take(self, now: float) -> bytes:
        """Bytes that are due at `now` and not sent yet, at most MAX_AT_ONCE of the undamaged stream."""
        if self._stalled_until(now) > now:
            return b""
        live = self._loop.at(now)
        stop = min(live if self.end is None else min(live, self.end), self.position + MAX_AT_ONCE)
        data = self._render(self.position, stop)
        self.position = max(stop, self.position)
        return data

    def wake(self, now: float) -> float:
        """The stream time at which `take` has something again."""
        return max(self._loop.due(self.position), self._stalled_until(now))

    def length(self) -> int:
        """Bytes of the whole response as they will be sent; ValueError for an endless one."""
        if self.end is None:
            raise ValueError("an endless response has no length")
        return len(self._render(self.begin, self.end))

    def _render(self, begin: int, stop: int) -> bytes:
        parts = []
        while begin < stop:
            piece = min(stop, self._next_jump(begin))
            shift = self._origin + jumped(self._faults, self._loop.due(begin))
            parts.append(self._loop.render(begin, piece, shift, self.n, self._faults))
            begin = piece
        return b"".join(parts)

    def _next_jump(self, position: int) -> int:
        places = (self._loop.at(at - INSTANT) for at, _ in self._faults.jumps)
        return min((place for place in places if place > position), default=1 << 62)

    def _stalled_until(self, now: float) -> float:
        if self._stall is None:
            return 0.0
        begin = self._opened + self._stall[0]
        end = begin + self._stall[1]
        return end if begin <= now < end else 0.0
