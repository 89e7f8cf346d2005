"""What the pages are made of: files, templates, texts. Read once, before edge listens; pure afterwards."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from string import Template

import msgspec

# Without pathlib and hashlib (which brings libcrypto): a worker lives long in little memory.
WEB = os.path.join(os.path.dirname(os.path.dirname(__file__)), "web")  # noqa: PTH118, PTH120
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
SERVED = ("player.js", "mse.js", "list.js", "style.css", "icon.svg")
LANGUAGES = ("en", "fr")  # the first is the one for everybody else

# The module `html` would bring 0.3 MB of entity names for the sake of these five.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)


def outputs(name: str) -> dict[str, str]:
    """The paths of what players take, by output."""
    return {"hls": f"/live/{name}/index.m3u8"} | {kind: f"/live/{name}.{kind}" for kind in ("ts", "flv", "mp4")}


def escape(text: str) -> str:
    """`text` for HTML, between tags and in quoted attributes."""
    return text.translate(_ESCAPES)


def safety(*, framed: bool) -> tuple[tuple[str, str], ...]:
    """Headers of every page: nothing but our own files runs or loads, and only `?embed` may stand in a frame."""
    return (
        ("Content-Security-Policy", _POLICY + ("*" if framed else "'none'")),
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


class Asset(msgspec.Struct, frozen=True):
    """A file that browsers load. `packed` is its gzip form, `tag` names its content."""

    kind: str
    body: bytes
    packed: bytes
    tag: str


def _pack(body: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # 16: a gzip frame, without a time in it
    return squeeze.compress(body) + squeeze.flush()


def _read(folder: str, name: str) -> bytes:
    with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123
        return file.read()


def _asset(name: str, body: bytes) -> Asset:
    kind = TYPES[name[name.rindex(".") :]]
    return Asset(kind, body, _pack(body), f"{zlib.crc32(body):08x}{len(body):x}")


class Texts(msgspec.Struct, frozen=True):
    """One language: what the script may show, and what stands in the page from the start."""

    script: dict[str, str]
    page: dict[str, str]

    @property
    def all(self) -> dict[str, str]:
        return self.script | self.page


class Web:
    """Everything under edge/web."""

    def __init__(self, folder: str = WEB) -> None:
        self.files = {name: _asset(name, _read(folder, name)) for name in SERVED}
        self._texts = msgspec.json.decode(_read(folder, "texts.json"), type=dict[str, Texts])
        self._player = Template(_read(folder, "player.html").decode())
        self._index = Template(_read(folder, "index.html").decode())

    def player(self, name: str, lang: str, *, embed: bool) -> bytes:
        """The page of one channel; `embed`: only the picture, for a frame on another site."""
        words = {"name": name, "kind": "embed" if embed else "page"}
        return self._fill(
            self._player, lang, "player.js", words, {"addresses": _addresses(name, self._texts[lang].all)}
        )

    def index(self, channels: Iterable[str], lang: str) -> bytes:
        """The list of channels."""
        items = "\n".join(map(_item, channels)) or f"<li>{escape(self._texts[lang].page['none'])}</li>"
        return self._fill(self._index, lang, "list.js", {}, {"items": items})

    def _fill(self, page: Template, lang: str, script: str, words: dict[str, str], markup: dict[str, str]) -> bytes:
        texts = self._texts[lang]
        ours = {
            "lang": lang,
            "texts": msgspec.json.encode(texts.script).decode(),
            "style": self.files["style.css"].tag,
            "script": self.files[script].tag,
        }
        shown = {key: escape(value) for key, value in (texts.all | ours | words).items()}
        return page.substitute(shown | markup).encode()


def _addresses(name: str, texts: Mapping[str, str]) -> str:
    copy = f'<button class="copy" type="button">{escape(texts["copy"])}</button>'
    rows = [
        f'<p class="address"><a href="{path}">{kind.upper()}</a>'
        f'<input readonly aria-label="{kind}" data-path="{path}" value="{path}">{copy}</p>'
        for kind, path in outputs(escape(name)).items()
    ]
    frame = f'<p class="address"><b>HTML</b><input readonly id="frame" aria-label="{escape(texts["embed"])}">{copy}</p>'
    return "\n".join([*rows, f"<p>{escape(texts['embed'])}</p>", frame])


def _item(name: str) -> str:
    shown = escape(name)
    return (
        f'<li data-name="{shown}"><a href="/live/{shown}"><img alt="" width="352" height="198">'
        f'<div><b>{shown}</b><span class="state"></span></div></a></li>'
    )
