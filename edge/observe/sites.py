"""What the hit collector counts, as values and as metrics. Labels are site numbers and words from fixed lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from edge.flow.stats import HistogramStats
from edge.observe.metric import Metric, Sample, Value, spread


class SiteSnapshot(msgspec.Struct, frozen=True):
    """One site. Counts rise for as long as the process lives; `uniques` is of the day that is under way there."""

    site: int
    public: bool = False
    hits: Mapping[str, int] = {}  # by kind
    visits: int = 0
    uniques: float | None = None
    others: int = 0  # hits that were counted in "(other)"


class HitsSnapshot(msgspec.Struct, frozen=True):
    """The collector. Mappings count by word, the words from fixed lists."""

    sites: tuple[SiteSnapshot, ...] = ()
    excluded: Mapping[str, int] = {}
    rejected: Mapping[str, int] = {}
    scrubbed: Mapping[str, int] = {}
    misses: Mapping[str, int] = {}  # of the caches
    reports: Mapping[str, int] = {}  # of sites, by what became of the wish for one
    commits: HistogramStats | None = None  # seconds
    failing: bool = False  # the store does not take hits now
    failed: int = 0  # hits that were refused with 503 as the store could not keep them
    waiting: int = 0  # hits for their commit
    under_way: int = 0  # visits
    evicted: int = 0  # visits that were forgotten before their time
    database: int | None = None  # bytes

    def without_private(self) -> HitsSnapshot:
        return msgspec.structs.replace(self, sites=tuple(site for site in self.sites if site.public))


def _told(hits: Mapping[str, int]) -> dict[str, int]:
    """By kind, the rare ones together: all twelve at each of ten sites would be half of a scrape's 300 series."""
    told: dict[str, int] = {}
    for kind, count in hits.items():
        word = kind if kind in ("pageview", "event", "goal") else "other"
        told[word] = told.get(word, 0) + count
    return told


def _of_site(
    name: str, kind: Literal["counter", "gauge"], text: str, read: Callable[[SiteSnapshot], Value], *labels: str
) -> Metric[HitsSnapshot]:
    def samples(hits: HitsSnapshot) -> Iterator[Sample]:
        for site in hits.sites:
            yield from spread(read(site), str(site.site))

    return Metric(name, kind, text, ("site", *labels), samples)


def _of_all(
    name: str,
    kind: Literal["counter", "gauge", "histogram"],
    text: str,
    read: Callable[[HitsSnapshot], Value],
    *labels: str,
) -> Metric[HitsSnapshot]:
    return Metric(name, kind, text, labels, lambda hits: spread(read(hits)))


HITS_METRICS: tuple[Metric[HitsSnapshot], ...] = (
    _of_site(
        "edge_hits_total", "counter", "Hits that were taken, by kind: pageview, event, goal, the others together.",
        lambda s: _told(s.hits), "kind",
    ),
    _of_site("edge_visits_total", "counter", "Visits that began.", lambda s: s.visits),
    _of_site(
        "edge_daily_visitors_estimate",
        "gauge",
        "Visitors of the site's day that is under way, at least so many; days cannot be added up.",
        lambda s: s.uniques,
    ),
    _of_site(
        "edge_hits_other_total", "counter", 'Names that were counted in "(other)", as others had more hits.',
        lambda s: s.others,
    ),
    _of_all(
        "edge_hits_excluded_total",
        "counter",
        "Hits that were answered with success and not counted, by reason.",
        lambda h: h.excluded,
        "reason",
    ),
    _of_all(
        "edge_hits_rejected_total",
        "counter",
        "Hits, and requests that hold none, that were refused with 400 or 413, by reason.",
        lambda h: h.rejected,
        "reason",
    ),
    _of_all(
        "edge_hits_scrubbed_total",
        "counter",
        "How often something was taken out of a hit, by what it was.",
        lambda h: h.scrubbed,
        "field",
    ),
    _of_all(
        "edge_hits_cache_misses_total",
        "counter",
        "How often something of a hit was not remembered and had to be worked out, by what.",
        lambda h: h.misses,
        "what",
    ),
    _of_all(
        "edge_hits_failed_total",
        "counter",
        "Hits, counted or excluded before, that were then refused with 503 as they could not be kept.",
        lambda h: h.failed,
    ),
    _of_all(
        "edge_hits_store_failing",
        "gauge",
        "Whether the database refuses hits now (1): the disk is full, read-only or broken, or a later edge wrote it; "
        "the log says why.",
        lambda h: h.failing,
    ),
    _of_all("edge_hits_waiting", "gauge", "Hits that wait for their commit.", lambda h: h.waiting),
    _of_all("edge_visits_under_way", "gauge", "Visits that had a hit in the last 30 minutes.", lambda h: h.under_way),
    _of_all(
        "edge_visits_evicted_total",
        "counter",
        "Visits that were forgotten before their time, as there were too many; a hit begins another.",
        lambda h: h.evicted,
    ),
    _of_all("edge_hits_commit_seconds", "histogram", "Seconds that a commit took.", lambda h: h.commits),
    _of_all(
        "edge_hits_reports_total",
        "counter",
        "Pages and JSON of statistics that were asked for: made, given as made for another, or refused with 503.",
        lambda h: h.reports,
        "answer",
    ),
    _of_all("edge_hits_database_bytes", "gauge", "Size of the database of hits.", lambda h: h.database),
)  # fmt: skip
