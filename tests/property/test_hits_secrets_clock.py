"""Secrets under clocks that do what they like."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hits.calendar import Calendar
from edge.hits.secrets import LENGTH, OVERLAP, Secrets
from edge.host import sealed

START = 1_792_850_000.0  # 2026-10-24, a day before the clocks of Europe change
steps = st.one_of(
    st.floats(0, 4000),
    st.floats(-4000, 0),
    st.sampled_from([86_400.0, -86_400.0, 1800.0, -1800.0, 1e7, -1e7]),
)


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Paris", "Pacific/Auckland"])
@given(walk=st.lists(steps, max_size=80))
def test_no_secret_serves_outside_its_day(timezone, walk):
    """But for the half hour on both sides; and a secret that was let go never comes back."""
    calendar, now, gone = Calendar(timezone), START, set()
    secrets = Secrets({1: calendar}, now)
    last: set[bytes] = set()
    for step in walk:
        now += step
        of = secrets._sites[1]
        today, before = secrets.key(1, b"", "", "", now)
        assert calendar.day(now) == of.current.day or calendar.day(now + OVERLAP) == of.current.day
        if before is not None:
            assert calendar.day(now - OVERLAP) == of.old.day or calendar.day(now) == of.old.day
            assert of.old.day != of.current.day
        known = {today} | ({before} if before else set())
        gone |= last - known
        assert not known & gone
        last = known


@given(st.lists(st.floats(0, 1700), min_size=1, max_size=200))
def test_a_visitor_without_pauses_is_known_over_any_number_of_midnights(pauses):
    """Of two hits less than half an hour apart, the second one's keys hold the first one's key."""
    secrets, now = Secrets({1: Calendar("Europe/Paris")}, START), START
    last, _ = secrets.key(1, b"", "", "", now)
    for pause in pauses:
        now += pause
        keys = secrets.key(1, b"", "", "", now)
        assert last in keys
        last = keys[0]


@given(st.binary(max_size=200))
def test_no_bytes_upset_the_next_process(data):
    secrets = Secrets({1: Calendar()}, START)
    own = secrets.key(1, b"", "", "", START)
    descriptor = sealed.seal(data)
    try:
        assert secrets.unseal(descriptor, START) == 0
    finally:
        os.close(descriptor)
    assert secrets.key(1, b"", "", "", START) == own
    assert len(secrets._sites[1].current.raw) == LENGTH
