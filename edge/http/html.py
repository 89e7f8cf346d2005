"""What every page for browsers shares: escaping, its language, the headers that keep it safe, the files beside it."""

from __future__ import annotations

import os
import zlib

import msgspec

from edge.http.compress import accepts_gzip
from edge.http.message import Headers, Request, Response

# Without pathlib and hashlib (which brings libcrypto): a worker lives long in little memory.
WEB = os.path.join(os.path.dirname(os.path.dirname(__file__)), "web")  # noqa: PTH118, PTH120
HTML = "text/html; charset=utf-8"
TYPES = {
    ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".html": HTML,
    ".json": "application/json",
}  # fmt: skip
LANGUAGES = ("en", "fr")  # the first is the one for everybody else

# The module `html` would bring 0.3 MB of entity names for the sake of these five.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
# A page without scripts, whose forms ask for another period of the same page.
_STILL = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# A page that fetches itself again, with a form of its own.
_WATCHED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_FOR_EVER = "public, max-age=31536000, immutable"  # for an address that names its content by `?v=`


def escape(text: str) -> str:
    """`text` for HTML, between tags and in quoted attributes."""
    return text.translate(_ESCAPES)


def safety(*, framed: bool) -> tuple[tuple[str, str], ...]:
    """Headers of a page: nothing but our own files runs or loads, and only `framed` may stand in a frame."""
    return _headers(_POLICY + ("*" if framed else "'none'"))


def still_safety() -> tuple[tuple[str, str], ...]:
    """Headers of a page that has no script at all."""
    return _headers(_STILL)


def watched_safety() -> tuple[tuple[str, str], ...]:
    """Headers of a page whose script fetches it again, and that has a form."""
    return _headers(_WATCHED)


def _headers(policy: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    )


def _wish(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";q=")
    try:
        return tag.strip().lower().partition("-")[0], float(weight or 1)
    except ValueError:
        return "", 0.0


def language(chosen: str | None, accept: str) -> str:
    """Which of ours to speak: `?lang=` when we have it, else the best of Accept-Language (RFC 9110 12.5.4)."""
    if chosen in LANGUAGES:
        return chosen
    wishes = [wish for wish in map(_wish, accept.replace(" ", "").split(",")) if wish[0] in LANGUAGES and wish[1] > 0]
    return max(wishes, key=lambda wish: wish[1], default=(LANGUAGES[0], 1.0))[0]


def spoken(request: Request) -> str:
    """The language of the page that `request` asks for."""
    return language(request.arg("lang"), request.headers.get("accept-language", ""))


class Asset(msgspec.Struct, frozen=True):
    """A file that browsers load. `packed` is its gzip form, `tag` names its content."""

    kind: str
    body: bytes
    packed: bytes
    tag: str


def asset(folder: str, name: str) -> Asset:
    """The file `name` of `folder`, read once, before edge listens."""
    return asset_of(name, read(folder, name))


def read(folder: str, name: str) -> bytes:
    """For the start, before edge listens: the loop never touches the disk."""
    with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123
        return file.read()


def document(folder: str, name: str) -> str:
    """The template `name`, behind the head that all pages share: they are in `$lang` and have a `$title`. For the
    start, as `read`."""
    return (read(folder, "head.html") + read(folder, name)).decode()


def asset_of(name: str, body: bytes) -> Asset:
    """`body` as the file `name`."""
    return Asset(TYPES[name[name.rindex(".") :]], body, _pack(body), content_tag(body))


def content_tag(body: bytes) -> str:
    """Names what `body` holds, for an ETag without its quotes."""
    return f"{zlib.crc32(body):08x}{len(body):x}"


def _pack(body: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # 16: a gzip frame, without a time in it
    return squeeze.compress(body) + squeeze.flush()


def send(asset: Asset, request: Request, lasting: str = "no-cache", more: Headers = ()) -> Response:
    """A file with its ETag, packed when the browser can unpack it; 304 when the browser has it already.

    `lasting` is the Cache-Control of an address that does not name its content.
    """
    packed = accepts_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{asset.tag}{"-gz" if packed else ""}"'
    lasting = _FOR_EVER if request.arg("v") == asset.tag else lasting
    headers: Headers = (("ETag", tag), ("Cache-Control", lasting), ("Vary", "Accept-Encoding"), *more)
    if tag in request.headers.get("if-none-match", ""):
        return Response(304, headers)
    headers += (("Content-Type", asset.kind),)
    if not any(name == "X-Content-Type-Options" for name, _ in headers):
        headers += (("X-Content-Type-Options", "nosniff"),)
    if packed:
        return Response(200, (*headers, ("Content-Encoding", "gzip")), asset.packed)
    return Response(200, headers, asset.body)
