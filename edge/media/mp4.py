"""Just enough of ISO/IEC 14496-12 to find keyframes in a fragment. Pure."""

from __future__ import annotations

from collections.abc import Iterator

NON_SYNC = 0x10000  # sample_is_non_sync_sample (8.8.3.1)


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the payload, end) of the boxes in a range."""
    while start + 8 <= end:
        size = _u32(data, start)
        if size < 8:
            return
        yield data[start + 4 : start + 8], start + 8, min(start + size, end)
        start += size


def keyframe(fragment: bytes, track: int | None) -> bool:
    """Whether the first sample of `track` in the fragment is a sync sample. None: no video, every fragment will do."""
    for kind, start, end in boxes(fragment, 0, len(fragment)):
        if kind == b"moof":
            return track is None or any(
                _sync(fragment, s, e, track) for k, s, e in boxes(fragment, start, end) if k == b"traf"
            )
    return False


def _sync(data: bytes, start: int, end: int, track: int) -> bool:
    default = NON_SYNC
    for kind, at, _ in boxes(data, start, end):
        flags = _u32(data, at) & 0xFFFFFF
        if kind == b"tfhd":
            if _u32(data, at + 4) != track:
                return False
            if flags & 0x20:  # default_sample_flags, behind the optional fields before it
                skip = 8 * bool(flags & 1) + 4 * bool(flags & 2) + 4 * bool(flags & 8) + 4 * bool(flags & 0x10)
                default = _u32(data, at + 8 + skip)
        elif kind == b"trun":
            return not _first_flags(data, at, flags, default) & NON_SYNC
    return False


def _first_flags(data: bytes, at: int, flags: int, default: int) -> int:
    """The flags of a trun's first sample (8.8.8.2)."""
    after = at + 8 + 4 * bool(flags & 1)
    if flags & 4:
        return _u32(data, after)
    if flags & 0x400:
        return _u32(data, after + 4 * bool(flags & 0x100) + 4 * bool(flags & 0x200))
    return default
