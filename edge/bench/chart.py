"""Horizontal bars as SVG that follows the page's width: lengths in percent, texts in pixels. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import msgspec

ROW, TEXT, THICK = 40, 14, 12  # pixels: a row, its text's baseline, its bar


class Bar(msgspec.Struct, frozen=True):
    """`text` stands at the right end of the row above the bar."""

    name: str
    value: float
    text: str
    guessed: bool = False


def bars(rows: Sequence[Bar], mark: float | None = None) -> Iterator[str]:
    """One SVG; a line at `mark`, if it lies within the bars or at most twice as far."""
    longest = max((row.value for row in rows), default=0.0)
    shown = mark if mark and mark <= 2 * longest else None
    full = max(longest, shown or 0.0) or 1.0
    names = ", ".join(f"{row.name} {row.text}" for row in rows)
    yield f'<svg height="{ROW * len(rows)}" role="img" aria-label="{escape(names)}">'
    for n, row in enumerate(rows):
        yield from _bar(row, n * ROW, row.value / full * 100, shown / full * 100 if shown else None)
    yield "</svg>"


def _bar(row: Bar, top: int, percent: float, mark: float | None) -> Iterator[str]:
    kind, text, bar = "guess" if row.guessed else "bar", top + TEXT, top + TEXT + 5
    yield f'<text x="0" y="{text}">{escape(row.name)}</text>'
    yield f'<text class="value" x="100%" y="{text}" text-anchor="end">{escape(row.text)}</text>'
    yield f'<rect class="track" x="0" y="{bar}" width="100%" height="{THICK}" rx="3"/>'
    yield f'<rect class="{kind}" x="0" y="{bar}" width="{max(percent, 0.3):.2f}%" height="{THICK}" rx="3"/>'
    if mark is not None:
        at = f"{min(99.7, mark):.2f}%"
        yield f'<line class="mark" x1="{at}" x2="{at}" y1="{bar - 2}" y2="{bar + THICK + 2}"/>'
