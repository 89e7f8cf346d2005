"""How a video stream is built, counted while it passes. Pure; ticks of 1/90000 s."""

from __future__ import annotations

from edge.media.overlap import TICKS
from edge.media.slices import B

WINDOW = 128  # pictures; shares are of the last one to two windows
GOPS = 4  # whose lengths are remembered


class Structure:
    """Shares of non-reference and B pictures, the rate, the distance of keyframes. A few comparisons a packet."""

    def __init__(self) -> None:
        self._now = [0, 0, 0, 0]  # known pictures, non-reference, B, B that are references
        self._before = [0, 0, 0, 0]
        self._first = 0
        self._seen = 0
        self.fps: float | None = None
        self._key_at: int | None = None
        self._gops: list[int] = []
        self._last = 0

    def note(self, idc: int, kind: int, dts: int, *, key: bool) -> bool:
        """The next picture in decoding order. Whether facts may be new: at keyframes, and once a window."""
        self._last = dts
        if self._key_at is None:
            self._key_at = dts  # or, where it begins without one, as long as it has none
        if idc >= 0:
            now = self._now
            now[0] += 1
            now[1] += idc == 0
            if kind == B:
                now[2] += 1
                now[3] += idc > 0
        if key:
            self._key(dts)
        self._seen += 1
        if self._seen >= WINDOW:
            self._turn(dts)
            return True
        return key

    def _key(self, dts: int) -> None:
        assert self._key_at is not None  # noqa: S101 - set by note()
        if dts > self._key_at:
            self._gops = [*self._gops[1 - GOPS :], dts - self._key_at]
        self._key_at = dts

    def _turn(self, dts: int) -> None:
        if self._first and dts > self._first:
            self.fps = round(WINDOW * TICKS / (dts - self._first), 1)
        self._first, self._seen = dts, 0
        self._before, self._now = self._now, [0, 0, 0, 0]

    def _share(self, which: int) -> float | None:
        """None until there are enough."""
        known = self._before[0] + self._now[0]
        return round((self._before[which] + self._now[which]) / known, 2) if known >= WINDOW // 4 else None

    @property
    def nonref(self) -> float | None:
        return self._share(1)

    @property
    def b(self) -> float | None:
        return self._share(2)

    @property
    def b_references(self) -> float | None:
        """Share of B pictures that others refer to."""
        return self._share(3)

    @property
    def key_interval(self) -> float | None:
        """Seconds, the longest of the last ones; what has passed since the last keyframe counts."""
        if self._key_at is None:
            return None
        since = self._last - self._key_at
        known = max(self._gops, default=0)
        return max(known, since) / TICKS if known or since > 10 * TICKS else None
