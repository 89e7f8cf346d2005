"""How statistics are said, in both languages."""

import re
from string import Template

import pytest

from edge.hits.hit import DIMENSIONS, TIMINGS, Excluded
from edge.hits.statslists import ORDER
from edge.hits.words import read_words
from edge.http.html import LANGUAGES

WORDS = read_words()
EN, FR = WORDS["en"], WORDS["fr"]


def test_both_languages_say_the_same_things():
    assert set(WORDS) == set(LANGUAGES)
    assert set(EN.texts) == set(FR.texts)
    for key, text in EN.texts.items():
        assert set(Template(text).get_identifiers()) == set(Template(FR.texts[key]).get_identifiers()), key
    assert {word: set(names) for word, names in EN.names.items()} == {w: set(names) for w, names in FR.names.items()}


def test_everything_has_a_text():
    reasons = {"network_excluded" if word == "network" else word for word in Excluded.__args__}
    assert {*DIMENSIONS, *TIMINGS, *reasons} <= set(EN.texts)
    assert set(ORDER) == set(DIMENSIONS)


@pytest.mark.parametrize(
    ("value", "english", "french"),
    [
        (0, "0", "0"), (999, "999", "999"), (9999, "9,999", "9\u202f999"), (10_000, "10.0k", "10,0k"),
        (123_456, "123k", "123k"), (999_949, "1,000k", "1\u202f000k"), (1_234_567, "1.2M", "1,2M"),
        (5e9, "5.0G", "5,0G"),
    ],
)  # fmt: skip
def test_numbers(value, english, french):
    assert EN.short(value) == english
    assert FR.short(value) == french


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (185, "3m 05s"), (3600, "1h 00m"), (7322, "2h 02m")],
)
def test_durations(seconds, text):
    assert EN.duration(seconds) == text


def test_shares_and_times():
    assert [EN.share(part) for part in (0, 0.004, 0.0994, 0.0996, 1)] == ["0%", "0.4%", "9.9%", "10%", "100%"]
    assert FR.share(0.123) == "12\u202f%"
    assert [EN.brief(seconds) for seconds in (0.0004, 0.12, 0.9996, 12)] == ["0 ms", "120 ms", "1.0 s", "12.0 s"]


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("2026-11-24", "2026-11-24", "24 Nov 2026"),
        ("2026-11-19", "2026-11-25", "19 – 25 Nov 2026"),
        ("2026-10-27", "2026-11-25", "27 Oct – 25 Nov 2026"),
        ("2025-12-31", "2026-01-01", "31 Dec 2025 – 1 Jan 2026"),
    ],
)
def test_ranges(first, last, text):
    assert EN.range(first, last) == text


def test_moments():
    assert EN.moment("2026-11-24") == "Tue 24 Nov"
    assert FR.moment("2026-08-01T09") == "sam. 1 août, 09:00"


def test_names_of_strangers_do_not_turn_the_text():
    assert EN.name("page", "/a\u202eb\u2066c") == "/a\ufffdb\ufffdc"
    assert EN.name("page", "") == "(unknown)"
    assert FR.name("page", "(other)") == "(autres)"
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", EN.name("country", "\u202e"))
