"""A number in the picture survives what edge does to a picture."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import media
from faultsource import marker
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.integers(0, 2**32 - 1)


@given(NUMBERS)
def test_a_strip_reads_back(value: int) -> None:
    assert marker.number(marker.cells(value)) == value


@given(NUMBERS, st.integers(0, marker.CELLS - 1))
def test_a_strip_with_one_wrong_cell_is_not_a_number(value: int, wrong: int) -> None:
    strip = marker.cells(value)
    strip[wrong] = not strip[wrong]
    assert marker.number(strip) is None


def test_a_strip_of_another_length_is_not_a_number() -> None:
    assert marker.number([True, False]) is None


def small_and_poor(path: Any) -> bytes:
    """The sample as edge makes it of the user's source: 352x240 at 256 kb/s, ultrafast, zerolatency."""
    target = io.BytesIO()
    with av.open(str(path)) as source, av.open(target, "w", format="mpegts") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 352, 240, "yuv420p", 256_000
        for number, frame in enumerate(source.decode(video=0)):
            scaled = frame.reformat(352, 240)
            scaled.pts, scaled.time_base, scaled.pict_type = number, Fraction(1, 25), 0
            output.mux(stream.encode(scaled))
        output.mux(stream.encode(None))
    return target.getvalue()


def test_numbers_survive_scaling_and_a_low_bit_rate() -> None:
    poor = small_and_poor(media.sample("source"))
    assert media.pictures(io.BytesIO(poor), format="mpegts") == list(range(960))


@given(st.lists(st.integers(1, 40), max_size=50), st.integers(0, 99))
def test_unwrapping_restores_what_the_loop_took_away(steps: list[int], first: int) -> None:
    whole = [first]
    for step in steps:
        whole.append(whole[-1] + step)
    assert marker.unwrap([value % 100 for value in whole], 100) == whole


def test_unwrapping_shows_a_step_back() -> None:
    assert marker.unwrap([98, 99, 98, 0, 1], 100) == [98, 99, 98, 100, 101]
    assert marker.unwrap([], 100) == []
