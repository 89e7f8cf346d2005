"""FLV looped: timestamps moved on; the header, metadata and codec configuration stand before each response."""

from __future__ import annotations

from typing import Literal

from faultsource.loop import Loop

_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18


def _tags(data: bytes) -> list[tuple[int, int, int]]:
    """(position, length with header and trailer, kind) of each whole tag; ValueError when it is not FLV."""
    if data[:3] != b"FLV":
        raise ValueError("an FLV sample is needed")
    found, at = [], int.from_bytes(data[5:9], "big") + 4
    while at + 15 <= len(data):
        length = int.from_bytes(data[at + 1 : at + 4], "big") + 15
        if at + length > len(data):
            break
        found.append((at, length, data[at]))
        at += length
    return found


def _configures(data: bytes, at: int, kind: int) -> bool:
    """Metadata, an AVC or AAC sequence header, or the AVC end of sequence: not media."""
    if kind == _VIDEO:
        return data[at + 11] & 15 == 7 and data[at + 12] != 1
    return kind == _SCRIPT or (kind == _AUDIO and data[at + 11] >> 4 == 10 and data[at + 12] == 0)


def _time(data: bytes | bytearray, at: int) -> int:
    return data[at + 7] << 24 | int.from_bytes(data[at + 4 : at + 7], "big")


class FlvLoop(Loop):
    """An FLV sample with H.264 and AAC."""

    suffix = ".flv"
    content_type = "video/x-flv"

    def __init__(self, data: bytes, period: float) -> None:
        tags = _tags(data)
        media = [tag for tag in tags if not _configures(data, tag[0], tag[2])]
        setup = [
            data[at : at + length] for at, length, kind in tags if _configures(data, at, kind) and not _ends(data, at)
        ]
        if not media:
            raise ValueError("a sample with media is needed")
        self.head = data[: int.from_bytes(data[5:9], "big") + 4] + b"".join(setup)
        self.first = min(_time(data, at) for at, _, _ in media)
        starts, times, newest = [0], [], 0
        for at, length, _ in media:
            starts.append(starts[-1] + length)
            newest = max(newest, _time(data, at) - self.first)
            times.append(newest / 1000)
        super().__init__(b"".join(data[at : at + length] for at, length, _ in media), starts, times, period)
        self.kinds = [_kind(kind) for _, _, kind in media]
        self.frames = [unit for unit, kind in enumerate(self.kinds) if kind == "video"]
        self.keys = [unit for unit in self.frames if self.data[starts[unit] + 11] >> 4 == 1]
        shown = sorted(self.frames, key=lambda unit: _time(self.data, starts[unit]) + self._offset(starts[unit]))
        self.sent = [times[unit] for unit in shown]

    def _offset(self, at: int) -> int:
        """The composition time offset of an AVC tag, milliseconds, signed."""
        return (int.from_bytes(self.data[at + 13 : at + 16], "big") + 0x800000) % 0x1000000 - 0x800000

    def stamp(self, lap: int, first: int, last: int, shift: float) -> bytearray:
        base = self.starts[first]
        block = bytearray(self.data[base : self.starts[last]])
        delta = round((lap * self.period + shift) * 1000) - self.first
        for unit in range(first, last):
            at = self.starts[unit] - base
            value = _time(block, at) + delta & 0xFFFFFFFF
            block[at + 4 : at + 7] = (value & 0xFFFFFF).to_bytes(3, "big")
            block[at + 7] = value >> 24
        return block

    def body(self, unit: int) -> tuple[int, int]:
        """After the tag's header and the codec's five bytes: damage to lengths would only test our own parser here."""
        length = self.starts[unit + 1] - self.starts[unit]
        return min(16, length - 4), length - 4


def _ends(data: bytes, at: int) -> bool:
    return data[at] == _VIDEO and data[at + 12] == 2


def _kind(kind: int) -> Literal["audio", "video", ""]:
    return "audio" if kind == _AUDIO else "video" if kind == _VIDEO else ""
