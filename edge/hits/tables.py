"""Which names have rows of their own: at most 500 a site, dimension and day, and none before enough visits had it.

A table is what the database holds of one (site, day, dimension), in memory. All others count in "(other)", so that the
names always add up. When a table overflows, the names with the fewest hits go, the longest unseen first; the last 50
that were seen stay, so that junk of the first minute (whatever its counts) never keeps newcomers out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import nsmallest
from itertools import islice
from typing import TypeAlias

import msgspec

from edge.flow.stats import OTHER
from edge.hits.rollup import Hour, Row
from edge.hits.schema import CODES, OTHER_ID

MAX_NAMES = 500
NEWCOMERS = 50
MAX_PENDING = 2000  # names of a table that wait for `min_visits`; when full, the longest unseen starts anew
MAX_HELD = 16_384  # names of all tables in memory (4 MB); when full, the table longest unused is read again at need
MAX_TABLES = 1024  # those of few names cost too
MAX_NAME = 1024  # characters; a longer name is "(other)"
GATED = frozenset(CODES[word] for word in ("page", "entry", "title", "campaign", "event", "download"))

Key: TypeAlias = tuple[int, int, int]  # site, day, dimension
Held: TypeAlias = tuple[str, int, int, int, float, int]  # text, id, hits, visits, value, hours


class Entry(msgspec.Struct, gc=False):
    """A name's sums of the day. Bit h + 1 of `hours`: it has a row of hour h; bit 0: once it had others."""

    id: int
    hits: int = 0
    visits: int = 0
    value: float = 0.0
    hours: int = 0

    def grow(self, hour: int, row: Row) -> None:
        self.hits += row[0]  # type: ignore[assignment] # hits and visits of rows are whole numbers
        self.visits += row[1]  # type: ignore[assignment]
        self.value += row[2]
        self.hours |= 1 << hour + 1


class Changes:
    """What a batch changes in the database."""

    __slots__ = ("counts", "created", "erased", "gone", "moved", "names", "others")

    def __init__(self) -> None:
        self.counts: dict[tuple[int, int, int, int, int], Row] = {}  # site, day, hour, dimension, id: what is added
        self.names: dict[tuple[int, int, int, int], tuple[str, Entry]] = {}  # site, day, dimension, id: sums of the day
        self.others: dict[Key, Row] = {}  # what is added to the sums of "(other)"
        self.created: set[tuple[int, int, int, int]] = set()  # those of `names` that the database has not yet
        self.gone: list[tuple[int, int, int, int]] = []  # site, day, dimension, id of names that lose their rows
        self.erased: list[tuple[int, int, int, int, int]] = []  # rows of counts whose sums are in `counts` already
        self.moved: list[tuple[int, int, int, int]] = []  # those of `gone` whose rows SQLite adds to "(other)"

    def add(self, key: tuple[int, int, int, int, int], row: Row) -> None:
        before = self.counts.get(key)
        self.counts[key] = row if before is None else _sum(before, row)

    def add_other(self, table: Key, hour: int, row: Row) -> None:
        self.add((table[0], table[1], hour, table[2], OTHER_ID), row)
        self.others[table] = _sum(self.others.get(table, _NOTHING), row)


_PAST = 1  # in `hours`: there were rows that are no more
_NOTHING: Row = [0, 0, 0.0]


def _sum(one: Row, other: Row) -> Row:
    return [one[0] + other[0], one[1] + other[1], one[2] + other[2]]


class Table:
    """The names of one site, day and dimension, the longest unseen first."""

    __slots__ = ("_key", "booked", "entries", "next_id", "pending")

    def __init__(self, key: Key, held: list[Held]) -> None:
        self._key = key
        self.entries = {row[0]: Entry(*row[1:]) for row in held}
        self.pending: dict[str, dict[int, Row]] = {}  # by hour
        self.next_id = 1 + max((entry.id for entry in self.entries.values()), default=OTHER_ID)
        self.booked = 0  # its size when it was last measured

    def size(self) -> int:
        return len(self.entries) + len(self.pending)

    def count(self, hour: int, names: dict[str, Row], least: int, changes: Changes) -> None:
        """Adds the sums of one hour. `least` visits make a name."""
        site, day, code = self._key
        entries = self.entries
        for name, row in names.items():
            entry = entries.pop(name, None) or self._admit(name, hour, row, least, changes)
            if entry is None:
                changes.add_other(self._key, hour, row)
                continue
            entries[name] = entry  # now the last one seen
            entry.grow(hour, row)
            changes.names[site, day, code, entry.id] = (name, entry)
            changes.add((site, day, hour, code, entry.id), row)

    def _admit(self, name: str, hour: int, row: Row, least: int, changes: Changes) -> Entry | None:
        """A new name's entry; None: it counts in "(other)", for ever or for now."""
        if not _storable(name):
            return None
        waited = self.pending.pop(name, {})
        if least > 1 and sum(each[1] for each in waited.values()) + row[1] < least:
            self._wait(name, waited, hour, row)
            return None
        return self._create(waited, changes)

    def _wait(self, name: str, waited: dict[int, Row], hour: int, row: Row) -> None:
        waited[hour] = _sum(waited.get(hour, _NOTHING), row)
        self.pending[name] = waited
        if len(self.pending) > MAX_PENDING:
            del self.pending[next(iter(self.pending))]

    def _create(self, waited: dict[int, Row], changes: Changes) -> Entry:
        """What counted in "(other)" while the name waited moves to its own rows."""
        site, day, code = self._key
        entry = Entry(self.next_id)
        self.next_id += 1
        changes.created.add((site, day, code, entry.id))
        for hour, row in waited.items():
            changes.add_other(self._key, hour, [-each for each in row])
            changes.add((site, day, hour, code, entry.id), row)
            entry.grow(hour, row)
        return entry

    def evict(self, changes: Changes) -> int:
        """How many names went, so that `MAX_NAMES` are left."""
        excess = len(self.entries) - MAX_NAMES
        if excess <= 0:
            return 0
        old = islice(self.entries.items(), len(self.entries) - NEWCOMERS)
        for name, entry in nsmallest(excess, old, key=_hits):  # among equals the first, as it is stable
            del self.entries[name]
            self._fold(entry, changes)
        return excess

    def _fold(self, entry: Entry, changes: Changes) -> None:
        """The rows of an evicted name become part of those of "(other)", hour by hour."""
        site, day, code = self._key
        key = (site, day, code, entry.id)
        hours = _hours_of(entry.hours)
        fresh = [changes.counts.pop((site, day, hour, code, entry.id), None) for hour in hours]
        changes.names.pop(key, None)
        if key in changes.created:
            changes.created.remove(key)
        elif len(hours) == 1 and not entry.hours & _PAST:  # nearly always, and then its only row is known
            changes.gone.append(key)
            changes.erased.append((site, day, hours[0], code, entry.id))
            fresh = [[entry.hits, entry.visits, entry.value]]
        else:
            changes.gone.append(key)
            changes.moved.append(key)
        for hour, row in zip(hours, fresh, strict=True):
            if row is not None:
                changes.add((site, day, hour, code, OTHER_ID), row)
        before = changes.others.get(self._key, _NOTHING)
        changes.others[self._key] = _sum(before, [entry.hits, entry.visits, entry.value])


def _hours_of(bits: int) -> list[int]:
    if bits & bits - 1 == 0 and bits > _PAST:
        return [bits.bit_length() - 2]
    return [hour for hour in range(24) if bits >> hour + 1 & 1]


def _hits(item: tuple[str, Entry]) -> int:
    return item[1].hits


def _storable(name: str) -> bool:
    """Scrubbed names are; one that is not would fail a whole batch again and again."""
    try:
        return name != OTHER and len(name) <= MAX_NAME and bool(name.encode())
    except UnicodeEncodeError:
        return False


class Tables:
    """The tables in use. `load` reads one from the database; `least` is `min_visits` by site."""

    __slots__ = ("_held", "_least", "_load", "_tables", "folded")

    def __init__(self, load: Callable[[Key], list[Held]], least: Mapping[int, int]) -> None:
        self._load = load
        self._least = least
        self._tables: dict[Key, Table] = {}  # the longest unused first
        self._held = 0
        self.folded: dict[int, int] = dict.fromkeys(least, 0)  # names evicted so far, by site

    def apply(self, hours: Iterable[Hour]) -> Changes:
        changes = Changes()
        touched: dict[Key, Table] = {}
        for hour in hours:
            least = self._least.get(hour.site, 1)
            for code, names in enumerate(hour.names):
                if names:
                    key = (hour.site, hour.day, code)
                    table = touched.get(key)
                    if table is None:
                        table = touched[key] = self._use(key)
                    table.count(hour.hour, names, least if code in GATED else 1, changes)
        for key, table in touched.items():
            gone = table.evict(changes)
            if gone:
                self.folded[key[0]] = self.folded.get(key[0], 0) + gone
            self._measure(table)
        self._trim()
        return changes

    def _use(self, key: Key) -> Table:
        table = self._tables.pop(key, None) or Table(key, self._load(key))
        self._tables[key] = table
        return table

    def _measure(self, table: Table) -> None:
        self._held += table.size() - table.booked
        table.booked = table.size()

    def _trim(self) -> None:
        while (self._held > MAX_HELD or len(self._tables) > MAX_TABLES) and len(self._tables) > 1:
            key = next(iter(self._tables))
            self._held -= self._tables.pop(key).booked

    def clear(self) -> None:
        """Somebody else changed the database, or a batch failed: all are read again. What waits for visits is lost."""
        self._tables.clear()
        self._held = 0
