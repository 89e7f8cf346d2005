"""The quick way of reading a query gives what the exact one gives, or leaves it to that one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hits.query import _exact, _quick, parse

PIECES = st.sampled_from(
    [
        b"a",
        b"rec",
        b"_id",
        b"1",
        b"%41",
        b"%C3%A9",
        b"%e9",
        b"%",
        b"%4",
        b"+",
        b".",
        b"[",
        b"]",
        b" ",
        b"%00",
        b"%2E",
        b"%5B",
        b"%20",
        b"\xc3\xa9",
        b"%1f",
        b"\x1f",
        b"\n",
        b"\r",
        b"\x00",
        b"-",
        b"%3D",
        b"%26",
        b"cs",
        b"latin1",
    ]
)
WORDS = st.lists(PIECES, max_size=3).map(b"".join)
PAIRS = st.tuples(WORDS, st.sampled_from([b"=", b"=", b"=", b"", b"=="]), WORDS).map(b"".join)


@settings(max_examples=3000, deadline=None)
@given(st.lists(PAIRS, max_size=5).map(b"&".join))
def test_both_ways_lead_to_the_same(query):
    exact = _exact(query)
    assert _quick(query) in (None, exact)
    assert parse(query) == exact
