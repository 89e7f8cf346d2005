"""gzip for text that is worth it: playlists and metrics."""

from __future__ import annotations

import re
import zlib

from edge.http.message import Headers, Request, Response

_WORTH = 1024  # bytes; below, the packet is sent either way
_MOST = 1_048_576  # above, compressing would hold the loop up
_WEIGHT = re.compile(r"\s*([A-Za-z*-]+)\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")


def maybe_gzip(request: Request, body: bytes, content_type: str, headers: Headers = ()) -> Response:
    """A 200 with `body`, compressed if the client takes gzip and it is worth it."""
    fields = (("Content-Type", content_type), ("Vary", "Accept-Encoding"), *headers)
    if not _WORTH < len(body) <= _MOST or not accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(200, fields, body)
    packer = zlib.compressobj(level=5, wbits=31)
    return Response(200, (*fields, ("Content-Encoding", "gzip")), packer.compress(body) + packer.flush())


def accepts_gzip(field: str) -> bool:
    """Whether Accept-Encoding gives gzip, by its name or as anything, a weight above zero (RFC 9110 12.5.3)."""
    found = (_WEIGHT.fullmatch(each) for each in field.lower().split(","))
    weights = {match[1]: float(match[2] or 1) for match in found if match}
    return weights.get("gzip", weights.get("*", 0.0)) > 0
