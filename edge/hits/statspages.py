"""`/stats`, `/stats/SITE` and `/api/v1/sites/SITE/stats`: who may see what, and how often it is made anew.

A private site's page is a form for a token of the scope `stats`, which then is a cookie of this browser session, for
`/stats` alone and out of scripts' reach. However many look at the same page within some seconds, the database is asked
once; what takes long to find lasts longer (`shared`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from edge.clock import Clock
from edge.errors import StoreError
from edge.hits.asking import Ask, Asking
from edge.hits.hit import DIMENSIONS
from edge.hits.period import Now, Period, read_period, show_day
from edge.hits.settings import SiteSettings
from edge.hits.shared import Paced, Shared, SharedStats
from edge.hits.statshtml import TOP, Pages
from edge.hits.statslists import View
from edge.hits.words import read_words
from edge.http.door import BODY, Door, Refusal
from edge.http.html import HTML, WEB, Asset, asset, asset_of, document, send, spoken, still_safety
from edge.http.message import Headers, Request, Response, text
from edge.http.router import Router
from edge.http.target import query_value

COOKIE = "edge_stats"
_EVERY = 500  # rows of one list alone, and of lists in JSON


class Statistics:
    """Handlers over a store's `ask`. `refusal(request, scope)` is the router's: None when the token has the scope."""

    def __init__(self, sites: Sequence[SiteSettings], ask: Ask, clock: Clock, refusal: Refusal) -> None:
        self._sites = {str(site.id): Asking(site) for site in sites}
        self._shared = Shared(clock)
        self._ask = Paced(ask, clock)
        self._clock = clock
        self._refusal = refusal
        self._entrance = Door(refusal, "stats", COOKIE, "/stats")
        self._style = asset(WEB, "stats.css")
        self._pages = Pages(document(WEB, "stats.html"), read_words(), self._style.tag)

    def add_to(self, router: Router) -> None:
        add = router.add
        add("GET", "/stats", self.list)
        add("GET", "/stats.css", lambda request: send(self._style, request))
        add("GET", "/stats/{site}", self.page)
        add("POST", "/stats/{site}", self.enter, body=BODY)
        add("GET", "/api/v1/sites/{site}/stats", self.json)

    def forget(self) -> None:
        """Something was deleted: no page shows it any more."""
        self._shared.clear()

    def stats(self) -> SharedStats:
        return self._shared.stats()

    # -- what is asked for

    def list(self, request: Request) -> Response:
        """The sites whose statistics are public, or all to whom may see them."""
        open_to_me = self._entrance.admits(request)
        shown = [
            (each.site.id, each.site.name, each.settings.public)
            for each in self._sites.values()
            if each.settings.public or open_to_me
        ]
        page = self._pages.sites(shown, View(spoken(request), chosen=_chosen(request)))
        return _send(asset_of("stats.html", page), request, private=open_to_me)

    async def page(self, request: Request) -> Response:
        asking = self._sites.get(request.params["site"])
        if asking is None:
            return text(404, "There is no such site.", still_safety())
        private = not asking.settings.public
        if private and not self._entrance.admits(request):
            return self._door(request, asking)
        now = asking.now(self._clock.wall())
        try:
            period, view = self._asked(request, asking, now)
        except ValueError as error:
            return text(400, str(error), still_safety())
        dimensions, limit = ((view.show,), _EVERY) if view.show else (DIMENSIONS, TOP)

        async def make() -> Asset:
            report = await asking.report(self._ask, period, now, dimensions, limit)
            return asset_of("stats.html", self._pages.report(report, view))

        try:
            page = await self._shared.get((asking.site.id, period, view), make)
        except StoreError:
            return _unreadable()
        return _send(page, request, private=private)

    async def json(self, request: Request) -> Response:
        asking = self._sites.get(request.params["site"])
        if asking is None:
            return text(404, "There is no such site.")
        if not asking.settings.public and (refused := self._refusal(request, "stats")):
            return refused
        now = asking.now(self._clock.wall())
        try:
            period = _period(request, now)
        except ValueError as error:
            return text(400, str(error))

        async def make() -> Asset:
            report = await asking.report(self._ask, period, now, DIMENSIONS, _EVERY)
            return asset_of("stats.json", msgspec.json.encode(report))

        try:
            values = await self._shared.get((asking.site.id, period), make)
        except StoreError:
            return _unreadable()
        return send(values, request, _caching(private=not asking.settings.public))

    def enter(self, request: Request) -> Response:
        """Takes a token and shows the page with it; an empty one is forgotten. The token never stands in an address."""
        asking = self._sites.get(request.params["site"])
        if asking is None:
            return text(404, "There is no such site.", still_safety())
        query = f"?{request.query.decode('ascii', 'replace')}" if request.query else ""
        to = f"/stats/{asking.site.id}{query}" if query_value(request.body, "token") else "/stats"
        return self._entrance.enter(request, to) or self._door(request, asking, wrong=True)

    # -- who may

    def _door(self, request: Request, asking: Asking, *, wrong: bool = False) -> Response:
        """A private site's page, which holds nothing but the form. As with channels a number that is guessed can be
        told from one that is not there: this is where the token is entered."""
        query = f"?{request.query.decode('ascii', 'replace')}" if request.query else ""
        view = View(spoken(request), chosen=_chosen(request))
        page = self._pages.door(asking.site.name, view, f"/stats/{asking.site.id}{query}", wrong=wrong)
        headers: Headers = (("Content-Type", HTML), ("Cache-Control", "no-store"), *still_safety())
        return Response(401, (("WWW-Authenticate", 'Bearer realm="edge"'), *headers), page)

    # -- how it is made

    def _asked(self, request: Request, asking: Asking, now: Now) -> tuple[Period, View]:
        """ValueError: it cannot be."""
        period, show = _period(request, now), request.arg("show") or ""
        if show and show not in DIMENSIONS:
            raise ValueError("show: expected the name of a list")
        days = period.length if period.last == now.day and not request.arg("from") and not request.arg("by") else None
        hosts = [host for host in asking.settings.hosts if not host.startswith("*")]
        return period, View(
            spoken(request),
            days=days,
            show=show,
            chosen=_chosen(request),
            private=not asking.settings.public,
            host=hosts[0] if hosts else "",
            today=show_day(now.day),
        )


def _unreadable() -> Response:
    """Strangers are not told what is wrong with the disk; the log says it, and hits are refused as well."""
    return text(503, "The statistics cannot be read now.", (("Retry-After", "60"), *still_safety()))


def _send(page: Asset, request: Request, *, private: bool) -> Response:
    headers: Headers = (("Vary", "Accept-Language"), *still_safety())
    return send(page, request, _caching(private=private), headers)


def _caching(*, private: bool) -> str:
    return "private, no-cache" if private else "public, max-age=10"


def _period(request: Request, now: Now) -> Period:
    days, first, last, by = (request.arg(word) for word in ("days", "from", "to", "by"))
    return read_period(days, first, last, by, now.day)


def _chosen(request: Request) -> str:
    """The language in the address, to be carried on."""
    return f"lang={spoken(request)}" if request.arg("lang") else ""
