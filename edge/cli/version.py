"""Which versions are at work: what a report of a problem must say."""

from __future__ import annotations

import platform

import av

from edge.release import RELEASE


def version() -> str:
    """One line: edge, PyAV, FFmpeg with its two libraries that matter, Python."""
    codec, format_ = (_dotted(av.library_versions[name]) for name in ("libavcodec", "libavformat"))
    return (
        f"edge {RELEASE} (PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info} with libavcodec {codec} "
        f"and libavformat {format_}, Python {platform.python_version()})"
    )


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
