"""From what the packages count to what is shown: plain values into plain values."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from edge import __version__
from edge.channel.channel import CONTAINERS, Channel
from edge.hits.settings import SiteSettings
from edge.host.governing import LoadStats
from edge.host.load import REASONS
from edge.media.settings import RUNGS
from edge.observe.sites import HitsSnapshot, SiteSnapshot
from edge.observe.snapshot import Build, ChannelSnapshot
from edge.release import RELEASE
from edge.serve.hlsfeed import HlsFeedStats
from edge.serve.progressive import CLOSED, REFUSED, AudienceStats

if TYPE_CHECKING:  # who has no sites does not load the collector
    from edge.hits.service import HitsStats


def of_channel(
    channel: Channel, load: LoadStats | None, audience: AudienceStats, hls: HlsFeedStats, wall: float
) -> ChannelSnapshot:
    """`load`: as the governor knows it; `wall`: the second now.

    Words of small fixed sets count from zero on, so that the first event is an increase too; why connections to
    the source end has too many words for that.
    """
    stats, status, meter = channel.stats(), channel.state().status, channel.meter()
    pipeline, age = stats.pipeline, channel.frame_age()
    video = pipeline.video if pipeline else {}
    dropped = {word.removeprefix("dropped_"): n for word, n in video.items() if word.startswith("dropped_")}
    packets = pipeline.packets if pipeline else {}
    for word in ("waiting_key", "late"):
        dropped[word] = dropped.get(word, 0) + packets.get(word, 0)
    return ChannelSnapshot(
        name=channel.settings.name,
        public=channel.settings.public,
        up=None if status == "off" else status == "live",
        connections=stats.connections,
        replayed=packets.get("replayed", 0),
        damaged=pipeline.damaged if pipeline else 0,
        decoded=video.get("decoded", 0),
        encoded=video.get("encoded", 0),
        dropped=dropped,
        output_seconds=pipeline.output_seconds if pipeline else 0.0,
        lag_seconds=pipeline.lag_seconds if pipeline else None,
        processor_seconds=meter.processor if meter else None,
        rung=None if channel.rung is None else RUNGS.index(channel.rung),
        rung_changes=dict.fromkeys(REASONS, 0) | (load.changes if load else {}),
        last_frame=None if age is None else wall - age,
        discontinuities=stats.discontinuities,
        abandoned=stats.abandoned,
        viewers=audience.viewers,
        sent=dict.fromkeys(CONTAINERS, 0) | audience.sent,
        skipped=audience.skipped,
        closed=dict.fromkeys(CLOSED, 0) | audience.closed,
        refused=dict.fromkeys(REFUSED, 0) | audience.refused | {"waiting": hls.turned_away},
        hls_gaps=hls.gaps,
        hls_dropped=hls.dropped,
    )


def of_hits(stats: HitsStats, sites: Sequence[SiteSettings]) -> HitsSnapshot:
    counted, store, visitors = stats.collector, stats.store, stats.collector.visitors
    counts = tuple(
        SiteSnapshot(
            site.id,
            site.public,
            counted.hits[site.id],
            counted.visits[site.id],
            stats.uniques.get(site.id),
            store.others.get(site.id, 0),
        )
        for site in sites
    )
    return HitsSnapshot(
        sites=counts,
        excluded=counted.excluded,
        rejected=counted.rejected | stats.endpoint.rejected,
        scrubbed=counted.scrubbed,
        misses=counted.misses,
        reports={"made": stats.pages.made, "given": stats.pages.given, "refused": stats.pages.refused},
        commits=store.commits,
        failing=store.trouble is not None,
        failed=store.failed + store.refused,
        waiting=store.waiting,
        under_way=visitors.under_way,
        evicted=visitors.evicted,
        database=store.database,
    )


def total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by word, of all together."""
    found: dict[str, int] = {}
    for each in counts:
        for word, count in each.items():
            found[word] = found.get(word, 0) + count
    return found


def build() -> Build:
    """Versions of what is loaded: av is only when a channel runs."""
    av = sys.modules.get("av")
    ffmpeg = ""
    if av is not None:
        ffmpeg = str(getattr(av, "ffmpeg_version_info", ""))  # not yet there while a thread imports it
    return Build(__version__, platform.python_version(), getattr(av, "__version__", ""), ffmpeg, RELEASE)
