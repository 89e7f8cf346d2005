"""What is asked of the whole worker: everything that is counted, its state, whether it is ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from edge.channel.channel import CONTAINERS, Channel
from edge.channel.registry import Registry
from edge.clock import Clock, Steps
from edge.flow.budget import Budget
from edge.hits.settings import SiteSettings
from edge.host.disk import DiskWatch
from edge.host.governing import Governor, GovernorStats
from edge.http.server import Server
from edge.observe import gather, status
from edge.observe.health import Freshness, Readiness, state_word
from edge.observe.lag import LagSampler
from edge.observe.snapshot import ChannelSnapshot, Snapshot
from edge.observe.status import Status
from edge.serve.hls import Hls
from edge.serve.keeping import Keeping
from edge.serve.progressive import Audience
from edge.serve.shed import STEPS
from edge.serve.shedding import Shedding

if TYPE_CHECKING:  # who has no sites does not load the collector
    from edge.hits.service import Hits


class Parts(msgspec.Struct, frozen=True):
    """The parts of a worker that count. `servers` may still grow; `hits`: None without sites."""

    clock: Clock
    steps: Steps
    registry: Registry
    governor: Governor
    lag: LagSampler
    budget: Budget
    audience: Audience
    hls: Hls
    shedding: Shedding
    keeping: Keeping
    disk: DiskWatch
    servers: Sequence[Server]
    sites: Sequence[SiteSettings]
    hits: Hits | None


class Whole:
    """A worker that began at the monotonic second `began`. `draining`: it stops, and takes nobody new."""

    def __init__(self, parts: Parts, began: float) -> None:
        self._parts = parts
        self._began = began
        self.draining = False

    def readiness(self) -> Readiness:
        return Readiness(
            configuration=True,
            store=self._parts.keeping.works,
            listeners=bool(self._parts.servers),
            draining=self.draining,
        )

    def freshness(self) -> list[Freshness]:
        return [
            Freshness(c.settings.name, not c.settings.on_demand, c.frame_age(), c.settings.public)
            for c in self._parts.registry.all()
        ]

    def status(self) -> Status:
        """The whole state, for who runs edge."""
        parts = self._parts
        return status.of(
            self.snapshot(),
            parts.registry.all(),
            parts.sites,
            lags=parts.lag.recent(),
            used=parts.governor.stats().used,
            state=state_word(self.readiness()),
            wall=parts.clock.wall(),
            uptime=parts.clock.monotonic() - self._began,
        )

    def snapshot(self) -> Snapshot:
        """Everything that is counted, at this moment."""
        parts, channels = self._parts, self._parts.registry.all()
        served = [server.stats() for server in parts.servers]
        governed, budget, shed = parts.governor.stats(), parts.budget.stats(), parts.shedding.stats()
        disk = parts.disk.stats
        return Snapshot(
            build=gather.build(),
            channels=tuple(self._channel(channel, governed) for channel in channels),
            loop_lag=parts.lag.stats(),
            quota=governed.quota,
            throttled_seconds=governed.throttled_seconds,
            steal_seconds=governed.steal_seconds,
            requests=gather.total(each.answers for each in served),
            connections=sum(each.connections for each in served),
            http_refused=gather.total(each.refused for each in served),
            http_expired=gather.total(each.expired for each in served),
            http_failures=sum(each.failures for each in served),
            traffic_month=parts.audience.admission.traffic(parts.clock.wall()),
            ring_bytes=sum(channel.stats().ring_bytes for channel in channels),
            ring_limit=sum(c.hub(kind).ring.stats().max_bytes for c in channels for kind in CONTAINERS),
            memory_limit=shed.plan_limit,
            memory_anonymous=shed.anonymous,
            memory_charged=shed.charged,
            memory_room=budget.limit,
            memory_drawn={name: account.used for name, account in budget.accounts.items()},
            memory_refused=budget.refused,
            shed_step=STEPS.index(shed.step),
            shed=shed.taken,
            disk_size=disk.size if disk else None,
            disk_free=disk.free if disk else None,
            clock_steps=parts.steps.count,
            hits=gather.of_hits(parts.hits.stats(), parts.sites) if parts.hits else None,
        )

    def _channel(self, channel: Channel, governed: GovernorStats) -> ChannelSnapshot:
        name, parts = channel.settings.name, self._parts
        return gather.of_channel(
            channel, governed.loads.get(name), parts.audience.stats(name), parts.hls.stats(name), parts.clock.wall()
        )
