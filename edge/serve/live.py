"""`/live/NAME.ts`, `.flv`, `.mp4` and `.jpg`: the endless outputs and the picture."""

from __future__ import annotations

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.errors import OverloadError
from edge.http.message import Answer, Headers, Outlet, Request, Response, Stream, text
from edge.http.ranges import ranged
from edge.http.router import Router
from edge.serve.player import Refusal
from edge.serve.progressive import Audience

TYPES = {"ts": "video/mp2t", "flv": "video/x-flv", "mp4": "video/mp4"}
CORS: Headers = (("Access-Control-Allow-Origin", "*"),)
_ENDLESS: Headers = (*CORS, ("Cache-Control", "no-store"), ("Accept-Ranges", "none"))
POSTER_AGE = 5


def _unopened(_outlet: Outlet) -> None:
    """The server opens no stream for HEAD, so nobody is admitted for it."""


class Live:
    """Handlers over the registry. `refusal` is the router's: what a private channel answers without a token."""

    def __init__(self, registry: Registry, audience: Audience, refusal: Refusal) -> None:
        self._registry, self._audience, self._refusal = registry, audience, refusal

    def add_to(self, router: Router) -> None:
        for container in TYPES:
            router.add("GET", f"/live/{{name}}.{container}", self.watch)
        router.add("GET", "/live/{name}.jpg", self.poster)

    def _channel(self, request: Request) -> Channel | Response:
        channel = self._registry.get(request.params["name"])
        if channel is None:
            return text(404, "There is no such channel.", CORS)
        if not channel.settings.public and (refused := self._refusal(request, "view")):
            return refused
        return channel

    def watch(self, request: Request) -> Answer:
        """An endless stream from the last keyframe on; 503 with Retry-After when there is no room."""
        channel = self._channel(request)
        if isinstance(channel, Response):
            return channel
        container = request.path.rpartition(".")[2]
        if container in channel.unavailable:
            return text(415, f"This channel cannot be had here: {channel.unavailable[container]}", CORS)
        headers: Headers = (("Content-Type", TYPES[container]), *_ENDLESS)
        if request.method == "HEAD":
            return Stream(200, headers, _unopened)  # no length: what a GET sends has none (RFC 9110 8.6)
        try:
            opener = self._audience.admit(channel, container)
        except OverloadError as error:
            return text(
                503, str(error), (*CORS, ("Retry-After", str(error.retry_after)), ("Cache-Control", "no-store"))
            )
        return Stream(200, headers, opener)

    def poster(self, request: Request) -> Answer:
        """The last keyframe as JPEG."""
        channel = self._channel(request)
        if isinstance(channel, Response):
            return channel
        if channel.poster is None:
            return text(404, "There is no picture yet.", (*CORS, ("Cache-Control", "no-store")))
        headers: Headers = (*CORS, ("Content-Type", "image/jpeg"), ("Cache-Control", f"max-age={POSTER_AGE}"))
        return ranged(request, Response(200, headers, channel.poster))
