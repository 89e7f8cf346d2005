"""The hit collector as a whole, for the composition root: made before edge listens, ticked, closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from functools import partial

import msgspec

from edge.clock import Clock
from edge.errors import ConfigError, OverloadError, StoreError
from edge.hits import reading
from edge.hits.calendar import Calendar
from edge.hits.collector import Collector, CollectorStats
from edge.hits.endpoint import Endpoint, EndpointStats
from edge.hits.localroutes import LocalRoutes
from edge.hits.rollup import Restarted
from edge.hits.scripts import Scripts
from edge.hits.secrets import Secrets
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.shared import SharedStats
from edge.hits.statspages import Statistics
from edge.hits.store import Store, StoreStats
from edge.host.notify import Notify
from edge.host.supervision import Thread
from edge.http.router import Router, Tokens
from edge.log import Log

DATABASE = "hits.db"
KEPT_AS = "visit-secrets"  # in systemd's file-descriptor store
_PURGE_EVERY = 3600.0
_LOOK_EVERY = 10.0
MAX_SPAM = 4 << 20  # bytes of the list
_NO_PAGES = SharedStats(0, 0, 0, 0, 0)


class HitsStats(msgspec.Struct, frozen=True):
    """Counts since the start; `uniques`: of the day under way, by site, at most 10 s old."""

    collector: CollectorStats
    endpoint: EndpointStats
    store: StoreStats
    pages: SharedStats
    uniques: dict[int, int]


class Hits:
    """See the module. `prepare` may block; all else is for the loop."""

    def __init__(  # noqa: PLR0917 - as the composition root calls it
        self,
        settings: HitsSettings,
        sites: Sequence[SiteSettings],
        data_dir: str,
        clock: Clock,
        log: Log,
        tokens: Tokens,
    ) -> None:
        self._settings, self._sites, self._clock, self._log, self._tokens = settings, sites, clock, log, tokens
        self.store = Store(os.path.join(data_dir, DATABASE), sites, settings, log)  # noqa: PTH118 - without pathlib
        self._uniques: dict[int, int] = {}
        self._looked: tuple[object, ...] = ()  # at hits kept so far, on days
        self._look_at = self._purge_at = 0.0
        self._statistics: Statistics | None = None
        self._working: asyncio.Task[None] | None = None
        self._sealed = -1  # the revision of the secrets that is with systemd

    def prepare(self) -> None:
        """Reads what is read once. ConfigError: a file of the configuration cannot be read."""
        self._calendars = {site.id: Calendar(site.timezone) for site in self._sites}
        self.secrets = Secrets(self._calendars, self._clock.wall())
        spam = spam_hosts(self._settings.spam_file) if self._settings.spam_file else frozenset()
        self.collector = Collector(self._sites, self._settings, self.store, self.secrets, spam, self._clock)
        self._endpoint = Endpoint(self.collector, self._tokens, self._sites)
        self._scripts = Scripts()

    def take_over(self, descriptors: Sequence[int]) -> None:
        """What an earlier process left with systemd, so that its day goes on. The descriptors are closed."""
        for descriptor in descriptors:
            self.secrets.unseal(descriptor, self._clock.wall())
            os.close(descriptor)

    async def start(self) -> None:
        """Opens the database; if that is refused, hits are too until it is no more."""
        await self.store.start()
        for site in self._sites:
            if self.secrets.restarted(site.id):
                await self._mark(site.id, self._clock.wall())

    async def _mark(self, site: int, now: float) -> None:
        """A day that was counted under another secret is marked."""
        if await self._counted(site, now):
            self.store.submit([Restarted(site, int(now))], lambda _error: None)
        else:
            self.secrets.unbroken(site)

    async def _counted(self, site: int, now: float) -> bool:
        """Whether the day has visits already, which another secret told apart."""
        day = self._calendars[site].day(now)
        try:
            return bool(await self.store.ask(lambda db: reading.totals(db, site, day, day)))
        except (StoreError, OverloadError):
            return True

    def add_to(self, router: Router) -> None:
        """What the world may ask."""
        self._endpoint.add_to(router)
        self._scripts.add_to(router)
        self._statistics = Statistics(self._sites, self.store.ask, self._clock, router.refusal)
        self._statistics.add_to(router)

    def add_local(self, router: Router) -> None:
        """What the operator's verbs ask, over a socket that only the operator can open."""
        LocalRoutes(self._sites, self.store, self._clock, self._forget_pages).add_to(router)

    def _forget_pages(self) -> None:
        self._looked = ()
        if self._statistics:
            self._statistics.forget()

    def tick(self, now: float) -> None:
        """Once a second, at monotonic second `now`."""
        self.secrets.turn(self._clock.wall())
        self.collector.tick(now)
        if now >= self._look_at and (self._working is None or self._working.done()):  # one at a time
            self._look_at = now + _LOOK_EVERY
            purging = now >= self._purge_at
            if purging:
                self._purge_at = now + _PURGE_EVERY
            self._working = asyncio.get_running_loop().create_task(self._look(purging=purging))

    def seal(self, notify: Notify) -> None:
        """Hands the secrets to systemd whenever they are others: a killed process leaves them too."""
        if self._sealed == self.secrets.revision:
            return
        descriptor = self.secrets.seal()
        if descriptor is not None:
            notify.remove(KEPT_AS)
            notify.store(KEPT_AS, descriptor)
            os.close(descriptor)
        self._sealed = self.secrets.revision

    async def _look(self, *, purging: bool) -> None:
        """What a disk that refuses makes impossible is tried again when it is next due; the store has logged it."""
        wall = self._clock.wall()
        with contextlib.suppress(StoreError, OverloadError):
            await self._count_visitors(wall)
        with contextlib.suppress(StoreError, OverloadError):
            if purging and (dropped := await self.store.purge(wall)):
                self._log.info("hits_purged", days=dropped)

    async def _count_visitors(self, wall: float) -> None:
        """Of the sites' days that are under way; where no hit came since the last look there is nothing to look up."""
        days = {site: calendar.day(wall) for site, calendar in self._calendars.items()}
        seen = (self.store.stats().hits, *days.values())
        if seen == self._looked:
            return
        for site, day in days.items():
            found = await self.store.ask(partial(reading.totals, site=site, first=day, last=day))
            self._uniques[site] = (found[0].uniques or 0) if found else 0
        self._looked = seen

    def threads(self) -> list[Thread]:
        """For the supervisor."""
        return self.store.threads()

    async def close(self) -> None:
        """Keeps what waits."""
        if self._working is not None:
            self._working.cancel()
        await self.store.close()
        self.secrets.wipe()

    def stats(self) -> HitsStats:
        pages = self._statistics.stats() if self._statistics else _NO_PAGES
        return HitsStats(self.collector.stats(), self._endpoint.stats(), self.store.stats(), pages, self._uniques)


def spam_hosts(path: str) -> frozenset[str]:
    """One host a line, as in Matomo's referrer-spam-list; empty lines and what stands behind a # do not count."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the worker does without pathlib
            data = file.read(MAX_SPAM + 1)
    except OSError as error:
        raise ConfigError(f"hits.spam_file: expected a file that can be read, got {path} ({error.strerror})") from None
    if len(data) > MAX_SPAM:
        raise ConfigError(f"hits.spam_file: expected at most {MAX_SPAM >> 20} MiB, got a larger file: {path}")
    lines = (line.partition("#")[0].strip().lower() for line in data.decode(errors="replace").splitlines())
    return frozenset(filter(None, lines))
