"""A report as a page. Pure. Every name in it came from strangers: it is escaped, and isolated from the text around."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Template

from edge.hits import chart
from edge.hits.report import Figures, Report
from edge.hits.statslists import ORDER, View, excluded, listed, query, same_period, timings
from edge.hits.words import Words
from edge.http.html import LANGUAGES, escape

TOP = 10  # rows of a list on the overview
PERIODS = (1, 7, 30, 90, 365)


class Pages:
    """The template with its parts. `style` names what the style sheet holds."""

    def __init__(self, template: str, words: dict[str, Words], style: str) -> None:
        self._template = Template(template)
        self._words = words
        self._style = style

    def report(self, report: Report, view: View) -> bytes:
        words = self._words[view.lang]
        body = _alone(report, view, words) if view.show else _overview(report, view, words)
        return self._page(report.name, view, body, _footer(report, view, words))

    def sites(self, sites: Sequence[tuple[int, str, bool]], view: View) -> bytes:
        """The list of sites: number, name, whether it is public."""
        words = self._words[view.lang]
        items = [
            f'<li><a href="/stats/{number}{query(view.chosen)}"><b><bdi>{escape(name)}</bdi></b>'
            f"<span>{escape(words.say('public' if public else 'not_public'))}</span></a></li>"
            for number, name, public in sites
        ]
        body = [f'<ul class="sites">{"".join(items)}</ul>' if items else f"<p>{escape(words.say('no_sites'))}</p>"]
        return self._page(words.say("statistics"), view, body, _languages("/stats", "", view))

    def door(self, name: str, view: View, path: str, *, wrong: bool) -> bytes:
        """The form for a private site's token."""
        words = self._words[view.lang]
        body = [
            f'<form class="door" method="post" action="{escape(path)}">',
            f'<label for="token">{escape(words.say("private"))}</label>',
            f'<p class="wrong" role="alert">{escape(words.say("wrong"))}</p>' if wrong else "",
            '<input id="token" name="token" type="password" autocomplete="off" required autofocus>',
            f"<button>{escape(words.say('open'))}</button></form>",
        ]
        return self._page(name, view, body, _languages(path.partition("?")[0], "", view))

    def _page(self, title: str, view: View, body: Iterator[str] | list[str], footer: str) -> bytes:
        words = self._words[view.lang]
        return self._template.substitute(
            lang=view.lang,
            title=escape(title),
            style=self._style,
            query=query(view.chosen),
            sites=escape(words.say("sites")),
            body="\n".join(body),
            footer=footer,
        ).encode("utf-8", "replace")


# -- the overview


def _overview(report: Report, view: View, words: Words) -> Iterator[str]:
    yield from _periods(report, view, words)
    yield from _cards(report, words)
    if report.restarted:
        days = ", ".join(words.day(day) for day in report.restarted[-10:])
        yield f'<p class="note">{escape(words.say("restarted", days=days))}</p>'
    if not report.sums.hits:
        yield f'<p class="note">{escape(words.say("empty"))}</p>'
    yield '<section class="card wide">'
    yield from chart.draw(report, words)
    yield f"<details><summary>{escape(words.say('as_table'))}</summary>"
    yield from chart.table(report, words)
    yield "</details></section>"
    yield '<div class="lists">'
    for dimension in ORDER:
        if dimension in report.top:
            yield from listed(report, dimension, view, words)
    if report.timings:
        yield from timings(report, words)
    if report.excluded:
        yield from excluded(report, words)
    yield "</div>"


def _periods(report: Report, view: View, words: Words) -> Iterator[str]:
    yield f'<nav class="periods" aria-label="{escape(words.say("period"))}">'
    for days in PERIODS:
        text = words.say("today") if days == 1 else words.say("year") if days == 365 else words.say("days", n=days)
        here = ' aria-current="page"' if view.days == days else ""
        yield f'<a href="{query(f"days={days}", view.chosen)}"{here}>{escape(text)}</a>'
    yield f"<details><summary>{escape(words.say('other_dates'))}</summary>{_dates(report, view, words)}</details>"
    yield "</nav>"
    yield f'<p class="range">{_step(report, view, words, -1)}'
    yield f"<b>{escape(words.range(report.first, report.last))}</b>{_step(report, view, words, 1)}</p>"


def _step(report: Report, view: View, words: Words, way: int) -> str:
    """To the period before or after, as long as this one."""
    first, last = report.first, report.last
    length = sum(1 for _ in _days(first, last))
    first, last = chart.next_day(first, way * length), chart.next_day(last, way * length)
    text, arrow = (words.say("earlier"), "‹") if way < 0 else (words.say("later"), "›")
    if first > view.today:
        return f'<span class="step" aria-hidden="true">{arrow}</span>'
    address = query(f"from={first}", f"to={min(last, view.today)}", view.chosen)
    return f'<a class="step" href="{address}" aria-label="{escape(text)}" title="{escape(text)}">{arrow}</a>'


def _days(first: str, last: str) -> Iterator[str]:
    day = first
    while day <= last:
        yield day
        day = chart.next_day(day, 1)


def _dates(report: Report, view: View, words: Words) -> str:
    by = "".join(
        f'<option value="{each}"{" selected" if report.by == each else ""}>{escape(words.say(each))}</option>'
        for each in ("day", "hour")
    )
    lang = f'<input type="hidden" name="lang" value="{view.lang}">' if view.chosen else ""
    first, last = (
        f'<input type="date" name="{name}" value="{value}" max="{view.today}" required>'
        for name, value in (("from", report.first), ("to", report.last))
    )
    return (
        f'<form method="get">{lang}'
        f"<label>{escape(words.say('from'))} {first}</label> <label>{escape(words.say('to'))} {last}</label> "
        f'<label>{escape(words.say("by"))} <select name="by">{by}</select></label>'
        f" <button>{escape(words.say('show'))}</button></form>"
    )


# -- the large numbers


def _cards(report: Report, words: Words) -> Iterator[str]:
    sums, before = report.sums, report.before.sums if report.before else None
    one_day = report.first == report.last
    yield '<dl class="cards">'
    yield _card(words, "visitors" if one_day else "visitors_day", "visitors_a_day", sums, before)
    yield _card(words, "visits", "visits", sums, before)
    yield _card(words, "pageviews", "pageviews", sums, before)
    yield _card(words, "pages_visit", "pages_a_visit", sums, before)
    yield _card(words, "bounce", "bounce_rate", sums, before)
    yield _card(words, "length", "visit_seconds", sums, before)
    if sums.revenue:
        yield _card(words, "revenue", "revenue", sums, before)
    yield "</dl>"
    if report.before:
        shown = words.range(report.before.first, report.before.last)
        text = words.say("compared_part" if report.before.partial else "compared", range=shown)
    else:
        text = words.say("nothing_before")
    yield f'<p class="compared">{escape(text)}</p>'


def _card(words: Words, label: str, field: str, sums: Figures, before: Figures | None) -> str:
    value = getattr(sums, field)
    shown, exact, note = "–", "", ""
    if value is not None:
        shown, exact = _shown(words, field, value)
    if field == "visitors_a_day":
        note = f"<small>{escape(words.say('at_least'))}</small> "
    change = _change(words, field, value, getattr(before, field) if before else None)
    return (
        f"<div><dt>{escape(words.say(label))}</dt>"
        f'<dd><span title="{escape(exact)}">{note}<b>{escape(shown)}</b></span>{change}</dd></div>'
    )


def _shown(words: Words, field: str, value: float) -> tuple[str, str]:
    if field == "bounce_rate":
        return words.share(value), ""
    if field == "visit_seconds":
        return words.duration(value), ""
    if field == "pages_a_visit":
        return words.number(value, 1), ""
    return words.short(value), words.number(value, 2 if field == "revenue" else 0)


def _change(words: Words, field: str, value: float | None, before: float | None) -> str:
    """By how much of what it was. More is better, but not more bounces."""
    if value is None or not before:
        return ""
    change = value / before - 1
    if abs(change) < 0.005:
        return f'<span class="change">= <span class="unseen">{escape(words.say("same"))}</span></span>'
    size = words.share(abs(change)) if change < 10 else f"{words.number(change + 1)}×"
    kind = "good" if (change > 0) is (field != "bounce_rate") else "bad"
    text = words.say("more" if change > 0 else "less", n=size)
    arrow = "▲" if change > 0 else "▼"
    return (
        f'<span class="change {kind}"><span aria-hidden="true">{arrow} {escape(size)}</span>'
        f'<span class="unseen">{escape(text)}</span></span>'
    )


# -- one dimension alone, and what stands below


def _alone(report: Report, view: View, words: Words) -> Iterator[str]:
    back = query(same_period(report, view), view.chosen)
    yield f'<p class="range"><a href="{back}">‹ {escape(words.say("back"))}</a>'
    yield f"<b>{escape(words.range(report.first, report.last))}</b></p>"
    if report.top.get(view.show):
        yield from listed(report, view.show, view, words)
    else:
        yield f'<p class="note">{escape(words.say("empty"))}</p>'


def _footer(report: Report, view: View, words: Words) -> str:
    about = f"<p>{escape(words.say('about', zone=report.timezone))}</p>"
    values = query(f"from={report.first}", f"to={report.last}", f"by={report.by}")
    links = [_languages("", same_period(report, view), view)]
    if not view.private:  # there the token must come in a header
        links.append(f'<a href="/api/v1/sites/{report.site}/stats{values}">JSON</a>')
    leave = ""
    if view.private:
        leave = f'<form method="post"><button name="token" value="">{escape(words.say("leave"))}</button></form>'
    return f'{about}<p class="links">{" ".join(links)}</p>{leave}'


def _languages(path: str, period: str, view: View) -> str:
    found = []
    for lang in LANGUAGES:
        here = ' aria-current="true"' if lang == view.lang else ""
        name = {"en": "English", "fr": "Français"}[lang]
        address = escape(path) + query(period, f"lang={lang}", f"show={view.show}" if view.show else "")
        found.append(f'<a href="{address}" lang="{lang}" hreflang="{lang}"{here}>{name}</a>')
    return f'<span class="languages">{" ".join(found)}</span>'
