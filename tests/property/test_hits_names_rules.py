"""Whatever comes, across eviction, restarts, purges and forgetting: names and "(other)" add up to all that was counted,
and no day names more than its bound."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hits import purge, reading, tables
from edge.hits.hit import Flags, Hit
from edge.hits.ledger import Ledger
from edge.hits.schema import CODES
from edge.hits.settings import SiteSettings
from edge.log import Log

NOON = 1_790_000_000  # 21 September 2026, 14:13 UTC
DAY = 86_400
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # the disk is not what is tested
SMALL = {"MAX_NAMES": 4, "NEWCOMERS": 1, "MAX_PENDING": 4, "MAX_HELD": 16}
WORDS = [f"/{letter}" for letter in "abcdefghijkl"] + ["(other)", "/x?page=2", "é\ud800", "ü" * 2000]
VALUES = [0.0, 1.0, 2.0, float("nan"), float("inf")]
# A batch is told by its seed, its size, and how many words it draws from: few days, or no table would ever be full.
batches = st.tuples(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, len(WORDS)))
steps = st.lists(
    batches | st.sampled_from(["restart", "hours", "lost"]) | st.tuples(st.just("forget"), st.sampled_from(WORDS[:14])),
    min_size=1,
    max_size=12,
)


ORPHANS = "SELECT site, day, dimension, name FROM counts EXCEPT SELECT site, day, dimension, id FROM names"
MORE = """
SELECT site, day, dimension, name FROM counts JOIN names USING (site, day, dimension) WHERE name = id
GROUP BY site, day, dimension, name HAVING sum(counts.hits) > names.hits OR min(hour) < 0"""
WRONG = """
SELECT names.text, names.hits, sum(counts.hits) AS found, names.visits, sum(counts.visits), names.hours FROM names
LEFT JOIN counts ON counts.site = names.site AND counts.day = names.day AND counts.dimension = names.dimension
  AND counts.name = names.id
WHERE NOT EXISTS (SELECT * FROM totals WHERE site = names.site AND day = names.day AND hour = -1)
GROUP BY names.site, names.day, names.dimension, names.id
HAVING names.hits IS NOT found OR names.visits IS NOT sum(counts.visits) OR names.value IS NOT sum(counts.value)
  OR (names.id > 0 AND names.hours != sum(1 << (counts.hour + 1)))"""


def batch_of(seed: int, size: int, most: int) -> list[tuple[Hit, Flags]]:
    chance = Random(seed)
    return [(hit_of(chance, WORDS[:most]), flags_of(chance)) for _ in range(size)]


def hit_of(chance: Random, words: list[str]) -> Hit:
    return Hit(
        site=chance.choice([1, 2]),
        at=NOON - chance.choice([0, 0, 0, 1]) * DAY + chance.choice([-1, 0, 0, 1]) * 3600,
        kind=chance.choice(["pageview", "pageview", "event"]),
        page=chance.choice(words),
        event=chance.choice(["", *words]),
        download=chance.choice(["", *words]),
        value=chance.choice(VALUES),
    )


def flags_of(chance: Random) -> Flags:
    return Flags(visit=chance.random() < 0.5, first=chance.randrange(16))


def counted(hit: Hit, flags: Flags) -> Iterator[tuple[str, int, float]]:
    """The dimensions that it has, with visits and value: the rules of `rollup`, said again."""
    value = hit.value if hit.value < 1e9 else 0.0
    if hit.page and hit.kind == "pageview":
        yield "page", flags.first & 1, 0.0
    if hit.page and flags.visit:
        yield "entry", 1, 0.0
    if hit.event:
        yield "event", flags.first >> 3 & 1, value
    if hit.download:
        yield "download", flags.first >> 3 & 1, 0.0


def day_of(at: int) -> int:
    return 20260921 + (at - NOON + 14 * 3600) // DAY


class Told:
    """What must be in the database."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[int, int, str, str]] = Counter()

    def add(self, batch: list[tuple[Hit, Flags]]) -> None:
        for hit, seen in batch:
            for word, visits, value in counted(hit, seen):
                for column, by in (("hits", 1), ("visits", visits), ("value", value)):
                    self.sums[hit.site, day_of(hit.at), word, column] += by  # type: ignore[assignment]

    def check(self, db: sqlite3.Connection) -> None:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("SELECT min(hits) FROM counts").fetchone()[0] in (None, *range(10_000))
        assert db.execute(ORPHANS).fetchall() == []
        assert db.execute(WRONG).fetchall() == []
        assert db.execute("SELECT * FROM names WHERE text = '(other)' AND id != 0").fetchall() == []
        assert db.execute(MORE).fetchall() == []
        most = db.execute("SELECT count(*) AS n FROM names WHERE id != 0 GROUP BY site, day, dimension ORDER BY n DESC")
        assert (most.fetchone() or [0])[0] <= SMALL["MAX_NAMES"]
        for (site, day, word, column), expected in self.sums.items():
            found = reading.names(db, site, day, day, word)
            assert sum(getattr(each, column) for each in found) == expected
            assert [each.name for each in found].count(reading.OTHER) <= 1


def run(ledger: Ledger, told: Told, step: Any) -> Ledger:
    if step == "restart":
        ledger.close()
    elif step == "hours":
        list(purge.expire(ledger, [site(1), site(2)], NOON + DAY))
    elif step == "lost":
        ledger.fail(OSError("the disk was away"))
    elif step[0] == "forget":
        list(purge.forget(ledger, 1, step[1]))
    else:
        ledger.write(batch_of(*step))
        told.add(batch_of(*step))
    return ledger


def site(number: int) -> SiteSettings:
    return SiteSettings(id=number, hosts=("www.example.org",), min_visits=1 if number == 1 else 3, keep_hours=2)


@settings(deadline=None, max_examples=150)
@given(steps)
def test_names_add_up(todo: list[Any]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, patch.multiple(tables, **SMALL):
        ledger, told = Ledger(str(Path(folder) / "hits.db"), [site(1), site(2)], "process", Log("error")), Told()
        for step in todo:
            run(ledger, told, step)
        told.check(ledger.open())
        assert set(CODES) >= {"page", "entry", "event", "download"}
        ledger.close()
