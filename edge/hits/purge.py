"""Lets go of what is kept too long, or was never to be kept. Tasks for the store's thread, one transaction a step.

SQLite overwrites what is deleted (`secure_delete`); at the end its log is emptied too, and free pages leave the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from datetime import date, timedelta

import msgspec

from edge.errors import StoreError
from edge.hits import statements as sql
from edge.hits.calendar import Calendar
from edge.hits.ledger import Ledger
from edge.hits.schema import BY_DAY, CODES
from edge.hits.settings import SiteSettings

FREE_PAGES = 256  # that leave the file in one step
PATHS = ("page", "entry", "download")  # dimensions whose names are paths of the site
NAMED = ("title", "event", "campaign", "referrer", "outlink", "content", "dimension")  # whose names are others' words


def expire(ledger: Ledger, sites: Sequence[SiteSettings], now: float) -> Generator[None, None, int]:
    """Days before today and the `keep_days - 1` before it go; those before the last `keep_hours` lose their hours. A
    site that has left the configuration keeps what it has, until it is purged by hand. Logs that were imported so long
    ago are forgotten: their lines are too old to count again. The number of days dropped."""
    dropped = 0
    for site in sites:
        today = Calendar(site.timezone).day(now)
        dropped += yield from _drop(ledger, site.id, _before(today, site.keep_days - 1))
        yield from _flatten(ledger, site.id, _before(today, site.keep_hours - 1))
    if sites:
        _forget_imports(ledger, now - (1 + max(site.keep_days for site in sites)) * 86_400)
    if dropped:
        yield from _shrink(ledger)
    return dropped


def _forget_imports(ledger: Ledger, before: float) -> None:
    """Those before that second; a day more than `keep_days`, as a log may be a day ahead of the clock."""
    if not ledger.open().execute(sql.FIND_OLD_IMPORTS, (int(before),)).fetchone():
        return
    with ledger.transaction() as db:
        db.execute(sql.OLD_IMPORTS, (int(before),))


def purge(ledger: Ledger, site: int, before: int) -> Generator[None, None, int]:
    """Drops the site's days before `before` (yyyymmdd). The number of days."""
    dropped = yield from _drop(ledger, site, before)
    yield from _shrink(ledger)
    return dropped


class Forgotten(msgspec.Struct, frozen=True):
    """A name that is no longer there, and what it had counted."""

    dimension: str
    name: str
    days: int
    hits: int


def forget(ledger: Ledger, site: int, name: str, dimension: str = "") -> Generator[None, None, list[Forgotten]]:
    """The rows of `name` in the dimension become part of "(other)", so that totals stay. Without a dimension the name
    is a path: it goes as page, entry page and download, with it the same path with parameters. Titles, outlinks and the
    rest are kept by themselves and know no path."""
    forgotten: list[Forgotten] = []
    for word in (dimension,) if dimension else PATHS:
        begins = name if dimension else f"{name}?"
        found = ledger.open().execute(sql.FIND_NAME, (site, CODES[word], name, begins)).fetchall()
        for day, number, _, _ in found:
            with ledger.transaction() as db:
                for statement in (*sql.MOVE, sql.FOLD_NAME, sql.FORGET):
                    db.execute(statement, (site, day, CODES[word], number))
            yield
        forgotten += _told(word, found)
    ledger.tables.clear()  # also what waits for `min_visits`
    yield from _shrink(ledger)
    return forgotten


def _told(dimension: str, found: Iterable[tuple[int, int, str, int]]) -> list[Forgotten]:
    hits: dict[str, list[int]] = {}
    for _, _, text, count in found:
        hits.setdefault(text, []).append(count)
    return [Forgotten(dimension, text, len(counts), sum(counts)) for text, counts in hits.items()]


def _before(day: int, days: int) -> int:
    """The date `days` before `day`, both as yyyymmdd."""
    found = date(day // 10_000, day // 100 % 100, day % 100) - timedelta(days=days)
    return found.year * 10_000 + found.month * 100 + found.day


def _drop(ledger: Ledger, site: int, before: int) -> Generator[None, None, int]:
    days = _days(ledger, sql.DAYS, site, before)
    for day in days:
        with ledger.transaction() as db:
            for table in BY_DAY:
                db.execute(sql.DROP[table], (site, day))
        yield
    return len(days)


def _flatten(ledger: Ledger, site: int, before: int) -> Generator[None, None, None]:
    """Rows of hours become rows of their day."""
    for day in _days(ledger, sql.DAYS_BY_HOUR, site, before):
        with ledger.transaction() as db:
            for statement in sql.FLATTEN:
                db.execute(statement, (site, day))
        yield


def _days(ledger: Ledger, statement: str, site: int, before: int) -> list[int]:
    return [row[0] for row in ledger.open().execute(statement, (site, before))]


def _shrink(ledger: Ledger) -> Generator[None, None, None]:
    """Free pages leave the file, and the log, which holds old versions of pages, is cut to nothing."""
    db = ledger.open()
    free, before = _ask(db, "PRAGMA freelist_count")[0][0], None
    while free and free != before:
        _ask(db, f"PRAGMA incremental_vacuum({FREE_PAGES})")
        yield
        free, before = _ask(db, "PRAGMA freelist_count")[0][0], free
    busy = _ask(db, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
    if busy:
        raise StoreError(
            f"{ledger.path}: what was deleted is still in its log, as another program reads the database; "
            "stop that program and purge again"
        )


def _ask(db: sqlite3.Connection, statement: str) -> list[tuple[int, ...]]:
    return db.execute(statement).fetchall()
