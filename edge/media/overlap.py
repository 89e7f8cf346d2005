"""Is a new response a replay of what was seen? Pure; ticks of 1/90000 s.

`PROOF` packets equal to remembered ones, at one constant distance, prove an overlap. The distance need not be zero: a
server that starts every response at time 0 is followed as well. Order is implied: at a constant distance the copies
rise as the originals do.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from typing import Literal

import msgspec

TICKS = 90_000
JUMP = 10 * TICKS  # a time further ahead than this is another clock, not a loss
PROOF = 3
REMEMBERED = 4096  # packets a stream: over a minute at 50 frames/s; 12 bytes each
COMPARED = 96  # comparable packets without proof: another clock
BEFORE = 60 * TICKS
HELD = 1024  # packets waiting for the verdict; the oldest goes first
SECONDS = 3.0  # a replay is sent at once; what still comes after this is news

VIDEO, AUDIO = 0, 1


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What the timeline knows of a packet. `stream` is VIDEO or AUDIO; `key` is true for all audio."""

    stream: int
    dts: int
    pts: int
    duration: int
    key: bool
    digest: int


class History:
    """The packets of one stream seen last: dts (rising) and digest. `last` is None before the first."""

    def __init__(self) -> None:
        self._dts = array("q")
        self._digest = array("I")
        self.last: int | None = None

    def __len__(self) -> int:
        return len(self._dts)

    def add(self, dts: int, digest: int) -> None:
        if len(self._dts) >= 2 * REMEMBERED:
            del self._dts[:REMEMBERED]
            del self._digest[:REMEMBERED]
        self._dts.append(dts)
        self._digest.append(digest)
        self.last = dts

    def could_tell(self, dts: int) -> bool:
        """False in the time shortly before what is remembered, where a long replay may begin."""
        return bool(self._dts) and not self._dts[0] - BEFORE <= dts < self._dts[0]

    def at(self, dts: int) -> int | None:
        """The digest of the packet at `dts`."""
        i = bisect_left(self._dts, dts)
        return self._digest[i] if i < len(self._dts) and self._dts[i] == dts else None

    def only(self, digest: int) -> int | None:
        """The dts of the one packet with `digest`; None when there is none, or several (silence repeats itself)."""
        try:
            i = self._digest.index(digest)
        except ValueError:
            return None
        try:
            self._digest.index(digest, i + 1)
        except ValueError:
            return self._dts[i]
        return None


class Verdict(msgspec.Struct, frozen=True):
    """`overlap`: add `distance` to the response's times, drop what is not newer. `same`: the same clock, nothing
    comparable. `doubt`: the same clock, but the copies differ. `other`: another clock."""

    kind: Literal["overlap", "same", "doubt", "other"]
    distance: int = 0


class Probe:
    """Looks at the first packets of a response, from monotonic second `now` on, until it can tell. `only`: the stream
    that stepped back within a response; the other may still bring packets of the old clock, which prove nothing."""

    def __init__(self, histories: tuple[History, History], now: float, only: int | None = None) -> None:
        self._histories = histories
        self._only = only
        self._since = now
        self._matches: Counter[int] = Counter()
        self._compared = 0

    def push(self, mark: Mark, now: float) -> Verdict | None:
        """The verdict, or None: not known yet. `now` in monotonic seconds."""
        last = self._histories[mark.stream].last
        if last is not None and mark.dts <= last:
            self._compare(mark)
            distance, matches = self._matches.most_common(1)[0] if self._matches else (0, 0)
            if matches >= PROOF:
                return Verdict("overlap", distance)
        elif last is not None and self._only in (None, mark.stream):
            return self._newer(mark.dts - last)
        if self._compared >= COMPARED or now - self._since > SECONDS:
            return Verdict("other")
        return None

    def _newer(self, ahead: int) -> Verdict:
        if ahead > JUMP:
            return Verdict("other")
        return Verdict("same" if 2 * self._matches[0] >= self._compared else "doubt")

    def _compare(self, mark: Mark) -> None:
        history = self._histories[mark.stream]
        if history.at(mark.dts) == mark.digest:
            self._matches[0] += 1
        elif (dts := history.only(mark.digest)) is not None:
            self._matches[dts - mark.dts] += 1
        if history.could_tell(mark.dts):
            self._compared += 1
