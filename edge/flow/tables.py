"""The PAT and PMT at the head of an MPEG-TS chunk. A segment that does not begin with a keyframe has to repeat them."""

from __future__ import annotations

PACKET = 188
_SYNC = 0x47
_PAT, _SDT = 0x00, 0x11


def leading_tables(data: bytes) -> bytes:
    """The packets of PAT, SDT and PMT before the first of any other kind; b"" when `data` begins otherwise.

    Continuity counters stay as they are: a repeated packet with its own counter is a duplicate, which every demuxer
    must put up with (ISO 13818-1 2.4.3.3); a new count would break the packets after it.
    """
    known = {_PAT, _SDT}
    end = 0
    while end + PACKET <= len(data) and data[end] == _SYNC:
        pid = (data[end + 1] & 0x1F) << 8 | data[end + 2]
        if pid not in known:
            break
        if pid == _PAT:
            known.add(_pmt_pid(data[end : end + PACKET]))
        end += PACKET
    return data[:end]


def _pmt_pid(packet: bytes) -> int:
    """The PID of the first programme of a PAT that fits into one packet; -1: none."""
    start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)  # after an adaptation field
    if start >= PACKET:
        return -1
    at = start + 1 + packet[start] + 8  # pointer field, then the section's head (ISO 13818-1 2.4.4.3)
    while at + 4 <= PACKET:
        program = packet[at] << 8 | packet[at + 1]
        if program:  # 0 names the network's table
            return (packet[at + 2] & 0x1F) << 8 | packet[at + 3]
        at += 4
    return -1
