"""The composition root: makes everything once, hands it to constructors, starts in order and stops in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from edge.access.proxies import Proxies
from edge.access.tokens import Tokens
from edge.channel.channel import CONTAINERS, Channel
from edge.channel.load import ChannelLoad
from edge.channel.registry import Registry
from edge.clock import Clock, Steps, SystemClock
from edge.config.memory import Planner
from edge.config.model import Settings
from edge.errors import ConfigError, StoreError
from edge.flow.budget import Budget
from edge.host import disk
from edge.host.datadir import prepare
from edge.host.defects import Defects
from edge.host.governing import Governor, GovernorStats
from edge.host.limits import Sampler
from edge.host.memory import MemoryMeter
from edge.host.notify import Notify, listened, watchdog_seconds
from edge.host.statefile import StateFile
from edge.host.supervision import Supervisor, Thread
from edge.http.inherited import NAME, Inherited
from edge.http.limits import Limits
from edge.http.message import Request, json
from edge.http.router import Router
from edge.http.server import Server
from edge.http.unix import SOCKET
from edge.log import Log, Throttle, chosen
from edge.observe import gather, status
from edge.observe.health import Freshness, Readiness, state_word
from edge.observe.lag import LagSampler
from edge.observe.metrics import Exporter
from edge.observe.pages import healthz, metrics, readyz
from edge.observe.snapshot import ChannelSnapshot, Snapshot
from edge.observe.status import Status
from edge.observe.statuspages import StatusPages
from edge.serve.hls import Hls
from edge.serve.live import Live
from edge.serve.pages import Web
from edge.serve.player import Pages
from edge.serve.progressive import Admission, Audience
from edge.serve.shed import STEPS
from edge.serve.shedding import Shedding

if TYPE_CHECKING:
    from edge.hits.service import Hits

TICK = 1.0
SAVE_EVERY = 60.0
DRAIN = 3.0
POOL = (
    2  # threads for what may block: state, scrapes. asyncio would start up to six, one after the other, and keep them
)
DEADLINE = 9.0  # for the whole of stopping; the promise is 10 s


class Saved(msgspec.Struct):
    """What outlives the process: bytes sent this month, and where the playlists' numbers stood."""

    traffic: dict[str, int] = {}
    playlists: dict[str, tuple[int, int]] = {}


class App:
    """The worker. `run()` returns the exit code."""

    def __init__(self, settings: Settings, clock: Clock | None = None, log: Log | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._began = self._clock.monotonic()
        self._steps = Steps(self._clock)
        self._disk: disk.DiskStats | None = None
        self._hits: Hits | None = None
        self._notify = Notify(os.environ.get("NOTIFY_SOCKET", ""))
        self._log = log or Log(settings.log.level, form=chosen(settings.log.format, os.environ))
        self._draining = False
        self._store_works = True
        self._say_failed = Throttle(self._log.error, "tick_failed")
        self._servers: list[Server] = []
        self._stopping = asyncio.Event()

    # -- life

    async def run(self) -> int:
        """Serves until SIGTERM or SIGINT; a second one ends at once."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(POOL))
        loop.set_exception_handler(Defects(self._log, self._clock))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        await self._start()
        ticking = asyncio.create_task(self._tick())
        await self._stopping.wait()
        ticking.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop(), DEADLINE)
        self._log.info("stopped")
        return 0

    def _signalled(self) -> None:
        if self._stopping.is_set():
            os._exit(1)
        self._stopping.set()

    async def _start(self) -> None:
        loop, http, data_dir = asyncio.get_running_loop(), self._settings.http, self._settings.data_dir
        await asyncio.to_thread(prepare, data_dir)
        self._file = StateFile(f"{data_dir}/state.json", Saved, self._log)
        saved = await asyncio.to_thread(self._file.load)
        self._tokens = Tokens(f"{data_dir}/tokens.json", lambda work: loop.run_in_executor(None, work))
        self._registry = Registry(
            Channel(c, self._clock, self._log, self._settings.credentials.get(c.name)) for c in self._settings.channels
        )
        self._lag = LagSampler(loop)
        self._governor = Governor(loop, self._log, Sampler().sample, lag=self._lag.worst)
        for channel in self._registry.all():
            self._governor.add(ChannelLoad(channel, self._bears(channel.name)))
        self._exporter = Exporter(self.snapshot)
        watchdog = watchdog_seconds(os.environ, os.getpid())
        self._supervisor = Supervisor(loop, self._notify, self._log, self._threads, watchdog)
        self._make_outputs(saved)
        passed = listened(os.environ)
        inherited = Inherited(passed.pop(NAME, ()))
        await self._make_hits(passed)
        self._let_go(passed)
        await self._make_shedding()
        proxies = Proxies(http.trusted_proxies)
        limits = Limits.of(http)
        for listen, router in self._routers():
            server = Server(loop, router, limits, proxies, self._log, self._clock, self._budget)
            self._servers.append(server)
            await server.start(listen, inherited)
        inherited.refuse_rest()
        await self._open_local(limits)
        self._registry.start()
        self._lag.start()
        self._governor.start()
        await self._save()  # so that a first run that is killed has told where its playlists' numbers stand
        look = ", ".join(f"http://{address}/" for address in self._servers[0].addresses)
        channels = ", ".join(c.name for c in self._settings.channels) or "none"
        sites = ", ".join(str(site.id) for site in self._settings.sites) or "none"
        self._log.info("ready", look=look, channels=channels, sites=sites)
        self._notify.ready(f"channels: {channels}; sites: {sites}")
        self._supervisor.start()

    def _bears(self, name: str) -> Callable[[float], bool]:
        """Whether the line carries that channel at so many bits a second a viewer."""
        return lambda rate: self._audience.bears(name, rate)

    def _threads(self) -> list[Thread]:
        return self._registry.threads() + (self._hits.threads() if self._hits else [])

    def _let_go(self, passed: dict[str, list[int]]) -> None:
        """Descriptors that nobody here wants: a name that is wrong, or what another version or configuration kept."""
        for name, descriptors in passed.items():
            self._log.warning("descriptor_not_used", name=name, do=f"sockets to listen on must be named {NAME}")
            self._notify.remove(name)
            for descriptor in descriptors:
                os.close(descriptor)

    def _make_outputs(self, saved: Saved) -> None:
        http = self._settings.http
        admission = Admission(
            max_viewers=http.max_viewers, egress=http.egress, traffic_per_month=http.traffic_per_month
        )
        admission.restore(saved.traffic)
        self._budget = Budget()
        self._audience = Audience(admission, self._clock, self._log, budget=self._budget)
        self._hls = Hls(self._registry, self._audience, self._clock, saved.playlists, budget=self._budget)

    async def _make_hits(self, inherited: dict[str, list[int]]) -> None:
        """Who has no sites does not pay for SQLite and the rest."""
        settings = self._settings
        if not settings.sites:
            return
        from edge.hits.service import KEPT_AS, Hits  # noqa: PLC0415 - see above

        hits = Hits(settings.hits, settings.sites, settings.data_dir, self._clock, self._log, self._tokens)
        await asyncio.to_thread(hits.prepare)
        hits.take_over(inherited.pop(KEPT_AS, ()))
        await hits.start()
        self._hits = hits

    async def _make_shedding(self) -> None:
        """After everything is loaded, as what that takes is measured, and before the first channel runs."""
        meter = MemoryMeter()
        own = meter.read().anonymous
        self._planner = await asyncio.to_thread(Planner.of_host, self._settings, own)
        self._pictures: dict[str, tuple[int, int]] = {}  # of the sources, by channel
        self._shedding = Shedding(
            self._planner.plan(),
            self._budget,
            registry=self._registry,
            audience=self._audience,
            hls=self._hls,
            servers=self._servers,
            taken=meter.read,
            log=self._log,
        )

    async def _open_local(self, limits: Limits) -> None:
        """For the operator's verbs on this host. Viewers and hits do without, if the socket cannot be had."""
        router = Router()
        router.add("GET", "/local/status", lambda _request: json(200, self.status()))
        if self._hits:
            self._hits.add_local(router)
        loop, nobody = asyncio.get_running_loop(), Proxies(())
        server = Server(loop, router, limits, nobody, self._log, self._clock, self._budget)
        try:
            await server.start((f"unix:{self._settings.data_dir}/{SOCKET}",))
        except ConfigError as error:
            self._log.warning("no_local_socket", why=str(error))
        else:
            self._servers.append(server)

    def _routers(self) -> list[tuple[tuple[str, ...], Router]]:
        """Listeners and what answers there. The first is the viewers'."""
        http = self._settings.http
        viewers = Router(self._tokens)
        Pages(self._registry, viewers.refusal, Web()).add_to(viewers)
        Live(self._registry, self._audience, viewers.refusal).add_to(viewers)
        self._hls.add_to(viewers, viewers.refusal)
        if self._hits:
            self._hits.add_to(viewers)
        viewers.add("GET", "/api/v1/channels", lambda _request: json(200, self.snapshot().channels), scope="stats")
        StatusPages(self.status, viewers.refusal).add_to(viewers)
        self._add_probes(viewers, lambda request: viewers.refusal(request, "stats") is None)
        if not http.metrics_listen:
            viewers.add("GET", "/metrics", metrics(self._exporter, lambda r: viewers.refusal(r, "stats") is None))
            return [(http.listen, viewers)]
        operators = Router(self._tokens)
        self._add_probes(operators, lambda _request: True)
        operators.add("GET", "/metrics", metrics(self._exporter, lambda _request: True))
        return [(http.listen, viewers), (http.metrics_listen, operators)]

    def _add_probes(self, router: Router, allowed: Callable[[Request], bool]) -> None:
        """`allowed`: whether a request may learn of private channels. The operators' listener is for those who may."""
        router.add("GET", "/healthz", healthz(lambda: self._supervisor.well))
        router.add("GET", "/readyz", readyz(self._readiness, self._freshness, allowed))

    async def _stop(self) -> None:
        """In reverse of the start: no new viewers, the old ones told the end, sources closed, state kept."""
        self._draining = True
        self._log.info("stopping")
        self._notify.stopping()
        self._supervisor.stop()
        for server in self._servers:
            server.stop_accepting()
        await self._registry.close()
        await asyncio.gather(*(server.drain(DRAIN) for server in self._servers))
        self._governor.stop()
        self._lag.stop()
        if self._hits:
            self._hits.seal(self._notify)
            await self._hits.close()
        await self._save()

    # -- what is due by time

    @property
    def _due(self) -> tuple[Callable[[float], None], ...]:
        return (
            self._registry.tick,
            self._audience.sweep,
            self._hls.tick,
            self._tick_memory,
            self._tick_tokens,
            self._tick_rest,
        )

    async def _tick(self) -> None:
        saved_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = self._clock.monotonic()
            for part in self._due:
                self._tick_part(part, now)
            self._say_failed.flush(now)
            if now - saved_at >= SAVE_EVERY:
                saved_at = now
                await self._save()

    def _tick_part(self, part: Callable[[float], None], now: float) -> None:
        try:
            part(now)
        except Exception as error:  # noqa: BLE001 - the others must go on, and this one the next time
            self._say_failed(now, what=part.__qualname__, why=f"{type(error).__name__}: {error}")

    def _tick_memory(self, now: float) -> None:
        """What a channel takes depends on its source's picture, which is known once it came."""
        pictures = {channel.name: channel.picture for channel in self._registry.all() if channel.picture}
        if pictures != self._pictures:
            self._pictures = pictures
            self._shedding.follow(self._planner.plan(pictures))
        self._shedding.tick(now)

    def _tick_tokens(self, _now: float) -> None:
        self._tokens.refresh()  # so that a new token works the first time it is shown

    def _tick_rest(self, now: float) -> None:
        self._steps.look()
        if self._hits:
            self._hits.tick(now)
            self._hits.seal(self._notify)

    async def _save(self) -> None:
        self._audience.settle()
        saved = Saved(self._audience.admission.snapshot(), self._hls.floors())
        try:
            await asyncio.to_thread(self._file.save, saved)
        except StoreError as error:
            if self._store_works:
                self._log.error("store_failed", why=str(error))
            self._store_works = False
        else:
            self._store_works = True
        self._disk = await asyncio.to_thread(disk.read, self._settings.data_dir)

    # -- what is asked of the whole

    def _readiness(self) -> Readiness:
        return Readiness(
            configuration=True, store=self._store_works, listeners=bool(self._servers), draining=self._draining
        )

    def _freshness(self) -> list[Freshness]:
        return [
            Freshness(c.settings.name, not c.settings.on_demand, c.frame_age(), c.settings.public)
            for c in self._registry.all()
        ]

    def snapshot(self) -> Snapshot:
        """Everything that is counted, at this moment."""
        stats = [server.stats() for server in self._servers]
        channels = self._registry.all()
        governed, budget, shed = self._governor.stats(), self._budget.stats(), self._shedding.stats()
        return Snapshot(
            build=gather.build(),
            channels=tuple(self._of_channel(channel, governed) for channel in channels),
            loop_lag=self._lag.stats(),
            quota=governed.quota,
            throttled_seconds=governed.throttled_seconds,
            steal_seconds=governed.steal_seconds,
            requests=gather.total(each.answers for each in stats),
            connections=sum(each.connections for each in stats),
            http_refused=gather.total(each.refused for each in stats),
            http_expired=gather.total(each.expired for each in stats),
            http_failures=sum(each.failures for each in stats),
            traffic_month=self._audience.admission.traffic(self._clock.wall()),
            ring_bytes=sum(channel.stats().ring_bytes for channel in channels),
            memory_limit=shed.plan_limit,
            memory_anonymous=shed.anonymous,
            memory_charged=shed.charged,
            memory_room=budget.limit,
            memory_drawn={name: account.used for name, account in budget.accounts.items()},
            memory_refused=budget.refused,
            shed_step=STEPS.index(shed.step),
            shed=shed.taken,
            disk_size=self._disk.size if self._disk else None,
            disk_free=self._disk.free if self._disk else None,
            clock_steps=self._steps.count,
            hits=gather.of_hits(self._hits.stats(), self._settings.sites) if self._hits else None,
            ring_limit=sum(c.hub(kind).ring.stats().max_bytes for c in channels for kind in CONTAINERS),
        )

    def status(self) -> Status:
        """The whole state, for who runs edge."""
        return status.of(
            self.snapshot(),
            self._registry.all(),
            self._settings.sites,
            lags=self._lag.recent(),
            used=self._governor.stats().used,
            state=state_word(self._readiness()),
            wall=self._clock.wall(),
            uptime=self._clock.monotonic() - self._began,
        )

    def _of_channel(self, channel: Channel, governed: GovernorStats) -> ChannelSnapshot:
        name = channel.settings.name
        return gather.of_channel(
            channel, governed.loads.get(name), self._audience.stats(name), self._hls.stats(name), self._clock.wall()
        )
