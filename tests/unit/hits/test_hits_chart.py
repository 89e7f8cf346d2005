"""The chart: by its structure, as a browser and a screen reader take it."""

from xml.etree import ElementTree as ET

import pytest
from reporting import TODAY, report, totals

from edge.hits.chart import MOST_BARS, MOST_LABELS, bars, draw, merged, scale, table
from edge.hits.period import Period
from edge.hits.report import Point
from edge.hits.words import read_words

WORDS = read_words()
EN = WORDS["en"]


def drawn(found, words=EN):
    return ET.fromstring("".join(draw(found, words)))


def made(count, last=20261124):
    end = Period(last, last, "day")
    listed = [end.moved(n - count + 1).first for n in range(count)]
    values = [totals(day, pageviews=10 * (n + 1), visits=n + 1) for n, day in enumerate(listed)]
    return report(listed[0], listed[-1], days=values)


def test_a_bar_for_each_day_in_proportion():
    figure = drawn(made(4))
    rects = [rect for rect in figure.iter("rect") if rect.get("x")]
    views = [float(rect.get("height")) for rect in rects if rect.get("class") == "views"]
    assert len(views) == 4
    assert [height / views[0] for height in views] == pytest.approx([1, 2, 3, 4], rel=0.01)
    for rect in rects:
        x, width = (float(rect.get(name).rstrip("%")) for name in ("x", "width"))
        assert x >= 0
        assert x + width <= 100.001


def test_it_says_what_it_shows():
    figure = drawn(made(3))
    (plot,) = (each for each in figure.iter("svg") if each.get("role") == "img")
    title, text = plot.find("title"), plot.find("desc")
    assert plot.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"
    assert "60 page views, 6 visits" in text.text
    assert "30, on Tue 24 Nov" in text.text
    assert "at least 3" in plot.findall("g")[-1].find("title").text


def test_the_table_has_the_same_numbers():
    rows = ET.fromstring("".join(table(made(3), EN))).findall("tbody/tr")
    assert [[cell.text for cell in row] for row in rows][-1] == ["Tue 24 Nov", "30", "3", "3"]


def test_what_is_not_over_is_marked():
    hours = [totals(TODAY, hour, pageviews=3, visits=1) for hour in range(13)]
    figure = drawn(report(TODAY, TODAY, "hour", days=[totals(TODAY, pageviews=39, visits=13)], hours=hours))
    assert [each.get("class") for each in figure.iter("g")] == ["whole"] * 12 + ["now"] + ["future"] * 11
    assert len(ET.fromstring("".join(table(report(TODAY, TODAY, "hour"), EN))).findall("tbody/tr")) <= 24


@pytest.mark.parametrize("count", [1, 2, 7, 8, 30, 90, 100, 101, 365, 3660])
def test_labels_and_bars_have_room(count):
    found = made(count)
    figure = drawn(found)
    (plot,) = (each for each in figure.iter("svg") if each.get("role") == "img")
    assert 1 <= len(plot.findall("text")) <= MOST_LABELS
    assert 1 <= len(plot.findall("g")) <= MOST_BARS + 2
    assert sum(p.pageviews for p in bars(found, EN).points) == found.sums.pageviews


def test_nothing_counted_is_a_chart_too():
    figure = drawn(report(20261101, 20261107), WORDS["fr"])
    assert len(list(figure.iter("g"))) == 7


def test_weeks_begin_on_monday():
    points = [Point(f"2026-0{m}-{d:02}", pageviews=1) for m in range(1, 6) for d in range(1, 29)]
    found = merged(points)
    assert sum(p.pageviews for p in found) == len(points)
    assert [p.at for p in found[:3]] == ["2026-01-01", "2026-01-05", "2026-01-12"]


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0, (1, 1)), (1, (1, 1)), (5, (1, 5)), (6, (2, 6)), (11, (5, 15)), (99, (20, 100)), (1171, (500, 1500))],
)
def test_scales(most, expected):
    assert scale(most) == expected


def test_scales_of_every_size():
    for most in (*range(3000), 10**9 - 1, 10**12):
        step, top = scale(most)
        assert top >= most
        assert top % step == 0
        assert top // step <= 5
        assert str(step).rstrip("0") in ("1", "2", "5")
