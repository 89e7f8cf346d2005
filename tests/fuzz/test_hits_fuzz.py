"""Any bytes: hits or one error of ours; and the steps taken are a bounded number for each byte.

The target is `hits_target.check`, which atheris runs for as long as one likes (fuzz_hits.py).
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Self

import pytest
from fuzz_hits import SEEDS
from hits_target import GROWING, check, taken
from hypothesis import example, given, settings
from hypothesis import strategies as st

NAMES = ["idsite", "rec", "url", "urlref", "cs", "cdt", "cdo", "cip", "cid", "idgoal", "ec_id", "ping", "ma_id", "link"]
NAMES += ["a[]", "a.b", "[", "e_c", "e_a", "token_auth", "send_image", "recMode", "search", "", "a%00b", " a", "%E9"]
VALUES = [
    "",
    "0",
    "1",
    "-1",
    "%41",
    "%",
    "%4",
    "%zz",
    "%E9",
    "%C3%A9",
    "%1E",
    "%1F",
    "%0A",
    "+",
    "=",
    "\x1e",
    "é",
    "x" * 40,
]
VALUES += ["windows-1252", "shift_jis", "utf-8", "2026-11-24+14:00:00", "1795532000", "1e400", "http%3A%2F%2Fa%2F%25E9"]
pairs = st.builds(
    lambda name, equals, values: name + equals + "".join(values),
    st.sampled_from(NAMES),
    st.sampled_from(["=", "=", "=", "", "=="]),
    st.lists(st.sampled_from(VALUES), max_size=4),
)
queries = st.lists(pairs, max_size=8).map("&".join)
encoded = st.one_of(queries.map(str.encode), queries.map(lambda text: text.encode("latin-1", "replace")))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=10), queries)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
objects = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), values, max_size=5)
entries = st.one_of(queries.map(lambda query: f"?{query}"), queries, objects, values)


def as_json(value: object) -> bytes:
    import msgspec  # noqa: PLC0415

    return msgspec.json.encode(value)


bulks = st.builds(
    lambda requests, more: as_json({**more, "requests": requests}),
    st.one_of(st.lists(entries, max_size=5), objects, values),
    st.dictionaries(st.sampled_from(["token_auth", "send_image", "x"]), values, max_size=2),
)
broken = st.builds(
    lambda raw, at, size, put: raw[: at % (len(raw) + 1)] + put + raw[at % (len(raw) + 1) + size :],
    bulks, st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=3),
)  # fmt: skip
requests = st.builds(
    lambda query, referer, body: b"\n".join((query, referer, body)),
    st.one_of(encoded, st.binary(max_size=60)),
    st.sampled_from([b"", b"http://a.example/\xe9"]),
    st.one_of(st.just(b""), encoded, bulks, broken, st.binary(max_size=100)),
)


@given(st.one_of(requests, st.binary(max_size=300)))
@settings(max_examples=1500, deadline=None)
@example(SEEDS[0])
@example(SEEDS[1])
@example(SEEDS[2])
@example(SEEDS[3])
@example(SEEDS[4])
def test_any_bytes_are_hits_or_our_error(data):
    check(data)


class Steps:
    """Counts the instructions of Python that run; each calls at most one function in C."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, _: object) -> object:
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        self.count += event == "opcode"
        return self._trace


def steps(data: bytes) -> int:
    with Steps() as counted:
        taken(data)
    return counted.count


A_BYTE = 40  # steps at most; what a function in C does is linear too: none of them searches within a search
AT_ALL = 1500


@given(st.one_of(requests, st.binary(max_size=300)))
@settings(max_examples=300, deadline=None)
def test_steps_are_bounded_for_each_byte(data):
    taken(data)  # a codec is loaded once
    assert steps(data) <= AT_ALL + A_BYTE * len(data)


@pytest.mark.parametrize("grow", GROWING.values(), ids=GROWING)
def test_twice_the_input_is_at_most_twice_the_steps(grow):
    taken(grow(20))
    small, large = steps(grow(500)), steps(grow(1000))
    assert large <= 2 * small + 200
    assert large <= AT_ALL + A_BYTE * len(grow(1000))


def test_the_counter_counts():
    """Quadratic work would be seen."""

    def quadratic(n: int) -> None:
        for i in range(n):
            for _ in range(i):
                pass

    def counted(n: int) -> int:
        with Steps() as found:
            quadratic(n)
        return found.count

    assert counted(200) > 3 * counted(100)
