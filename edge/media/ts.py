"""MPEG-TS at the level of its 188-byte packets (ISO/IEC 13818-1, 2.4): joining two responses, finding keyframes. Pure.

A response that is cut ends within a frame. When the next one goes on at the very next byte, the end of that frame is
at its head, but a new demuxer cannot use it: it has seen neither the frame's beginning nor the tables. `carry` gives
what to put in front of the new response: the tables and the packets of the unfinished frames.
"""

from __future__ import annotations

PACKET = 188
SYNC = 0x47
VIDEO_PID = 0x100  # where FFmpeg's muxer puts the first stream


def aligned(data: bytes, runs: int = 3) -> int:
    """Offset of the first packet: `runs` sync bytes in a row (fewer at the end of `data`); -1 when there is none."""
    for offset in range(min(PACKET, len(data))):
        marks = data[offset : offset + runs * PACKET : PACKET]
        if marks and marks.count(SYNC) == len(marks):
            return offset
    return -1


def looks_like_ts(head: bytes) -> bool:
    return len(head) >= 3 * PACKET and aligned(head) >= 0


def _pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def _starts(packet: bytes) -> bool:
    """payload_unit_start_indicator: a section or a PES packet begins here."""
    return bool(packet[1] & 0x40)


def _has_payload(packet: bytes) -> bool:
    return bool(packet[3] & 0x10)


def _is_pes(packet: bytes) -> bool:
    """Whether the payload of a starting packet is a PES packet rather than a table section."""
    offset = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    return packet[offset : offset + 3] == b"\0\0\1"


def _packets(data: bytes, offset: int) -> list[bytes]:
    return [data[i : i + PACKET] for i in range(offset, len(data) - PACKET + 1, PACKET) if data[i] == SYNC]


def carry(tail: bytes, head: bytes) -> bytes:
    """What to put before `head`, the first bytes of a response, so that frames cut in `tail`, the last bytes of the
    response before, come out whole. Empty when `head` does not go on where `tail` ends: continuity counters tell."""
    start, begin = aligned(tail), aligned(head)
    if start < 0 or begin < 0:
        return b""
    rest = (len(tail) - start) % PACKET
    if (rest + begin) % PACKET:
        return b""
    joint = tail[len(tail) - rest :] + head[:begin] if rest else b""
    old = _packets(tail, start)
    unfinished = _unfinished(old)
    new = _packets(joint, 0) + _packets(head, begin)
    if not unfinished or not _continues(old, new, set(unfinished)):
        return b""
    first = min(unfinished.values())
    tables = [p for p in _tables(old) if p not in old[first:]]
    return b"".join([*tables, *old[first:]]) + (tail[len(tail) - rest :] if rest else b"")


def _unfinished(packets: list[bytes]) -> dict[int, int]:
    """By PID, the index of the packet in which its last PES packet begins."""
    return {_pid(p): i for i, p in enumerate(packets) if _starts(p) and _is_pes(p)}


def _tables(packets: list[bytes]) -> list[bytes]:
    """The last PAT and PMT (each in one packet, as they are in practice)."""
    last = {_pid(p): p for p in packets if _starts(p) and _pid(p) < 0x1FFF and not _is_pes(p)}
    return [last[pid] for pid in sorted(last)]


def _continues(old: list[bytes], new: list[bytes], pids: set[int]) -> bool:
    """Whether the counter of every PID that is seen again goes on (2.4.3.3), and one is."""
    last = {_pid(p): p[3] & 15 for p in old if _has_payload(p)}
    seen: set[int] = set()
    for packet in new:
        pid = _pid(packet)
        if pid in pids and pid not in seen and _has_payload(packet):
            if packet[3] & 15 != (last[pid] + 1) % 16:
                return False
            seen.add(pid)
    return bool(seen)


def inspect(muxed: bytes, *, has_video: bool) -> tuple[bool, int | None]:
    """(a newcomer can start here, 33-bit dts of the first PES packet or None) of one write of FFmpeg's muxer. Without
    video a newcomer starts wherever the tables are."""
    tables = False
    for offset in range(0, len(muxed), PACKET):
        packet = muxed[offset : offset + PACKET]
        if _pid(packet) == 0:
            tables = True
        elif _starts(packet) and _is_pes(packet):
            random_access = bool(packet[3] & 0x20 and packet[4] and packet[5] & 0x40)
            key = _pid(packet) == VIDEO_PID and random_access if has_video else tables
            return key, _pes_time(packet)
    return False, None


def _pes_time(packet: bytes) -> int | None:
    """DTS, or PTS where there is no DTS, of the PES header in a starting packet (2.4.3.7)."""
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    flags = packet[at + 7] >> 6
    if not flags & 2:
        return None
    b = packet[at + (14 if flags == 3 else 9) :][:5]
    return (b[0] >> 1 & 7) << 30 | b[1] << 22 | b[2] >> 1 << 15 | b[3] << 7 | b[4] >> 1
