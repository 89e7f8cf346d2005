"""What must hold of any bytes that a tracker may send, for hypothesis (test_hits_fuzz) and for atheris (fuzz_hits).

Input: the query, a line feed, the Referer, a line feed, the body. A method other than POST where there is no body.
"""

from __future__ import annotations

from typing import get_args
from urllib.parse import unquote_to_bytes

from edge.hits.hit import Kind
from edge.hits.kinds import kind
from edge.hits.query import MOST, Malformed, _exact, _quick, parse
from edge.hits.request import MOST_ITEMS, MOST_VALUES, read
from edge.hits.timing import OLDEST, Refused, refused, when

NOW = 1_795_532_400.5
KINDS = get_args(Kind)
BODY_FITS = 524_288


def taken(data: bytes):
    """What `read` makes of the input, or the error that it may raise."""
    query, _, rest = data.partition(b"\n")
    referer, _, body = rest.partition(b"\n")
    try:
        return read("POST" if body else "GET", query, body, referer.decode("latin-1"))
    except Malformed as error:
        return error


def check(data: bytes) -> None:
    asked = taken(data[:BODY_FITS])
    if isinstance(asked, Malformed):
        assert asked.status in (400, 413)
        assert str(asked).startswith("expected ")
    elif asked is not None:
        assert asked.bulk or len(asked.items) == 1
        assert len(asked.items) <= MOST_ITEMS
        assert sum(map(len, asked.items)) <= MOST_VALUES + len(asked.items)  # a Referer each
        assert isinstance(asked.token, str)
        for item in asked.items:
            check_item(item)
    check_query(data.partition(b"\n")[0])


def check_item(item: dict[str, str]) -> None:
    assert "token_auth" not in item
    for name, value in item.items():
        assert isinstance(name, str)
        (name + value).encode()  # both are whole characters
    assert kind(item) in KINDS
    assert kind(item, robot=True) in KINDS
    for allowed in (False, True):
        at = when(item, NOW, allowed, keep_days=100)
        assert isinstance(at, Refused) or NOW - OLDEST - 1 < at <= NOW
        assert refused(item, allowed) is None or {"cid", "cip", "country", "region", "city", "lat", "long"} & set(item)


def check_query(query: bytes) -> None:
    """The quick way and the exact way agree, and both with the standard library where names are plain."""
    try:
        fields = parse(query)
    except Malformed:
        assert query.count(b"&") >= MOST
        return
    assert _quick(query) in (None, fields)
    assert _exact(query) == fields
    pairs = [pair.partition(b"=") for pair in query.split(b"&")]
    if all(plain(name) for name, _, _ in pairs) and b"cs" not in [name for name, _, _ in pairs]:
        assert fields == {name.decode(): unquoted(value) for name, _, value in pairs if name}


def plain(name: bytes) -> bool:
    return not name.strip(b"abcdefghijklmnopqrstuvwxyz_0123456789")


def unquoted(value: bytes) -> str:
    return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "replace")
