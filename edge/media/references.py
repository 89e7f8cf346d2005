"""Whether P pictures refer to B pictures: what decides if all B pictures can be left out. Pure.

A B-pyramid makes B pictures references, mostly of other B pictures alone. Whether P pictures use them is written in
their slice headers: the reference list (ISO/IEC 14496-10, 8.2.4) over the pictures held for reference (8.2.5). Both are
followed here for what live encoders send: frames, short-term references.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.media.headers import Pps, Slice, Sps, Unreadable, read_pps, read_slice, read_sps
from edge.media.slices import B, I, P

HEADER = 96  # bytes of a slice that hold its header
SETS = 8
PROOF = 2  # whole GOPs
EVERY = 8


def units(packet: bytes, length: int) -> Iterator[bytes]:
    """The beginnings of the NAL units of an access unit; `length` as in `slices.look`."""
    least = length or 3
    at = length or packet.find(b"\0\0\1") + 3
    while least <= at < len(packet):
        yield packet[at : at + HEADER]
        if length:
            at += int.from_bytes(packet[at - length : at], "big") + length
        else:
            at = packet.find(b"\0\0\1", at) + 3


Held = list[tuple[int, int]]  # frame_num and kind of pictures held for reference, oldest first


class References:
    """Follows the pictures held for reference; every reference picture must pass, in decoding order. Two such lists: as
    the stream has it, and as a decoder has it that was not given the B pictures (it puts stand-ins in their place, by
    the sliding window: what B pictures say about marking is lost to it)."""

    def __init__(self) -> None:
        self._sps: dict[int, Sps] = {}
        self._pps: dict[int, Pps] = {}
        self._held: Held = []
        self._without: Held = []
        self._whole = False  # those that count are known
        self._older = False  # besides, some that came before may be held
        self._last = 0

    def note(self, packet: bytes, length: int = 0) -> bool | None:
        """Whether this picture is P and would suffer if B pictures were left out; None: unknown."""
        first: Slice | None = None
        referred = False
        try:
            for unit in units(packet, length):
                kind = unit[0] & 31 if unit else 0
                if kind in (7, 8):
                    self._set(kind, unit)
                elif kind in (1, 5):
                    header = read_slice(unit, self._pps, self._sps)
                    first = first or self._begin(header)
                    referred |= self._refers(header)
        except Unreadable:
            self._whole = False
            return None
        if first is None:
            return None
        known = self._whole
        self._end(first)
        return referred if known else None

    def _set(self, kind: int, unit: bytes) -> None:
        if kind == 7:
            number, sps = read_sps(unit)
            self._sps[number % SETS] = sps
        else:
            number, pps = read_pps(unit)
            self._pps[number % SETS] = pps

    def sets(self, extradata: bytes) -> None:
        """SPS and PPS in Annex B that come apart from the pictures."""
        for unit in units(extradata, 0):
            if unit and unit[0] & 31 in (7, 8):
                try:
                    self._set(unit[0] & 31, unit)
                except Unreadable:
                    self._whole = False

    def _modulus(self) -> int:
        return 1 << max((sps.frame_num_bits for sps in self._sps.values()), default=4)

    def _begin(self, header: Slice) -> Slice:
        if header.idr or (header.kind == I and not self._whole):
            self._held, self._without, self._whole, self._older = [], [], True, not header.idr
            self._last = 0 if header.idr else header.frame_num
        elif header.frame_num not in (self._last, (self._last + 1) % self._modulus()):
            self._whole = False  # pictures are missing
        return header

    def _refers(self, header: Slice) -> bool:
        if header.kind != P:
            return False
        if self._older and len(self._held) < header.active:
            raise Unreadable("what is referred to came before")
        used = _list(header, self._held, self._modulus())
        return any(kind == B for _, kind in used) or used != _list(header, self._without, self._modulus())

    def _end(self, header: Slice) -> None:
        """Marks what is held from here on (8.2.5)."""
        modulus = self._modulus()
        if not header.idc:
            self._last = (header.frame_num - 1) % modulus  # the next one has the same number
            return
        self._last = header.frame_num
        most = max(1, min((sps.references for sps in self._sps.values()), default=1))
        marking = () if header.idr else header.marking
        self._older &= len(self._held) < most
        self._held = _marked(self._held, header, marking, most, modulus)
        self._without = _marked(self._without, header, None if header.kind == B else marking, most, modulus)
        if any(op == 5 for op, _ in marking or ()):
            self._whole = False  # everything begins anew; rare


def _list(header: Slice, held: Held, modulus: int) -> Held:
    """The entries of list 0 that are in use (8.2.4.2.1, 8.2.4.3)."""
    now = header.frame_num
    order = sorted(((n - modulus if n > now else n, kind) for n, kind in held), reverse=True)
    numbered = {number: (number, kind) for number, kind in order}
    predicted = now
    for place, (op, value) in enumerate(header.moves):
        if op > 1:
            raise Unreadable("long-term references")
        predicted = (predicted + (value + 1 if op else -value - 1)) % modulus
        moved = numbered.get(predicted - modulus if predicted > now else predicted)
        if moved is None:
            raise Unreadable("a reference that is not held")
        order = [*order[:place], moved, *(each for each in order[place:] if each != moved)]
    return order[: header.active]


def _marked(held: Held, header: Slice, marking: tuple[tuple[int, int], ...] | None, most: int, modulus: int) -> Held:
    """`marking` None: the sliding window."""
    if marking is None:
        held = held[len(held) - most + 1 :] if len(held) >= most else held
    else:
        gone = {(header.frame_num - value - 1) % modulus for op, value in marking if op == 1}
        held = [each for each in held if each[0] not in gone]
    return [*held[-15:], (header.frame_num, header.kind)]  # 16 at most: 7.4.2.1.1


class Pyramid:
    """Whether B pictures can be left out, by looking through whole GOPs: the first ones, then one of `EVERY`, and all
    while it is done. `referred`: None until known."""

    def __init__(self) -> None:
        self.referred: bool | None = None
        self._references = References()
        self._looking = False
        self._clean = 0  # GOPs
        self._gops = 0

    def sets(self, extradata: bytes) -> None:
        self._references.sets(extradata)

    def key(self, *, in_use: bool) -> None:
        """A GOP begins."""
        if self._looking:
            self._clean += 1
            if self._clean >= PROOF:
                self.referred = False
        self._gops += 1
        self._looking = in_use or self._clean < PROOF or self._gops % EVERY == 0

    def note(self, packet: Any, length: int) -> None:
        """The next reference picture."""
        if not self._looking:
            return
        found = self._references.note(bytes(packet), length)
        if found is False:
            return
        if found or not self._clean:  # or unreadable for the second time
            self.referred = found
        self._clean, self._looking = 0, False
