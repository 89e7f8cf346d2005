"""A bar chart of page views and visits as SVG that follows the page's width, and that needs no script. Pure.

Lengths across are in percent and texts in pixels, so that texts stay readable on a phone. The scale at the left stands
in an SVG of its own. The bars' colours are the style sheet's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby

import msgspec

from edge.hits.period import show_day, to_date, to_day
from edge.hits.report import Point, Report
from edge.hits.words import Words
from edge.http.html import escape

HEIGHT, TOP, BOTTOM = 220, 14, 24  # pixels: all of it, above the highest line, below the lowest
MOST_BARS = 100
MOST_LABELS = 7  # that a phone has room for
_PLOT = HEIGHT - TOP - BOTTOM


class Bars(msgspec.Struct, frozen=True):
    """What is drawn: slots with a text each, and the scale's top and step."""

    points: tuple[Point, ...]
    texts: tuple[str, ...]
    top: int
    step: int


def bars(report: Report, words: Words) -> Bars:
    points = merged(report.series)
    weekly = len(points) < len(report.series)
    texts = tuple(words.say("week_of", day=words.day(p.at)) if weekly else words.moment(p.at) for p in points)
    step, top = scale(max((max(p.pageviews, p.visits) for p in points), default=0))
    return Bars(points, texts, top, step)


def merged(points: Sequence[Point], most: int = MOST_BARS) -> tuple[Point, ...]:
    """Weeks instead of days, or as many weeks as it takes, where bars would be too thin. Visitors do not add up."""
    if len(points) <= most or len(points[0].at) > 10:
        return tuple(points)
    weeks = -(-len(points) // (7 * most))
    return tuple(_merge(list(group)) for _, group in groupby(points, key=lambda p: _week(p.at) // weeks))


def _week(at: str) -> int:
    """Weeks since a Monday."""
    return (to_date(int(at[:10].replace("-", ""))).toordinal() - 1) // 7


def _merge(points: list[Point]) -> Point:
    return Point(
        points[0].at,
        sum(p.hits for p in points),
        sum(p.pageviews for p in points),
        sum(p.visits for p in points),
        None,
        "now" if any(p.state == "now" for p in points) else "whole",
    )


def scale(most: int) -> tuple[int, int]:
    """Step and top of a scale of at most five lines above zero; steps are 1, 2 or 5 times a power of ten."""
    step = 1
    while step * 5 < most:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step, max(step, -(-most // step) * step)


def draw(report: Report, words: Words) -> Iterator[str]:
    """The chart, and the same as a table for who cannot see it or wants numbers."""
    made = bars(report, words)
    yield '<figure class="chart">'
    yield '<svg class="scale" width="44" aria-hidden="true">'
    yield from _scale(made, words)
    yield "</svg>"
    yield '<svg class="plot" role="img" aria-labelledby="chart-title chart-text">'
    yield f'<title id="chart-title">{escape(words.say("chart"))}</title>'
    yield f'<desc id="chart-text">{escape(_text(report, made, words))}</desc>'
    yield from _lines(made)
    for n in range(len(made.points)):
        yield from _slot(made, n, words)
    yield from _labels(made, words)
    yield "</svg>"
    yield '<div class="legends">'
    yield from _legend(words)
    yield "</div>"
    yield "</figure>"


def _y(value: float, top: int) -> float:
    return TOP + _PLOT * (1 - value / top)


def _ticks(made: Bars) -> Iterator[tuple[int, float]]:
    return ((value, _y(value, made.top)) for value in range(0, made.top + 1, made.step))


def _scale(made: Bars, words: Words) -> Iterator[str]:
    for value, y in _ticks(made):
        yield f'<text x="38" y="{y + 4:.1f}" text-anchor="end">{words.short(value)}</text>'


def _lines(made: Bars) -> Iterator[str]:
    for _, y in _ticks(made):
        yield f'<line x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'


def _slot(made: Bars, n: int, words: Words) -> Iterator[str]:
    point, width = made.points[n], 100 / len(made.points)
    inset = width * (0.1 if len(made.points) <= 40 else 0.04)
    yield f'<g class="{point.state}"><title>{escape(_told(point, made.texts[n], words))}</title>'
    yield f'<rect class="all" x="{n * width:.3f}%" y="{TOP}" width="{width:.3f}%" height="{_PLOT}"/>'
    for kind, value in (("views", point.pageviews), ("visits", point.visits)):
        if value:
            y = min(_y(value, made.top), TOP + _PLOT - 1.5)  # one among thousands is seen too
            x, w, h = n * width + inset, width - 2 * inset, TOP + _PLOT - y
            yield f'<rect class="{kind}" x="{x:.3f}%" y="{y:.1f}" width="{w:.3f}%" height="{h:.1f}"/>'
    yield "</g>"


def _told(point: Point, text: str, words: Words) -> str:
    told = [f"{words.say('pageviews')}: {words.number(point.pageviews)}"]
    told.append(f"{words.say('visits')}: {words.number(point.visits)}")
    if point.visitors is not None:
        told.append(f"{words.say('visitors')}: {words.say('at_least')} {words.number(point.visitors)}")
    so_far = f" ({words.say('so_far')})" if point.state == "now" else ""
    return f"{text}{so_far}\n" + "\n".join(told)


def _labels(made: Bars, words: Words) -> Iterator[str]:
    """Under the middle of their bars; the outermost stay within the picture."""
    count = len(made.points)
    every, one_day = -(-count // MOST_LABELS), made.points[0].at[:10] == made.points[-1].at[:10]
    for n in range(0 if one_day else (count - 1) % every // 2, count, every):
        at, middle = made.points[n].at, (n + 0.5) * 100 / count
        anchor = "start" if middle < 5 else "end" if middle > 95 else "middle"
        x = 0.0 if middle < 5 else 100.0 if middle > 95 else middle
        shown = f"{at[11:]}:00" if one_day and len(at) > 10 else words.day(at)
        yield f'<text x="{x:.2f}%" y="{HEIGHT - 6}" text-anchor="{anchor}">{escape(shown)}</text>'


def _legend(words: Words) -> Iterator[str]:
    for kind, text in (("views", "pageviews"), ("visits", "visits")):
        sample = f'<svg class="sample" aria-hidden="true"><rect class="{kind}" width="12" height="12" rx="3"/></svg>'
        yield f'<span class="legend">{sample}{escape(words.say(text))}</span>'


def _text(report: Report, made: Bars, words: Words) -> str:
    most = max(range(len(made.points)), key=lambda n: made.points[n].pageviews)
    return words.say(
        "chart_text",
        range=words.range(report.first, report.last),
        pageviews=words.number(report.sums.pageviews),
        visits=words.number(report.sums.visits),
        most=words.number(made.points[most].pageviews),
        when=made.texts[most],
    )


def table(report: Report, words: Words) -> Iterator[str]:
    """The chart's numbers."""
    made = bars(report, words)
    shown = any(p.visitors is not None for p in made.points)
    heads = [words.say(key) for key in ("when", "pageviews", "visits")]
    heads += [f"{words.say('visitors')} ({words.say('at_least')})"] if shown else []
    yield '<table class="numbers"><thead><tr>'
    yield from (f"<th>{escape(head)}</th>" for head in heads)
    yield "</tr></thead><tbody>"
    for point, text in zip(made.points, made.texts, strict=True):
        if point.state != "future":
            values = [point.pageviews, point.visits, *([point.visitors] if shown else [])]
            cells = "".join(f"<td>{'' if v is None else words.number(v)}</td>" for v in values)
            yield f"<tr><th>{escape(text)}</th>{cells}</tr>"
    yield "</tbody></table>"


def next_day(day: str, days: int) -> str:
    """`2026-11-24`, so many days later."""
    return show_day(to_day(to_date(int(day.replace("-", ""))) + timedelta(days=days)))
