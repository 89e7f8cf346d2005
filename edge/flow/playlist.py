"""The text of a live media playlist (RFC 8216 and its second edition)."""

from __future__ import annotations

from edge.flow.window import Segment, Window


def render(window: Window, *, independent: bool) -> bytes:
    """The playlist of `window`. `independent`: say so while every segment listed begins with a keyframe."""
    segments = window.segments
    version = 8 if any(s.piece.gap for s in segments) else 3  # EXT-X-GAP came with 8, fractions in EXTINF with 3
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{version}",
        f"#EXT-X-TARGETDURATION:{window.target_duration}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.msn}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuity_sequence}",
    ]
    if independent and all(s.piece.independent for s in segments):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    for segment in segments:
        lines += _segment(segment)
    return "\n".join([*lines, ""]).encode()


def _segment(segment: Segment) -> list[str]:
    piece = segment.piece
    return [
        *(["#EXT-X-DISCONTINUITY"] if piece.discontinuity else []),
        *(["#EXT-X-GAP"] if piece.gap else []),
        f"#EXTINF:{piece.duration:.5f},",
        f"{segment.msn}.ts",
    ]
