"""What a run found, as values: the JSON file is this and nothing else. Sizes are bytes, times seconds, rates bits/s."""

from __future__ import annotations

import msgspec

# Raised when a field changes its meaning or goes; `--compare` takes its own schema only. A new field has a default, so
# that older files are still read: `hits` came like that.
SCHEMA = 1


class Figure(msgspec.Struct, frozen=True):
    """A measurement cut into turns: their median, and the quartiles where there were enough turns to tell."""

    value: float
    low: float | None = None
    high: float | None = None


class Host(msgspec.Struct, frozen=True):
    """The machine, as far as it shows itself. None: unknown."""

    processor: str | None
    mhz: float | None
    flags: tuple[str, ...]  # those that matter for video
    cores: int
    affinity: int  # cores that this process may use
    kernel: str
    virtualisation: str | None
    memory: int | None  # MemTotal
    available: int | None  # MemAvailable when the run began
    swap: int | None
    versions: dict[str, str]


class Bound(msgspec.Struct, frozen=True):
    """A limit in force, and the file that says so. `value` is None when there is none or it is not known."""

    name: str
    value: float | None
    source: str


class Rendition(msgspec.Struct, frozen=True):
    """What the viewers are to get."""

    width: int | None
    height: int | None
    fps: float
    video_rate: int
    audio_rate: int
    video: str = "h264"
    audio: str = "aac"


class Stream(msgspec.Struct, frozen=True):
    """The sample. `origin`: made, or where it is from (secrets cut out)."""

    origin: str
    seconds: float
    size: int
    video: str | None
    audio: str | None
    width: int = 0
    height: int = 0
    fps: float = 0.0


class RungCost(msgspec.Struct, frozen=True):
    """`cost`: processor seconds a media second, flat out. `measured`: False: guessed from the rungs that were.
    `speed`: media seconds a wall second. `fps`: frames shown a media second. `peak` is VmHWM of the process."""

    name: str
    measured: bool
    cost: Figure
    speed: float | None = None
    share: float | None = None  # of one core that the process got while it asked for all of it
    fps: float | None = None
    peak: int | None = None
    anonymous: int | None = None


class Lag(msgspec.Struct, frozen=True):
    """How late the event loop was for a call every 20 ms, beside what `name` says."""

    name: str
    p50: float
    p99: float
    max: float
    calls: int


class Fanout(msgspec.Struct, frozen=True):
    """What one more viewer costs a real worker. `rate`: bits/s that came to each; `kernel`: bytes of socket buffers."""

    viewers: int
    seconds: float
    rate: float
    processor: Figure  # of a core, a viewer
    per_megabit: float  # processor seconds a megabit sent
    anonymous: int | None
    kernel: int | None


class Together(msgspec.Struct, frozen=True):
    """A real worker on the sample in real time, with viewers and a scrape. `speed`: media seconds a wall second;
    `cost`: processor seconds of the whole process a media second, on the last of `rungs`; lags are upper bounds of
    histogram buckets."""

    viewers: int
    seconds: float
    speed: float
    cost: float
    lag_p99: float | None
    lag_max: float | None
    longest_gap: float  # without a byte, at the viewer who waited longest
    peak: int | None
    anonymous: int | None
    charged: int | None  # most that was charged to the cage when looked at, page cache included
    rungs: tuple[str, ...]  # in the order they were in force
    throttled: float | None  # share of the quota's periods


class Sent(msgspec.Struct, frozen=True):
    """Hits that were sent to a real worker, one a request. `rate`: so many a second; None: as many as it took.
    Seconds; waits count from when a hit was due, until its answer, which comes when it is kept."""

    connections: int
    rate: float | None
    answered: int
    seconds: float
    per_second: Figure  # answered
    cost: Figure | None  # processor seconds of the worker, a hit, at saturation of a worker without channels
    p50: float
    p99: float
    longest: float
    refused: int  # by the worker, such as with 503
    failed: int  # without an answer


class Disk(msgspec.Struct, frozen=True):
    """How long a write of 4 KiB takes to be safe, in seconds. `of`: data_dir, or the folder tried instead."""

    of: str
    filesystem: str | None
    p50: float
    p99: float
    writes: int


class Alone(msgspec.Struct, frozen=True):
    """A worker without channels. `before`: its anonymous memory before the first hit."""

    sent: tuple[Sent, ...]
    before: int | None
    anonymous: int | None
    peak: int | None


class Beside(msgspec.Struct, frozen=True):
    """A worker that transcodes the sample in real time too. `speed`: media seconds a wall second in the `seconds` that
    hits came at saturation, on `rungs`; None: too few seconds to tell."""

    sent: tuple[Sent, ...]
    speed: float | None
    seconds: float
    rungs: tuple[str, ...]


class Hits(msgspec.Struct, frozen=True):
    """What the collector takes. `durability` as in `[hits]`."""

    durability: str
    disk: Disk | None = None
    alone: Alone | None = None
    beside: Beside | None = None


class Verdict(msgspec.Struct, frozen=True):
    """`holds`: in real time, on whatever rung. `rung`: that the ladder would rest on; None: not even the lowest holds,
    or nothing was measured. `spare`: share of what may be used that is left there. Viewers: None: not known."""

    holds: bool
    rung: str | None
    index: int | None
    spare: float | None
    capacity: float | None  # cores that a channel may use
    capacity_by: str
    memory_left: int | None
    viewers: int | None
    viewers_by: str
    viewer_bounds: dict[str, int]
    sentences: tuple[str, ...]
    hits: int | None = None  # a second, beside the channel if there is one; None: not known


class Request(msgspec.Struct, frozen=True):
    """What was asked for. `rendition`: None: no channel, only hits."""

    source: str | None
    rendition: Rendition | None
    line: int | None
    memory: int | None
    cpu: float | None
    seconds: float
    enforced: str  # how the limits were put in force, or why they were not


class Report(msgspec.Struct, frozen=True):
    """One run. `left_out`: what could not be measured, with the reason."""

    edge: str
    when: str
    took: float
    complete: bool
    host: Host
    limits: tuple[Bound, ...]
    request: Request
    stream: Stream | None
    rungs: tuple[RungCost, ...]
    lags: tuple[Lag, ...]
    fanout: Fanout | None
    together: Together | None
    steal: float | None
    left_out: tuple[str, ...]
    verdict: Verdict
    snippet: str
    hits: Hits | None = None
    schema: int = SCHEMA
