"""From what the database says to a report."""

import pytest
from reporting import TODAY, named, report, totals

from edge.flow.stats import OTHER, HistogramStats
from edge.hits.report import quantile, timing


def test_days_without_hits_are_there():
    found = report(20261122, 20261124, days=[totals(20261123, pageviews=5, visits=2)])
    assert [(p.at, p.pageviews, p.visits, p.visitors, p.state) for p in found.series] == [
        ("2026-11-22", 0, 0, None, "whole"),
        ("2026-11-23", 5, 2, 2, "whole"),
        ("2026-11-24", 0, 0, None, "whole"),
    ]


def test_a_site_that_counted_nothing():
    found = report(20261122, TODAY)
    assert (found.sums.hits, found.sums.bounce_rate, found.sums.visitors_a_day, found.before) == (0, None, None, None)
    assert (found.top, found.timings, found.excluded, found.restarted) == ({}, {}, {}, ())
    assert len(found.series) == 4


def test_visitors_are_a_mean_of_whole_days_never_a_sum():
    days = [totals(20261123, uniques=10), totals(20261124, uniques=20), totals(TODAY, uniques=90)]
    found = report(20261123, TODAY, days=days)
    assert (found.sums.visitors_a_day, found.sums.visitors_most) == (15, 90)
    today = report(TODAY, TODAY, days=days[2:])
    assert today.sums.visitors_a_day == 90


def test_rates():
    found = report(20261123, 20261123, days=[totals(20261123, pageviews=30, visits=10, bounces=4, seconds=1200)])
    assert (found.sums.bounce_rate, found.sums.visit_seconds, found.sums.pages_a_visit) == (0.4, 120, 3)


@pytest.mark.parametrize("bounces", [-3, 99])
def test_a_bounce_rate_is_a_rate(bounces):
    """A visit's second page may come in another period than its first."""
    found = report(20261123, 20261123, days=[totals(20261123, visits=10, bounces=bounces)])
    assert 0 <= found.sums.bounce_rate <= 1


def test_compared_with_a_past_period_as_a_whole():
    found = report(20261123, 20261124, days=[totals(20261123, hits=5)], before=[totals(20261121, hits=3)])
    before = found.before
    assert (before.first, before.last, before.partial, before.sums.hits) == ("2026-11-21", "2026-11-22", False, 3)


def test_today_is_compared_up_to_this_hour():
    """It is half past noon."""
    hours = [totals(20261124, hour, hits=10) for hour in range(24)]
    found = report(
        TODAY, TODAY, at=1795608000.0 + 1800, days=[totals(TODAY, hits=120)], before=[totals(20261124, hits=240)],
        before_hours=hours,
    )  # fmt: skip
    assert (found.before.partial, found.before.sums.hits, found.before.sums.visitors_a_day) == (True, 125, None)


def test_without_its_hours_a_share_of_the_day():
    found = report(20261124, TODAY, days=[], before=[totals(20261122, hits=100), totals(20261123, hits=240)])
    assert found.before.sums.hits == 220


def test_the_hours_of_today_end_now():
    hours = [totals(TODAY, 3, pageviews=2), totals(TODAY, 12, pageviews=1)]
    found = report(TODAY, TODAY, "hour", days=[totals(TODAY, pageviews=3)], hours=hours)
    assert [p.state for p in found.series] == ["whole"] * 12 + ["now"] + ["future"] * 11
    assert [p.pageviews for p in found.series if p.pageviews] == [2, 1]
    assert found.by == "hour"


def test_days_that_have_no_hours_left_are_shown_by_day():
    found = report(20260101, 20260102, "hour", days=[totals(20260101, pageviews=3)], hours=[])
    assert (found.by, [p.at for p in found.series]) == ("day", ["2026-01-01", "2026-01-02"])


def test_a_skipped_hour_is_no_gap_and_a_repeated_one_is_once():
    spring = report(20260329, 20260329, "hour", timezone="Europe/Paris")
    autumn = report(20261025, 20261025, "hour", timezone="Europe/Paris")
    assert [p.at[-2:] for p in spring.series] == ["00", "01", *(f"{h:02}" for h in range(3, 24))]
    assert [p.at[-2:] for p in autumn.series] == [f"{h:02}" for h in range(24)]


def test_an_hour_that_cannot_be_but_counted_is_shown():
    """The tz database of the host has changed since."""
    hours = [totals(20260329, 2, pageviews=7)]
    found = report(20260329, 20260329, "hour", timezone="Europe/Paris", days=hours[:1], hours=hours)
    assert sum(p.pageviews for p in found.series) == 7


def test_other_is_last_however_large():
    found = report(20261123, 20261123, names={"page": named(other=900, a=1, b=5), "event": []})
    assert [row.name for row in found.top["page"]] == ["b", "a", OTHER]
    assert "event" not in found.top
    assert sum(row.share for row in found.top["page"]) == pytest.approx(1)


def test_excluded_and_restarted():
    found = report(20261123, 20261123, days=[totals(20261123, restarted=True)], excluded={"dnt": 2, "bot": 7, "gpc": 2})
    assert (list(found.excluded), found.restarted) == (["bot", "dnt", "gpc"], ("2026-11-23",))


def test_times():
    found = report(20261123, 20261123, seconds=[0.2] * 50 + [0.7] * 45 + [9.0] * 5).timings["server"]
    assert found.count == 100
    assert 0.1 < found.median <= 0.25
    assert 0.5 < found.p75 <= 1
    assert (found.p95, found.mean) == (1.0, pytest.approx(0.865))


def test_a_quantile_above_the_last_bucket_is_its_bound():
    assert quantile(HistogramStats((1.0, 2.0), (0, 0), 30.0, 3), 0.5) == 2.0
    assert timing(HistogramStats((1.0,), (4,), 2.0, 4)).median == 0.5
