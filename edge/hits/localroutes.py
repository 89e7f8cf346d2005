"""What the operator's verbs ask the worker over its local socket: `/local/hits/…`. Whoever may open the socket's file
is the operator, so nothing is asked for again here. Never on another listener.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from edge.clock import Clock
from edge.errors import PeerError, StoreError
from edge.hits import export, reading
from edge.hits.asking import MOST_NAMES, Asking
from edge.hits.batch import MARKS, decode
from edge.hits.period import read_day, read_period, to_day
from edge.hits.purge import NAMED, Forgotten
from edge.hits.rollup import Item
from edge.hits.settings import SiteSettings
from edge.http.message import Request, Response, json, text
from edge.http.router import Router

BODY = 65_536
_LINES = (("Content-Type", "application/x-ndjson"),)


class Keeper(Protocol):
    """`edge.hits.store.Store`, as far as it is needed here."""

    def ask(self, work: Callable[[Any], Any]) -> Awaitable[Any]: ...

    def submit(self, batch: list[Item], done: Callable[[StoreError | None], None]) -> None: ...

    def purge_site(self, site: int, before: int) -> Awaitable[int]: ...

    def forget(self, site: int, name: str, dimension: str = "") -> Awaitable[list[Forgotten]]: ...


class LocalRoutes:
    """`add_to` the router of the local socket's own server, and of no other."""

    def __init__(
        self, sites: Sequence[SiteSettings], store: Keeper, clock: Clock, deleted: Callable[[], None] = lambda: None
    ) -> None:
        """`deleted` is called when something was: what others keep of it must go too."""
        self._deleted = deleted
        self._sites = {str(site.id): Asking(site) for site in sites}
        self._store = store
        self._clock = clock

    def add_to(self, router: Router) -> None:
        for name in ("report", "days", "export", "imported"):
            router.add("GET", f"/local/hits/{name}", _telling(getattr(self, name)))
        for name in ("keep", "purge", "forget"):
            router.add("POST", f"/local/hits/{name}", _telling(getattr(self, name)), body=BODY)

    def _site(self, request: Request) -> Asking:
        found = self._sites.get(request.arg("site") or "")
        if found is None:
            raise PeerError(404, "The running edge has no such site: start it again if the configuration has.")
        return found

    async def report(self, request: Request) -> Response:
        asking = self._site(request)
        now = asking.now(self._clock.wall())
        days, first, last, by = (request.arg(word) for word in ("days", "from", "to", "by"))
        limit = request.arg("limit") or ""
        try:
            period = read_period(days, first, last, by, now.day)
        except ValueError as error:
            raise PeerError(400, str(error)) from None
        most = min(int(limit), MOST_NAMES) if limit.isascii() and limit.isdecimal() and len(limit) < 9 else MOST_NAMES
        return json(200, await asking.report(self._store.ask, period, now, limit=most))

    async def days(self, request: Request) -> Response:
        site = self._site(request).site
        found = await self._store.ask(partial(export.days, site=site.id))
        return json(200, {"header": export.header(site.id, site.name, site.timezone), "days": found})

    async def export(self, request: Request) -> Response:
        site, day = self._site(request).site, _day(request.arg("day"))
        records = await self._store.ask(partial(export.day_records, site=site.id, day=day))
        return Response(200, _LINES, b"".join(export.lines(records)))

    async def imported(self, request: Request) -> Response:
        """How far the files with these marks are imported."""
        digests = (request.arg("digests") or "").split(",")[: len(MARKS)]
        return json(
            200, {digest: await self._store.ask(partial(reading.imported, digest=digest)) for digest in digests}
        )

    async def keep(self, request: Request) -> Response:
        """Answers once the batch is kept."""
        try:
            batch = decode(request.body)
        except msgspec.MsgspecError:
            raise PeerError(400, "The batch is of another version of edge: use the one that runs.") from None
        sites = {hit.site for hit, _ in batch.counted} | {each.site for each in batch.dropped}
        if any(str(site) not in self._sites for site in sites):
            raise PeerError(404, "The running edge has no such site: start it again if the configuration has.")
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._store.submit(batch.items(), partial(_settle, kept))
        await kept
        return json(200, {})

    async def purge(self, request: Request) -> Response:
        """Also of a site that the configuration has no more."""
        site = request.arg("site") or ""
        if not (site.isascii() and site.isdecimal() and len(site) <= 10):
            raise PeerError(400, "expected the number of a site")
        days = await self._store.purge_site(int(site), _day(request.arg("before")))
        self._deleted()
        return json(200, {"days": days})

    async def forget(self, request: Request) -> Response:
        site, name = self._site(request).site.id, request.body.decode("utf-8", "replace")
        dimension = request.arg("list") or ""
        if dimension and dimension not in NAMED:
            raise PeerError(400, f"list: expected one of {', '.join(NAMED)}")
        forgotten = await self._store.forget(site, name, dimension)
        self._deleted()
        return json(200, forgotten)


def _telling(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Strangers are not told what is wrong with the disk; the operator is."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except StoreError as error:
            return text(503, str(error))

    return answer


def _settle(kept: asyncio.Future[None], error: StoreError | None) -> None:
    if kept.done():
        return
    if error is None:
        kept.set_result(None)
    else:
        kept.set_exception(error)


def _day(text: str | None) -> int:
    try:
        return to_day(read_day(text or ""))
    except ValueError as error:
        raise PeerError(400, str(error)) from None
