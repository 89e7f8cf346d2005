"""The lists of a page of statistics: names with their bars, loading times, what was not counted. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edge.flow.stats import OTHER
from edge.hits.hit import TIMINGS
from edge.hits.report import ACTIONS, Report, Row
from edge.hits.words import Words
from edge.http.html import escape

# Pages first, then where from, who, what they did. What has nothing to show is left out.
ORDER = (
    "page", "referrer", "entry", "country", "campaign", "device", "browser", "system", "language", "screen", "event",
    "goal", "download", "outlink", "search", "content", "media", "title", "dimension",
)  # fmt: skip


class View(msgspec.Struct, frozen=True):
    """What a page is asked for: which dimension alone, whether days= named the period, whether a token opened it."""

    lang: str
    days: int | None = None
    show: str = ""
    chosen: str = ""  # `lang=fr` when the address says so, to be carried on
    private: bool = False
    host: str = ""  # of the site's pages, for links; empty: none for sure
    today: str = ""  # 2026-11-24 at the site


def query(*words: str) -> str:
    """A query of words that are not empty, as it stands in an attribute."""
    found = "&amp;".join(word for word in words if word)
    return f"?{found}" if found else ""


def same_period(report: Report, view: View) -> str:
    """The words of a query that ask for the same days again."""
    return f"days={view.days}" if view.days else f"from={report.first}&amp;to={report.last}&amp;by={report.by}"


def listed(report: Report, dimension: str, view: View, words: Words) -> Iterator[str]:
    title, found = escape(words.say(dimension)), report.top[dimension]
    valued = any(row.value for row in found)
    yield f'<section class="card"><table class="list"><caption>{title}</caption><thead><tr>'
    yield f"<th>{escape(words.say('name'))}</th>"
    for key in ("hits", *(() if dimension in ACTIONS else ("visits",)), *(("value",) if valued else ())):
        yield f"<th>{escape(words.say(key))}</th>"
    yield "</tr></thead><tbody>"
    most = max((row.hits for row in found if row.name != OTHER), default=0) or found[0].hits
    for row in found:
        yield _row(row, dimension, most, view, words, valued=valued)
    yield "</tbody></table>"
    if not view.show and found[-1].name == OTHER:
        address = query(same_period(report, view), f"show={dimension}", view.chosen)
        yield f'<a class="all" href="{address}">{escape(words.say("all"))}<span class="unseen">: {title}</span></a>'
    yield "</section>"


def _row(row: Row, dimension: str, most: int, view: View, words: Words, *, valued: bool) -> str:
    other = row.name == OTHER
    width = 0.0 if other else min(100.0, 100 * row.hits / (most or 1))
    name = words.name(dimension, row.name)
    hint = words.say("other_text") if other else name
    shown = f'<bdi title="{escape(hint)}">{escape(name)}</bdi>'
    address = "" if other else _address(row.name, dimension, view.host)
    if address:
        shown = f'<a href="{escape(address)}" rel="nofollow noopener noreferrer">{shown}</a>'
    share = f"<small>{words.share(row.share)}</small>"
    visits = "" if dimension in ACTIONS else f"<td>{words.number(row.visits)}</td>"
    value = f"<td>{words.number(row.value, 2) if row.value else ''}</td>" if valued else ""
    return (
        f'<tr{" class=other" if other else ""}><th scope="row"><svg aria-hidden="true">'
        f'<rect width="{width:.2f}%" height="100%" rx="4"/></svg>{shown}</th>'
        f"<td>{share}{words.number(row.hits)}</td>{visits}{value}</tr>"
    )


def _address(name: str, dimension: str, host: str) -> str:
    """Where a page is, for a click; only for what is a path of the site for certain."""
    plain = name.startswith("/") and not name.startswith("//") and "*" not in name and "\\" not in name
    return f"https://{host}{_encoded(name)}" if host and plain and dimension in ("page", "entry", "download") else ""


def _encoded(path: str) -> str:
    raw = path.encode("utf-8", "replace")
    return "".join(chr(byte) if 33 <= byte < 127 and byte not in b'"<>^`{|}' else f"%{byte:02X}" for byte in raw)


def timings(report: Report, words: Words) -> Iterator[str]:
    title = escape(words.say("timings"))
    yield f'<section class="card"><table class="list times"><caption>{title}</caption><thead><tr>'
    for key in ("name", "median", "p75", "p95", "count"):
        yield f"<th>{escape(words.say(key))}</th>"
    yield "</tr></thead><tbody>"
    for word in TIMINGS:
        if word in report.timings:
            each = report.timings[word]
            times = "".join(f"<td>{words.brief(value)}</td>" for value in (each.median, each.p75, each.p95))
            yield f'<tr><th scope="row">{escape(words.say(word))}</th>{times}<td>{words.number(each.count)}</td></tr>'
    yield "</tbody></table></section>"


def excluded(report: Report, words: Words) -> Iterator[str]:
    yield f'<section class="card"><table class="list"><caption>{escape(words.say("excluded"))}</caption><thead><tr>'
    yield f"<th>{escape(words.say('name'))}</th><th>{escape(words.say('hits'))}</th></tr></thead><tbody>"
    most = max(report.excluded.values())
    for reason, count in report.excluded.items():
        key = "network_excluded" if reason == "network" else reason
        text = words.texts.get(key, reason)
        bar = f'<svg aria-hidden="true"><rect width="{100 * count / most:.2f}%" height="100%" rx="4"/></svg>'
        yield f'<tr><th scope="row">{bar}{escape(text)}</th><td>{words.number(count)}</td></tr>'
    yield f'</tbody></table><p class="hint">{escape(uncounted(report, words))}</p></section>'


def uncounted(report: Report, words: Words) -> str:
    """How many of the hits that came were not counted."""
    left_out = sum(report.excluded.values())
    return words.say("excluded_text", n=words.number(left_out), all=words.number(left_out + report.sums.hits))
