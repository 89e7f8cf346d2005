"""A sample looped for ever. A position is a byte of the endless stream; a unit is what a container is made of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Literal

from faultsource.damage import spoil, spoiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faultsource.faults import Damage, Faults


class Loop:
    """Base of the containers: units with the stream time at which each is due, and how to find a place among them."""

    head = b""  # what every response begins with
    suffix = ""
    content_type = ""

    def __init__(self, data: bytes, starts: Sequence[int], times: Sequence[float], period: float) -> None:
        if len(starts) != len(times) + 1 or not times:
            raise ValueError("a sample with at least one unit is needed")
        self.data = data
        self.starts = starts
        self.times = times
        self.period = period
        self.size = starts[-1]
        self.kinds: Sequence[Literal["audio", "video", ""]] = ()
        self.frames: Sequence[int] = ()  # units where a picture begins
        self.keys: Sequence[int] = ()  # units where a keyframe begins
        self.sent: Sequence[float] = ()  # stream time at which picture n, in order of display, is due

    def stamp(self, lap: int, first: int, last: int, shift: float) -> bytearray:
        """Units `first` to `last` of lap `lap` with their timestamps moved on by the laps and by `shift` seconds."""
        raise NotImplementedError

    def body(self, unit: int) -> tuple[int, int]:
        """Where in the unit the payload lies, which damage may touch."""
        raise NotImplementedError

    def at(self, time: float) -> int:
        """The position of the first unit that is not due yet at stream time `time`."""
        lap, rest = divmod(max(0.0, time), self.period)
        return int(lap) * self.size + self.starts[bisect_right(self.times, rest)]

    def due(self, position: int) -> float:
        """The stream time at which the unit around `position` is due."""
        lap, offset = divmod(position, self.size)
        return lap * self.period + self.times[bisect_right(self.starts, offset) - 1]

    def snap(self, position: int, places: Sequence[int]) -> int:
        """The first position at or after `position` where one of `places` (units) begins."""
        lap, offset = divmod(position, self.size)
        i = bisect_left(places, offset, key=lambda unit: self.starts[unit])
        if i < len(places):
            return lap * self.size + self.starts[places[i]]
        return (lap + 1) * self.size + (self.starts[places[0]] if places else 0)

    def render(self, begin: int, end: int, shift: float, copy: int, faults: Faults) -> bytes:
        """Bytes `begin` to `end` of the endless stream as response number `copy` shows them."""
        parts: list[bytes | memoryview] = []
        copy = copy if faults.damage_per_copy else 0
        while begin < end:
            lap, offset = divmod(begin, self.size)
            stop = min(end - lap * self.size, self.size)
            parts += self._lap(lap, offset, stop, shift, copy, faults)
            begin = lap * self.size + stop
        return b"".join(parts)

    def _lap(self, lap: int, offset: int, stop: int, shift: float, copy: int, faults: Faults) -> list[memoryview]:
        first = bisect_right(self.starts, offset) - 1
        last = bisect_left(self.starts, stop)
        base = self.starts[first]
        block = memoryview(self.stamp(lap, first, last, shift))
        kept: list[memoryview] = []
        for unit, how in self._damage(lap, first, last, copy, faults):
            start = self.starts[unit]
            if how == "drop":
                if start > offset:
                    kept.append(block[offset - base : start - base])
                offset = min(stop, self.starts[unit + 1])
                continue
            low, high = self.body(unit)
            if high > low:
                spoil(block[start - base + low : start - base + high], how, f"{faults.seed}/{copy}/{lap}/{unit}")
        kept.append(block[offset - base : stop - base])
        return kept

    def _damage(self, lap: int, first: int, last: int, copy: int, faults: Faults) -> Iterator[tuple[int, Damage]]:
        found = spoiled(faults.seed, copy, lap, len(self.times), faults.damage, faults.damage_kinds)
        if not found and not faults.mute:
            return
        for unit in range(first, last):
            if faults.mute and self._muted(lap, unit, faults):
                yield unit, "drop"
            elif unit in found:
                yield unit, found[unit]

    def _muted(self, lap: int, unit: int, faults: Faults) -> bool:
        time = lap * self.period + self.times[unit]
        return any(low <= time < high and self.kinds[unit] == which for low, high, which in faults.mute)
