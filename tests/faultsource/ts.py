"""MPEG-TS looped: PCR, PTS and DTS moved on with their 33-bit wrap, continuity counters kept running (ISO 13818-1)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Literal, NamedTuple

from faultsource.loop import Loop

PACKET = 188
WRAP = 1 << 33
_SYNC = 0x47


class Stamp(NamedTuple):
    """One timestamp field in the sample."""

    at: int
    value: int
    pcr: bool


def read_stamp(data: bytes | bytearray, at: int) -> int:
    """A PTS or DTS (2.4.3.7): 33 bits in five bytes."""
    return (
        (data[at] >> 1 & 7) << 30
        | data[at + 1] << 22
        | (data[at + 2] >> 1) << 15
        | data[at + 3] << 7
        | data[at + 4] >> 1
    )


def write_stamp(data: bytearray, at: int, value: int) -> None:
    """Put a PTS or DTS in place; the four bits that say which it is stay."""
    data[at] = data[at] & 0xF0 | (value >> 30 & 7) << 1 | 1
    data[at + 1] = value >> 22 & 0xFF
    data[at + 2] = (value >> 15 & 0x7F) << 1 | 1
    data[at + 3] = value >> 7 & 0xFF
    data[at + 4] = (value & 0x7F) << 1 | 1


def write_pcr(data: bytearray, at: int, base: int) -> None:
    """Put the PCR's 33-bit base in place; its 27 MHz extension stays."""
    data[at : at + 4] = (base >> 1).to_bytes(4, "big")
    data[at + 4] = data[at + 4] & 0x7F | (base & 1) << 7


class _Parser:
    """One pass over the sample."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.stamps: list[Stamp] = []
        self.dts: list[int | None] = []  # of the PES that begins in the packet
        self.counted: Counter[int] = Counter()  # packets that raise the continuity counter, by PID
        self.pids: list[int] = []
        self.kind: dict[int, Literal["audio", "video"]] = {}
        self.pictures: list[tuple[int, int]] = []  # (pts, unit)
        self.keys: list[int] = []
        for unit in range(len(data) // PACKET):
            self._packet(unit, unit * PACKET)

    def _packet(self, unit: int, at: int) -> None:
        data = self.data
        if data[at] != _SYNC:
            raise ValueError(f"no sync byte at {at}: a clean MPEG-TS is needed")
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        self.pids.append(pid)
        self.dts.append(None)
        body = at + 4
        random_access = False
        if data[at + 3] & 0x20:
            flags = data[at + 5] if data[at + 4] else 0
            random_access = bool(flags & 0x40)
            if flags & 0x10:
                base = int.from_bytes(data[at + 6 : at + 10], "big") << 1 | data[at + 10] >> 7
                self.stamps.append(Stamp(at + 6, base, pcr=True))
            body += 1 + data[at + 4]
        if data[at + 3] & 0x10:
            self.counted[pid] += 1
            if data[at + 1] & 0x40 and data[body : body + 3] == b"\0\0\1":
                self._pes(unit, pid, body, random_access)

    def _pes(self, unit: int, pid: int, at: int, random_access: bool) -> None:
        stream = self.data[at + 3]
        if 0xE0 <= stream <= 0xEF:
            self.kind[pid] = "video"
        elif 0xC0 <= stream <= 0xDF or stream == 0xBD:
            self.kind[pid] = "audio"
        else:
            return
        if not self.data[at + 7] & 0x80:
            return
        pts = dts = read_stamp(self.data, at + 9)
        self.stamps.append(Stamp(at + 9, pts, pcr=False))
        if self.data[at + 7] & 0x40:
            dts = read_stamp(self.data, at + 14)
            self.stamps.append(Stamp(at + 14, dts, pcr=False))
        self.dts[unit] = dts
        if self.kind[pid] == "video":
            self.pictures.append((pts, unit))
            if random_access:
                self.keys.append(unit)


def _later(value: int, than: int) -> int:
    """How far `value` lies after `than` on the 33-bit circle, negative when before."""
    return (value - than + WRAP // 2) % WRAP - WRAP // 2


class TsLoop(Loop):
    """A clean TS sample. Each packet is due at the decoding time of the newest PES begun so far."""

    suffix = ".ts"
    content_type = "video/mp2t"

    def __init__(self, data: bytes, period: float) -> None:
        data = data[: len(data) // PACKET * PACKET]
        found = _Parser(data)
        known = [dts for dts in found.dts if dts is not None]
        if not known:
            raise ValueError("a sample with timestamps is needed")
        self.first = min(known, key=lambda dts: _later(dts, known[0]))
        times, newest = [], 0
        for dts in found.dts:
            newest = newest if dts is None else max(newest, _later(dts, self.first))
            times.append(newest / 90000)
        super().__init__(data, range(0, len(data) + 1, PACKET), times, period)
        self.ticks = round(period * 90000)
        self.kinds = [found.kind.get(pid, "") for pid in found.pids]
        self.frames = [unit for _, unit in found.pictures]
        self.keys = found.keys
        self.sent = [times[u] for _, u in sorted(found.pictures, key=lambda p: _later(p[0], self.first))]
        self._stamps = found.stamps
        self._pids = found.pids
        self._turn = {pid: count % 16 for pid, count in found.counted.items() if count % 16}

    def stamp(self, lap: int, first: int, last: int, shift: float) -> bytearray:
        """`shift` includes the stream's first timestamp: the sample's own origin is taken away."""
        base = first * PACKET
        block = bytearray(self.data[base : last * PACKET])
        delta = lap * self.ticks + round(shift * 90000) - self.first
        for i in range(bisect_left(self._stamps, (base,)), bisect_left(self._stamps, (last * PACKET,))):
            at, value, pcr = self._stamps[i]
            (write_pcr if pcr else write_stamp)(block, at - base, (value + delta) % WRAP)
        for unit in range(first, last) if lap else ():
            turn = self._turn.get(self._pids[unit])
            if turn:
                at = (unit - first) * PACKET + 3
                block[at] = block[at] & 0xF0 | (block[at] + turn * lap) & 0x0F
        return block

    def body(self, unit: int) -> tuple[int, int]:
        at = unit * PACKET
        low = 4 + (1 + self.data[at + 4] if self.data[at + 3] & 0x20 else 0)
        return min(low, PACKET), PACKET
