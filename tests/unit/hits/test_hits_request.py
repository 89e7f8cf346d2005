"""The five forms of a request, and what a bulk may be."""

from __future__ import annotations

import msgspec
import pytest

from edge.hits.query import Malformed
from edge.hits.request import MOST_ITEMS, MOST_SINGLE, MOST_VALUES, Asked, read

PAGE = "https://www.example.org/a"
HIT = {"idsite": "1", "rec": "1", "url": PAGE}
QUERY = b"idsite=1&rec=1&url=https%3A%2F%2Fwww.example.org%2Fa"


def single(fields, **more):
    return Asked([fields], **more)


def bulk(*requests, **more):
    return msgspec.json.encode({"requests": requests, **more})


def post(body, query=b"", referer=""):
    return read("POST", query, body, referer)


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("GET", QUERY, b""),
        ("HEAD", QUERY, b""),
        ("POST", QUERY, b""),  # as sendBeacon sends it
        ("POST", b"", QUERY),
        ("POST", b"idsite=1&rec=1", b"url=" + QUERY.rpartition(b"=")[2]),
        ("GET", QUERY, b"action_name=no"),  # a body counts for POST alone
    ],
)
def test_one_hit(method, query, body):
    assert read(method, query, body, "") == single(HIT)


def test_a_bulk_of_strings_and_objects():
    asked = post(bulk("?" + QUERY.decode(), HIT, "https://m.example/matomo.php?" + QUERY.decode() + "#x"))
    assert asked == Asked([HIT, HIT, HIT], bulk=True)


def test_the_referer_is_the_page_of_an_image():
    assert read("GET", b"idsite=1&rec=1", b"", PAGE) == single(HIT)
    assert read("GET", b"idsite=1&rec=1&url=", b"", PAGE) == single(HIT)
    assert read("GET", b"idsite=1&urlref=x", b"", PAGE) == single({"idsite": "1", "urlref": "x"})
    assert read("GET", QUERY, b"", "https://other.example/") == single(HIT)
    assert post(bulk("?idsite=1&rec=1"), referer=PAGE) == Asked([HIT], bulk=True)


def test_the_query_wins():
    asked = post(b"idsite=2&rec=1&send_image=1&token_auth=b&a=b", b"idsite=1&send_image=0&token_auth=q")
    fields = {"idsite": "1", "rec": "1", "send_image": "0", "a": "b"}
    assert asked == single(fields, silent=True, token="q")


@pytest.mark.parametrize(
    ("method", "body"), [("GET", b""), ("HEAD", b""), ("POST", b""), ("POST", b"&&="), ("GET", b"a=1")]
)
def test_no_parameters(method, body):
    assert read(method, b"", body, PAGE) is None


@pytest.mark.parametrize(("said", "silent"), [("0", True), ("1", False), ("", False), ("00", False), ("false", False)])
def test_silence_is_asked_for_by_a_zero(said, silent):
    assert read("GET", QUERY + b"&send_image=" + said.encode(), b"", "").silent is silent


@pytest.mark.parametrize(
    ("said", "silent"), [(0, True), ("0", True), ("", True), (False, True), (1, False), ("1", False), (None, False)]
)
def test_silence_of_a_bulk(said, silent):
    assert post(bulk(HIT, send_image=said)).silent is silent


def test_one_hit_is_small():
    assert post(b"a=" + b"x" * (MOST_SINGLE - 2)) is not None
    with pytest.raises(Malformed, match="at most 65536 bytes for one hit") as caught:
        post(b"a=" + b"x" * (MOST_SINGLE - 1))
    assert caught.value.status == 413


def test_no_hit_keeps_the_token():
    assert read("GET", QUERY + b"&token_auth=t", b"", "") == single(HIT, token="t")
    assert post(bulk(HIT, token_auth="t")) == Asked([HIT], bulk=True, token="t")
    assert post(bulk("?a=1", "?token_auth=t&a=2")) == Asked([{"a": "1"}, {"a": "2"}], bulk=True, token="t")
    assert post(bulk({"token_auth": "i"}, token_auth="t")) == Asked([{}], bulk=True, token="t")
    assert post(bulk(HIT), b"token_auth=t") == Asked([HIT], bulk=True, token="t")
    assert post(bulk(HIT, token_auth=5)) == Asked([HIT], bulk=True)


def test_what_is_asked_does_not_show_itself():
    assert repr(read("GET", QUERY + b"&token_auth=secret", b"", "")) == "Asked(1 hits)"


def test_a_bulk_is_known_by_its_words():
    assert post(b' {"send_image":0, "requests" : ["?a=1"]} ') == Asked([{"a": "1"}], bulk=True, silent=True)
    assert post(b'"requests"=1') == single({'"requests"': "1"})  # at the very beginning it is a name
    assert post(b"a=requests") == single({"a": "requests"})


@pytest.mark.parametrize(
    ("entry", "item"),
    [
        ("?", None),
        ("idsite=1", None),
        ("/matomo.php", None),
        ("", None),
        ("#?a=1", None),
        (5, None),
        (None, None),
        (["?a=1"], None),
        ("?a=1?b=2", {"a": "1?b=2"}),
        ("?&", {}),
        ({}, {}),
    ],
)
def test_entries_of_a_bulk(entry, item):
    asked = post(bulk(entry, "?ok=1"))
    assert asked.items == [*([] if item is None else [item]), {"ok": "1"}]
    assert asked.dropped == (item is None)


def test_values_of_objects():
    entry = {
        "s": "é",
        "i": 1,
        "f": 1.5,
        "w": 2.0,
        "t": True,
        "n": False,
        "no": None,
        "l": [["sku", 1]],
        "o": {"1": ["a"]},
    }
    assert post(bulk(entry)).items == [
        {"s": "é", "i": "1", "f": "1.5", "w": "2", "t": "1", "n": "", "l": '[["sku",1]]', "o": '{"1":["a"]}'}
    ]


def test_line_breaks_may_stand_anywhere_in_a_bulk():
    assert post(b'{\r\n"requests":\n["?a=1\n&b=2"]}').items == [{"a": "1", "b": "2"}]


def test_a_json_object_of_requests_is_an_array_to_php():
    assert post(b'{"requests":{"0":"?a=1","x":{"b":2}}}').items == [{"a": "1"}, {"b": "2"}]


@pytest.mark.parametrize("requests", [b"null", b'"?a=1"', b"5", b"[]", b"{}"])
def test_a_bulk_of_nothing(requests):
    assert post(b'{"requests":' + requests + b"}") == Asked([], bulk=True)


@pytest.mark.parametrize(
    "body",
    [
        b"{'requests':['?a=1']}",
        b'{"requests":["?a=1"]',
        b'["requests"]',
        b'x"requests"',
        b'{"requests":["\xff"]}',
        b'{"requests":["\\ud800"]}',
        b'{"requests":' + b"[" * 15_000 + b"]" * 15_000 + b"}",
        b'{"requests":[{"a":' + b"9" * 5_000 + b"}]}",
        b'{"requests":[{"a":' + b'{"a":' * 15_000 + b"1" + b"}" * 15_002,
    ],
)
def test_a_bulk_that_is_none(body):
    with pytest.raises(Malformed, match="expected a bulk such as") as caught:
        post(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        (bulk(*["?a=1"] * MOST_ITEMS), True),
        (bulk(*["?a=1"] * (MOST_ITEMS + 1)), False),
        (bulk(*["no hit"] * (MOST_ITEMS + 1)), False),
        (bulk(*["?" + "&".join(f"p{number}=" for number in range(MOST_VALUES // 100))] * 100), True),
        (bulk(*["?" + "&".join(f"p{number}=" for number in range(MOST_VALUES // 100 + 1))] * 100), False),
        (b'{"x":[' + b"0," * (MOST_VALUES - 10) + b'0],"requests":["?a=1"]}', True),
        (b'{"x":[' + b"0," * MOST_VALUES + b'0],"requests":["?a=1"]}', False),
        (b'{"x":[' + b"[" * (MOST_VALUES + 1) + b'0],"requests":["?a=1"]}', False),
    ],
    ids=["500 hits", "501 hits", "501 of none", "20000 words", "more words", "20000 values", "more values", "brackets"],
)
def test_the_bounds_of_a_bulk(body, fits):
    if fits:
        assert post(body).items
        return
    with pytest.raises(Malformed, match=r"at most .* in a bulk: send the rest in another") as caught:
        post(body)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("charset", "before", "after"),
    [
        ("windows-1252", "http://e.org/caf%E9/?q=a%2Fb", "http://e.org/café/?q=a%2Fb"),
        ("windows-1252", "http://e.org/caf%C3%A9/", "http://e.org/café/"),
        ("utf-8", "http://e.org/caf%E9/", "http://e.org/caf%E9/"),
        ("nobody", "http://e.org/caf%E9/", "http://e.org/caf%E9/"),
        ("koi8-r", "http://e.org/%D0%D2", "http://e.org/пр"),
        ("koi8-r", "http://e.org/%D0%D2%", "http://e.org/%D0%D2%"),  # what is broken stays
        ("koi8-r", "http://e.org/%D0\n", "http://e.org/%D0\n"),
        ("koi8-r", "http://e.org/é%D0", "http://e.org/é%D0"),
        ("shift_jis", "http://e.org/%83A%2F=%3d%", "http://e.org/%83A%2F=%3d%"),
        ("shift_jis", "http://e.org/%83A%2F=%3d", "http://e.org/ア%2F=%3d"),
    ],
)
def test_addresses_of_pages_in_another_charset(charset, before, after):
    (item,) = post(bulk({"url": before, "urlref": before, "uid": before, "cs": charset})).items
    assert (item["url"], item["urlref"], item["uid"]) == (after, after, before)
