"""A channel as the governor sees it: what its rungs cost, how far its thread is behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

from edge.host.effort import Gauge
from edge.host.load import LoadView, Reason, Rung
from edge.host.prices import Prices
from edge.media.ladder import nearest
from edge.media.settings import RUNGS

if TYPE_CHECKING:
    from edge.media.ladder import Work
    from edge.media.meter import Meter


class Worked(Protocol):
    """What this needs of a channel."""

    @property
    def name(self) -> str: ...
    @property
    def live(self) -> bool:
        """Whether it brings media now."""

    @property
    def rung(self) -> str | None:
        """The rung in effect; None: no pipeline yet."""

    def works(self) -> tuple[Work, ...]: ...
    def meter(self) -> Meter | None: ...
    def lump(self) -> float: ...
    def source_rate(self) -> float | None: ...
    def take(self, rung: str, reason: str | None) -> None: ...
    def allow(self, cores: float | None) -> None: ...


class ChannelLoad:
    """One for the life of the channel; what was learned of its rungs outlives its runs."""

    kind: Literal["channel"] = "channel"

    def __init__(self, channel: Worked, bears: Callable[[float], bool] = lambda _rate: True) -> None:
        """`bears`: whether the line carries the channel's viewers at so many bits a second each."""
        self._channel, self._bears = channel, bears
        self._gauge = Gauge()
        self._prices = Prices(())

    @property
    def name(self) -> str:
        return self._channel.name

    def view(self, now: float) -> LoadView:
        channel = self._channel
        meter, rung, works = channel.meter(), channel.rung, self._works()
        if meter is None or rung is None or not works:
            return LoadView(self.name, self.kind, (Rung("", 0.0),), 0, running=False)
        effort = self._gauge.note(meter, rung, now, channel.lump())
        self._prices.offer([(work.name, work.relative) for work in works])
        if bill := self._gauge.bill():
            self._prices.observe(bill.rung, bill.processor, bill.media)
        rungs = self._prices.rungs()
        return LoadView(
            self.name, self.kind, rungs, _index(rungs, rung), channel.live,
            effort.behind, effort.speed, effort.share, effort.used,
        )  # fmt: skip

    def _works(self) -> tuple[Work, ...]:
        """The rungs, without `copy` where the line does not carry it, or that is not known yet; a channel that is on it
        then goes on below."""
        works, rate = self._channel.works(), self._channel.source_rate()
        if all(work.video != "copy" for work in works) or (rate is not None and self._bears(rate)):
            return works
        carried = tuple(work for work in works if work.video != "copy")
        if self._channel.rung == "copy" and carried:
            self._channel.take(nearest(carried, "copy").name, "line")
        return carried

    def apply(self, rung: str, reason: Reason) -> None:
        top = self._channel.works()[:1]
        self._channel.take(rung, None if top and top[0].name == rung else reason)

    def allow(self, cores: float | None) -> None:
        self._channel.allow(cores)


def _index(rungs: tuple[Rung, ...], name: str) -> int:
    """Of the rung of that name, or the next below where it is not possible any more: the one the pipeline takes."""
    at = RUNGS.index(name)
    return next((n for n, rung in enumerate(rungs) if RUNGS.index(rung.name) >= at), len(rungs) - 1)
