"""The network of an address: all of it that any later part of the collector sees."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton

# IPv6 addresses that carry an IPv4 one in their last 32 bits: mapped (RFC 4291) and translated (RFC 6052).
_IPV4_AT_END = (bytes(10) + b"\xff\xff", b"\x00\x64\xff\x9b" + bytes(8))
_IPV4_AT_16 = b"\x20\x02"  # 6to4 (RFC 3056): its /48 would be the whole IPv4 address


def mask(address: str) -> bytes:
    """The first 16 bits of an IPv4 address (2 bytes), 48 of an IPv6 address (6 bytes); `b""`: it is neither.

    An IPv6 address that holds an IPv4 one counts as that. A zone (`fe80::1%eth0`) is left out.
    """
    try:
        if ":" not in address:
            return inet_pton(AF_INET, address)[:2]
        whole = inet_pton(AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):  # ValueError: a zero byte, or no ASCII
        return b""
    if whole.startswith(_IPV4_AT_END):
        return whole[12:14]
    return whole[2:4] if whole.startswith(_IPV4_AT_16) else whole[:6]
