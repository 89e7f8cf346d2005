"""What the collector is expected to take of the host's memory. Pure: from its settings. CPython 3.11, measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.flow.plan import Line
from edge.hits.settings import HitsSettings, SiteSettings

_VISIT = 129  # bytes
_NAME = 250
_NAMES = 4000  # of a site on a busy day: 500 of each dimension that can have so many
_HELD = 16_384  # names of all sites, as `edge.hits.tables` bounds them
_CACHES = 2_500_000  # SQLite's pages (1 MiB), what scrubbing remembers (1.1 MB), visit keys (0.2 MB)
_WAITING = 2_000_000  # hits on their way to a commit, a commit of 1000


def fixed(sites: Sequence[SiteSettings], settings: HitsSettings) -> Iterator[Line]:
    """Nothing without sites."""
    if not sites:
        return
    names = min(_HELD, _NAMES * len(sites))
    yield Line("hits: visits", _VISIT * settings.max_visits, f"{settings.max_visits} under way")
    yield Line("hits: names", _NAME * names, f"{names} of the days under way")
    yield Line("hits: caches", _CACHES, "pages of the database, results of scrubbing")
    yield Line("hits: on their way", _WAITING, "to the disk")
