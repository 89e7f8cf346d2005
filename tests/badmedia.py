"""Hostile transport streams made by hand: tables without media, data without pictures, a picture of absurd size."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av

if TYPE_CHECKING:
    from pathlib import Path

_PMT, _DATA = 0x1000, 0x100
_MEDIA = (0x100, 0x101)  # the PIDs that libavformat's muxer gives


def psi_only(sample: Path) -> bytes:
    """The PAT, SDT and PMT packets of a TS sample, without any media."""
    data = sample.read_bytes()
    packets = (data[at : at + 188] for at in range(0, len(data), 188))
    return b"".join(p for p in packets if (p[1] & 0x1F) << 8 | p[2] not in _MEDIA)


def data_only(seconds: float = 10.0) -> bytes:
    """A programme whose only stream is private data (stream type 6), ten PES packets a second, tables each time."""
    pat = _table(0, b"\x00\x01\xc1\x00\x00" + b"\x00\x01" + (0xE000 | _PMT).to_bytes(2, "big"))
    stream = b"\x06" + (0xE000 | _DATA).to_bytes(2, "big") + b"\xf0\x00"
    pmt = _table(2, b"\x00\x01\xc1\x00\x00" + (0xE000 | _DATA).to_bytes(2, "big") + b"\xf0\x00" + stream)
    out = []
    for n in range(round(seconds * 10)):
        out += [
            _packet(0, n, b"\0" + pat),
            _packet(_PMT, n, b"\0" + pmt),
            _packet(_DATA, n, _pes(n * 9000, b"data" * 20)),
        ]
    return b"".join(out)


def huge_picture(sample: Path, macroblocks: int = 4096) -> bytes:
    """An H.264 sample whose parameter sets claim pictures of 16 x `macroblocks` each way (4096: 65536x65536)."""
    target = io.BytesIO()
    with av.open(str(sample)) as source, av.open(target, "w", format="mpegts") as output:
        video = source.streams.video[0]
        video.codec_context.extradata = _annex_b(_sps(macroblocks))
        track = output.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.size:
                output.mux(_claiming(packet, macroblocks, track))
    return target.getvalue()


def _claiming(packet: Any, macroblocks: int, track: Any) -> Any:
    units = bytes(packet).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    forged = [_sps(macroblocks) if unit[0] & 31 == 7 else unit for unit in units]
    made = av.Packet(b"".join(map(_annex_b, forged)))
    made.pts, made.dts, made.time_base, made.stream = packet.pts, packet.dts, packet.time_base, track
    made.is_keyframe = packet.is_keyframe
    return made


def _annex_b(unit: bytes) -> bytes:
    return b"\0\0\0\1" + unit


def _sps(macroblocks: int) -> bytes:
    """A sequence parameter set (ITU-T H.264, 7.3.2.1.1), Baseline, level 5.1, one reference frame."""
    bits = "".join((_ue(0), _ue(0), _ue(2), _ue(1), "0", _ue(macroblocks - 1), _ue(macroblocks - 1), "11000", "1"))
    bits += "0" * (-len(bits) % 8)
    body = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return b"\x67\x42\xc0\x33" + body.replace(b"\0\0", b"\0\0\3")


def _ue(value: int) -> str:
    """Exp-Golomb (9.1)."""
    text = f"{value + 1:b}"
    return "0" * (len(text) - 1) + text


def _table(kind: int, body: bytes) -> bytes:
    head = bytes([kind]) + (0xB000 | len(body) + 4).to_bytes(2, "big") + body
    return head + _crc(head).to_bytes(4, "big")


def _crc(data: bytes) -> int:
    """CRC-32/MPEG-2 (ISO 13818-1, annex A)."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte << 24
        for _ in range(8):
            rest = (rest << 1 ^ (0x04C11DB7 if rest & 0x80000000 else 0)) & 0xFFFFFFFF
    return rest


def _pes(pts: int, body: bytes) -> bytes:
    stamp = bytes([0x21 | pts >> 29 & 14, pts >> 22 & 255, pts >> 14 & 254 | 1, pts >> 7 & 255, pts << 1 & 254 | 1])
    return b"\0\0\1\xbd" + (len(body) + 8).to_bytes(2, "big") + b"\x80\x80\x05" + stamp + body


def _packet(pid: int, counter: int, body: bytes) -> bytes:
    """One TS packet that begins a unit; tables are filled up with 0xFF, PES packets by an adaptation field."""
    head = (0x4000 | pid).to_bytes(2, "big")
    if pid != _DATA:
        return b"\x47" + head + bytes([0x10 | counter & 15]) + body.ljust(184, b"\xff")
    fill = 184 - len(body)
    field = bytes([fill - 1]) + (b"\0" + b"\xff" * (fill - 2) if fill > 1 else b"")
    return b"\x47" + head + bytes([0x30 | counter & 15]) + field + body
