"""Parts of finite answers, and answers that a client has already (RFC 9110 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from edge.http.message import Request, Response, text

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def ranged(request: Request, response: Response) -> Response:
    """The part of a 200 that `Range` asks for: 206, or 416 outside of it.

    The whole where the field is malformed, asks for several parts, or comes with If-Range: RFC 9110 14.2 allows it.
    """
    if response.status != 200:
        return response
    whole = msgspec.structs.replace(response, headers=(*response.headers, ("Accept-Ranges", "bytes")))
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or match[0] == "bytes=-" or "if-range" in request.headers or request.method != "GET":
        return whole
    length = response.length
    part = _part(match[1], match[2], length)
    if part is None:
        return whole
    first, end = part
    if first >= end:
        return text(416, "There is no such part.", (("Content-Range", f"bytes */{length}"),))
    headers = (*whole.headers, ("Content-Range", f"bytes {first}-{end - 1}/{length}"))
    body = (response.body,) if isinstance(response.body, bytes) else response.body
    return Response(206, headers, cut(body, first, end))


def _part(first: str, last: str, length: int) -> tuple[int, int] | None:
    """The range as `[first, end)`, empty when it lies outside; None when it is no valid range."""
    if not first:
        return max(0, length - int(last)), length
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, length) if last else length


def cut(pieces: Sequence[bytes], first: int, end: int) -> list[bytes]:
    """The bytes `[first, end)` of `pieces` joined; pieces that lie wholly inside are not copied."""
    found, at = [], 0
    for piece in pieces:
        part = piece[max(0, first - at) : max(0, end - at)]
        if part:
            found.append(part)
        at += len(piece)
    return found


def unless_known(request: Request, response: Response, tag: str) -> Response:
    """`response` with the entity tag `tag` (without quotes), or 304 when the client has that."""
    known = request.headers.get("if-none-match", "")
    headers = (*response.headers, ("ETag", f'"{tag}"'))
    tags = [each.strip().removeprefix("W/") for each in known.split(",")]
    if f'"{tag}"' in tags or known.strip() == "*":
        kept = tuple(field for field in headers if field[0].lower() not in ("content-type", "content-length"))
        return Response(304, kept)
    return msgspec.structs.replace(response, headers=headers)
