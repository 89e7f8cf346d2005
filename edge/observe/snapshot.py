"""What is counted, as plain values: others fill these structs, only this package knows how Prometheus wants them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from edge.flow.stats import HistogramStats
from edge.observe.sites import HitsSnapshot


class ChannelSnapshot(msgspec.Struct, frozen=True):
    """One channel. Counts rise for as long as the process lives; mappings count by word, the words from fixed lists."""

    name: str
    public: bool = True
    up: bool | None = None  # None: nobody asks for it now, so it is off
    connections: Mapping[str, int] = {}  # connections to the source by the reason they ended
    replayed: int = 0
    damaged: int = 0
    decoded: int = 0
    encoded: int = 0
    dropped: Mapping[str, int] = {}  # frames by reason
    output_seconds: float = 0.0
    lag_seconds: float | None = None  # None: nothing is known yet, and nothing is exported
    processor_seconds: float | None = None  # of the channel's thread
    rung: int | None = None  # of the quality ladder, counted from its best
    rung_changes: Mapping[str, int] = {}  # by reason
    last_frame: float | None = None  # wall clock
    discontinuities: int = 0
    abandoned: int = 0  # threads
    viewers: Mapping[str, int] = {}  # now, by output: ts, flv, mp4, hls
    sent: Mapping[str, int] = {}  # bytes, by output
    skipped: int = 0
    closed: Mapping[str, int] = {}  # viewers by reason
    refused: Mapping[str, int] = {}  # viewers by reason
    hls_gaps: int = 0
    hls_dropped: Mapping[str, int] = {}  # by reason


class Build(msgspec.Struct, frozen=True):
    """Which versions are at work; empty where a library is not loaded. `release`: which build of the version."""

    version: str
    python: str
    pyav: str = ""
    ffmpeg: str = ""
    release: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """The process at one moment."""

    build: Build
    channels: tuple[ChannelSnapshot, ...] = ()
    loop_lag: HistogramStats | None = None
    quota: float | None = None  # cores
    throttled_seconds: float | None = None
    steal_seconds: float | None = None
    requests: Mapping[str, int] = {}  # by class of status: 2xx, 3xx, 4xx, 5xx
    connections: int = 0
    http_refused: Mapping[str, int] = {}  # connections by the bound that was reached
    http_expired: Mapping[str, int] = {}  # connections by the deadline
    http_failures: int = 0
    traffic_month: int | None = None
    ring_bytes: int = 0
    ring_limit: int | None = None
    memory_limit: int | None = None  # of the whole process; None: no limit is known
    memory_anonymous: int | None = None
    memory_charged: int | None = None  # by the control group, less what it can drop
    memory_room: int | None = None  # what rings, viewers and requests may draw together
    memory_drawn: Mapping[str, int] = {}  # bytes by account
    memory_refused: int = 0
    shed_step: int = 0  # counted in the order in which they come
    shed: Mapping[str, int] = {}  # how often each step was taken
    disk_size: int | None = None  # of the file system that holds data_dir
    disk_free: int | None = None
    clock_steps: int = 0
    hits: HitsSnapshot | None = None  # None: no site is configured

    def without_private(self) -> Snapshot:
        """What anybody may see: that a private channel or site exists is nobody's business."""
        public = tuple(channel for channel in self.channels if channel.public)
        return msgspec.structs.replace(self, channels=public, hits=self.hits and self.hits.without_private())
