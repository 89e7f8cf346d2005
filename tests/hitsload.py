"""Hits whose fate can be told one by one: a process that keeps them and says which were acknowledged, and the judge who
reads the database that is left. Shared by tests and `bench/`.

Hit n is page `/n % 400` of day n // 400: no day has too many names, so each hit has a row of its own. Two more sites
mix in what real hits have: other dimensions, visitors, excluded hits, and floods of names that are evicted.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random

from edge.errors import StoreError
from edge.hits import reading
from edge.hits.hit import Dropped, Flags, Hit
from edge.hits.rollup import Item
from edge.hits.schema import connect
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.store import Store
from edge.log import Log

A_DAY = 400  # hits
SITES = [SiteSettings(id=number, hosts=("www.example.org",)) for number in (1, 2, 3)]
_PAGES = "SELECT day, text, hits FROM names WHERE site = 1 AND dimension = 1 AND id > 0"


def hits(first: int, count: int) -> list[Item]:
    """Those that are judged."""
    return [
        (Hit(site=1, at=n // A_DAY * 86_400, kind="pageview", page=f"/{n % A_DAY}"), Flags(visit=True))
        for n in range(first, first + count)
    ]


def besides(chance: Random, n: int) -> list[Item]:
    hit = Hit(
        site=2, at=1_790_000_000 + n, kind="event", event=f"a / {n % 7}", page=f"/{n}", country="FR", browser="Firefox",
        timings=(10, 20, 30),
    )  # fmt: skip
    flood = [
        (Hit(site=3, at=1_790_000_000, kind="pageview", page=f"/{n}/{each}"), Flags())
        for each in range(chance.choice((0, 40)))
    ]
    unique = (chance.randrange(4096), chance.randrange(1, 30))
    return [(hit, Flags(visit=True, unique=unique)), Dropped(2, 1_790_000_000, "dnt"), *flood]


class Load:
    """Some clients that send hits and say on standard output which are acknowledged: `first count` a line."""

    def __init__(self, store: Store, first: int, most: int) -> None:
        self._store = store
        self._next = first
        self._end = first + most

    async def client(self, seed: int) -> None:
        chance = Random(seed)
        while self._next < self._end:
            first, count = self._next, chance.choice((1, 1, 1, 1, 20))
            self._next += count
            told: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
            self._store.submit([*hits(first, count), *besides(chance, first)], told.set_result)
            if await told is None:
                os.write(1, b"%d %d\n" % (first, count))
            await asyncio.sleep(chance.choice((0, 0, 0.001)))


async def load(path: str, durability: str, first: int, most: int) -> None:
    store = Store(path, SITES, HitsSettings(durability=durability), Log("error"))  # type: ignore[arg-type]
    await store.start()
    os.write(1, b"ready\n")
    work = Load(store, first, most)
    await asyncio.gather(*(work.client(first + seed) for seed in range(8)))
    await store.close()


def command(path: Path, durability: str, first: int, most: int) -> list[str]:
    return [sys.executable, __file__, str(path), durability, str(first), str(most)]


def acknowledged(lines: Iterable[bytes]) -> list[int]:
    """The hits, from whole lines of the output."""
    words = [line.split() for line in lines if line.endswith(b"\n") and line != b"ready\n"]
    return [n for first, count in words for n in range(int(first), int(first) + int(count))]


class Verdict(dict[str, int]):
    """Faults: `lost` and `doubled` hits, `integrity`, `sums` (names that do not add up to the totals). No fault:
    `extra` hits, which were kept but whose acknowledgement came too late."""

    @property
    def bad(self) -> bool:
        return any(self[word] for word in ("lost", "doubled", "integrity", "sums"))


def judge(path: Path, told: Iterable[int]) -> Verdict:
    """Opens the database as edge would, so a log that is left is read."""
    db = connect(str(path), "process", Log("error"))
    try:
        integrity = db.execute("PRAGMA integrity_check").fetchone()[0]
        kept: Counter[int] = Counter()
        for day, text, count in db.execute(_PAGES):
            kept[_number(day, int(text[1:]))] += count
        totals = {site.id: reading.totals(db, site.id, 0, 99999999) for site in SITES}
        names = {site.id: reading.names(db, site.id, 0, 99999999, "page") for site in SITES}
    finally:
        db.close()
    wanted = set(told)
    return Verdict(
        acknowledged=len(wanted),
        lost=sum(not kept[n] for n in wanted),
        doubled=sum(count > 1 for count in kept.values()),
        extra=sum(n not in wanted for n in kept if kept[n]),
        integrity=int(integrity != "ok"),
        sums=sum(
            sum(day.pageviews for day in totals[site]) != sum(name.hits for name in names[site]) for site in totals
        ),
    )


def _number(day: int, page: int) -> int:
    from datetime import date  # noqa: PLC0415

    since = date(day // 10_000, day // 100 % 100, day % 100) - date(1970, 1, 1)
    return since.days * A_DAY + page


if __name__ == "__main__":
    asyncio.run(load(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
