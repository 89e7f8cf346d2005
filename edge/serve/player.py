"""The pages for browsers: the list of channels, a channel's player, what they load, and a channel's public state."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.http.compress import maybe_gzip
from edge.http.html import HTML, safety, send, spoken
from edge.http.message import Headers, Request, Response, json, text
from edge.http.router import Router
from edge.serve.pages import Web, outputs

Refusal = Callable[[Request, str], Response | None]

_FRESH: Headers = (("Cache-Control", "no-store"),)
_PAGE: Headers = (("Cache-Control", "no-cache"), ("Vary", "Accept-Language"))
_CARRIER = {"hls": "ts"}  # whose hub an output is made from, where the names differ


class State(msgspec.Struct, frozen=True):
    """`/live/NAME/state`. `status` is live, starting, away or off; `reason` a word; `sar` the width of a pixel by its
    height; `rung` of the quality ladder is in effect, `lowered` is why it is not the best one. `urls` has what is
    there: no `jpg` before the first picture, no container that cannot carry the codecs."""

    name: str
    public: bool
    status: str
    reason: str | None
    since: float
    width: int | None
    height: int | None
    sar: float
    video: bool
    audio: bool
    rung: str | None
    lowered: str | None
    urls: dict[str, str]


def describe(channel: Channel) -> State:
    """What anybody who may watch the channel may know of it: nothing about its source but whether it is there."""
    settings, now = channel.settings, channel.state()
    urls = {
        kind: path
        for kind, path in outputs(settings.name).items()
        if _CARRIER.get(kind, kind) not in channel.unavailable
    }
    if channel.poster:
        urls["jpg"] = f"/live/{settings.name}.jpg"
    return State(
        name=settings.name,
        public=settings.public,
        status="away" if now.status == "starting" and now.reason else now.status,  # not a spinner for ever
        reason=now.reason,
        since=now.since,
        width=now.width,
        height=now.height,
        sar=now.sar,
        video=settings.video.codec != "none",
        audio=settings.audio.codec != "none",
        rung=now.rung,
        lowered=now.lowered,
        urls=urls,
    )


class Pages:
    """Handlers over the registry. `refusal(request, scope)` is the router's: None when the request's token has it."""

    def __init__(self, registry: Registry, refusal: Refusal, web: Web) -> None:
        self._registry = registry
        self._refusal = refusal
        self._web = web

    def add_to(self, router: Router) -> None:
        router.add("GET", "/", self.index)
        router.add("GET", "/web/{file}", self.file)
        router.add("GET", "/live/{name}", self.player)
        router.add("GET", "/live/{name}/state", self.state)

    def index(self, request: Request) -> Response:
        """The public channels."""
        names = [channel.settings.name for channel in self._registry.all() if channel.settings.public]
        page = self._web.index(names, spoken(request))
        return maybe_gzip(request, page, HTML, _PAGE + safety(framed=False))

    def player(self, request: Request) -> Response:
        """A channel's page; `?embed`: only the picture. A private channel's too: it holds nothing but a form.

        So a name that is guessed can be told from one that is not there. It must be: the page is where the token is
        entered. Names that should not be guessed are the operator's to choose; nothing lists them.
        """
        channel = self._registry.get(request.params["name"])
        if channel is None:
            return text(404, "There is no such channel.", safety(framed=False))
        embed = request.arg("embed") is not None
        page = self._web.player(channel.settings.name, spoken(request), embed=embed)
        return maybe_gzip(request, page, HTML, _PAGE + safety(framed=embed))

    def file(self, request: Request) -> Response:
        """A file out of the fixed table; the disk is not asked."""
        asset = self._web.files.get(request.params["file"])
        return send(asset, request) if asset else text(404, "There is nothing here.")

    def state(self, request: Request) -> Response:
        """Polled by every open page."""
        channel = self._registry.get(request.params["name"])
        if channel is None:
            return text(404, "There is no such channel.", _FRESH)
        if not channel.settings.public and (refused := self._refusal(request, "view")):
            return refused
        return json(200, describe(channel), (*_FRESH, ("Access-Control-Allow-Origin", "*")))
