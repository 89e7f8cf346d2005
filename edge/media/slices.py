"""What the first slice of an H.264 access unit tells about its picture (ISO/IEC 14496-10, 7.3 and 7.4). Pure."""

from __future__ import annotations

HEAD = 128  # bytes that are looked at first; parameter sets and SEI of a keyframe may push its slice beyond
FAR = 8192

P, B, I = 0, 1, 2  # noqa: E741 - the standard's letters
UNKNOWN = (-1, -1)


def _kind(byte: int) -> int:
    """The slice type that begins a slice header: first_mb_in_slice is 0 (one bit, 1), then slice_type as ue(v), whose
    five values come twice (table 7-6). SP and SI count as P and I."""
    if not byte & 0x80:
        return -1  # not the picture's first slice: that one is lost
    zeros = 7 - (byte & 0x7F).bit_length()
    if zeros > 3:
        return -1
    value = ((byte & 0x7F) >> (6 - 2 * zeros)) - 1
    return (P, B, I, P, I)[value % 5] if value < 10 else -1


_KINDS = tuple(_kind(byte) for byte in range(256))


def look(packet: bytes, length: int = 0) -> tuple[int, int]:
    """(nal_ref_idc, slice type) of an access unit: 0: nothing refers to it. UNKNOWN: no slice found. `length`: bytes of
    the lengths before NAL units (MP4, FLV); 0: Annex B, with start codes. About 0.6 us."""
    data = memoryview(packet)
    head = bytes(data[:HEAD])
    at = _sized(head, length) if length else _started(head)
    if at < 0 and len(data) > HEAD:
        head = bytes(data[:FAR])
        at = _sized(head, length) if length else _started(head)
    return UNKNOWN if at < 0 else (head[at] >> 5 & 3, _KINDS[head[at + 1]])


def _started(head: bytes) -> int:
    """Where the header of the first slice's NAL unit stands (types 1 and 5); -1: nowhere."""
    at, last = head.find(b"\0\0\1") + 3, len(head) - 1
    while 3 <= at < last:
        if head[at] & 31 in (1, 5):
            return at
        at = head.find(b"\0\0\1", at) + 3
    return -1


def _sized(head: bytes, length: int) -> int:
    at, last = length, len(head) - 1
    while at < last:
        if head[at] & 31 in (1, 5):
            return at
        at += int.from_bytes(head[at - length : at], "big") + length
    return -1


def length_size(extradata: bytes | None) -> int:
    """Bytes of the lengths before NAL units, from an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1); 0: not
    one, so Annex B."""
    return (extradata[4] & 3) + 1 if extradata and len(extradata) > 6 and extradata[0] == 1 else 0


def annex_b(packet: bytes, length: int) -> bytes:
    """NAL units with start codes instead of lengths. What is cut off at the end stays cut off."""
    out, at = [], 0
    while at + length <= len(packet):
        size = int.from_bytes(packet[at : at + length], "big")
        at += length
        if unit := packet[at : at + size]:
            out += [b"\0\0\0\1", unit]
        at += size
    return b"".join(out)


def sets_of_record(extradata: bytes) -> bytes:
    """SPS and PPS of an AVCDecoderConfigurationRecord in Annex B. Empty when it is cut off."""
    out, at = [], 6
    for count in (extradata[5] & 31, -1):
        if count < 0:
            count = extradata[at] if at < len(extradata) else 0  # noqa: PLW2901 - numOfPictureParameterSets
            at += 1
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            out += [b"\0\0\0\1", extradata[at + 2 : at + 2 + size]]
            at += 2 + size
    return b"".join(out)
