"""Figures as words. Pure."""

from __future__ import annotations

from edge.bench.model import Rendition

MANY = 100_000


def picture(rendition: Rendition) -> str:
    """`352x240 at 15 frames/s`."""
    if rendition.video != "h264":
        return {"copy": "the source's picture as it is", "none": "sound alone"}[rendition.video]
    return f"{_size(rendition.width, rendition.height)} at {rendition.fps:g} frames/s"


def percent(share: float) -> str:
    """`0.384` as `38 %`."""
    return f"{share * 100:.0f} %"


def about(number: int) -> str:
    """Two figures of a large number, as more would not be true; a very large one only bounds nothing."""
    if number >= MANY:
        return f"over {MANY}"
    return str(number) if number < 100 else str(round(number, 2 - len(str(number))))


def _size(width: int | None, height: int | None) -> str:
    if width and height:
        return f"{width}x{height}"
    if width or height:
        return f"width {width}" if width else f"height {height}"
    return "the source's size"


def count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
