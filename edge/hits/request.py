"""What one request reports: one hit or many, out of its query and its body. Pure; its work is linear in their length.

Its strings are as raw as they came: nothing here may be logged, shown or kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from edge.hits.query import Malformed, codec, decode, parse, unescaped

MOST_ITEMS = 500  # of a bulk; matomo.js sends 50 at a time, Matomo's log importer 200
MOST_VALUES = 20_000  # of a bulk, all items together: 40 for each. Bounds the memory that a small body can ask for
MOST_SINGLE = 65_536  # bytes of a body with one hit
_ADDRESSES = ("url", "urlref", "link", "download")
_ASCII = tuple((b"%%%d" % digit, b"=25%d" % digit) for digit in range(8))
_BULK = 'expected a bulk such as {"requests":["?idsite=1&rec=1&url=..."]} in JSON'


class Asked(msgspec.Struct, gc=False):
    """The hits of a request. `token` is what it gave as token_auth, which no hit has any more."""

    items: list[dict[str, str]]
    bulk: bool = False
    silent: bool = False  # no image is wanted (send_image=0)
    token: str = ""
    dropped: int = 0  # of a bulk: what can be no hit, such as an address without "?"

    def __repr__(self) -> str:
        return f"Asked({len(self.items)} hits)"


class _Bulk(msgspec.Struct):
    requests: Any = None
    token_auth: Any = ""
    send_image: Any = 1


_READ_BULK = msgspec.json.Decoder(_Bulk).decode


def read(method: str, query: bytes, body: bytes, referer: str) -> Asked | None:
    """The hits; None: no parameters at all. The query wins over the body. Malformed for what cannot be read.

    A body counts for POST alone, and its Content-Type for nothing: matomo.js sends JSON as a form.
    """
    if body and method == "POST":
        if is_bulk(body):
            return _read_bulk(query, body, referer)
        if len(body) > MOST_SINGLE:
            raise Malformed(f"expected at most {MOST_SINGLE} bytes for one hit", 413)
        fields = parse(body)
        if query:
            fields |= parse(query)
    else:
        fields = parse(query)
    if not fields:
        return None
    token = fields.pop("token_auth", "")
    return Asked([_completed(fields, referer)], bulk=False, silent=fields.get("send_image") == "0", token=token)


def is_bulk(body: bytes) -> bool:
    """Matomo's test: the word in quotes anywhere but at the very beginning."""
    return (b'"' in body and body.find(b'"requests"', 1) > 0) or (b"'" in body and body.find(b"'requests'", 1) > 0)


def _completed(fields: dict[str, str], referer: str) -> dict[str, str]:
    """An image's hit has no address: its page is the Referer. Addresses of pages in other charsets become UTF-8."""
    get = fields.get
    if referer and not get("url") and not get("urlref"):
        fields["url"] = referer
    said = get("cs")
    if said and (charset := codec(said)) != "utf-8":
        for name in _ADDRESSES:
            if name in fields:
                fields[name] = _in_unicode(fields[name], charset)
    return fields


def _in_unicode(address: str, charset: str) -> str:
    """An address whose escapes beyond ASCII are characters in `charset`, with these characters; others stay escapes."""
    if not address.isascii() or not address.isprintable():
        return address
    quoted = address.encode().replace(b"=", b"=3D")
    for escape, kept in _ASCII:
        quoted = quoted.replace(escape, kept)
    raw = unescaped(quoted.replace(b"%", b"="))
    return address if raw is None else decode(raw, charset)


def _read_bulk(query: bytes, body: bytes, referer: str) -> Asked:
    _bound(sum(map(body.count, (b",", b"[", b"{"))), MOST_VALUES, "values")
    try:
        found = _READ_BULK(body.translate(None, b"\r\n"))  # as PHP does: line breaks may stand in strings, too
        items, dropped = _items(found.requests)
    except (msgspec.MsgspecError, RecursionError, ValueError):  # ValueError: not UTF-8, or a number of 5000 digits
        raise Malformed(_BULK) from None
    token = _token([item.pop("token_auth", "") for item in items])
    if isinstance(found.token_auth, str) and found.token_auth:
        token = found.token_auth
    elif query:
        token = parse(query).get("token_auth", "") or token
    items = [_completed(item, referer) for item in items]
    return Asked(items, bulk=True, silent=found.send_image in (0, "", "0"), token=token, dropped=dropped)


def _token(said: Iterable[str]) -> str:
    """The first that is none: one sender, so one token speaks for all that it sent."""
    return next(filter(None, said), "")


def _items(requests: object) -> tuple[list[dict[str, str]], int]:
    """The hits, and how many entries can be none. PHP takes a JSON object for an array too."""
    listed = list(requests.values()) if isinstance(requests, dict) else requests
    if not isinstance(listed, list):
        return [], 0
    _bound(len(listed), MOST_ITEMS, "hits")
    items: list[dict[str, str]] = []
    values = 0
    for entry in listed:
        item = _item(entry)
        if item is not None:
            items.append(item)
            values += len(item)
            _bound(values, MOST_VALUES, "values")
    return items, len(listed) - len(items)


def _bound(count: int, most: int, what: str) -> None:
    if count > most:
        raise Malformed(f"expected at most {most} {what} in a bulk: send the rest in another", 413)


def _item(entry: object) -> dict[str, str] | None:
    if isinstance(entry, str):
        query = entry.partition("#")[0].partition("?")[2]
        return parse(query.encode()) if query else None
    if isinstance(entry, dict):
        return {name: text for name, value in entry.items() if (text := _text(value)) is not None}
    return None


def _text(value: object) -> str | None:
    """A value of JSON as PHP would make a string of it. Lists and objects stay JSON: `ec_items` may be one."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else msgspec.json.encode(value).decode()
