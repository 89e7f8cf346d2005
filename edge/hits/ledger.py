"""Writes batches of hits into the database, each as one transaction. Synchronous: for the store's thread, or for a
command when no worker runs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

from edge.errors import StoreError
from edge.hits import statements as sql
from edge.hits.calendar import Calendar
from edge.hits.rollup import Item, Rollup, Sums
from edge.hits.schema import connect, damaged
from edge.hits.settings import SiteSettings
from edge.hits.tables import Changes, Held, Key, Tables
from edge.log import Log

REGISTERS = 4096  # of a HyperLogLog, a byte each
MOST_IMPORTS = 50_000  # marks of logs, five a log; beyond it the oldest go, and such a log would count again


class Ledger:
    """One connection that writes. Not opened until the first use or `open`. For one thread."""

    def __init__(
        self, path: str, sites: Sequence[SiteSettings], durability: Literal["power", "process"], log: Log
    ) -> None:
        self.path = path
        self._durability: Literal["power", "process"] = durability
        self._log = log
        self._rollup = Rollup({site.id: Calendar(site.timezone) for site in sites})
        self.tables = Tables(self._load, {site.id: site.min_visits for site in sites})
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # that is open
        self._doubtful = False
        self._version = 0

    def open(self) -> sqlite3.Connection:
        """The connection, opened if it is not. Raises StoreError."""
        if self._db is None:
            try:
                self._db = connect(self.path, self._durability, self._log, doubtful=self._doubtful)
            except (sqlite3.Error, OSError) as error:
                raise self.trouble(error) from None
            self._doubtful = False
            self._file = _identity(self.path)
        return self._db

    def write(self, batch: Iterable[Item]) -> None:
        """Keeps the whole batch, or raises StoreError and keeps nothing of it."""
        sums = self._rollup.sum(batch)
        if self._db is not None and _identity(self.path) != self._file:
            self._leave()
        with self._transaction() as db:
            self._notice(db)
            self._keep(db, sums)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """For changes from elsewhere: what is remembered of the database is forgotten. StoreError: nothing changed."""
        with self._transaction() as db:
            self.tables.clear()
            yield db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self.open()
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except BaseException as error:
            self.fail(error)
            if isinstance(error, sqlite3.Error):
                raise self.trouble(error) from None
            raise

    def _notice(self, db: sqlite3.Connection) -> None:
        """Another process may have written (an import begun when no worker ran): then the tables are read again."""
        version = db.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.tables.clear()
            self._version = version

    def fail(self, error: BaseException) -> None:
        """Back to what the database has. The next use opens it anew: some errors spoil a connection."""
        self._doubtful = self._doubtful or (isinstance(error, sqlite3.Error) and damaged(error))
        self._release()

    def _leave(self) -> None:
        """The file was moved, deleted or replaced. A log left behind would be taken for the next one's."""
        self._log.error("database_gone", file=self.path, reason="it was moved or deleted: what is there now is used")
        try:
            self.close()
        except sqlite3.Error as error:
            self._log.warning("store_left_open", reason=str(error))
        self._release()

    def _release(self) -> None:
        self.tables.clear()
        db, self._db = self._db, None
        if db is not None:
            db.close()  # rolls back

    def trouble(self, error: sqlite3.Error | OSError) -> StoreError:
        """Neither kind of error quotes what was to be written."""
        if isinstance(error, sqlite3.Error) and damaged(error):
            return StoreError(f"{self.path} is damaged ({error}); it is set aside at the next try, and a new one begun")
        return StoreError(f"cannot write {self.path} ({error}); free space there, and see that edge may write to it")

    def close(self) -> None:
        """Empties the log into the database."""
        db, self._db = self._db, None
        if db is not None:
            try:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                db.close()

    def _load(self, key: Key) -> list[Held]:
        return self.open().execute(sql.LOAD, key).fetchall()

    def _keep(self, db: sqlite3.Connection, sums: Sums) -> None:
        if sums.hours:
            db.executemany(sql.ADD_TOTALS, [(*key, *hour.totals) for key, hour in sums.hours.items()])
            _keep_names(db, self.tables.apply(sums.hours.values()))
        if sums.timings:
            db.executemany(sql.ADD_TIMINGS, [(*key, *row) for key, row in sums.timings.items()])
        if sums.excluded:
            db.executemany(sql.ADD_EXCLUDED, [(*key, hits) for key, hits in sums.excluded.items()])
        for (site, day), pairs in sums.uniques.items():
            _keep_registers(db, site, day, pairs)
        db.executemany(sql.SET_RESTARTED, sums.restarted)
        if sums.imports:
            _keep_imports(db, sums.imports)


def _identity(path: str) -> tuple[int, int] | None:
    """Which file is at `path`. SQLite goes on writing to one that is there no more, and what it takes is lost."""
    try:
        found = os.stat(path)  # noqa: PTH116 - the worker does without pathlib
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _keep_names(db: sqlite3.Connection, changes: Changes) -> None:
    for moved in changes.moved:
        for statement in sql.MOVE:
            db.execute(statement, moved)
    if changes.gone:
        db.executemany(sql.ERASE, changes.erased)
        db.executemany(sql.FORGET, changes.gone)
    names = [(*key, text, e.hits, e.visits, e.value, e.hours) for key, (text, e) in changes.names.items()]
    db.executemany(sql.SET_NAMES, names)
    if changes.others:
        db.executemany(sql.ADD_OTHERS, [(*key, *row) for key, row in changes.others.items()])
    db.executemany(sql.ADD_COUNTS, [(*key, *row) for key, row in changes.counts.items()])


def _keep_imports(db: sqlite3.Connection, imports: Mapping[str, tuple[int, int]]) -> None:
    new = any(db.execute(sql.FIND_IMPORT, (digest,)).fetchone() is None for digest in imports)
    db.executemany(sql.SET_IMPORT, [(digest, *row) for digest, row in imports.items()])
    if new and db.execute(sql.COUNT_IMPORTS).fetchone()[0] > MOST_IMPORTS:
        db.execute(sql.BOUND_IMPORTS, (MOST_IMPORTS,))


def _keep_registers(db: sqlite3.Connection, site: int, day: int, pairs: Iterable[tuple[int, int]]) -> None:
    found = db.execute("SELECT registers FROM days WHERE site = ? AND day = ?", (site, day)).fetchone()
    registers = bytearray(found[0] if found and found[0] else REGISTERS)
    for register, rank in pairs:
        registers[register] = max(registers[register], rank)
    db.execute(sql.SET_REGISTERS, (site, day, registers))
