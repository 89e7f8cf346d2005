"""From the source's picture to the viewers': sizes, sample aspect ratio, what to cut or pad. Pure."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from edge.media.settings import VideoSettings

WIDEST = Fraction(10)  # a source may claim any shape (65535:1 pixels); memory must not follow it
LONGEST = 4096  # pixels of a side


class Picture(msgspec.Struct, frozen=True):
    """A decoded picture: size in pixels, sample aspect ratio, clockwise degrees to turn it by (0, 90, 180, 270)."""

    width: int
    height: int
    sar: Fraction = Fraction(1)
    rotation: int = 0

    @property
    def shown(self) -> Fraction:
        """Width by height as a viewer sees it, within WIDEST."""
        ratio = min(WIDEST, max(1 / WIDEST, Fraction(self.width, self.height) * self.sar))
        return 1 / ratio if self.rotation % 180 else ratio


class Geometry(msgspec.Struct, frozen=True):
    """The encoded picture. `scale` is what the whole (or, for crop, the cut) picture is scaled to; `crop` is cut from
    the upright source as (width, height, x, y); padding centres `scale` in width x height."""

    width: int
    height: int
    sar: Fraction
    scale: tuple[int, int]
    crop: tuple[int, int, int, int] | None = None
    rotation: int = 0

    @property
    def padded(self) -> bool:
        return self.scale != (self.width, self.height)


def even(value: float | Fraction) -> int:
    """The nearest even number, at least 16 (4:2:0 chroma; x264's macroblock)."""
    return max(16, round(value / 2) * 2)


def plan(settings: VideoSettings, picture: Picture) -> Geometry:
    """The geometry of the rendition of `picture`. With one side or none asked, the shown aspect is kept in square
    pixels; with both, `settings.fit` decides."""
    shown = picture.shown
    upright = (picture.height, picture.width) if picture.rotation % 180 else (picture.width, picture.height)
    width, height = settings.width, settings.height
    if width is None or height is None:
        width, height = _sides(width, height, upright, shown)
        sar = _sar(shown, width, height) if LONGEST in (width, height) else Fraction(1)
        return Geometry(width, height, sar, (width, height), rotation=picture.rotation)
    box = Fraction(width, height)
    if settings.fit == "pad":
        scale = (width, even(width / shown)) if shown > box else (even(height * shown), height)
        return Geometry(width, height, Fraction(1), scale, rotation=picture.rotation)
    if settings.fit == "crop":
        return Geometry(width, height, Fraction(1), (width, height), _crop(upright, shown, box), picture.rotation)
    sar = _sar(shown, width, height) if settings.fit == "anamorphic" else Fraction(1)
    return Geometry(width, height, sar, (width, height), rotation=picture.rotation)


def _sar(shown: Fraction, width: int, height: int) -> Fraction:
    return (shown * height / width).limit_denominator(255)


def _sides(width: int | None, height: int | None, upright: tuple[int, int], shown: Fraction) -> tuple[int, int]:
    if width is not None:
        return width, min(LONGEST, even(width / shown))
    if height is not None:
        return min(LONGEST, even(height * shown)), height
    return min(LONGEST, even(upright[1] * shown)), min(LONGEST, even(upright[1]))


def _crop(upright: tuple[int, int], shown: Fraction, box: Fraction) -> tuple[int, int, int, int] | None:
    """The largest centred part of the upright picture that has the shape of the box."""
    width, height = upright
    if shown > box:
        part = even(width * box / shown)
        return (part, height, (width - part) // 2, 0) if part < width else None
    part = even(height * shown / box)
    return (width, part, 0, (height - part) // 2) if part < height else None
