"""Whatever stands in a log: no reader raises, and what each format can say comes back as it was."""

from __future__ import annotations

from accesslogs import FORMATS, common, request
from hypothesis import given
from hypothesis import strategies as st

from edge.hits import logformats
from edge.hits.export import cell
from edge.hits.importing import kind_of
from edge.hits.logformats import detect

READERS = list(logformats.FORMATS.values())
PIECES = st.sampled_from([
    '"', "\\", "[", "] ", ' "', "{", "}", ":", "/", "GET ", " HTTP/1.1", "25/Nov/2026:12:00:00 +0000", "200", "-", " ",
    '"ts":', '"request":', "null", "1e999", "\0", "é",
])  # fmt: skip
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\'), min_size=1, max_size=40)


@given(st.text(max_size=200) | st.lists(PIECES, max_size=40).map("".join))
def test_no_line_raises(line):
    for reader in READERS:
        reader(line)
    detect([line])


@given(st.integers(10**9, 4 * 10**9), WORDS, WORDS, WORDS, st.integers(100, 599), st.integers(0, 10**12))
def test_what_is_written_is_read(at, path, referrer, agent, status, size):
    asked = request(at, f"/{path}", referrer=referrer, agent=agent, status=status, size=size)
    for name, write in FORMATS.items():
        line = logformats.FORMATS[name](write(asked))
        assert (line.at, line.target, line.status, line.size) == (at, f"/{path}", status, size)
        said = (
            ("" if each == "-" else each for each in (referrer, agent)) if name != "Caddy JSON" else (referrer, agent)
        )
        assert (line.referrer, line.agent) == tuple(said)
    assert logformats.combined(common(asked)).target == f"/{path}"


@given(st.text(max_size=60))
def test_every_target_is_of_one_kind(target):
    assert kind_of(target) in ("page", "download", "asset")


@given(st.text(max_size=60))
def test_no_cell_is_a_formula(text):
    shown = cell(text)
    assert not shown.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert shown.removeprefix("'") == text.replace("\0", "").removeprefix("'")
