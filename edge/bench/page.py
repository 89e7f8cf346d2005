"""A report as one HTML file: no script, nothing loaded, light and dark, readable on a phone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from edge.bench.chart import Bar, bars
from edge.bench.model import Hits, Lag, Report, RungCost, Sent
from edge.bench.tables import Table, tables
from edge.bench.text import sections
from edge.bench.words import about, picture

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c2024; --dim: #5b6570; --line: #d8dde3; --track: #edf0f3;
  --bar: #2f6fb2; --guess: #9db9d6; --good: #2e7d4f; --bad: #b3382c; }
@media (prefers-color-scheme: dark) { :root { --back: #14171a; --text: #e4e8ec; --dim: #98a3ae; --line: #343b43;
  --track: #22272d; --bar: #6aa5e0; --guess: #3f5d7d; --good: #5bb381; --bad: #e07a6d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: .5rem 0 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; } .dim, .note { color: var(--dim); font-size: .875rem; }
.verdict { border-left: 4px solid var(--bad); padding: .25rem 0 .25rem 1rem; }
.verdict.holds { border-color: var(--good); }
.verdict p:first-child { font-weight: 600; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
table.figures { overflow-wrap: normal; }
table.figures td, table.figures th { white-space: nowrap; }
table.figures td:not(:first-child), table.figures th:not(:first-child) { text-align: right;
  font-variant-numeric: tabular-nums; }
table.words td:first-child { color: var(--dim); width: 11rem; }
@media (max-width: 30rem) { table.words td { display: block; border: 0; padding-bottom: 0; }
  table.words td:last-child { border-bottom: 1px solid var(--line); padding: 0 0 .3rem; }
  table.words td:first-child { width: auto; } }
pre { background: var(--track); padding: .75rem; overflow-x: auto; font-size: .875rem; }
svg { display: block; width: 100%; } svg text { fill: var(--text); font: 13px system-ui, sans-serif; }
svg .value { fill: var(--dim); } svg .track { fill: var(--track); }
svg .bar { fill: var(--bar); } svg .guess { fill: var(--guess); }
svg .mark { stroke: var(--bad); stroke-width: 2; }
"""


def page(report: Report, more: Sequence[Table] = ()) -> str:
    """The whole file."""
    return "".join(f"{line}\n" for line in _lines(report, more))


def _lines(report: Report, more: Sequence[Table]) -> Iterator[str]:
    rendition = report.request.rendition
    title = f"edge bench: {picture(rendition) if rendition else 'hits'}"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    where = f"{report.host.processor or 'unknown processor'}, {report.when}, edge {report.edge}"
    yield f'<p class="dim">{escape(where)}</p>'
    yield f'<div class="verdict{" holds" if report.verdict.holds else ""}">'
    yield from (f"<p>{escape(sentence)}</p>" for sentence in report.verdict.sentences)
    yield "</div>"
    yield from _charts(report)
    for heading, sentences in sections(report):
        if heading != "Verdict":
            yield f"<h2>{escape(heading)}</h2><ul>"
            yield from (f"<li>{escape(sentence)}</li>" for sentence in sentences)
            yield "</ul>"
    if report.snippet:
        yield f"<h2>For the configuration</h2><pre>{escape(report.snippet)}</pre>"
    for table in (*more, *tables(report)):
        yield from _table(table)
    yield "</body></html>"


def _charts(report: Report) -> Iterator[str]:
    if report.rungs:
        yield from _ladder(report)
    if report.lags:
        yield "<h2>Event loop late beside a transcoding thread, 99th percentile in ms</h2>"
        yield from bars([_lag(lag) for lag in report.lags], 20.0)
        yield '<p class="note">Line, where the bars come near it: 20 ms.</p>'
    if bounds := report.verdict.viewer_bounds:
        yield "<h2>How many viewers each bound permits</h2>"
        shown = max(4 * min(bounds.values()), 1)  # the tightest matters: what lies far above it is cut off
        ordered = sorted(bounds.items(), key=lambda bound: bound[1])
        yield '<p class="note">Bars end at four times the tightest bound.</p>'
        yield from bars([Bar(word, min(n, shown), about(n)) for word, n in ordered])

    if report.hits:
        yield from _hits(report.hits)


def _hits(found: Hits) -> Iterator[str]:
    parts = (("alone", found.alone), ("beside the channel", found.beside))
    rows = [_sent(where, sent) for where, part in parts if part for sent in part.sent if sent.rate is None]
    if rows:
        yield "<h2>Hits a second, asked for all it can</h2>"
        yield from bars(rows)


def _sent(where: str, sent: Sent) -> Bar:
    rate = sent.per_second.value
    return Bar(f"{where}, {sent.connections} connections", rate, about(int(rate)))


def _ladder(report: Report) -> Iterator[str]:
    capacity = (report.verdict.capacity or 0.0) * 100
    yield "<h2>What each rung costs, in % of a core</h2>"
    yield from bars([_rung(n, rung) for n, rung in enumerate(report.rungs)], capacity)
    why = escape(report.verdict.capacity_by)
    yield f'<p class="note">A channel may use {capacity:.3g} % here ({why}): the line, where the bars come near it.</p>'


def _rung(number: int, rung: RungCost) -> Bar:
    percent = rung.cost.value * 100
    about = "" if rung.measured else "≈ "
    return Bar(f"{number + 1} {rung.name}", percent, f"{about}{percent:.3g} %", guessed=not rung.measured)


def _lag(lag: Lag) -> Bar:
    return Bar(lag.name, lag.p99 * 1000, f"{lag.p99 * 1000:.1f}, longest {lag.max * 1000:.1f}")


def _table(table: Table) -> Iterator[str]:
    yield f'<h2>{escape(table.title)}</h2><div class="scroll"><table class="{"words" if table.words else "figures"}">'
    if any(table.head):
        yield f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in table.head)}</tr>"
    for row in table.rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
    yield "</table></div>"
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>'
