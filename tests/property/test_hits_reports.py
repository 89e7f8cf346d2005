"""Whatever was counted: sums are the series' sums, no slot is missing, quantiles are in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from reporting import report, totals

from edge.flow.stats import OTHER, Histogram
from edge.hits.period import Period, to_date, to_day
from edge.hits.reading import Named
from edge.hits.report import rows, timing

COUNT = st.integers(0, 10**6)
DAYS = st.dates(min_value=to_date(20200101), max_value=to_date(20301231)).map(to_day)
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"])


@given(DAYS, st.integers(1, 40), st.data())
def test_days_add_up(first, length, data):
    period = Period(first, first, "day")
    days = [period.moved(n).first for n in range(length)]
    counted = data.draw(st.dictionaries(st.sampled_from(days), st.tuples(COUNT, COUNT)))
    values = [totals(day, pageviews=p, visits=v) for day, (p, v) in sorted(counted.items())]
    found = report(days[0], days[-1], days=values)
    assert len(found.series) == length
    assert sum(p.pageviews for p in found.series) == found.sums.pageviews
    assert sum(p.visits for p in found.series) == found.sums.visits
    assert [p.at for p in found.series] == sorted({p.at for p in found.series})


@given(DAYS, ZONES, st.dictionaries(st.integers(0, 23), COUNT))
def test_hours_add_up_on_every_kind_of_day(day, timezone, counted):
    hours = [totals(day, hour, pageviews=count) for hour, count in sorted(counted.items())]
    whole = [totals(day, pageviews=sum(counted.values()))] if counted else []
    found = report(day, day, "hour", timezone=timezone, days=whole, hours=hours)
    assert sum(p.pageviews for p in found.series) == found.sums.pageviews == sum(counted.values())
    assert 23 <= len(found.series) <= 24


@given(st.dictionaries(st.text(max_size=5) | st.just(OTHER), st.integers(1, 1000), max_size=30))
def test_rows_lose_nothing(counted):
    found = rows([Named(name, count, count, 0.0) for name, count in counted.items()])
    assert {row.name: row.hits for row in found} == counted
    listed = [row.hits for row in found if row.name != OTHER]
    assert listed == sorted(listed, reverse=True)
    assert OTHER not in [row.name for row in found[:-1]]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200))
def test_quantiles_are_in_order_and_within_what_was_seen(values):
    times = Histogram((0.1, 0.5, 1.0, 5.0, 20.0))
    for value in values:
        times.observe(value)
    found = timing(times.snapshot())
    assert 0 <= found.median <= found.p75 <= found.p95 <= 20.0
    assert found.median <= max(0.1, *(high for high in times.buckets if high == 0.1 or high / 5 <= max(values)))
