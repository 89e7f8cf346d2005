"""Whose word about the client counts."""

import pytest

from edge.access.proxies import Proxies, read_address, read_forwarded, read_network
from edge.errors import ConfigError

TRUSTED = Proxies(["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7"])


def client(headers, peer="10.0.0.1", proxies=TRUSTED):
    return tuple(proxies.client(peer, {"host": "edge", **headers}))


def test_nobody_is_trusted_unless_named():
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "evil"}
    assert client(headers, proxies=Proxies()) == ("10.0.0.1", "http", "edge")
    assert client(headers, peer="203.0.113.1") == ("203.0.113.1", "http", "edge")


@pytest.mark.parametrize(
    ("listed", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the left one is what the client claims
        ("203.0.113.9, 10.1.1.1, 192.0.2.7", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:db8:2::1", "2001:db8:2::1"),
        ("[2001:db8:2::1]:4711", "2001:db8:2::1"),
        ("203.0.113.9, 2001:db8:1::9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("10.9.9.9, 10.1.1.1", "10.9.9.9"),  # all are trusted: the outermost
        ("", "10.0.0.1"),
        (",,,", "10.0.0.1"),
        ("garbage", "10.0.0.1"),
        ("203.0.113.9, garbage", "10.0.0.1"),
        ("203.0.113.9, unknown, 10.1.1.1", "10.1.1.1"),  # what stands left of a hole was said by nobody we know
        ("203.0.113.256", "10.0.0.1"),
        ("٣.0.0.1", "10.0.0.1"),
        ("1.2.3.4\0", "10.0.0.1"),
        ("203.0.113.9, " + "10.0.0.2, " * 5000 + "10.0.0.3", "10.0.0.2"),  # only so many are looked at
    ],
)
def test_x_forwarded_for(listed, address):
    assert client({"x-forwarded-for": listed})[0] == address


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("for=203.0.113.9", ("203.0.113.9", "http", "edge")),
        ('For="[2001:db8:2::1]:4711";proto=https;host=tv.example', ("2001:db8:2::1", "https", "tv.example")),
        ("for=198.51.100.1;host=evil, for=203.0.113.9;proto=HTTPS", ("203.0.113.9", "https", "edge")),
        (
            'for=203.0.113.9;host="tv.example:8080" , for=10.1.1.1;host=inner',
            ("203.0.113.9", "http", "tv.example:8080"),
        ),
        ("for=203.0.113.9, for=_hidden", ("10.0.0.1", "http", "edge")),
        ("for=unknown", ("10.0.0.1", "http", "edge")),
        ("proto=https", ("10.0.0.1", "http", "edge")),
        ("for=203.0.113.9;proto=javascript", ("203.0.113.9", "http", "edge")),
        ('for=203.0.113.9;host="a/../b"', ("203.0.113.9", "http", "edge")),
        ('for="203.0.113.9', ("10.0.0.1", "http", "edge")),
        ("for=203.0.113.9 for=1.2.3.4", ("10.0.0.1", "http", "edge")),
        ("for=203.0.113.9,", ("10.0.0.1", "http", "edge")),
        ("", ("10.0.0.1", "http", "edge")),
    ],
)
def test_forwarded(value, found):
    assert client({"forwarded": value}) == found


def test_x_forwarded_for_outranks_forwarded():
    """The usual proxies write it and pass the other on as the client made it up."""
    assert client({"x-forwarded-for": "203.0.113.9", "forwarded": "for=198.51.100.1"})[0] == "203.0.113.9"


def test_scheme_and_host():
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "HTTPS", "x-forwarded-host": "a, tv.example"}
    assert client(headers) == ("203.0.113.9", "https", "tv.example")
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "x", "x-forwarded-host": "a b"}
    assert client(headers) == ("203.0.113.9", "http", "edge")


def test_quoted_pairs():
    assert read_forwarded(r'host="a\"b\\c"; for="\1.2.3.4"')[0].node == "1.2.3.4"


def test_trust_by_mapped_address():
    assert TRUSTED.trusts("::ffff:10.1.2.3")
    assert not TRUSTED.trusts("::ffff:11.1.2.3")
    assert not TRUSTED.trusts("")
    assert TRUSTED.trusts("192.0.2.7")
    assert not TRUSTED.trusts("192.0.2.8")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("127.0.0.1/32", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.1/8", "127.255.0.9", "126.0.0.1"),
        ("0.0.0.0/0", "8.8.8.8", "::1"),
        ("::1", "::1", "::2"),
        ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
    ],
)
def test_networks(text, inside, outside):
    assert read_network(text).holds(read_address(inside))
    assert not read_network(text).holds(read_address(outside))


@pytest.mark.parametrize(
    "text", ["", "a", "1.2.3", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/+1", "::/129", "/8"]
)
def test_what_is_no_network(text):
    with pytest.raises(ConfigError, match="expected a network such as"):
        Proxies([text])
