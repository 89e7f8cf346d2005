"""Visits against a list that remembers every hit."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from edge.hits.hit import Hit
from edge.hits.visitor import WINDOW, Visitors

START = 1_790_035_200
steps = st.integers(0, 900) | st.sampled_from([WINDOW - 1, WINDOW, WINDOW + 1, 7200])
live = st.lists(
    st.tuples(steps, st.integers(0, 4), st.sampled_from(["pageview", "pageview", "event", "ping", "search"])),
    max_size=60,
)


@given(live)
def test_sums_are_those_of_the_visits_of_a_plain_reckoning(hits):
    visitors = Visitors(1000)
    now, sums = START, Counter()
    visits: dict[int, list[list[tuple[int, str]]]] = {}
    for step, who, kind in hits:
        now += step
        flags = visitors.see(Hit(site=1, at=now, kind=kind, page="/"), (bytes([who]) * 8, None), float(now))
        sums.update(visits=flags.visit, bounces=flags.bounce, seconds=flags.seconds)
        mine = visits.setdefault(who, [])
        goes_on = bool(mine) and now - mine[-1][-1][0] <= WINDOW
        if goes_on:
            mine[-1].append((now, kind))
        elif kind != "ping":
            mine.append([(now, kind)])
    every = [visit for mine in visits.values() for visit in mine]
    assert sums["visits"] == len(every) == visitors.stats().begun
    assert sums["seconds"] == sum(visit[-1][0] - visit[0][0] for visit in every)
    assert sums["bounces"] == sum([kind for _, kind in visit].count("pageview") == 1 for visit in every)


@given(st.lists(st.integers(0, 1700), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference_to_one_visit(offsets, random):
    """Hits within half an hour, in any order: one visit of the same length."""
    random.shuffle(offsets)
    visitors = Visitors(10)
    flags = [
        visitors.see(Hit(site=1, at=START + each, kind="pageview", page="/"), (b"k" * 8, None), START + 1e5)
        for each in offsets
    ]
    assert [f.visit for f in flags] == [True] + [False] * (len(offsets) - 1)
    assert sum(f.seconds for f in flags) == max(offsets) - min(offsets)
    assert sum(f.bounce for f in flags) == (len(offsets) == 1)


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1000)), max_size=120))
def test_the_bound_holds_and_every_visit_is_accounted_for(most, hits):
    visitors, now, over = Visitors(most), START, 0
    for who, step in hits:
        now += step
        visitors.see(Hit(site=1, at=now, kind="event"), (bytes([who]) * 8, None), float(now))
        stats = visitors.stats()
        assert stats.under_way <= most
        assert stats.evicted <= stats.begun - stats.under_way
    visitors.sweep(now + WINDOW + 3.0)
    assert visitors.stats().under_way == over
