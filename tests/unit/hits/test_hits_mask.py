from __future__ import annotations

import pytest

from edge.hits.mask import mask


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", b"\xc0\x00"),
        ("0.0.0.0", b"\0\0"),
        ("255.255.1.2", b"\xff\xff"),
        ("2001:db8:1:2:3:4:5:6", b"\x20\x01\x0d\xb8\x00\x01"),
        ("2001:DB8:1::", b"\x20\x01\x0d\xb8\x00\x01"),
        ("::1", bytes(6)),
        ("fe80::1%eth0", b"\xfe\x80\0\0\0\0"),
        ("fe80::1%", b"\xfe\x80\0\0\0\0"),
    ],
)
def test_the_network_is_what_is_left(address: str, network: bytes) -> None:
    assert mask(address) == network


@pytest.mark.parametrize(
    "address",
    ["::ffff:192.0.2.77", "::FFFF:c000:24d", "64:ff9b::192.0.2.77", "2002:c000:24d::1", "2002:c000:24d:1:2:3:4:5"],
)
def test_an_ipv4_address_inside_an_ipv6_one_is_masked_as_what_it_is(address: str) -> None:
    assert mask(address) == mask("192.0.2.77")


def test_teredo_keeps_nothing_of_the_client() -> None:
    """Its last 32 bits are the client's address, inverted; the 16 bits after the prefix are of the server's."""
    assert mask("2001:0:4136:e378:8000:63bf:3fff:fdd2") == b"\x20\x01\0\0\x41\x36"


@pytest.mark.parametrize(
    "rubbish",
    ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4:80", "[::1]", ":",
     ":::", "%eth0", "::1%::2%x\0", "1.2.3.4\0", "::1\0", "1.2.3.é", "１.2.3.4", "\ud800:", "g::1",
     "0x7f.1", "a" * 99_999],
)  # fmt: skip
def test_rubbish_is_no_network(rubbish: str) -> None:
    assert mask(rubbish) in ({bytes(6)} if rubbish.startswith("::1%") else {b""})
