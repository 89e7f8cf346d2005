"""What tests of the database share."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.hits.hit import Flags, Hit
from edge.hits.ledger import Ledger
from edge.hits.rollup import Item
from edge.hits.settings import SiteSettings
from edge.log import Log

AT = 1_790_000_000  # 2026-09-21 14:13:20 UTC
DAY = 20260921
SITE = SiteSettings(id=1, hosts=("www.example.org",))


def page(name: str, at: int = AT, site: int = 1) -> Item:
    return Hit(site=site, at=at, kind="pageview", page=name), Flags(visit=True, bounce=1)


@contextmanager
def ledger(folder: Path, *sites: SiteSettings) -> Iterator[Ledger]:
    opened = Ledger(str(folder / "hits.db"), sites or (SITE,), "process", Log("error"))
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def disk_full(size: int = 0) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
