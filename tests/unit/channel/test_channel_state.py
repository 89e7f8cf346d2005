"""Status, back-off and settings: pure."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.channel.settings import ChannelSettings
from edge.channel.state import AWAY, BREATH, FIRST, LONGEST, Backoff, status


@pytest.mark.parametrize(
    ("running", "age", "expected"),
    [
        (False, None, "off"),
        (False, 0.1, "off"),
        (True, None, "starting"),
        (True, 0.0, "live"),
        (True, AWAY - 0.01, "live"),
        (True, AWAY, "away"),
        (True, 3600.0, "away"),
    ],
)
def test_status(running: bool, age: float | None, expected: str) -> None:
    assert status(running=running, frame_age=age) == expected


def waits(count: int, chance: float = 1.0) -> list[float]:
    backoff, out = Backoff(), []
    for _ in range(count):
        backoff, wait = backoff.after(brought_media=False, lasted=0.0, chance=chance)
        out.append(wait)
    return out


def test_waits_double_up_to_the_longest() -> None:
    assert waits(7) == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, 16 * FIRST, LONGEST, LONGEST]
    assert waits(5000)[-1] == LONGEST


def test_jitter_is_between_half_and_all() -> None:
    assert waits(3, chance=0.0) == [FIRST / 2, FIRST, 2 * FIRST]


def test_media_starts_it_over_at_once() -> None:
    backoff = Backoff(7)
    backoff, wait = backoff.after(brought_media=True, lasted=12.0, chance=0.5)
    assert (backoff, wait) == (Backoff(), 0.0)


def test_even_with_media_connections_keep_a_distance() -> None:
    """A source that sends one picture and closes must not be asked hundreds of times a second."""
    assert Backoff().after(brought_media=True, lasted=0.0, chance=0.0)[1] == BREATH
    assert Backoff().after(brought_media=True, lasted=0.2, chance=0.0)[1] == pytest.approx(BREATH - 0.2)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 1)), max_size=50))
def test_waits_are_always_within_bounds(ends: list[tuple[bool, float, float]]) -> None:
    backoff = Backoff()
    for brought, lasted, chance in ends:
        backoff, wait = backoff.after(brought_media=brought, lasted=lasted, chance=chance)
        assert 0 <= wait <= LONGEST
        assert brought or wait >= FIRST / 2
        assert (backoff.failures == 0) is brought


@pytest.mark.parametrize("name", ["", "A", "a b", "ä", "a" * 33, "a/b", "a.b", "../a"])
def test_names_that_are_no_names(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": name, "source": "demo:"}, ChannelSettings)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="sauce"):
        msgspec.convert({"name": "a", "source": "demo:", "sauce": 1}, ChannelSettings)
