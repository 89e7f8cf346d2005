"""The report for people: complete, self-contained, and safe whatever it holds."""

from __future__ import annotations

import io
import re
import sys
from html.parser import HTMLParser

import msgspec
import pytest
from benching import HOST, LAGS, RUNGS, STREAM, report

from edge.bench.chart import Bar, bars
from edge.bench.compare import compare
from edge.bench.page import page
from edge.bench.tables import compared, tables
from edge.bench.terminal import progress, show
from edge.bench.text import lines
from edge.bench.words import about, percent, picture

VOID = {"meta", "rect", "line", "br"}


class Checker(HTMLParser):
    """Tags balance; texts and attributes are kept."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words += data + " "


def test_the_page_is_one_file_without_a_script() -> None:
    found = Checker(page(report()))
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert not [a for a in found.attributes if a[0] in ("src", "href") or a[0].startswith("on")]
    assert "url(" not in page(report())
    assert "prefers-color-scheme: dark" in page(report())
    assert ("name", "viewport") in found.attributes
    assert found.tags.count("svg") == 4


def test_the_page_and_the_text_say_the_same() -> None:
    whole = report(left_out=("a thing: for a reason",))
    words = re.sub(r"\s+", " ", Checker(page(whole)).words)
    plain = re.sub(r"\s+", " ", " ".join(lines(whole, whole.snippet)))
    for text in (words, plain):
        for sentence in whole.verdict.sentences:
            assert sentence in text
        for table in tables(whole):
            assert table.title in text
            assert all(cell in text for row in table.rows for cell in row if cell)
        assert "a thing: for a reason" in text
        assert 'source = "http://source.example/live.ts"' in text


def test_hostile_names_stay_text() -> None:
    evil = "<script>alert(1)</script>&\"'"
    whole = report(
        host=msgspec.structs.replace(HOST, processor=evil),
        stream=msgspec.structs.replace(STREAM, origin=evil, video=evil),
        left_out=(evil,),
        snippet=evil,
        lags=(msgspec.structs.replace(LAGS[0], name=evil),),
    )
    found = Checker(page(whole))
    assert "script" not in found.tags
    assert found.words.count("<script>alert(1)</script>") >= 5


def test_a_report_without_measurements_is_shown() -> None:
    bare = report(rungs=(), lags=(), fanout=None, together=None, stream=None, hits=None, complete=False)
    assert "interrupted" in Checker(page(bare)).words
    assert "interrupted" in " ".join(lines(bare, ""))


def test_a_comparison_is_shown_beside_the_rest() -> None:
    table = compared(compare(report(), report()), ())
    for text in (page(report(), [table]), "\n".join(lines(report(), "", [table]))):
        assert "Compared with the earlier run" in text
        assert "1.00" in text


def test_guesses_are_marked() -> None:
    rows = {row[0]: row for table in tables(report()) for row in table.rows}
    assert rows["1 full ←"][1:3] == ("5", "2")
    assert rows["2 skip-nonref"] == ("2 skip-nonref", "≈4", "", "", "", "", "")
    assert "≈: guessed" in page(report())
    assert 'class="guess"' in page(report())


def test_bars_stay_in_their_chart() -> None:
    drawn = "".join(bars([Bar("a", 5, "5"), Bar("b", 0, "0")], 8))
    widths = [float(width) for width in re.findall(r'width="([\d.]+)%"', drawn)]
    assert all(0 < width <= 100 for width in widths)
    assert 'x1="99.70%"' in drawn
    assert "<line" not in "".join(bars([Bar("a", 5, "5")], 50))
    assert "".join(bars([])) == '<svg height="0" role="img" aria-label=""></svg>'
    assert 'width="0.30%"' in "".join(bars([Bar("none", 0, "0")]))


def test_words_for_figures() -> None:
    assert [about(n) for n in (0, 9, 99, 100, 1234, 15_559, 250_000)] == [
        "0",
        "9",
        "99",
        "100",
        "1200",
        "16000",
        "over 100000",
    ]
    assert percent(0.384) == "38 %"
    rendition = report().request.rendition
    assert picture(msgspec.structs.replace(rendition, width=None)) == "height 240 at 15 frames/s"
    assert picture(msgspec.structs.replace(rendition, width=None, height=None)) == "the source's size at 15 frames/s"
    assert picture(msgspec.structs.replace(rendition, video="copy")) == "the source's picture as it is"
    assert RUNGS[0].name == "full"


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_tables_by_rich_if_there_is_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, rich, plain = report(left_out=("[bold]: x",)), Terminal(), Terminal()
    show(whole, (), whole.snippet, rich)
    assert "\x1b[" in rich.getvalue()
    assert "[bold]: x" in rich.getvalue()  # a text, not markup
    monkeypatch.setitem(sys.modules, "rich", None)
    show(whole, (), whole.snippet, plain)
    assert plain.getvalue() == "".join(f"{line}\n" for line in lines(whole, whole.snippet))
    with progress(5, plain) as bar:
        bar.step("x")
        bar.tick()
    assert plain.getvalue().endswith("x") is False


def test_the_bar_is_for_terminals_only() -> None:
    quiet, shown = io.StringIO(), Terminal()
    for stream in (quiet, shown):
        with progress(5, stream) as bar:
            bar.step("the ladder's rungs")
            bar.tick()
    assert quiet.getvalue() == ""
    assert "the ladder's rungs" in shown.getvalue()
