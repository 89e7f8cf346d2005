"""Everything that a verdict looks at."""

from __future__ import annotations

import msgspec

from edge.bench.model import Fanout, Hits, Lag, Rendition, RungCost, Stream, Together


class Allowed(msgspec.Struct, frozen=True):
    """What a worker may use. `quota` and `cores` in cores, `memory` bytes; None: not known, or not limited."""

    cores: int
    quota: float | None = None
    quota_by: str = ""
    memory: int | None = None
    memory_by: str = ""
    steal: float | None = None


class Facts(msgspec.Struct, frozen=True):
    """Everything that a verdict looks at. `rendition`: None: no channel, only hits."""

    rendition: Rendition | None
    stream: Stream | None
    rungs: tuple[RungCost, ...]
    together: Together | None
    fanout: Fanout | None
    lags: tuple[Lag, ...]
    allowed: Allowed
    line: int | None
    connections: int = 1000
    hits: Hits | None = None
