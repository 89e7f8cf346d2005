"""What trackers are told: Matomo's answers, as status, header fields and body. Pure; knows no HTTP server.

Browsers read an answer to a POST only where it repeats their Origin: scripts send cookies along, and then "*" is not
enough (Fetch 3.3.5). Answers to GET are images and carry no such field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from edge.hits.hit import Excluded

Fields: TypeAlias = tuple[tuple[str, str], ...]
Told: TypeAlias = tuple[int, Fields, bytes]

GIF = (  # one transparent pixel: the 43 bytes that Matomo sends
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
_IMAGE = ("Content-Type", "image/gif")
_HTML = ("Content-Type", "text/html; charset=utf-8")
_JSON = ("Content-Type", "application/json")
_NO_STORE = ("Cache-Control", "no-store")
_CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
_METHODS = ("Access-Control-Allow-Methods", "GET, POST")
_NOT_TRACKED = ("Tk", "N")
_PAGE = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>edge</title>'
    "<p>Trackers that speak Matomo's wire format report visits to this address.</p><p>{}</p></html>\n"
)
EMPTY = "Expected parameters, at least idsite, rec and url; got none."
_WHY = {  # by the reason of a refusal
    "site": "Expected idsite to be a site of the configuration.",
    "visitor_id": "Expected cid to have 16 characters.",
    "token": "Expected a token with the scope publish as token_auth: cip, country, region, city, lat, long need one, "
    "and so does a cdt of more than a day ago.",
    "time": "Expected cdt to lie within the days that are kept.",
}


def cors(origin: str | None) -> Fields:
    """Of every answer but those to GET and HEAD."""
    return (("Access-Control-Allow-Origin", origin or "*"), _CREDENTIALS)


def preflight(origin: str | None) -> Told:
    """To OPTIONS. With credentials "*" is no wildcard but a name: scripts that send JSON need theirs named besides."""
    if not origin:
        return 204, (_METHODS, ("Access-Control-Allow-Headers", "*"), ("Access-Control-Allow-Origin", "*")), b""
    return 204, (_METHODS, ("Access-Control-Allow-Headers", "*, Content-Type"), *cors(origin)), b""


def counted(own: Fields, *, silent: bool, reason: Excluded | str = "") -> Told:
    """To a hit that was counted, or excluded for `reason`. `own`: `cors` of a POST, `GET` of a GET."""
    if reason:
        own = (*own, ("X-Edge-Excluded", reason))
        if reason == "dnt":
            own = (*own, _NOT_TRACKED)
    return (204, own, b"") if silent else (200, (_IMAGE, *own), GIF)


GET: Fields = (_NO_STORE,)


def refused(own: Fields, *, silent: bool, reason: str, status: int = 400) -> Told:
    """To a hit that is none: an image that browsers show without a word, and behind it a page that says why."""
    page = _PAGE.format(_WHY.get(reason, reason)).encode()
    return (status, (_HTML, *own), page) if silent else (status, (_IMAGE, *own), GIF + page)


def nothing(own: Fields | None) -> Told:
    """To a request without parameters: a page; for a POST (`own`: its CORS fields) a mistake of the sender."""
    return (200 if own is None else 400), (_HTML, *(own or ())), _PAGE.format(EMPTY).encode()


def unavailable(own: Fields, *, silent: bool, retry_after: int) -> Told:
    """To a hit that is not kept: its sender may come back after so many seconds."""
    own = (*own, ("Retry-After", str(retry_after)))
    return (503, own, b"") if silent else (503, (_IMAGE, *own), GIF)


def bulk(own: Fields, *, silent: bool, tracked: int, invalid: Sequence[int], show: bool) -> Told:
    """To many hits. `show`: the sender has a token, and may know which of them were invalid."""
    own = (_JSON, *own)
    if silent:
        return 204, own, b""
    shown = f',"invalid_indices":[{",".join(map(str, invalid))}]' if show else ""
    return 200, own, f'{{"status":"success","tracked":{tracked},"invalid":{len(invalid)}{shown}}}'.encode()


def bulk_failed(own: Fields, status: int, message: str, retry_after: int = 0) -> Told:
    """To many hits of which none is kept."""
    own = (_JSON, *own, ("Retry-After", str(retry_after))) if retry_after else (_JSON, *own)
    body = {"status": "error", "tracked": 0, "invalid": 0, "message": message}
    return status, own, msgspec.json.encode(body)
