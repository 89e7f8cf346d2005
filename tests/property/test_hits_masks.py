"""The mask against the standard library's idea of addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

from hypothesis import assume, given
from hypothesis import strategies as st

from edge.hits.mask import mask

NAT64 = IPv6Network("64:ff9b::/96")


@given(st.ip_addresses(v=4), st.integers(0, 65_535))
def test_the_last_16_bits_of_ipv4_make_no_difference(address: IPv4Address, other: int) -> None:
    same = IPv4Address(int(address) >> 16 << 16 | other)
    assert mask(str(address)) == mask(str(same)) == mask(f"::ffff:{same}") == address.packed[:2]


@given(st.ip_addresses(v=6), st.integers(0, 2**80 - 1))
def test_the_last_80_bits_of_ipv6_make_no_difference(address: IPv6Address, other: int) -> None:
    same = IPv6Address(int(address) >> 80 << 80 | other)
    assume(not any(each.ipv4_mapped or each.sixtofour or each in NAT64 for each in (address, same)))
    assert mask(str(address)) == mask(str(same)) == mask(same.exploded) == address.packed[:6]


@given(st.text(max_size=60) | st.from_regex(r"[0-9a-f:.%/\[\] ]{0,50}", fullmatch=True))
def test_any_text_is_a_network_or_none(text: str) -> None:
    assert len(mask(text)) in {0, 2, 6}
