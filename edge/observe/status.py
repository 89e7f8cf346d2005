"""The whole state of a worker as plain values, for `edge top`, `/status` and scripts; and what two readings make of it.

Counts rise for as long as the process lives: whoever watches makes the rates, out of two readings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from edge.channel.channel import Channel
from edge.hits.settings import SiteSettings
from edge.observe.snapshot import Build, ChannelSnapshot, Snapshot
from edge.serve.shed import STEPS


class ChannelStatus(msgspec.Struct, frozen=True):
    """`state`: live, starting, away, off, since wall second `since`, `reason`: a word. `lowered`: why `rung` is not the
    best one. `connections`: to the source that ended; `viewers` now and `sent` bytes by output."""

    name: str
    public: bool
    state: str
    since: float
    reason: str | None = None
    width: int | None = None
    height: int | None = None
    rung: str | None = None
    lowered: str | None = None
    lag_seconds: float | None = None
    last_frame: float | None = None
    output_seconds: float = 0.0
    processor_seconds: float | None = None
    connections: int = 0
    viewers: Mapping[str, int] = {}
    sent: Mapping[str, int] = {}


class LoopStatus(msgspec.Struct, frozen=True):
    """How late the event loop was for a call due every 250 ms, in seconds: of `samples` within the last minute."""

    samples: int = 0
    p50: float = 0.0
    p99: float = 0.0
    worst: float = 0.0


class MemoryStatus(msgspec.Struct, frozen=True):
    """Bytes; None: unknown. `limit`: what the plan lets the process take; `room`: what of it rings, playlists, viewers
    and requests may draw, `drawn`: by account. `shedding`: what is let go, a word; `refused`: viewers and requests."""

    limit: int | None = None
    anonymous: int | None = None
    charged: int | None = None
    room: int | None = None
    drawn: Mapping[str, int] = {}
    shedding: str = STEPS[0]
    refused: int = 0


class ProcessorStatus(msgspec.Struct, frozen=True):
    """`quota` and `used` in cores, None: unknown. The seconds only rise."""

    quota: float | None = None
    used: float | None = None
    throttled_seconds: float | None = None
    steal_seconds: float | None = None


class NetworkStatus(msgspec.Struct, frozen=True):
    """`requests` by class of status; `refused` connections; `month`: bytes sent since it began."""

    connections: int = 0
    requests: Mapping[str, int] = {}
    refused: int = 0
    month: int | None = None


class SiteStatus(msgspec.Struct, frozen=True):
    """`hits` and `visits` since the start; `visitors`: of the site's day that is under way, at least so many."""

    id: int
    name: str
    hits: int
    visits: int
    visitors: float | None


class HitsStatus(msgspec.Struct, frozen=True):
    """`failing`: the database refuses hits now. Hits `waiting` for their commit, `failed`: refused as they could not be
    kept, `excluded`: answered and not counted, `rejected`."""

    sites: tuple[SiteStatus, ...]
    failing: bool
    waiting: int
    failed: int
    excluded: int
    rejected: int
    under_way: int
    database: int | None


class Status(msgspec.Struct, frozen=True):
    """`state`: ready, stopping, or waiting (for what `/readyz` names). `time`: wall second of the reading."""

    build: Build
    state: str
    time: float
    uptime: float
    channels: tuple[ChannelStatus, ...]
    loop: LoopStatus
    memory: MemoryStatus
    processor: ProcessorStatus
    network: NetworkStatus
    hits: HitsStatus | None  # None: no site is configured
    disk_size: int | None
    disk_free: int | None


def of_loop(lags: Sequence[float]) -> LoopStatus:
    """`lags`: seconds, in any order."""
    ordered = sorted(lags)
    if not ordered:
        return LoopStatus()
    return LoopStatus(len(ordered), _quantile(ordered, 0.5), _quantile(ordered, 0.99), ordered[-1])


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The least value that `share` of them do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def of_channel(snapshot: ChannelSnapshot, channel: Channel) -> ChannelStatus:
    now = channel.state()
    away = now.status == "starting" and now.reason  # not a promise for ever
    return ChannelStatus(
        name=snapshot.name, public=snapshot.public, state="away" if away else now.status, since=now.since,
        reason=now.reason,
        width=now.width, height=now.height, rung=now.rung, lowered=now.lowered, lag_seconds=snapshot.lag_seconds,
        last_frame=snapshot.last_frame, output_seconds=snapshot.output_seconds,
        processor_seconds=snapshot.processor_seconds, connections=sum(snapshot.connections.values()),
        viewers=snapshot.viewers, sent=snapshot.sent,
    )  # fmt: skip


def of_hits(snapshot: Snapshot, sites: Sequence[SiteSettings]) -> HitsStatus | None:
    hits = snapshot.hits
    if hits is None:
        return None
    names = {site.id: site.name or site.hosts[0] for site in sites}
    return HitsStatus(
        sites=tuple(
            SiteStatus(each.site, names.get(each.site, ""), sum(each.hits.values()), each.visits, each.uniques)
            for each in hits.sites
        ),
        failing=hits.failing, waiting=hits.waiting, failed=hits.failed, excluded=sum(hits.excluded.values()),
        rejected=sum(hits.rejected.values()), under_way=hits.under_way, database=hits.database,
    )  # fmt: skip


def of(
    snapshot: Snapshot,
    channels: Sequence[Channel],
    sites: Sequence[SiteSettings],
    *,
    lags: Sequence[float],
    used: float | None,
    state: str,
    wall: float,
    uptime: float,
) -> Status:
    """`channels` in the order of the snapshot's; `used`: cores; `lags` of the loop in the last minute."""
    s = snapshot
    return Status(
        build=s.build,
        state=state,
        time=wall,
        uptime=uptime,
        channels=tuple(of_channel(each, channel) for each, channel in zip(s.channels, channels, strict=True)),
        loop=of_loop(lags),
        memory=MemoryStatus(
            s.memory_limit, s.memory_anonymous, s.memory_charged, s.memory_room, s.memory_drawn, STEPS[s.shed_step],
            s.memory_refused,
        ),
        processor=ProcessorStatus(s.quota, used, s.throttled_seconds, s.steal_seconds),
        network=NetworkStatus(s.connections, s.requests, sum(s.http_refused.values()), s.traffic_month),
        hits=of_hits(s, sites),
        disk_size=s.disk_size,
        disk_free=s.disk_free,
    )  # fmt: skip


# -- two readings


class Rates(msgspec.Struct, frozen=True):
    """A second, between two readings of one process: bits sent and cores by channel, hits by site, requests; shares of
    the time that the process stood at its quota, and of a core that the hypervisor gave to others."""

    seconds: float
    bits: dict[str, float]
    cores: dict[str, float]
    speed: dict[str, float]  # seconds of media a second
    hits: dict[int, float]
    requests: float
    throttled: float | None
    steal: float | None


def rates(before: Status | None, now: Status) -> Rates | None:
    """None: there is nothing to compare with, as it is the first reading or the first of another process."""
    if before is None or now.uptime <= before.uptime:
        return None
    seconds = now.uptime - before.uptime
    channels = {channel.name: channel for channel in before.channels}
    pairs = [(channels[each.name], each) for each in now.channels if each.name in channels]
    return Rates(
        seconds,
        {b.name: 8 * (sum(b.sent.values()) - sum(a.sent.values())) / seconds for a, b in pairs},
        {b.name: max(0.0, (b.processor_seconds or 0.0) - (a.processor_seconds or 0.0)) / seconds for a, b in pairs},
        {b.name: max(0.0, b.output_seconds - a.output_seconds) / seconds for a, b in pairs},
        _hits(before.hits, now.hits, seconds),
        (sum(now.network.requests.values()) - sum(before.network.requests.values())) / seconds,
        _share(before.processor.throttled_seconds, now.processor.throttled_seconds, seconds),
        _share(before.processor.steal_seconds, now.processor.steal_seconds, seconds),
    )


def _hits(before: HitsStatus | None, now: HitsStatus | None, seconds: float) -> dict[int, float]:
    if before is None or now is None:
        return {}
    counted = {site.id: site.hits for site in before.sites}
    return {site.id: (site.hits - counted[site.id]) / seconds for site in now.sites if site.id in counted}


def _share(before: float | None, now: float | None, seconds: float) -> float | None:
    return None if before is None or now is None else max(0.0, now - before) / seconds
