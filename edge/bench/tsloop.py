"""A transport stream that never ends: one sample again and again, its clocks moved on (ISO/IEC 13818-1)."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import pairwise

from edge.errors import SourceError
from edge.media.ts import PACKET

CLOCK = 90_000  # units a second of PTS, DTS and the PCR's base
_WRAP = 1 << 33
_SYNC = 0x47
_STEP = CLOCK // 25  # of a video that has one picture


class TsLoop:
    """The bytes of lap 0, 1, 2, … of a sample. One buffer of the sample's size, overwritten by each lap."""

    def __init__(self, data: bytes) -> None:
        """SourceError when `data` is no clean transport stream with a clock."""
        self._data = bytearray(data[: len(data) // PACKET * PACKET])
        self._stamps = array("L")  # where a PTS or DTS stands, and its value
        self._clocks = array("L")  # likewise the PCRs
        self._dts: dict[int, list[int]] = {}  # by PID
        self._counted: Counter[int] = Counter()  # packets with a payload: they raise the continuity counter
        for at in range(0, len(self._data), PACKET):
            self._packet(at)
        self.period = self._period()

    @property
    def seconds(self) -> float:
        """Media seconds of one lap."""
        return self.period / CLOCK

    def __len__(self) -> int:
        return len(self._data)

    def lap(self, number: int) -> bytearray:
        """The bytes of lap `number`. The same buffer every time."""
        on = number * self.period
        data = self._data
        for at, value in zip(self._stamps[::2], self._stamps[1::2], strict=True):
            write_stamp(data, at, (value + on) % _WRAP)
        for at, value in zip(self._clocks[::2], self._clocks[1::2], strict=True):
            write_clock(data, at, (value + on) % _WRAP)
        self._count_on(number)
        return data

    def _count_on(self, number: int) -> None:
        """Continuity counters go on where the lap before ended, so that no joint looks like a lost packet."""
        data, counters = self._data, {pid: number * n & 15 for pid, n in self._counted.items()}
        for at in range(0, len(data), PACKET):
            if data[at + 3] & 0x10:
                pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
                data[at + 3] = data[at + 3] & 0xF0 | counters[pid]
                counters[pid] = counters[pid] + 1 & 15

    def _packet(self, at: int) -> None:
        data = self._data
        if data[at] != _SYNC:
            raise SourceError("not_media", f"expected a clean MPEG-TS, got no sync byte at {at}")
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        control, body = data[at + 3], at + 4
        if control & 0x20:  # adaptation_field_control: there is one
            body += 1 + data[at + 4]
            if data[at + 4] and data[at + 5] & 0x10:  # PCR_flag
                self._clocks.extend((at + 6, int.from_bytes(data[at + 6 : at + 10], "big") << 1 | data[at + 10] >> 7))
        if control & 0x10:
            self._counted[pid] += 1
            if data[at + 1] & 0x40 and body + 19 <= at + PACKET:
                self._pes(pid, body)

    def _pes(self, pid: int, at: int) -> None:
        """The head of a PES packet of sound or video (stream_id 0xC0 to 0xEF, private 0xBD)."""
        data = self._data
        if data[at : at + 3] != b"\0\0\1" or not (0xC0 <= data[at + 3] <= 0xEF or data[at + 3] == 0xBD):
            return
        flags = data[at + 7] >> 6  # PTS_DTS_flags
        for n in range(2 if flags == 3 else 1 if flags == 2 else 0):
            self._stamps.extend((at + 9 + 5 * n, read_stamp(data, at + 9 + 5 * n)))
        if flags & 2:
            self._dts.setdefault(pid, []).append(self._stamps[-1])

    def _period(self) -> int:
        """From the first to the last packet of the densest stream, and one of its usual steps."""
        times = max(self._dts.values(), key=len, default=[])
        if not times:
            raise SourceError("not_media", "expected an MPEG-TS with timestamps, got none")
        steps = sorted((b - a) % _WRAP for a, b in pairwise(times)) or [_STEP]
        return (times[-1] - times[0]) % _WRAP + steps[len(steps) // 2]


def read_stamp(data: bytes | bytearray, at: int) -> int:
    """A PTS or DTS (2.4.3.7): 33 bits in five bytes, a marker bit after each part."""
    high, middle, low = data[at] >> 1 & 7, data[at + 1] << 7 | data[at + 2] >> 1, data[at + 3] << 7 | data[at + 4] >> 1
    return high << 30 | middle << 15 | low


def write_stamp(data: bytearray, at: int, value: int) -> None:
    """Puts a PTS or DTS in place; the bits that say which it is stay."""
    data[at] = data[at] & 0xF1 | value >> 29 & 0xE
    data[at + 1 : at + 3] = (value >> 14 & 0xFFFE | 1).to_bytes(2, "big")
    data[at + 3 : at + 5] = (value << 1 & 0xFFFE | 1).to_bytes(2, "big")


def write_clock(data: bytearray, at: int, base: int) -> None:
    """Puts the base of a PCR (2.4.3.5) in place; its extension stays."""
    data[at : at + 4] = (base >> 1).to_bytes(4, "big")
    data[at + 4] = data[at + 4] & 0x7F | (base & 1) << 7
