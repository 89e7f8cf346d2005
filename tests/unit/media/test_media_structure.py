"""Shares, rate and distance of keyframes, counted while a stream passes."""

import pytest

from edge.media.overlap import TICKS
from edge.media.slices import B, I, P
from edge.media.structure import WINDOW, Structure

PYRAMID = [(2, P), (1, B), (0, B)]


def passed(pattern, count=3 * WINDOW, step=1800, gop=96, structure=None, start=0):
    structure = structure or Structure()
    told = 0
    for n in range(count):
        key = n % gop == 0
        told += structure.note(*((3, I) if key else pattern[n % len(pattern)]), start + n * step, key=key)
    return structure, told


def test_a_pyramid():
    structure, told = passed(PYRAMID)
    assert structure.nonref == pytest.approx(1 / 3, abs=0.02)
    assert structure.b == pytest.approx(2 / 3, abs=0.02)
    assert structure.b_references == pytest.approx(1 / 3, abs=0.02)
    assert structure.fps == 50
    assert structure.key_interval == pytest.approx(1.92)
    assert told < 10  # facts are not reckoned for each packet


def test_shares_slide():
    structure, _ = passed([(2, P)])
    assert (structure.nonref, structure.b) == (0, 0)
    passed([(0, B)], 2 * WINDOW, structure=structure, start=10 * TICKS)
    assert structure.nonref > 0.9
    passed([(2, P)], 2 * WINDOW, structure=structure, start=20 * TICKS)
    assert structure.nonref == 0


def test_nothing_is_known_at_first_nor_of_other_codecs():
    structure = Structure()
    assert (structure.nonref, structure.b, structure.fps, structure.key_interval) == (None, None, None, None)
    for n in range(300):
        structure.note(-1, -1, n * 3600, key=n % 50 == 0)
    assert (structure.nonref, structure.b) == (None, None)
    assert (structure.fps, structure.key_interval) == (25, 2)


def test_a_keyframe_that_does_not_come_is_noticed():
    structure, _ = passed([(2, P)], 100)
    assert structure.key_interval < 2
    for n in range(100, 800):
        structure.note(2, P, n * 1800, key=False)
    assert structure.key_interval > 10


def test_a_stream_that_never_had_one_is_noticed():
    structure = Structure()
    for n in range(600):
        structure.note(2, P, n * 1800, key=False)
    assert structure.key_interval > 10


def test_the_longest_of_the_last_gops_counts():
    structure, at = Structure(), 0
    for seconds in (1, 5, 1, 1, 1):
        structure.note(3, I, at, key=True)
        at += seconds * TICKS
    assert structure.key_interval == 5
    for _ in range(4):
        structure.note(3, I, at, key=True)
        at += TICKS
    assert structure.key_interval == 1
