"""Packets whose times are damaged, told from real jumps of the clock. Pure; ticks of 1/90000 s.

A flipped bit in a PES header moves one packet (or the audio frames of one PES) by seconds or hours; believed, it would
silence a channel until the clock has caught up. So a packet far from the one before is held: if the stream comes back
to where it was, what was held is damage and dropped; if it goes on from there, the jump is real and all is given out.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from edge.media.overlap import JUMP, TICKS, Mark

WRAP = 1 << 33
NEAR = TICKS // 2  # at most this far from the packet before, or four usual steps
CONFIRMED = 24  # packets in order that make a jump real: more than the audio frames of a usual PES packet
CONFIRMED_SPAN = TICKS  # or so much media in three packets or more
REORDER = 2 * TICKS  # a picture shown later than this after its decoding time has a damaged pts

Item = TypeVar("Item")


def distance(a: int, b: int) -> int:
    """From `b` to `a` on the 33-bit clock, the short way round."""
    return (a - b + WRAP // 2) % WRAP - WRAP // 2


class _Stream(Generic[Item]):
    """One stream's last believed time, usual step, and what is held."""

    def __init__(self) -> None:
        self.last: int | None = None
        self.step = 0
        self.held: list[tuple[Mark, Item]] = []

    def near(self, dts: int) -> bool:
        return self.last is not None and -NEAR <= distance(dts, self.last) <= max(NEAR, 4 * self.step)

    def follows_held(self, dts: int) -> bool:
        return bool(self.held) and 0 < distance(dts, self.held[-1][0].dts) <= JUMP

    def confirmed(self) -> bool:
        if len(self.held) < 2:
            return False
        if self.last is None:  # a response begins: two neighbours, or four in order where they stand far apart
            return distance(self.held[-1][0].dts, self.held[-2][0].dts) <= NEAR or len(self.held) > 3
        span = distance(self.held[-1][0].dts, self.held[0][0].dts)
        return len(self.held) >= CONFIRMED or (len(self.held) > 2 and span >= CONFIRMED_SPAN)

    def believe(self, dts: int) -> None:
        if self.last is not None and 0 < (step := distance(dts, self.last)) <= JUMP:
            self.step = step if not self.step else self.step + (step - self.step) // 8
        self.last = dts


class Guard(Generic[Item]):
    """Stands before the timeline, one response at a time. `damaged`: packets dropped for their times."""

    def __init__(self) -> None:
        self.damaged = 0
        self._streams: tuple[_Stream[Item], _Stream[Item]] = (_Stream(), _Stream())

    def connect(self) -> None:
        """A response begins: its times may be anything."""
        self._streams = (_Stream(), _Stream())

    def push(self, mark: Mark, item: Item) -> list[tuple[Mark, Item]]:
        """What can be believed now: mostly `mark` itself."""
        if not 0 <= mark.pts - mark.dts <= REORDER:
            mark = msgspec.structs.replace(mark, pts=mark.dts)
        stream = self._streams[mark.stream]
        if stream.near(mark.dts):
            self._drop_held(stream)
            stream.believe(mark.dts)
            return [(mark, item)]
        if not stream.follows_held(mark.dts):
            self._drop_held(stream)
        stream.held.append((mark, item))
        return self._release(stream) if stream.confirmed() else []

    def _drop_held(self, stream: _Stream[Any]) -> None:
        self.damaged += len(stream.held)
        stream.held.clear()

    def _release(self, stream: _Stream[Item]) -> list[tuple[Mark, Item]]:
        held, stream.held = stream.held, []
        for mark, _ in held:
            stream.believe(mark.dts)
        return held

    def end(self, *, whole: bool) -> list[tuple[Mark, Item]]:
        """The response is over. What is held comes again if it was cut; of a `whole` one it is given out."""
        rest = [each for stream in self._streams for each in self._release(stream)] if whole else []
        return sorted(rest, key=lambda each: each[0].dts)
