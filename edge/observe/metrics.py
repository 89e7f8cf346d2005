"""What Prometheus scrapes. The first scrape imports prometheus_client, which many hosts never need."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edge.flow.stats import HistogramStats
from edge.host.standins import standins
from edge.observe.catalogue import METRICS
from edge.observe.metric import Metric
from edge.observe.snapshot import Snapshot

if TYPE_CHECKING:
    from prometheus_client import metrics_core

# What the client imports to serve and to push, 2.3 of its 2.9 MB: a scrape is answered by our own server.
_SERVING = ("http.server", "socketserver", "ssl", "urllib.error", "urllib.request", "wsgiref", "wsgiref.simple_server")
_OPENMETRICS = "application/openmetrics-text"
CACHED_SECONDS = 1.0


class Exporter:
    """Renders one snapshot a scrape, one scrape at a time; whoever asks within a second gets the same text."""

    def __init__(self, ask: Callable[[], Snapshot], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`ask` is called on the loop, so it may read what belongs to the loop."""
        self._ask = ask
        self._now = monotonic
        self._turn = asyncio.Lock()
        self._cached: dict[tuple[str, bool], tuple[float, str, bytes]] = {}  # by format and whether all of it: four
        self._rendering: _Rendering | None = None

    async def scrape(self, accept: str, *, private: bool = True) -> tuple[str, bytes]:
        """Content type and text for a client that accepts `accept`, with the private channels or without.

        Renders in a thread: it takes milliseconds.
        """
        wanted = _OPENMETRICS if _OPENMETRICS in accept else ""
        async with self._turn:
            due, kind, text = self._cached.get((wanted, private), (float("-inf"), "", b""))
            if self._now() >= due:
                snapshot = self._ask() if private else self._ask().without_private()
                kind, text = await asyncio.to_thread(self._render, snapshot, wanted)
                self._cached[wanted, private] = (self._now() + CACHED_SECONDS, kind, text)
            return kind, text

    def _render(self, snapshot: Snapshot, wanted: str) -> tuple[str, bytes]:
        if self._rendering is None:
            self._rendering = _Rendering()
        return self._rendering.text(snapshot, wanted)


class _Rendering:
    """The registry of one exporter. Never the client's global one: two in a process would collide."""

    def __init__(self) -> None:
        with standins(*_SERVING):
            from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415 - see above

        self._registry = CollectorRegistry()
        self._snapshot: Snapshot | None = None
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self, snapshot: Snapshot, wanted: str) -> tuple[str, bytes]:
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415

        self._snapshot = snapshot
        encode, kind = choose_encoder(wanted)  # a word of ours: what a client sends is not echoed into a header
        return kind, encode(self._registry)

    def describe(self) -> Iterator[metrics_core.Metric]:
        """Asked once, at registration: nothing, so that the registry does not call `collect` to learn the names."""
        return iter(())

    def collect(self) -> Iterator[metrics_core.Metric]:
        if self._snapshot:
            for metric in METRICS:
                yield _family(metric, self._snapshot)


def _family(metric: Metric[Snapshot], snapshot: Snapshot) -> metrics_core.Metric:
    """The client's own families would do the same; its plain Metric takes all kinds and knows no `_created`."""
    from prometheus_client.metrics_core import Metric as Family  # noqa: PLC0415

    name = metric.name.removesuffix("_total" if metric.kind == "counter" else "_info" if metric.kind == "info" else "")
    family = Family(name, metric.help, metric.kind)
    for labels, value in metric.read(snapshot):
        named = dict(zip(metric.labels, labels, strict=True))
        if isinstance(value, HistogramStats):
            _add_histogram(family, named, value)
        else:
            family.add_sample(metric.name, named, float(value))
    return family


def _add_histogram(family: metrics_core.Metric, labels: dict[str, str], value: HistogramStats) -> None:
    for bound, count in zip(value.buckets, value.counts, strict=True):
        family.add_sample(f"{family.name}_bucket", labels | {"le": str(float(bound))}, count)
    family.add_sample(f"{family.name}_bucket", labels | {"le": "+Inf"}, value.count)
    family.add_sample(f"{family.name}_count", labels, value.count)
    family.add_sample(f"{family.name}_sum", labels, value.sum)
