"""What the pages are made of: files, templates, texts. Read once, before edge listens; pure afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Template

import msgspec

from edge.http.html import WEB, asset, document, escape, read

SERVED = ("player.js", "mse.js", "list.js", "style.css", "icon.svg")


def outputs(name: str) -> dict[str, str]:
    """The paths of what players take, by output."""
    return {"hls": f"/live/{name}/index.m3u8"} | {kind: f"/live/{name}.{kind}" for kind in ("ts", "flv", "mp4")}


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
        self.files = {name: asset(folder, name) for name in SERVED}
        self._texts = msgspec.json.decode(read(folder, "texts.json"), type=dict[str, Texts])
        self._player = Template(document(folder, "player.html"))
        self._index = Template(document(folder, "index.html"))

    def player(self, name: str, lang: str, *, embed: bool) -> bytes:
        """The page of one channel; `embed`: only the picture, for a frame on another site."""
        words = {"title": name, "name": name, "kind": "embed" if embed else "page"}
        return self._fill(
            self._player, lang, "player.js", words, {"addresses": _addresses(name, self._texts[lang].all)}
        )

    def index(self, channels: Iterable[str], lang: str) -> bytes:
        """The list of channels."""
        items = "\n".join(map(_item, channels)) or f"<li>{escape(self._texts[lang].page['none'])}</li>"
        return self._fill(self._index, lang, "list.js", {"title": self._texts[lang].all["channels"]}, {"items": items})

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
