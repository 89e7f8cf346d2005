"""PHP's rules, one by one; what is quick and what is exact must say the same (tests/fuzz has the generated cases)."""

from __future__ import annotations

import pytest

from edge.errors import PeerError
from edge.hits.query import MOST, Malformed, _exact, _quick, parse

USUAL = (
    b"action_name=Hello%20%C3%A9&idsite=1&rec=1&url=http%3A%2F%2Fsite.example%2F%3Fa%3Db%26c&uid=&e_v=3.5&ec_items=[]"
)


def test_what_clients_send_is_read_quickly():
    assert _quick(USUAL) == _exact(USUAL) == parse(USUAL) == {
        "action_name": "Hello é",
        "idsite": "1",
        "rec": "1",
        "url": "http://site.example/?a=b&c",
        "uid": "",
        "e_v": "3.5",
        "ec_items": "[]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (b"", {}),
        (b"&", {}),
        (b"=", {}),
        (b"=1", {}),
        (b"a", {"a": ""}),
        (b"a=", {"a": ""}),
        (b"&&a=1&&", {"a": "1"}),
        (b"a=1&a=2", {"a": "2"}),  # the last wins
        (b"a=1&a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a==", {"a": "="}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a=x+y%2Bz", {"a": "x y+z"}),
        (b"a%3Db=1", {"a=b": "1"}),
        (b"a=%26&b=%3D", {"a": "&", "b": "="}),
        (b"%61=1", {"a": "1"}),
        (b"a.b=1&c d=2&e+f=3", {"a_b": "1", "c_d": "2", "e_f": "3"}),
        (b"  a=1&%20b=2", {"a": "1", "b": "2"}),
        (b"a%00b=1&%00=2", {"a": "1"}),
        (b"a[]=1&a[]=2", {"a": "2"}),
        (b"a[x]=1", {"a": "1"}),
        (b"a.b[c.d]=1", {"a_b": "1"}),
        (b"a%5B%5D=1", {"a": "1"}),
        (b"a[b=1", {"a_b": "1"}),
        (b"[a]=1&[=2", {}),
        (b"1a=1", {"1a": "1"}),
        # What is no escape stays as it is.
        (b"a=%", {"a": "%"}),
        (b"a=100%&b=1", {"a": "100%", "b": "1"}),
        (b"a=%4", {"a": "%4"}),
        (b"a=%zz%41", {"a": "%zzA"}),
        (b"a=%%41", {"a": "%A"}),
        (b"a=%25%34%31", {"a": "%41"}),
        (b"a=%\n41", {"a": "%\n41"}),
        (b"a=%\r\nx", {"a": "%\r\nx"}),
        (b"a=%+1", {"a": "% 1"}),
        # Control characters, ours among them, are the sender's.
        (b"a=%1Eb%1Fc", {"a": "\x1eb\x1fc"}),
        (b"a=\x1eb\x1fc", {"a": "\x1eb\x1fc"}),
        (b"a=%0A%0D%00", {"a": "\n\r\x00"}),
        (b"a%1Fb", {"a\x1fb": ""}),
        # Not UTF-8.
        (b"a=%E9", {"a": "\ufffd"}),
        (b"a=\xe9&b=%C3%A9", {"a": "\ufffd", "b": "é"}),
        (b"a=\xc3\xa9", {"a": "é"}),
        (b"a=%ED%A0%80", {"a": "\ufffd\ufffd\ufffd"}),  # a surrogate is no character
    ],
)
def test_rules(query, fields):
    assert parse(query) == fields
    assert _exact(query) == fields
    assert _quick(query) in (fields, None)


@pytest.mark.parametrize(
    ("charset", "value", "text"),
    [
        (b"windows-1252", b"%E9%80", "é€"),
        (b"ISO-8859-1", b"%E9%80", "é€"),  # as browsers read it (WHATWG Encoding)
        (b"koi8-r", b"%D0%D2", "пр"),
        (b"windows-1251", b"%EF%F0", "пр"),
        (b"shift_jis", b"%83A", "ア"),
        (b"gbk", b"%C4%E3", "你"),
        (b"utf-8", b"%E9", "\ufffd"),
        (b"windows-1252", b"%C3%A9", "é"),  # scripts encode in UTF-8 whatever the page is
        (b"idna", b"%E9", "\ufffd"),
        (b"rot13", b"%E9", "\ufffd"),
        (b"x" * 50_000, b"%E9", "\ufffd"),
    ],
)
def test_bytes_of_another_charset(charset, value, text):
    assert parse(b"a=" + value + b"&cs=" + charset)["a"] == text


def test_the_number_of_parameters_is_bounded():
    assert len(parse(b"&".join(b"a%d=1" % number for number in range(MOST)))) == MOST
    with pytest.raises(Malformed, match=f"at most {MOST} parameters") as caught:
        parse(b"a=secret" + b"&" * MOST)
    assert isinstance(caught.value, PeerError)
    assert caught.value.status == 400
    assert "secret" not in str(caught.value)
