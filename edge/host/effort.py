"""From a meter that only counts up to what the governor asks: how far behind, how fast, at what share. Pure."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import msgspec

WINDOW = 1.0  # seconds: a rate is of the last one, or of what there is of it
CLEAN = 0.2  # seconds of work without a wait, from which a speed is told
BILL = 0.5  # media seconds of one rung, from which its cost is told
SETTLING = 1.0  # seconds after a change of rung that are not measured: a decoder is opened, the old one is emptied
SLACK = 0.02  # seconds by which a thread and a sampler may differ about when a wait ended


class Meter(Protocol):
    """`media.meter.Meter`: cumulative seconds of one thread. To wait for the pace is to work, to wait for the source is
    not."""

    @property
    def processor(self) -> float: ...
    @property
    def worked(self) -> float: ...
    @property
    def media(self) -> float: ...
    @property
    def working_since(self) -> float | None: ...


class Effort(msgspec.Struct, frozen=True):
    """As the fields of `LoadView` of the same names."""

    behind: float = 0.0
    speed: float | None = None
    share: float | None = None
    used: float | None = None


class Bill(msgspec.Struct, frozen=True):
    """What `media` seconds have cost on `rung`."""

    rung: str
    processor: float
    media: float


class _Sample(msgspec.Struct, frozen=True):
    at: float
    processor: float
    worked: float
    media: float


class Gauge:
    """One for a load. `note` is due four times a second, with the rung in effect.

    `lump`: media seconds over which work is spread unevenly (a rung that decodes keyframes only, or the beginning of a
    GOP: the keyframe interval); it may take as long without being behind."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=64)
        self._rung: str | None = None
        self._since = float("-inf")  # measured
        self._billed: _Sample | None = None
        self._bill: Bill | None = None

    def note(self, meter: Meter, rung: str, now: float, lump: float = 0.0) -> Effort:
        last = self._samples[-1] if self._samples else None
        if last is None or rung != self._rung or meter.processor < last.processor or now < last.at:
            self._begin(rung, now)
        # Streams take turns, one a little ahead of the other: how far media is goes back and forth.
        media = max(meter.media, self._samples[-1].media) if self._samples else meter.media
        sample = _Sample(now, meter.processor, meter.worked, media)
        if self._samples and self._samples[-1].at < self._since:
            self._samples.clear()
        self._samples.append(sample)
        self._drop_old(now - max(WINDOW, lump))
        if now >= self._since:
            self._account(sample, lump)
        since = meter.working_since
        behind = 0.0 if since is None else max(now - since - lump, 0.0)
        return Effort(behind, self._speed(since, lump) if behind else None, self._share(), self._used())

    def bill(self) -> Bill | None:
        """What is to be told to `prices`, once."""
        bill, self._bill = self._bill, None
        return bill

    def _begin(self, rung: str, now: float) -> None:
        """What was measured on another rung says nothing."""
        self._since = now + SETTLING if self._rung not in (None, rung) else now
        self._rung, self._billed = rung, None
        self._samples.clear()

    def _drop_old(self, since: float) -> None:
        """The first one stays that is not younger than the window: the rates are over all of it."""
        while len(self._samples) > 2 and self._samples[1].at <= since:
            self._samples.popleft()

    def _account(self, sample: _Sample, lump: float) -> None:
        before = self._billed
        if before is None:
            self._billed = sample
        elif sample.media - before.media >= max(BILL, 2.0 * lump):
            self._bill = Bill(self._rung or "", sample.processor - before.processor, sample.media - before.media)
            self._billed = sample

    def _speed(self, since: float | None, lump: float) -> float | None:
        """Of the samples within this spell of work alone: what was made before it was no effort."""
        last = self._samples[-1]
        first = next((s for s in self._samples if since is not None and s.at >= since - SLACK), last)
        seconds = last.at - first.at
        return (last.media - first.media) / seconds if seconds >= max(CLEAN, lump) else None

    def _share(self) -> float | None:
        first, last = self._samples[0], self._samples[-1]
        worked = last.worked - first.worked
        return min((last.processor - first.processor) / worked, 1.0) if worked > 0.0 else None

    def _used(self) -> float | None:
        first, last = self._samples[0], self._samples[-1]
        seconds = last.at - first.at
        return max(last.processor - first.processor, 0.0) / seconds if seconds > 0.0 else None
