"""Whose word about a client's address counts. Nobody's, until the configuration names the proxies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

from edge.errors import ConfigError

_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*')
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")
_MAPPED = bytes(10) + b"\xff\xff"
_MOST = 32  # elements of a list that are looked at, from the right


class Network(NamedTuple):
    """An address is its 4 or 16 bytes; the standard library's class would cost 0.3 MB for these few lines."""

    size: int  # bytes of its addresses
    value: int
    mask: int

    def holds(self, address: bytes) -> bool:
        return len(address) == self.size and int.from_bytes(address, "big") & self.mask == self.value

    @property
    def text(self) -> str:
        return f"{show_address(self.value.to_bytes(self.size, 'big'))}/{self.mask.bit_count()}"


class Client(NamedTuple):
    """Who asks, and how the outermost trusted proxy was asked."""

    address: str
    scheme: str
    host: str


class Element(NamedTuple):
    """What one proxy said of the hop before it."""

    node: str
    scheme: str = ""
    host: str = ""


class Proxies:
    """The trusted proxies, as networks (`10.0.0.0/8`, `::1`). ConfigError for what is no network."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = tuple(map(read_network, networks))

    def trusts(self, address: str) -> bool:
        if not self._networks:
            return False
        parsed = read_address(address)
        return parsed is not None and self._holds(parsed)

    def _holds(self, address: bytes) -> bool:
        return any(network.holds(address) for network in self._networks)

    def client(self, peer: str, headers: Mapping[str, str]) -> Client:
        """Who the client behind `peer` is: the rightmost address that is no trusted proxy. Garbage never raises."""
        host = headers.get("host", "")
        if not self.trusts(peer):
            return Client(peer, "http", host)
        address, scheme, said_host = peer, "", ""
        for element in reversed(_elements(headers)[-_MOST:]):
            node = _node(element.node)
            if not node:
                break  # hidden or garbage: what stands left of it was said by nobody we know
            address, scheme, said_host = show_address(node), element.scheme, element.host
            if not self._holds(node):
                break
        return Client(address, scheme if scheme in ("http", "https") else "http", said_host or host)


def read_network(text: str) -> Network:
    """`10.0.0.0/8`, `2001:db8::/32` or one address; bits beyond the prefix do not count. ConfigError for all else."""
    address, slash, prefix = text.partition("/")
    packed = read_address(address, mapped=False)
    bits = len(packed) * 8
    if not packed or not (prefix.isdecimal() and prefix.isascii() and int(prefix) <= bits if slash else True):
        raise ConfigError(f'expected a network such as "127.0.0.1/32" as a trusted proxy, got "{text}"')
    mask = (1 << bits) - (1 << bits - int(prefix or bits))
    return Network(len(packed), int.from_bytes(packed, "big") & mask, mask)


def read_address(text: str, *, mapped: bool = True) -> bytes:
    """The address in network order, empty for what is none; `mapped` reads ::ffff:192.0.2.1 as 192.0.2.1."""
    try:
        packed = inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):
        return b""
    return packed[12:] if mapped and packed.startswith(_MAPPED) else packed


def show_address(packed: bytes) -> str:
    return inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)


def _node(text: str) -> bytes:
    """`192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80` (RFC 7239 6); empty for `unknown`, `_hidden` and garbage."""
    text = text.strip()
    if text.startswith("["):
        return read_address(text[1:].partition("]")[0])
    if text.count(":") == 1:
        text = text.partition(":")[0]
    return read_address(text)


def _elements(headers: Mapping[str, str]) -> list[Element]:
    """What the proxies said, the nearest last.

    X-Forwarded-For comes first: the usual proxies write it by default and pass a Forwarded that a client made up.
    """
    if "x-forwarded-for" in headers:
        scheme = _last(headers.get("x-forwarded-proto", "")).lower()
        host = _last(headers.get("x-forwarded-host", ""))
        host = host if _HOST.fullmatch(host) else ""
        return [Element(node, scheme, host) for node in headers["x-forwarded-for"].split(",")]
    return read_forwarded(headers["forwarded"]) if "forwarded" in headers else []


def _last(listed: str) -> str:
    return listed.rpartition(",")[2].strip()


def read_forwarded(value: str) -> list[Element]:
    """The elements of a Forwarded field (RFC 7239 4); none at all when it is malformed anywhere."""
    elements: list[Element] = []
    found: dict[str, str] = {}
    at = 0
    while match := _PAIR.match(value, at):
        quoted = match[2]
        found[match[1].lower()] = match[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = match.end()
        if at == len(value):
            return [*elements, _element(found)]
        if value[at] == ",":
            elements.append(_element(found))
            found = {}
        elif value[at] != ";":
            break
        at += 1
    return []


def _element(found: dict[str, str]) -> Element:
    host = found.get("host", "")
    return Element(found.get("for", ""), found.get("proto", "").lower(), host if _HOST.fullmatch(host) else "")
