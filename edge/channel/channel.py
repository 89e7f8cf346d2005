"""A channel: pulls its source again and again in one thread, hands what comes out to the hubs its viewers follow."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from edge.channel.feed import Access, HttpFeed, LibavFeed
from edge.channel.settings import ChannelSettings
from edge.channel.state import Backoff, ChannelState, status
from edge.channel.worker import Worker
from edge.clock import Clock
from edge.errors import CodecError, SourceError
from edge.flow.bridge import Outbox
from edge.flow.hub import Hub, Listener
from edge.flow.ring import Bounds
from edge.host.supervision import Thread
from edge.log import Log, Throttle
from edge.media import kinds
from edge.media.events import Discontinuity, Event, Format, Init, Media, Poster, Unavailable, Without, gathered
from edge.media.kinds import Kind

if TYPE_CHECKING:
    from edge.media.ladder import Work
    from edge.media.meter import Meter
    from edge.media.pipeline import Pipeline, PipelineStats

CONTAINERS = ("ts", "flv", "mp4")
OUTBOX_BYTES = 2 << 20
OUTBOX_PATIENCE = 0.05  # seconds of work in one go; a usual burst of the source takes 20 ms
LINGER = 10.0  # seconds that a container is muxed on, and a channel on demand runs on, after the last viewer
STOPPING = 3.0


class ChannelStats(msgspec.Struct, frozen=True):
    """`connections`: to the source, by the reason they ended. `pipeline` is None before the first start."""

    connections: dict[str, int]
    discontinuities: int
    ring_bytes: int
    pipeline: PipelineStats | None
    abandoned: int  # threads


class Channel:
    """One for the life of the process. Loop only; its thread is inside. `tick(now)` is due every second."""

    def __init__(self, settings: ChannelSettings, clock: Clock, log: Log, access: Access | None = None) -> None:
        self.settings = settings
        self.poster: bytes | None = None
        self.unavailable: dict[str, str] = {}
        self._clock, self._log, self._access = clock, log, access
        self._say_failed = Throttle(log.error, "listener_failed")
        self._hubs = {
            name: Hub(f"{settings.name}.{name}", Bounds(), self._on_interest, self._on_failure) for name in CONTAINERS
        }
        self._left: dict[str, float] = {}  # containers without viewers, since when
        self._idle_since = self._started = clock.monotonic()
        self._state = ChannelState(since=clock.wall())
        self._reason: str | None = None
        self._restart_at: float | None = None
        self._said: tuple[str, str] | None = None  # the trouble that stands in the log
        self._without: str | None = None
        self._format: Format | None = None
        self._connections: Counter[str] = Counter()
        self._discontinuities = 0
        self._kind: Kind = kinds.kind_of(settings.source)
        self._feed: HttpFeed | LibavFeed | None = None
        self._pipeline: Pipeline | None = None
        self._asked: str | None = None  # the rung to work on
        self._lowered: str | None = None  # why it is not the best
        self._allowed: float | None = None  # cores
        self._task: asyncio.Task[None] | None = None
        # Of this run last; before it those that have not ended yet: libavformat heeds its own deadlines alone, 30 s at
        # most, so with LINGER between runs there are three; what hangs for longer the supervisor counts.
        self._workers: list[Worker] = []
        self._abandoned = 0
        self._say_damaged = Throttle(log.warning, "damaged")
        self._damaged_said = 0

    # -- what others ask

    def hub(self, container: str) -> Hub:
        return self._hubs[container]

    @property
    def running(self) -> bool:
        return self._task is not None

    @property
    def format(self) -> Format | None:
        """What viewers get; None before the first picture."""
        return self._format

    def state(self) -> ChannelState:
        self._refresh()
        return self._state

    def frame_age(self) -> float | None:
        """Seconds since the last frame of this run; None before the first."""
        last = self._pipeline.last_frame if self._pipeline else None
        return None if last is None or last < self._started else self._clock.monotonic() - last

    def stats(self) -> ChannelStats:
        return ChannelStats(
            dict(self._connections),
            self._discontinuities,
            sum(hub.stats().ring.bytes for hub in self._hubs.values()),
            self._pipeline.stats() if self._pipeline else None,
            self._abandoned,
        )

    # -- what the governor asks, and wants (channel.load)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def live(self) -> bool:
        return self.running and status(running=True, frame_age=self.frame_age()) == "live"

    @property
    def asked(self) -> str | None:
        return self._asked

    @property
    def rung(self) -> str | None:
        return self._pipeline.rung if self._pipeline else None

    @property
    def picture(self) -> tuple[int, int] | None:
        """Width and height of the source's picture; None: not known yet."""
        return self._pipeline.picture if self._pipeline else None

    def works(self) -> tuple[Work, ...]:
        """The rungs that are allowed and possible now, best first; none before the first start."""
        return self._pipeline.works() if self._pipeline else ()

    def meter(self) -> Meter | None:
        return self._pipeline.meter() if self._pipeline else None

    def lump(self) -> float:
        """Seconds of media over which the rung in effect spreads its work unevenly."""
        return self._pipeline.lump() if self._pipeline else 0.0

    def source_rate(self) -> float | None:
        """Bits a second of what is used of the source; None while too little is known."""
        return self._pipeline.source_rate if self._pipeline else None

    def take(self, rung: str, reason: str | None) -> None:
        """Works on that rung from the next moment on that the stream permits; it outlives a restart of the channel.
        `reason`: why it is not the best one, None: it is."""
        self._asked, self._lowered = rung, reason
        if self._pipeline is not None:
            self._pipeline.take(rung)

    def allow(self, cores: float | None) -> None:
        """Uses at most so much of a core; None: no bound."""
        self._allowed = cores
        if self._pipeline is not None:
            self._pipeline.allow(cores)

    # -- life

    def start(self) -> None:
        """Starts pulling, if it does not already."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"channel {self.settings.name}")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The task ends when it is stopped. Else something is very wrong (no av, no thread): said, and tried again."""
        if task is not self._task:
            return
        self._task = None
        error = None if task.cancelled() else task.exception()
        self._log.error("channel_failed", channel=self.settings.name, why=f"{type(error).__name__}: {error}")
        self._restart_at = self._clock.monotonic() + LINGER

    async def stop(self) -> None:
        """Stops pulling; the hubs stay for viewers who come back."""
        task, self._task = self._task, None
        if task is None:
            return
        if self._pipeline is not None:
            self._pipeline.cancel()
        if self._feed is not None:
            self._feed.cancel()
        task.cancel()
        await asyncio.wait([task], timeout=STOPPING)
        if not self.running:
            self._forget()
        self._refresh()

    def _forget(self) -> None:
        """The next run of the pipeline begins its clock anew: nothing of this one may come before it."""
        self._format = None
        for hub in self._hubs.values():
            hub.idle()

    def threads(self) -> list[Thread]:
        """Those that live, for the supervisor."""
        self._workers = [worker for worker in self._workers if worker.alive]
        return [Thread(w, w.name, w.beat(), partial(self._abandon, w)) for w in self._workers]

    def _abandon(self, worker: Worker) -> None:
        """It hangs in a library, where nothing reaches it. If it ever comes back it finds itself cancelled and ends."""
        self._abandoned += 1
        if self.running and worker is self._workers[-1]:
            asyncio.ensure_future(self._begin_again())  # noqa: RUF006 - it ends by itself within STOPPING

    async def _begin_again(self) -> None:
        await self.stop()
        self.start()

    async def close(self) -> None:
        """The end: viewers are told."""
        await self.stop()
        for hub in self._hubs.values():
            hub.close()

    def tick(self, now: float) -> None:
        """What is due by time: state, containers nobody watches, a channel on demand nobody watches."""
        self._refresh()
        self._tell_damage(now)
        self._say_damaged.flush(now)
        self._say_failed.flush(now)
        for name in [n for n, since in self._left.items() if now - since >= LINGER]:
            del self._left[name]
            self._hubs[name].idle()
            self._tell_wanted()
        watched = any(hub.listeners for hub in self._hubs.values())
        if self._restart_at is not None and now >= self._restart_at:
            self._restart_at = None
            self.start()
        if watched:
            self._idle_since = now
            if self.settings.on_demand and self._restart_at is None:
                self.start()  # a viewer who came while it was being stopped
        elif self.settings.on_demand and self.running and now - self._idle_since >= LINGER:
            asyncio.ensure_future(self.stop())  # noqa: RUF006 - it ends by itself within STOPPING

    # -- viewers

    def _on_interest(self, hub: Hub, wanted: bool) -> None:
        container = hub.name.rpartition(".")[2]
        if wanted:
            self._left.pop(container, None)
            if self.settings.on_demand:
                self.start()
        else:
            self._left[container] = self._clock.monotonic()
        self._tell_wanted()

    def _on_failure(self, who: Listener, error: Exception) -> None:
        why = f"{type(error).__name__}: {error}"
        self._say_failed(self._clock.monotonic(), channel=self.settings.name, listener=type(who).__name__, why=why)

    def _tell_wanted(self) -> None:
        if self._pipeline is not None:
            self._pipeline.want(n for n, hub in self._hubs.items() if hub.listeners or n in self._left)

    # -- the source

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        outbox: Outbox[Event] = Outbox(loop, self._deliver, OUTBOX_BYTES, OUTBOX_PATIENCE)
        worker = Worker(loop, f"edge-{self.settings.name}"[:15])
        self._workers.append(worker)
        pipeline = None
        self._started = self._clock.monotonic()
        self._forget()
        try:
            pipeline = await worker.run(lambda: self._make(outbox))
            self._pipeline = pipeline
            worker.sign = partial(getattr, pipeline, "beat")
            self._tell_wanted()
            pipeline.allow(self._allowed)
            if self._asked is not None:
                pipeline.take(self._asked)
            await self._pull(worker, pipeline)
        finally:
            outbox.close(discard=True)
            if pipeline is not None:
                pipeline.cancel()
            worker.stop(None if pipeline is None else pipeline.close)

    def _make(self, outbox: Outbox[Event]) -> Pipeline:
        """In the thread: importing av takes 0.2 to 0.4 s, which no viewer shall feel."""
        new = "edge.media.pipeline" not in sys.modules
        make: Callable[..., Pipeline] = import_module("edge.media.pipeline").Pipeline
        if new:
            import_module("edge.host.text").give_back()
        s = self.settings
        return make(
            s.video,
            s.audio,
            lambda event: outbox.put(event, _size(event)),
            s.program,
            s.audio_language,
            ladder_settings=s.ladder,
            flush=outbox.flush,
        )

    async def _pull(self, worker: Worker, pipeline: Pipeline) -> None:
        backoff, feed = Backoff(), self._new_feed()
        while True:
            started, produced = self._clock.monotonic(), pipeline.produced
            self._feed = feed
            reason, why = await self._connection(feed, worker, pipeline)
            if reason == "playlist":
                self._kind, feed = (
                    kinds.HLS,
                    LibavFeed(self.settings.source, kinds.HLS, self.settings.headers, self._access),
                )
                continue
            self._connections[reason] += 1
            brought, lasted = pipeline.produced > produced, self._clock.monotonic() - started
            self._note(reason, why, brought_media=brought)
            chance = random.random()  # noqa: S311 - jitter
            backoff, wait = backoff.after(brought_media=brought, lasted=lasted, chance=chance)
            await asyncio.sleep(wait)

    def _new_feed(self) -> HttpFeed | LibavFeed:
        s = self.settings
        if self._kind is kinds.PIPE:
            return HttpFeed(s.source, s.headers, self._access)
        return LibavFeed(s.source, self._kind, s.headers, self._access)

    async def _connection(self, feed: HttpFeed | LibavFeed, worker: Worker, pipeline: Pipeline) -> tuple[str, str]:
        """Plays one connection. The word for how it ended, and why in words."""
        try:
            await feed.play(worker, pipeline)
        except SourceError as error:
            return error.reason, str(error)
        except CodecError as error:
            return "codec", str(error)
        except Exception as error:  # noqa: BLE001 - a bug must not end the channel; it is counted and said
            return "bug", f"{type(error).__name__}: {error}"
        return "ended", "the source ended"

    def _note(self, reason: str, why: str, *, brought_media: bool) -> None:
        """One line per new trouble. A connection that brought media and ended is this product's daily bread."""
        trouble = not brought_media and (reason, why) != self._said
        self._reason = reason
        if trouble or reason == "bug":
            self._log.warning("source_failed", channel=self.settings.name, reason=reason, why=why)
        self._said = None if brought_media else (reason, why)

    # -- from the thread

    def _deliver(self, events: list[Event]) -> None:
        for event in gathered(events):
            self._take(event)
        self._refresh()

    def _take(self, event: Event) -> None:
        if isinstance(event, Media):
            self._hubs[event.container].publish(event.chunks)
        elif isinstance(event, Init):
            hub = self._hubs[event.container]
            self.unavailable.pop(event.container, None)
            if event.reset:
                hub.reset(event.data)
            else:
                hub.set_init(event.data)
        elif isinstance(event, Discontinuity):
            self._discontinuities += 1
            for hub in self._hubs.values():
                hub.discontinuity()
        elif isinstance(event, Poster):
            self.poster = event.jpeg
        elif isinstance(event, Unavailable):
            self.unavailable[event.container] = event.reason
            self._hubs[event.container].reset(b"")
        elif isinstance(event, Without):
            if event.reason != self._without:
                self._without = event.reason
                self._log.warning("stream_unusable", channel=self.settings.name, why=event.reason)
        else:
            self._format = event

    def _refresh(self) -> None:
        """The state of now; a change of status is one log line."""
        now = status(running=self.running, frame_age=self.frame_age())
        old = self._state
        since = old.since if now == old.status else self._clock.wall()
        f = self._format
        reason = self._reason if now in ("away", "starting") else None
        self._state = ChannelState(
            now, reason, since,
            f.width or None if f else None, f.height or None if f else None,
            f.sar[0] / f.sar[1] if f else 1.0, f.codecs if f else (),
            self.rung, self._lowered,
        )  # fmt: skip
        if now != old.status:
            self._tell_status(old)

    def _tell_status(self, old: ChannelState) -> None:
        name, now = self.settings.name, self._state
        if now.status == "live":
            away = self._clock.wall() - old.since if old.status == "away" else 0.0
            fields: dict[str, Any] = {"away_seconds": away} if away else {}
            self._log.info("source_live", channel=name, width=now.width or 0, height=now.height or 0, **fields)
        elif now.status == "away":
            self._log.warning("source_away", channel=name, reason=now.reason or "silent")
            for hub in self._hubs.values():
                hub.gap()

    def _tell_damage(self, now: float) -> None:
        if self._pipeline is None:
            return
        damaged = self._pipeline.stats().damaged
        if damaged > self._damaged_said:
            self._say_damaged(now, damaged - self._damaged_said, channel=self.settings.name)
            self._damaged_said = damaged


def _size(event: Event) -> int:
    """Bytes that an event keeps alive on its way to the loop."""
    if isinstance(event, Media):
        return sum(len(chunk.data) for chunk in event.chunks)
    return len(event.jpeg) if isinstance(event, Poster) else 64
