"""Sizes, aspects, cuts and padding, for every fit and turn."""

from fractions import Fraction
from itertools import product

import pytest

from edge.media.geometry import LONGEST, WIDEST, Geometry, Picture, even, plan
from edge.media.settings import VideoSettings

HD = Picture(960, 540)
PAL = Picture(720, 576, Fraction(64, 45))  # 16:9 on non-square pixels
TALL = Picture(1080, 1920)
PICTURES = [
    Picture(w, h, sar, turn)
    for (w, h), sar, turn in product(
        [(960, 540), (1079, 719), (720, 576), (176, 144), (33, 17), (4096, 2160), (17, 4000), (4000, 17)],
        [Fraction(1), Fraction(64, 45), Fraction(8, 9)],
        [0, 90, 180, 270],
    )
]
FITS = ["anamorphic", "pad", "crop", "stretch"]


def settings(**fields) -> VideoSettings:
    return VideoSettings(**fields)


def shown(g: Geometry) -> Fraction:
    return Fraction(g.width, g.height) * g.sar


def test_anamorphic_says_the_pixels_shape() -> None:
    g = plan(settings(width=352, height=240), HD)
    assert (g.width, g.height, g.sar, g.padded, g.crop) == (352, 240, Fraction(40, 33), False, None)
    assert shown(g) == Fraction(16, 9)


def test_pad_centres_the_whole_picture() -> None:
    g = plan(settings(width=352, height=240, fit="pad"), HD)
    assert (g.scale, g.sar, g.padded) == ((352, 198), 1, True)
    g = plan(settings(width=352, height=240, fit="pad"), TALL)
    assert (g.scale, g.padded) == ((136, 240), True)


def test_pad_of_the_same_shape_pads_nothing() -> None:
    assert not plan(settings(width=480, height=270, fit="pad"), HD).padded


def test_crop_cuts_the_sides_or_top_and_bottom() -> None:
    g = plan(settings(width=352, height=240, fit="crop"), HD)
    assert (g.crop, g.scale, g.sar) == ((792, 540, 84, 0), (352, 240), 1)
    g = plan(settings(width=352, height=240, fit="crop"), TALL)
    assert g.crop == (1080, 736, 0, 592)


def test_crop_of_the_same_shape_cuts_nothing() -> None:
    assert plan(settings(width=480, height=270, fit="crop"), HD).crop is None


def test_stretch_ignores_the_aspect() -> None:
    g = plan(settings(width=352, height=240, fit="stretch"), HD)
    assert (g.sar, g.crop, g.padded) == (1, None, False)


def test_one_side_keeps_the_shown_aspect_in_square_pixels() -> None:
    assert plan(settings(width=352), HD).scale == (352, 198)
    assert plan(settings(height=240), HD).scale == (426, 240)
    assert plan(settings(height=288), PAL).scale == (512, 288)


def test_no_side_is_the_sources_size_in_square_pixels() -> None:
    assert plan(settings(), HD).scale == (960, 540)
    assert plan(settings(), PAL).scale == (1024, 576)
    assert plan(settings(), Picture(1079, 719)).scale == (1080, 720)


def test_a_turned_picture_is_planned_upright() -> None:
    turned = Picture(1920, 1080, rotation=90)
    assert turned.shown == Fraction(9, 16)
    g = plan(settings(), turned)
    assert (g.scale, g.rotation) == ((1080, 1920), 90)
    g = plan(settings(width=352, height=240, fit="crop"), turned)
    assert g.crop == (1080, 736, 0, 592)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("sides", [{}, {"width": 352}, {"height": 240}, {"width": 352, "height": 240}])
def test_sizes_are_even_and_cuts_lie_within_the_picture(fit: str, sides: dict[str, int]) -> None:
    for picture in PICTURES:
        g = plan(settings(fit=fit, **sides), picture)
        assert not any(side % 2 for side in (g.width, g.height, *g.scale)), picture
        assert all(side >= 16 for side in (g.width, g.height, *g.scale))
        assert {"width": g.width, "height": g.height} | sides == {"width": g.width, "height": g.height}
        assert g.scale[0] <= g.width, picture
        assert g.scale[1] <= g.height, picture
        if g.crop:
            w, h, x, y = g.crop
            upright = (picture.height, picture.width) if picture.rotation % 180 else (picture.width, picture.height)
            assert 0 < x + w <= upright[0], picture
            assert 0 < y + h <= upright[1], picture


@pytest.mark.parametrize("fit", ["anamorphic", "pad", "crop"])
def test_the_aspect_is_kept_within_rounding(fit: str) -> None:
    for picture in (p for p in PICTURES if p.width < 100 * p.height < 10_000 * p.width):
        g = plan(settings(width=640, height=480, fit=fit), picture)
        if fit == "anamorphic":
            assert float(shown(g) / picture.shown) == pytest.approx(1, rel=0.02), picture
        elif fit == "pad" and min(g.scale) > 16:
            assert abs(g.scale[0] - g.scale[1] * picture.shown) <= 1 + picture.shown, picture
        elif g.crop and min(g.crop[:2]) > 16:
            pixels = Fraction(1) / picture.sar if picture.rotation % 180 else picture.sar
            assert abs(g.crop[0] * pixels - g.crop[1] * Fraction(4, 3)) <= 1 + Fraction(4, 3), picture


@pytest.mark.parametrize("sar", [Fraction(65535), Fraction(1, 65535)])
@pytest.mark.parametrize("sides", [{}, {"width": 4096}, {"height": 4096}, {"width": 352, "height": 240}])
def test_a_hostile_shape_does_not_grow_the_picture(sar: Fraction, sides: dict[str, int]) -> None:
    for picture in (Picture(960, 540, sar), Picture(16, 9000, sar), Picture(9000, 16, sar, 90)):
        g = plan(settings(**sides), picture)
        assert max(g.width, g.height) <= LONGEST
        assert 1 / (2 * WIDEST) <= g.sar <= 2 * WIDEST


def test_a_side_at_the_bound_keeps_the_aspect_by_its_pixels() -> None:
    g = plan(settings(), Picture(8192, 1152))
    assert (g.width, g.height, g.sar) == (4096, 1152, 2)


@pytest.mark.parametrize(("value", "expected"), [(0, 16), (15, 16), (17, 16), (18.9, 18), (19.1, 20), (239, 240)])
def test_even(value: float, expected: int) -> None:
    assert even(value) == expected
