"""The composition root: makes everything once, hands it to constructors, starts in order and stops in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from edge.access.proxies import Proxies
from edge.access.tokens import Tokens
from edge.channel.channel import Channel
from edge.channel.load import ChannelLoad
from edge.channel.registry import Registry
from edge.clock import Clock, Steps, SystemClock
from edge.config.memory import Planner
from edge.config.model import Settings
from edge.errors import ConfigError
from edge.flow.budget import Budget
from edge.host.datadir import prepare
from edge.host.defects import Defects
from edge.host.disk import DiskWatch
from edge.host.governing import Governor
from edge.host.limits import Sampler
from edge.host.memory import MemoryMeter
from edge.host.notify import Notify, listened, watchdog_seconds
from edge.host.statefile import StateFile
from edge.host.supervision import Supervisor, Thread
from edge.host.ticking import Part, Ticking
from edge.http.inherited import NAME, Inherited
from edge.http.limits import Limits
from edge.http.router import Router
from edge.http.server import Server
from edge.http.unix import SOCKET
from edge.log import Log, chosen
from edge.observe.lag import LagSampler
from edge.observe.routes import Watching
from edge.observe.whole import Parts, Whole
from edge.serve.hls import Hls
from edge.serve.keeping import Keeping, Saved
from edge.serve.live import Live
from edge.serve.pages import Web
from edge.serve.player import Pages
from edge.serve.progressive import Admission, Audience
from edge.serve.shedding import Shedding

if TYPE_CHECKING:
    from edge.hits.service import Hits

DRAIN = 3.0  # seconds that viewers have to take what is on its way
DEADLINE = 9.0  # for the whole of stopping; the promise is 10 s
# Threads for what may block: state, scrapes. asyncio would start up to six, one after the other, and keep them.
POOL = 2


class App:
    """The worker. `run()` returns the exit code."""

    def __init__(self, settings: Settings, clock: Clock | None = None, log: Log | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._began = self._clock.monotonic()
        self._steps = Steps(self._clock)
        self._notify = Notify(os.environ.get("NOTIFY_SOCKET", ""))
        self._log = log or Log(settings.log.level, form=chosen(settings.log.format, os.environ))
        self._budget = Budget()
        self._disk = DiskWatch(settings.data_dir)
        self._hits: Hits | None = None
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
        tasks = [asyncio.create_task(each) for each in self._due()]
        await self._stopping.wait()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop(), DEADLINE)
        self._log.info("stopped")
        return 0

    def _signalled(self) -> None:
        if self._stopping.is_set():
            os._exit(1)
        self._stopping.set()

    async def _start(self) -> None:
        passed = listened(os.environ)
        inherited = Inherited(passed.pop(NAME, ()))
        await self._make_store()
        self._make_channels()
        await self._make_outputs()
        await self._make_hits(passed)
        self._let_go(passed)
        await self._make_shedding()
        self._make_watch()
        await self._listen(inherited)
        self._registry.start()
        self._lag.start()
        self._governor.start()
        await self._keeping.save()  # a first run that is killed has told where its playlists' numbers stand
        await self._disk.look()
        self._say_ready()
        self._supervisor.start()

    def _say_ready(self) -> None:
        look = ", ".join(f"http://{address}/" for address in self._servers[0].addresses)
        channels = ", ".join(c.name for c in self._settings.channels) or "none"
        sites = ", ".join(str(site.id) for site in self._settings.sites) or "none"
        self._log.info("ready", look=look, channels=channels, sites=sites)
        self._notify.ready(f"channels: {channels}; sites: {sites}")

    async def _stop(self) -> None:
        """In reverse of the start: no new viewers, the old ones told the end, sources closed, state kept."""
        self._whole.draining = True
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
        await self._keeping.save()

    # -- the parts, in the order in which they are made

    async def _make_store(self) -> None:
        loop, data_dir = asyncio.get_running_loop(), self._settings.data_dir
        await asyncio.to_thread(prepare, data_dir)
        self._tokens = Tokens(f"{data_dir}/tokens.json", lambda work: loop.run_in_executor(None, work))

    def _make_channels(self) -> None:
        loop, settings = asyncio.get_running_loop(), self._settings
        self._registry = Registry(
            Channel(each, self._clock, self._log, settings.credentials.get(each.name)) for each in settings.channels
        )
        self._lag = LagSampler(loop)
        self._governor = Governor(loop, self._log, Sampler().sample, lag=self._lag.worst)
        for channel in self._registry.all():
            self._governor.add(ChannelLoad(channel, self._bears(channel.name)))

    def _bears(self, name: str) -> Callable[[float], bool]:
        """Whether the line carries that channel at so many bits a second a viewer."""
        return lambda rate: self._audience.bears(name, rate)

    async def _make_outputs(self) -> None:
        http = self._settings.http
        file = StateFile(f"{self._settings.data_dir}/state.json", Saved, self._log)
        saved = await asyncio.to_thread(file.load)
        admission = Admission(
            max_viewers=http.max_viewers, egress=http.egress, traffic_per_month=http.traffic_per_month
        )
        admission.restore(saved.traffic)
        self._audience = Audience(admission, self._clock, self._log, budget=self._budget)
        self._hls = Hls(self._registry, self._audience, self._clock, saved.playlists, budget=self._budget)
        self._keeping = Keeping(file, self._audience, self._hls, self._log)

    async def _make_hits(self, passed: dict[str, list[int]]) -> None:
        """Who has no sites does not pay for SQLite and the rest."""
        settings = self._settings
        if not settings.sites:
            return
        from edge.hits.service import KEPT_AS, Hits  # noqa: PLC0415 - see above

        hits = Hits(settings.hits, settings.sites, settings.data_dir, self._clock, self._log, self._tokens)
        await asyncio.to_thread(hits.prepare)
        hits.take_over(passed.pop(KEPT_AS, ()))
        await hits.start()
        self._hits = hits

    def _let_go(self, passed: dict[str, list[int]]) -> None:
        """Descriptors that nobody here wants: a name that is wrong, or what another version or configuration kept."""
        for name, descriptors in passed.items():
            self._log.warning("descriptor_not_used", name=name, do=f"sockets to listen on must be named {NAME}")
            self._notify.remove(name)
            for descriptor in descriptors:
                os.close(descriptor)

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

    def _make_watch(self) -> None:
        parts = Parts(
            clock=self._clock,
            steps=self._steps,
            registry=self._registry,
            governor=self._governor,
            lag=self._lag,
            budget=self._budget,
            audience=self._audience,
            hls=self._hls,
            shedding=self._shedding,
            keeping=self._keeping,
            disk=self._disk,
            servers=self._servers,
            sites=self._settings.sites,
            hits=self._hits,
        )
        watchdog = watchdog_seconds(os.environ, os.getpid())
        loop = asyncio.get_running_loop()
        self._supervisor = Supervisor(loop, self._notify, self._log, self._threads, watchdog)
        self._whole = Whole(parts, self._began)
        self._watching = Watching(self._whole, lambda: self._supervisor.well)

    def _threads(self) -> list[Thread]:
        return self._registry.threads() + (self._hits.threads() if self._hits else [])

    # -- listeners and what answers there

    async def _listen(self, inherited: Inherited) -> None:
        """The first server is the viewers'."""
        http = self._settings.http
        await self._serve(self._viewers(), http.listen, inherited)
        if http.metrics_listen:
            await self._serve(self._operators(), http.metrics_listen, inherited)
        inherited.refuse_rest()
        try:
            await self._serve(self._local(), (f"unix:{self._settings.data_dir}/{SOCKET}",))
        except ConfigError as error:  # viewers and hits do without it
            self._log.warning("no_local_socket", why=str(error))

    async def _serve(self, router: Router, listen: tuple[str, ...], inherited: Inherited | None = None) -> None:
        """`inherited`: None for the local socket, where no proxy stands in front."""
        http, loop = self._settings.http, asyncio.get_running_loop()
        proxies = Proxies(http.trusted_proxies if inherited else ())
        server = Server(loop, router, Limits.of(http), proxies, self._log, self._clock, self._budget)
        await server.start(listen, inherited)
        self._servers.append(server)

    def _viewers(self) -> Router:
        router = Router(self._tokens)
        Pages(self._registry, router.refusal, Web()).add_to(router)
        Live(self._registry, self._audience, router.refusal).add_to(router)
        self._hls.add_to(router, router.refusal)
        if self._hits:
            self._hits.add_to(router)
        self._watching.add_to_viewers(router, scraped=not self._settings.http.metrics_listen)
        return router

    def _operators(self) -> Router:
        router = Router(self._tokens)
        self._watching.add_to_operators(router)
        return router

    def _local(self) -> Router:
        """For the operator's verbs on this host."""
        router = Router()
        self._watching.add_local(router)
        if self._hits:
            self._hits.add_local(router)
        return router

    # -- what is due by time

    def _due(self) -> tuple[Coroutine[Any, Any, None], ...]:
        parts: list[Part] = [self._registry.tick, self._audience.sweep, self._hls.tick, self._tick_memory]
        parts += [self._tick_tokens, self._tick_clock, self._tick_hits]
        return Ticking(parts, self._clock, self._log).run(), self._keeping.run(), self._disk.run()

    def _tick_memory(self, now: float) -> None:
        """What a channel takes depends on its source's picture, which is known once it came."""
        pictures = {channel.name: channel.picture for channel in self._registry.all() if channel.picture}
        if pictures != self._pictures:
            self._pictures = pictures
            self._shedding.follow(self._planner.plan(pictures))
        self._shedding.tick(now)

    def _tick_tokens(self, _now: float) -> None:
        self._tokens.refresh()  # so that a new token works the first time it is shown

    def _tick_clock(self, _now: float) -> None:
        self._steps.look()

    def _tick_hits(self, now: float) -> None:
        if self._hits:
            self._hits.tick(now)
            self._hits.seal(self._notify)
