"""SPS, PPS and slice headers of H.264, as far as reference lists need them (ISO/IEC 14496-10, 7.3). Pure.

A field that cannot be read (the data ends, a feature is not followed: fields, slice groups) is Unreadable.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.media.slices import B, I, P

_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MOST = 32  # of anything counted in a header that we follow
_KINDS = (P, B, I, P, I)
_SPS = 7  # table 7-1
_LONGEST = 1024  # bytes of an SPS that are looked at


class Unreadable(Exception):
    """Not a fault: such a stream is handled with more care."""


class Sps(NamedTuple):
    frame_num_bits: int
    poc_type: int
    poc_bits: int
    delta_zero: bool
    references: int
    frames_only: bool
    chroma: int
    separate: bool
    width: int
    height: int


class Pps(NamedTuple):
    sps: int
    bottom: bool
    active: tuple[int, int]
    weighted: bool
    bipred: int
    redundant: bool


class Slice(NamedTuple):
    """`active`: entries of list 0 in use; `moves`: its modifications (op, value); `marking`: memory management control
    operations (op, value), None: the sliding window."""

    idr: bool
    idc: int
    kind: int
    frame_num: int
    active: int
    moves: tuple[tuple[int, int], ...]
    marking: tuple[tuple[int, int], ...] | None


class Bits:
    """Reads a NAL unit, emulation prevention taken out (7.4.1)."""

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def u(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise Unreadable("the header goes on behind the data")
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def ue(self) -> int:
        rest = self._value & ((1 << self._left) - 1)
        zeros = self._left - rest.bit_length()
        if zeros > 31:
            raise Unreadable("not an Exp-Golomb code")
        return self.u(2 * zeros + 1) - 1

    def se(self) -> int:
        value = self.ue()
        return (value + 1) // 2 if value & 1 else -(value // 2)

    def count(self) -> int:
        value = self.ue()
        if value > _MOST:
            raise Unreadable(f"{value} is more than a stream holds")
        return value


def read_sps(unit: bytes) -> tuple[int, Sps]:
    """Its number, and what it says; the size as it is coded, in whole macroblocks. `unit` with its header byte."""
    bits = Bits(unit[1:])
    profile = bits.u(8)
    bits.u(16)
    number, chroma, separate = bits.count(), 1, False
    if profile in _HIGH:
        chroma = bits.ue()
        separate = chroma == 3 and bits.flag()
        bits.ue()
        bits.ue()
        bits.u(1)
        if bits.flag():
            _scaling(bits, 12 if chroma == 3 else 8)
    frame_num_bits, poc_type, poc_bits, delta_zero = bits.count() + 4, bits.ue(), 0, False
    if poc_type == 0:
        poc_bits = bits.count() + 4
    elif poc_type == 1:
        delta_zero = bits.flag()
        bits.se()
        bits.se()
        for _ in range(bits.ue() & 255):
            bits.se()
    references = bits.count()
    bits.u(1)
    width, units, frames_only = 16 * (bits.ue() + 1), bits.ue() + 1, bits.flag()
    height = 16 * units * (1 if frames_only else 2)
    return number, Sps(
        frame_num_bits, poc_type, poc_bits, delta_zero, references, frames_only, chroma, separate, width, height
    )


def picture_size(packet: bytes) -> tuple[int, int]:
    """As the first SPS of an Annex B packet tells it; (0, 0): it tells none."""
    at = packet.find(b"\0\0\1") + 3
    while 3 <= at < len(packet):
        if packet[at] & 31 == _SPS:
            try:
                sps = read_sps(packet[at : at + _LONGEST])[1]
            except Unreadable:
                return 0, 0
            return sps.width, sps.height
        at = packet.find(b"\0\0\1", at) + 3
    return 0, 0


def _scaling(bits: Bits, lists: int) -> None:
    for n in range(lists):
        if not bits.flag():
            continue
        last = after = 8
        for _ in range(16 if n < 6 else 64):
            if after:
                after = (last + bits.se()) % 256
            last = after or last


def read_pps(unit: bytes) -> tuple[int, Pps]:
    bits = Bits(unit[1:])
    number, sps = bits.ue(), bits.count()
    bits.u(1)
    bottom = bits.flag()
    if bits.ue():
        raise Unreadable("slice groups")
    active = (bits.count() + 1, bits.count() + 1)
    weighted, bipred = bits.flag(), bits.u(2)
    for _ in range(3):
        bits.se()
    bits.u(2)
    return number, Pps(sps, bottom, active, weighted, bipred, bits.flag())


def read_slice(unit: bytes, pps: dict[int, Pps], sps: dict[int, Sps]) -> Slice:
    """`unit` with its header byte; its beginning will do."""
    idc, idr, bits = unit[0] >> 5 & 3, unit[0] & 31 == 5, Bits(unit[1:])
    bits.ue()
    kind = _KINDS[bits.ue() % 5]
    try:
        picture = pps[bits.ue()]
        sequence = sps[picture.sps]
    except KeyError:
        raise Unreadable("its parameter sets are not known") from None
    if sequence.separate:
        bits.u(2)
    frame_num = bits.u(sequence.frame_num_bits)
    if not sequence.frames_only and bits.flag():
        raise Unreadable("fields")
    if idr:
        bits.ue()
    _order(bits, sequence, picture)
    active, moves = _lists(bits, kind, sequence, picture)
    return Slice(idr, idc, kind, frame_num, active, moves, _marking(bits, idr=idr) if idc else None)


def _order(bits: Bits, sps: Sps, pps: Pps) -> None:
    """Picture order count."""
    if sps.poc_type == 0:
        bits.u(sps.poc_bits)
        if pps.bottom:
            bits.se()
    elif sps.poc_type == 1 and not sps.delta_zero:
        bits.se()
        if pps.bottom:
            bits.se()
    if pps.redundant:
        bits.ue()


def _lists(bits: Bits, kind: int, sps: Sps, pps: Pps) -> tuple[int, tuple[tuple[int, int], ...]]:
    if kind == I:
        return 0, ()
    if kind == B:
        bits.u(1)
    active = pps.active
    if bits.flag():
        active = (bits.count() + 1, bits.count() + 1 if kind == B else 0)
    moves = _moves(bits)
    if kind == B:
        _moves(bits)
    if (kind == P and pps.weighted) or (kind == B and pps.bipred == 1):
        _weights(bits, 0 if sps.separate else sps.chroma, sum(active) if kind == B else active[0])
    return active[0], moves


def _moves(bits: Bits) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    if bits.flag():
        while (op := bits.ue()) != 3:
            if len(found) > _MOST:
                raise Unreadable("modifications without end")
            found.append((op, bits.ue()))
    return tuple(found)


def _weights(bits: Bits, chroma: int, entries: int) -> None:
    bits.ue()
    if chroma:
        bits.ue()
    for _ in range(entries):
        for values in (2, 4) if chroma else (2,):
            if bits.flag():
                for _ in range(values):
                    bits.se()


def _marking(bits: Bits, *, idr: bool) -> tuple[tuple[int, int], ...] | None:
    if idr:
        bits.u(1)
        if bits.flag():
            raise Unreadable("long-term references")
        return None
    if not bits.flag():
        return None
    found: list[tuple[int, int]] = []
    while op := bits.ue():
        if op not in (1, 5) or len(found) > _MOST:
            raise Unreadable("long-term references")
        found.append((op, bits.ue() if op == 1 else 0))
    return tuple(found)
