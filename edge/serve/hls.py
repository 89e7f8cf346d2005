"""`/live/NAME/index.m3u8` and its segments, from memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.clock import Clock
from edge.errors import OverloadError
from edge.flow.budget import Budget
from edge.flow.live import Numbers
from edge.http.compress import accepts_gzip
from edge.http.message import Answer, Headers, Request, Response, text
from edge.http.ranges import ranged, unless_known
from edge.http.router import Router
from edge.http.table import address_key
from edge.serve.hlsfeed import HlsFeed, HlsFeedStats, Playlist
from edge.serve.hlsviewers import identity
from edge.serve.progressive import Audience
from edge.serve.viewer import Later, call_later

_CORS: Headers = (("Access-Control-Allow-Origin", "*"),)
# A playlist is news for a second. The same for what is not there: a number that will come must not be denied for long.
_BRIEF: Headers = (*_CORS, ("Cache-Control", "max-age=1"))
_UNSAVED = 60  # discontinuities that a process may go through between two savings: a minute, one a second
_PLAYLIST_TYPE = "application/vnd.apple.mpegurl"

Refusal = Callable[[Request, str], Response | None]


class Hls:
    """Handlers over the registry, one `HlsFeed` a channel. `tick(now)` is due every second.

    `saved` is an earlier process's `floors()`: no playlist begins with lower numbers (R8, R9). A newcomer is let in as
    the audience says, be it for a playlist or, where a cache answers those, for a segment. Who was let in goes on while
    it keeps asking, so that players do not stop in the middle, until the month's traffic is used up: that ends for all.
    """

    def __init__(
        self,
        registry: Registry,
        audience: Audience,
        clock: Clock,
        saved: Mapping[str, tuple[int, int]] | None = None,
        later: Later = call_later,
        *,
        budget: Budget | None = None,
    ) -> None:
        self._registry = registry
        self._audience = audience
        self._clock = clock
        floors, budget = saved or {}, budget or Budget()
        self._refusal: Refusal = lambda _request, _scope: None
        self._feeds = {
            channel.settings.name: HlsFeed(
                channel.hub("ts"),
                clock,
                copy=channel.settings.video.codec == "copy",
                floor=Numbers(*floors.get(channel.settings.name, (0, 0))),
                later=later,
                draw=budget.draw("playlists"),
            )
            for channel in registry.all()
        }

    def add_to(self, router: Router, refusal: Refusal) -> None:
        """`refusal` is the router's: what a private channel answers without a token."""
        self._refusal = refusal
        router.add("GET", "/live/{name}/index.m3u8", self.playlist)
        router.add("GET", "/live/{name}/{msn}.ts", self.segment)

    def tick(self, now: float) -> None:
        for name, feed in self._feeds.items():
            feed.tick(now)
            self._note(feed, name)

    def bound(self, most: Mapping[str, int], *, tight: bool) -> None:
        """Bytes that each channel's playlist may hold at most; `tight`: it lists as few segments as players bear."""
        for name, feed in self._feeds.items():
            feed.bound(most[name], tight=tight)

    def floors(self) -> dict[str, tuple[int, int]]:
        """What has to outlive the process: the least numbers of the next playlists.

        The discontinuity sequence has nothing but this to hold it, so the number is right for a process that is killed
        before it saves again, too.
        """
        return {
            name: (feed.numbers.msn, feed.numbers.discontinuity_sequence + _UNSAVED)
            for name, feed in self._feeds.items()
        }

    def stats(self, name: str) -> HlsFeedStats:
        """Of channel `name`."""
        return self._feeds[name].stats()

    def _channel(self, request: Request) -> Channel | Response:
        channel = self._registry.get(request.params["name"])
        if channel is None:
            return text(404, "There is no such channel.", _BRIEF)
        if not channel.settings.public and (refused := self._refusal(request, "view")):
            return refused
        if "ts" in channel.unavailable:
            return text(415, f"This channel cannot be had here: {channel.unavailable['ts']}", _BRIEF)
        return channel

    # the playlist

    def playlist(self, request: Request) -> Answer | Awaitable[Answer]:
        """The playlist of now. The first request of all waits for the first segment, within bounds; then 503."""
        channel = self._channel(request)
        if isinstance(channel, Response):
            return channel
        name = channel.settings.name
        feed = self._feeds[name]
        if refused := self._let_in(channel, feed, request):
            return refused
        playlist = feed.playlist()
        return self._first(name, feed, request) if playlist is None else self._show(name, playlist, request)

    def _let_in(self, channel: Channel, feed: HlsFeed, request: Request) -> Response | None:
        """None, or the 503 of somebody for whom there is no room."""
        who = identity(address_key(request.peer), request.headers.get("user-agent", ""))
        try:
            if feed.greet(who):
                self._audience.check_traffic(channel)
                return None
            self._note(feed, channel.settings.name)  # who has left since the last tick makes room
            self._audience.check(channel)
        except OverloadError as error:
            return _later(str(error), error.retry_after)
        feed.let_in(who)
        self._note(feed, channel.settings.name)
        return None

    def _note(self, feed: HlsFeed, name: str) -> None:
        self._audience.note_hls(name, feed.viewers(self._clock.monotonic()), feed.rate())

    async def _first(self, name: str, feed: HlsFeed, request: Request) -> Answer:
        playlist = await feed.first()
        if playlist is None:
            return _later("There is no media yet; the source may be away.", 5)
        return self._show(name, playlist, request)

    def _show(self, name: str, playlist: Playlist, request: Request) -> Response:
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))
        headers: Headers = (("Content-Type", _PLAYLIST_TYPE), ("Vary", "Accept-Encoding"), *_BRIEF)
        tag = playlist.tag
        if packed:
            headers, tag = (*headers, ("Content-Encoding", "gzip")), f"{tag}-gzip"
        response = Response(200, headers, playlist.packed if packed else playlist.text)
        return self._sent(name, request, unless_known(request, response, tag))

    # a segment

    def segment(self, request: Request) -> Answer:
        """A segment that is listed, or was until a moment ago (R15)."""
        channel = self._channel(request)
        if isinstance(channel, Response):
            return channel
        name, msn = channel.settings.name, request.params["msn"]
        plain = msn.isascii() and msn.isdecimal() and len(msn) <= 12 and str(int(msn)) == msn
        feed = self._feeds[name]
        segment = feed.segment(int(msn)) if plain else None
        if segment is None:
            return text(404, "There is no such segment, or no longer.", _BRIEF)
        if refused := self._let_in(channel, feed, request):
            return refused
        whose = "public" if channel.settings.public else "private"
        age = int(segment.piece.duration + segment.held)
        headers: Headers = (
            *_CORS,
            ("Content-Type", "video/mp2t"),
            ("Cache-Control", f"{whose}, max-age={age}, immutable"),
        )
        response = unless_known(request, Response(200, headers, segment.piece.chunks), msn)
        return self._sent(name, request, ranged(request, response))

    def _sent(self, name: str, request: Request, response: Response) -> Response:
        if request.method != "HEAD":
            self._audience.sent_hls(name, response.length)
        return response


def _later(message: str, seconds: int) -> Response:
    headers: Headers = (*_CORS, ("Retry-After", str(seconds)), ("Cache-Control", "no-store"))
    return text(503, message, headers)
