from __future__ import annotations

from collections import Counter

import pytest

from edge.hits.hit import Flags, Hit
from edge.hits.uniques import place
from edge.hits.visitor import WINDOW, Visitors, VisitorStats

DAY = 1_790_035_200  # 2026-09-22 00:00 UTC
NOON = DAY + 43_200


def key(number: int) -> bytes:
    return (number * 0x9E37_79B9_7F4A_7C15 % 2**64).to_bytes(8, "big")


class Site:
    """Hits whose time is that of their arrival, unless told."""

    def __init__(self, most: int = 1000) -> None:
        self.visitors = Visitors(most)

    def see(
        self, at: int, who: int = 1, kind: str = "pageview", before: int | None = None, arrival: float | None = None,
        new_visit: bool = False, **names: str,
    ) -> Flags:  # fmt: skip
        names.setdefault("page", "/")
        hit = Hit(site=1, at=at, kind=kind, **names)
        keys = key(who), None if before is None else key(before)
        return self.visitors.see(hit, keys, at if arrival is None else arrival, new_visit)


def test_the_first_hit_begins_a_visit() -> None:
    assert Site().see(NOON) == Flags(True, 1, 0, place(key(1)), 0b1111)


def test_a_second_page_takes_the_bounce_back_and_a_third_changes_nothing() -> None:
    site = Site()
    flags = [site.see(NOON + 10 * i, page=f"/{i}") for i in range(4)]
    assert [f.bounce for f in flags] == [1, -1, 0, 0]
    assert [f.visit for f in flags] == [True, False, False, False]
    assert [f.seconds for f in flags] == [0, 10, 10, 10]


def test_events_are_no_pages() -> None:
    site = Site()
    kinds = ["event", "event", "pageview", "download", "goal", "pageview", "search"]
    assert [site.see(NOON, kind=kind).bounce for kind in kinds] == [0, 0, 1, 0, 0, -1, 0]


def test_the_window_is_half_an_hour_since_the_last_hit() -> None:
    site = Site()
    flags = [site.see(NOON + t) for t in (0, WINDOW, 2 * WINDOW, 3 * WINDOW + 1)]
    assert [f.visit for f in flags] == [True, False, False, True]
    assert [f.seconds for f in flags] == [0, WINDOW, WINDOW, 0]


def test_visitors_are_told_apart() -> None:
    site = Site()
    assert [site.see(NOON + i, who).visit for i, who in enumerate([1, 2, 1, 3, 2])] == [True, True, False, True, False]


def test_a_client_can_force_a_visit() -> None:
    site = Site()
    site.see(NOON)
    assert site.see(NOON + 5, new_visit=True) == Flags(True, 1, 0, place(key(1)), 0b1111)
    assert not site.see(NOON + 6).visit


def test_another_campaign_is_another_visit() -> None:
    """As Matomo has it; a hit without one says nothing about it."""
    site = Site()
    campaigns = ["", "spring", "", "spring", "autumn", "spring"]
    flags = [site.see(NOON + i, campaign=campaign) for i, campaign in enumerate(campaigns)]
    assert [f.visit for f in flags] == [True, True, False, False, True, True]


def test_a_ping_extends_a_visit_and_is_nothing_else() -> None:
    site = Site()
    site.see(NOON)
    assert site.see(NOON + 1700, kind="ping") == Flags(seconds=1700, first=0)
    assert site.see(NOON + 3400) == Flags(False, -1, 1700, place(key(1)), 0b1110)


def test_a_ping_begins_no_visit() -> None:
    site = Site()
    assert site.see(NOON, kind="ping") == Flags(first=0)
    assert site.visitors.stats() == VisitorStats(0, 0, 0)
    site.see(NOON)
    assert site.see(NOON + WINDOW + 1, kind="ping") == Flags(first=0)
    assert site.visitors.stats().begun == 1


def test_a_late_ping_ends_no_visit() -> None:
    site = Site()
    site.see(NOON)
    assert site.see(NOON - 7200, kind="ping", arrival=NOON + 1) == Flags(first=0)
    assert site.see(NOON + 2).seconds == 2


def test_robots_have_no_visits() -> None:
    site = Site()
    site.see(NOON)
    assert site.see(NOON + 1, kind="bot") == Flags(first=0)
    assert site.see(NOON + 2).seconds == 2


def test_a_visit_crosses_midnight_under_its_new_key() -> None:
    site = Site()
    midnight = DAY + 86_400
    site.see(midnight - 60, 1)
    over = site.see(midnight + 60, 2, before=1)
    assert over == Flags(False, -1, 120, place(key(2)), 0b1110)  # a visitor of the new day, too
    assert site.see(midnight + 120, 2, before=1) == Flags(False, 0, 60, None, 0b1110)
    assert site.see(midnight + 1900, 2) == Flags(False, 0, 1780, place(key(2)), 0b1110)
    assert site.visitors.stats().begun == 1


def test_a_ping_over_midnight_leaves_the_new_days_visitor_to_be_counted() -> None:
    site = Site()
    midnight = DAY + 86_400
    site.see(midnight - 60, 1)
    assert site.see(midnight + 1, 2, before=1, kind="ping").unique is None
    assert site.see(midnight + 2, 2, before=1).unique == place(key(2))


def test_the_old_key_is_forgotten_once_the_visit_has_its_new_one() -> None:
    site = Site()
    site.see(DAY, 1)
    site.see(DAY + 1, 2, before=1)
    assert site.visitors.stats().under_way == 1
    assert site.see(DAY + 2, 1).visit


def test_a_visitor_is_counted_once_in_a_quarter_of_an_hour() -> None:
    site = Site()
    flags = [site.see(NOON + t) for t in (0, 1, 899, 900, 901, 1800, 1801)]
    assert [f.unique is not None for f in flags] == [True, False, False, True, False, True, False]


def test_hits_that_come_late_have_their_own_days_visitor() -> None:
    """A client's queue, sent at once hours later: two visits, over a midnight."""
    site = Site()
    midnight = DAY + 86_400
    times = [midnight - 9000, midnight - 60, midnight + 60, midnight + 120]
    flags = [site.see(t, arrival=midnight + 20_000) for t in times]
    assert [f.visit for f in flags] == [True, True, False, False]
    assert [f.unique is not None for f in flags] == [True, True, True, False]
    assert [f.seconds for f in flags] == [0, 0, 120, 60]


def test_hits_that_come_in_reverse_make_the_same_visit() -> None:
    site = Site()
    flags = [site.see(NOON - 1000 * i, arrival=NOON) for i in range(5)]
    assert [f.visit for f in flags] == [True, False, False, False, False]
    assert sum(f.seconds for f in flags) == 4000


def test_a_hit_between_two_others_adds_no_time() -> None:
    site = Site()
    flags = [site.see(NOON + t, arrival=NOON + 100) for t in (0, 100, 50, 0, 100)]
    assert [f.seconds for f in flags] == [0, 100, 0, 0, 0]


def usual_first(*hits: dict[str, str]) -> list[int]:
    """`first` of each hit of a visit, as most of 60 visits have it whose words differ: hashes are random."""
    found = []
    for who in range(60):
        site = Site()
        words = [{k: v if k == "kind" or not v else f"{v}{who}" for k, v in hit.items()} for hit in hits]
        found.append(tuple(site.see(NOON, **each).first for each in words))
    usual, times = Counter(found).most_common(1)[0]
    assert times > 45
    return list(usual)


def test_names_are_new_once_a_visit() -> None:
    first = {"page": "/a", "title": "A", "campaign": "c"}
    event = {"kind": "event", "page": "/b", "event": "v / play"}
    assert usual_first(first, first, {**first, "page": "/b"}, event, event) == [0b1111, 0b1000, 0b1001, 0b1111, 0b0111]


def test_an_event_on_a_page_is_no_view_of_it() -> None:
    event, view = {"kind": "event", "page": "/a", "event": "v / play"}, {"page": "/a"}
    assert usual_first(event, view, view) == [0b1111, 0b1111, 0b1110]


def test_the_same_word_may_be_a_page_and_a_title_and_an_event() -> None:
    views = {"page": "same"}, {"page": "", "title": "same"}
    assert usual_first(*views, {"kind": "event", "event": "same"}) == [0b1111] * 3


@pytest.mark.parametrize(("before", "most"), [(2, 0.02), (5, 0.04), (10, 0.10), (20, 0.28)])
def test_a_long_visits_new_names_are_seldom_taken_for_known(before: int, most: float) -> None:
    wrong = 0
    for who in range(600):
        site = Site()
        for i in range(before):
            site.see(NOON + i, page=f"/{who}/{i}")
        wrong += not site.see(NOON + before, page=f"/{who}/new").first & 1
    assert wrong / 600 < most + 0.02


def test_when_full_the_visit_that_was_quiet_for_longest_goes() -> None:
    site = Site(3)
    for i, who in enumerate([1, 2, 3, 1, 4]):  # 2 goes
        site.see(NOON + i, who)
    assert site.visitors.stats() == VisitorStats(under_way=3, begun=4, evicted=1)
    assert [site.see(NOON + 10 + i, who).visit for i, who in enumerate([1, 3, 4])] == [False, False, False]
    assert site.see(NOON + 20, 2).visit  # and takes the place of 1
    assert site.visitors.stats() == VisitorStats(under_way=3, begun=5, evicted=2)


def test_order_is_kept_over_many_more_than_fit() -> None:
    """Against a list: who was quiet for longest goes, whatever was looked at together."""
    site, order = Site(500), []
    for step in range(20_000):
        who = (step * step * 7 + step // 3) % 1500
        new = site.see(NOON + step // 100, who).visit
        assert new is (who not in order[-500:])
        if not new:
            order.remove(who)
        order.append(who)
        del order[:-500]
    assert site.visitors.stats().under_way == 500


def test_room_is_made_for_one_that_is_forced_anew() -> None:
    site = Site(1)
    site.see(NOON)
    site.see(NOON, new_visit=True)
    assert site.visitors.stats() == VisitorStats(under_way=1, begun=2, evicted=0)


def test_nothing_is_left_after_the_window() -> None:
    site = Site()
    for who in range(300):
        site.see(NOON + who, who)
    site.visitors.sweep(NOON + 100 + WINDOW + 2)
    assert site.visitors.stats().under_way == 199
    site.visitors.sweep(NOON + 299 + WINDOW + 3)
    assert site.visitors.stats() == VisitorStats(under_way=0, begun=300, evicted=0)


def test_hits_sweep_by_themselves() -> None:
    site = Site()
    site.see(NOON, 1)
    site.see(NOON + WINDOW + 3, 2)
    assert site.visitors.stats().under_way == 1


def test_a_visit_whose_hits_came_late_is_kept_by_their_arrival() -> None:
    site = Site()
    site.see(NOON, arrival=NOON + 50_000)
    assert not site.see(NOON + 60, arrival=NOON + 51_700).visit
    site.visitors.sweep(NOON + 51_700 + WINDOW + 3)
    assert site.visitors.stats().under_way == 0


@pytest.mark.parametrize("start", [0.0, 5.5, 1e9])
def test_any_clock_serves_for_arrivals(start: float) -> None:
    """The monotonic one begins anywhere."""
    site = Site()
    assert [site.see(NOON + i, arrival=start + i).visit for i in range(3)] == [True, False, False]


@pytest.mark.parametrize("at", [-1, -(10**9), 2**32, 10**12])
def test_times_that_no_clock_shows_have_no_visit(at: int) -> None:
    site = Site()
    assert site.see(at, arrival=5.0) == Flags(first=0)
    assert site.see(NOON, arrival=6.0).visit
    assert site.see(at, arrival=7.0) == Flags(first=0)
    assert not site.see(NOON, arrival=8.0).visit


@pytest.mark.parametrize("at", [0, 2**32 - 1])
def test_the_first_and_the_last_second_are_times(at: int) -> None:
    site = Site()
    assert [site.see(at, arrival=5.0).visit, site.see(at, arrival=5.0).visit] == [True, False]


def test_nothing_shown_holds_a_key() -> None:
    site = Site()
    site.see(NOON)
    assert key(1).hex() not in repr(site.visitors) + repr(site.see(NOON + 1))


def test_a_download_is_named_by_the_visits_that_had_it() -> None:
    """It is a path too: `min_visits` holds for it."""
    site = Site()
    first = [site.see(NOON + t, kind="download", download=name).first >> 3 & 1 for t, name in enumerate("aab")]
    assert first == [1, 0, 1]
