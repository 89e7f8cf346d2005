"""Every metric of edge in one table. The README's list is checked against it.

Names by Prometheus' practices: prefix `edge_`, base units, `_total` on counters, labels bounded by the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from edge.observe.metric import Metric, Sample, Value, spread
from edge.observe.sites import HITS_METRICS, HitsSnapshot
from edge.observe.snapshot import ChannelSnapshot, Snapshot


def _of_channel(
    name: str, kind: Literal["counter", "gauge"], text: str, read: Callable[[ChannelSnapshot], Value], *labels: str
) -> Metric[Snapshot]:
    def samples(snapshot: Snapshot) -> Iterator[Sample]:
        for channel in snapshot.channels:
            yield from spread(read(channel), channel.name)

    return Metric(name, kind, text, ("channel", *labels), samples)


def _speed(channel: ChannelSnapshot) -> float | None:
    used = channel.processor_seconds
    return channel.output_seconds / used if used else None


def _of_process(
    name: str, kind: Literal["counter", "gauge"], text: str, read: Callable[[Snapshot], Value], *labels: str
) -> Metric[Snapshot]:
    return Metric(name, kind, text, labels, lambda snapshot: spread(read(snapshot)))


def _of_hits(metric: Metric[HitsSnapshot]) -> Metric[Snapshot]:
    def samples(snapshot: Snapshot) -> Iterator[Sample]:
        if snapshot.hits:
            yield from metric.read(snapshot.hits)

    return Metric(metric.name, metric.kind, metric.help, metric.labels, samples)


def _loop_lag(snapshot: Snapshot) -> Iterator[Sample]:
    if snapshot.loop_lag:
        yield (), snapshot.loop_lag


def _build(snapshot: Snapshot) -> Iterator[Sample]:
    build = snapshot.build
    yield (build.version, build.release, build.pyav, build.ffmpeg, build.python), 1


METRICS: tuple[Metric[Snapshot], ...] = (
    _of_channel(
        "edge_channel_up",
        "gauge",
        "Whether the channel brings frames now (1) or not (0); absent while it is off, as nobody watches.",
        lambda c: c.up,
    ),
    _of_channel(
        "edge_channel_output_seconds_total",
        "counter",
        "Seconds of media that the channel has put out.",
        lambda c: c.output_seconds,
    ),
    _of_channel(
        "edge_channel_lag_seconds",
        "gauge",
        "How far the output is behind what the source has sent.",
        lambda c: c.lag_seconds,
    ),
    _of_channel(
        "edge_channel_rung",
        "gauge",
        "Rung of the quality ladder in effect: 0 is the best, full; the README lists them.",
        lambda c: c.rung,
    ),
    _of_channel(
        "edge_channel_rung_changes_total",
        "counter",
        "Changes of the rung, by reason.",
        lambda c: c.rung_changes,
        "reason",
    ),
    _of_channel(
        "edge_channel_processor_seconds_total",
        "counter",
        "Processor time that the channel's thread has used.",
        lambda c: c.processor_seconds,
    ),
    _of_channel(
        "edge_channel_media_seconds_per_processor_second",
        "gauge",
        "Seconds of media that a second of processor time made, since the start.",
        _speed,
    ),
    _of_channel(
        "edge_channel_last_frame_timestamp_seconds",
        "gauge",
        "When the last frame was put out, in seconds since 1970.",
        lambda c: c.last_frame,
    ),
    _of_channel(
        "edge_channel_discontinuities_total",
        "counter",
        "Breaks of the output that players are told of.",
        lambda c: c.discontinuities,
    ),
    _of_channel(
        "edge_channel_threads_abandoned_total",
        "counter",
        "Threads of the channel that hung in a library and were replaced.",
        lambda c: c.abandoned,
    ),
    _of_channel(
        "edge_source_connections_total",
        "counter",
        "Connections to the source, by the reason why they ended.",
        lambda c: c.connections,
        "reason",
    ),
    _of_channel(
        "edge_source_replayed_packets_total",
        "counter",
        "Packets that the source sent again and that were left out.",
        lambda c: c.replayed,
    ),
    _of_channel(
        "edge_source_damaged_packets_total",
        "counter",
        "Packets of the source that were damaged.",
        lambda c: c.damaged,
    ),
    _of_channel("edge_frames_decoded_total", "counter", "Video frames decoded.", lambda c: c.decoded),
    _of_channel("edge_frames_encoded_total", "counter", "Video frames encoded.", lambda c: c.encoded),
    _of_channel(
        "edge_frames_dropped_total",
        "counter",
        "Video frames that were decoded or due and not put out, by reason.",
        lambda c: c.dropped,
        "reason",
    ),
    _of_channel("edge_viewers", "gauge", "Viewers now, by output.", lambda c: c.viewers, "output"),
    _of_channel("edge_sent_bytes_total", "counter", "Bytes sent to viewers, by output.", lambda c: c.sent, "output"),
    _of_channel(
        "edge_viewers_skipped_total",
        "counter",
        "How often a slow viewer was moved on to a newer keyframe.",
        lambda c: c.skipped,
    ),
    _of_channel(
        "edge_viewers_closed_total",
        "counter",
        "Viewers whose connection edge closed, by reason.",
        lambda c: c.closed,
        "reason",
    ),
    _of_channel(
        "edge_viewers_refused_total",
        "counter",
        "Viewers who were sent away with 503, by the bound that was reached.",
        lambda c: c.refused,
        "reason",
    ),
    _of_channel(
        "edge_hls_gaps_total",
        "counter",
        "HLS segments marked as missing while the source was away.",
        lambda c: c.hls_gaps,
    ),
    _of_channel(
        "edge_hls_dropped_total",
        "counter",
        "What an HLS playlist could not list, or keep for as long as players may ask, by reason.",
        lambda c: c.hls_dropped,
        "reason",
    ),
    _of_process(
        "edge_http_requests_total",
        "counter",
        "HTTP requests answered, by class of status.",
        lambda s: s.requests,
        "class",
    ),
    _of_process("edge_http_connections", "gauge", "Open HTTP connections.", lambda s: s.connections),
    _of_process(
        "edge_http_refused_total",
        "counter",
        "HTTP connections that were turned away: all are taken (full), those of one address are, or memory is short.",
        lambda s: s.http_refused,
        "reason",
    ),
    _of_process(
        "edge_http_expired_total",
        "counter",
        "HTTP connections that were ended by a deadline, by which.",
        lambda s: s.http_expired,
        "deadline",
    ),
    _of_process(
        "edge_http_failures_total",
        "counter",
        "HTTP requests that failed by a mistake of edge; the log has them.",
        lambda s: s.http_failures,
    ),
    _of_process(
        "edge_traffic_month_bytes",
        "gauge",
        "Bytes sent since the month began, kept across restarts.",
        lambda s: s.traffic_month,
    ),
    _of_process("edge_ring_bytes", "gauge", "Memory that recent media takes.", lambda s: s.ring_bytes),
    _of_process("edge_ring_limit_bytes", "gauge", "Memory that recent media may take.", lambda s: s.ring_limit),
    _of_process(
        "edge_memory_limit_bytes",
        "gauge",
        "Memory that the process may take in all, by its plan; absent where no limit is known.",
        lambda s: s.memory_limit,
    ),
    _of_process(
        "edge_memory_anonymous_bytes", "gauge", "Memory that is the process's own.", lambda s: s.memory_anonymous
    ),
    _of_process(
        "edge_memory_charged_bytes",
        "gauge",
        "Memory that the control group is charged for, less what it can drop.",
        lambda s: s.memory_charged,
    ),
    _of_process(
        "edge_memory_room_bytes",
        "gauge",
        "Memory that rings, playlists, viewers and requests may draw together.",
        lambda s: s.memory_room,
    ),
    _of_process(
        "edge_memory_drawn_bytes", "gauge", "Memory that is drawn, by account.", lambda s: s.memory_drawn, "account"
    ),
    _of_process(
        "edge_memory_refused_total",
        "counter",
        "Viewers and requests that were sent away with 503 for want of memory.",
        lambda s: s.memory_refused,
    ),
    _of_process(
        "edge_memory_shed_step",
        "gauge",
        "What is being let go for want of memory: 0 nothing, then step by step as the README lists.",
        lambda s: s.shed_step,
    ),
    _of_process("edge_memory_shed_total", "counter", "How often each step was taken.", lambda s: s.shed, "step"),
    _of_process(
        "edge_processor_quota_cores",
        "gauge",
        "Cores that a quota leaves the process, if it has one.",
        lambda s: s.quota,
    ),
    _of_process(
        "edge_throttled_seconds_total",
        "counter",
        "Time in which the quota was used up and the process stood still.",
        lambda s: s.throttled_seconds,
    ),
    _of_process(
        "edge_steal_seconds_total",
        "counter",
        "Processor time that the hypervisor gave to others, of all cores.",
        lambda s: s.steal_seconds,
    ),
    _of_process("edge_disk_size_bytes", "gauge", "Size of the file system that holds data_dir.", lambda s: s.disk_size),
    _of_process(
        "edge_disk_free_bytes", "gauge", "What edge may still take of that file system.", lambda s: s.disk_free
    ),
    _of_process(
        "edge_clock_steps_total",
        "counter",
        "How often the wall clock was set by a second or more.",
        lambda s: s.clock_steps,
    ),
    Metric(
        "edge_event_loop_lag_seconds",
        "histogram",
        "How late the event loop was for a call due every 250 ms.",
        (),
        _loop_lag,
    ),
    *map(_of_hits, HITS_METRICS),
    Metric("edge_build_info", "info", "Versions at work.", ("version", "release", "pyav", "ffmpeg", "python"), _build),
)
