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
# Inputs of about so many bytes, each one thing over and over. bench/hits_parse.py measures them.
GROWING = {
    "escapes": lambda n: b"a=" + b"%41" * n,
    "bad escapes": lambda n: b"a=" + b"%" * n,
    "escapes of a control character": lambda n: b"a=" + b"%1E" * n,
    "parameters": lambda n: b"&".join(b"p%d=%d" % (i, i) for i in range(n // 20)),
    "brackets": lambda n: b"a" + b"[" * n + b"=1",
    "closed brackets": lambda n: b"a" + b"[]" * n + b"=1",
    "dots": lambda n: b"." * n + b"=1",
    "spaces": lambda n: b"%20" * n + b"a=1",
    "equals": lambda n: b"a" + b"=" * n,
    "not UTF-8": lambda n: b"a=" + b"%E9" * n + b"&cs=windows-1252",
    "an address in another charset": lambda n: b"cs=windows-1252&url=" + b"%25E9/" * n,
    "addresses of a bulk": lambda n: b'\n\n{"requests":[{"cs":"gbk","url":"' + b"%C4%E3" * n + b'"}]}',
    "half escapes of an address": lambda n: b"cs=windows-1252&url=" + b"%25E" * n,
    "a long time": lambda n: b"cdt=" + b"1" * n,
    "a long goal": lambda n: b"idgoal=" + b"9" * n,
    "a bulk": lambda n: b'\n\n{"requests":[' + b",".join([b'"?idsite=1&a=%41"'] * (n // 20)) + b"]}",
    "objects": lambda n: b'\n\n{"requests":[' + b",".join([b'{"a":1,"b":[1]}'] * (n // 20)) + b"]}",
    "one object": lambda n: b'\n\n{"requests":[{' + b",".join(b'"p%d":1.5' % i for i in range(n // 2)) + b"}]}",
    "question marks": lambda n: b'\n\n{"requests":["' + b"?" * n + b'"]}',
    "fragments": lambda n: b'\n\n{"requests":["?a=1' + b"#" * n + b'"]}',
    "line breaks": lambda n: b'\n\n{"requests":[' + b"\r\n" * n + b"]}",
    "nested": lambda n: b'\n\n{"requests":' + b"[" * n,
    "the word itself": lambda n: b"\n\n" + b'"requests"' * n,
    "quotes": lambda n: b"\n\n" + b'"requests' * n,
}


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
