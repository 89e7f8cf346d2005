"""The database: its tables, how it is opened, and what becomes of a file that is not ours or not of today's version."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any, Literal

from edge.errors import StoreError
from edge.host.statefile import sync_directory
from edge.log import Log

APPLICATION = 0x65646765  # "edge", in the file's header
CODES = {
    "page": 1, "entry": 2, "title": 3, "referrer": 4, "campaign": 5, "country": 6, "language": 7, "device": 8,
    "browser": 9, "system": 10, "screen": 11, "event": 12, "goal": 13, "download": 14, "outlink": 15, "search": 16,
    "content": 17, "media": 18, "dimension": 19,
}  # fmt: skip
DAILY = -1  # the hour of totals of a whole day, once it is older than `keep_hours`; then `counts` has no rows of it
OTHER_ID = 0  # of "(other)"
TOTALS = (
    "hits", "pageviews", "visits", "bounces", "seconds", "events", "searches", "downloads", "outlinks", "goals",
    "orders", "pings", "revenue",
)  # fmt: skip

# No table is called "excluded": in an upsert that word means the row that was not inserted.
# The rows that today's hits change lie side by side (hour before dimension): a commit writes few pages.
TABLES = f"""
CREATE TABLE totals (site INTEGER, day INTEGER, hour INTEGER, {", ".join(f"{name} INTEGER" for name in TOTALS[:-1])},
  revenue REAL, PRIMARY KEY (site, day, hour)) STRICT, WITHOUT ROWID;
CREATE TABLE names (site INTEGER, day INTEGER, dimension INTEGER, id INTEGER, text TEXT NOT NULL,
  hits INTEGER NOT NULL, visits INTEGER NOT NULL, value REAL NOT NULL, hours INTEGER NOT NULL,
  PRIMARY KEY (site, day, dimension, id)) STRICT, WITHOUT ROWID;
CREATE TABLE counts (site INTEGER, day INTEGER, hour INTEGER, dimension INTEGER, name INTEGER,
  hits INTEGER NOT NULL, visits INTEGER NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (site, day, hour, dimension, name)) STRICT, WITHOUT ROWID;
CREATE TABLE timings (site INTEGER, day INTEGER, timing TEXT, bucket INTEGER, hits INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL, PRIMARY KEY (site, day, timing, bucket)) STRICT, WITHOUT ROWID;
CREATE TABLE dropped (site INTEGER, day INTEGER, reason TEXT, hits INTEGER NOT NULL,
  PRIMARY KEY (site, day, reason)) STRICT, WITHOUT ROWID;
CREATE TABLE days (site INTEGER, day INTEGER, restarted INTEGER NOT NULL DEFAULT 0, registers BLOB,
  PRIMARY KEY (site, day)) STRICT;
CREATE TABLE imports (digest TEXT PRIMARY KEY, done INTEGER NOT NULL, at INTEGER NOT NULL DEFAULT 0)
  STRICT, WITHOUT ROWID;
"""
BY_DAY = ("totals", "names", "counts", "timings", "dropped", "days")  # tables with a site and a day
MIGRATIONS: tuple[str, ...] = (  # the first leads from version 1 to 2, and so on; TABLES are those of the last
    "ALTER TABLE imports ADD COLUMN at INTEGER NOT NULL DEFAULT 0; UPDATE imports SET at = strftime('%s', 'now') + 0",
)
VERSION = 1 + len(MIGRATIONS)
# An edge that knows this version may use today's file, so that a roll-back costs no hit. A migration that only adds
# tables, or columns with a default, leaves it as it is; any other raises it to VERSION.
OLDEST = 2

WAL_PAGES = 1000  # 4 MB: then the log is copied into the database
# No mmap: a disk error would be SIGBUS. Temporary tables stay in memory: they hold names.
# With the log synced at each commit (FULL) a commit outlives a power cut; with NORMAL only the process's end.
SETTINGS = (
    "PRAGMA journal_mode = WAL", "PRAGMA cache_size = -1024", "PRAGMA mmap_size = 0", "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = ON", f"PRAGMA wal_autocheckpoint = {WAL_PAGES}",
    f"PRAGMA journal_size_limit = {WAL_PAGES * 4096}", "PRAGMA trusted_schema = OFF",
)  # fmt: skip
_STRANGE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


class Damaged(sqlite3.DatabaseError):
    """SQLite's own check found something."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class NewerDatabase(StoreError):
    """It was written by a later version of edge: only the user can decide. Until then hits are refused."""


def connect(
    path: str,
    durability: Literal["power", "process"],
    log: Log,
    *,
    doubtful: bool = False,
    migrations: tuple[str, ...] = MIGRATIONS,
) -> sqlite3.Connection:
    """The database at `path`, made or migrated if need be. What is no database of ours is set aside, never overwritten;
    one that is `doubtful` (it looked damaged) is read through first.

    NewerDatabase: written by a later version. sqlite3.Error, OSError: the disk refuses.
    """
    reason = _strangeness(path)
    if reason:
        _set_aside(path, reason, log)
    try:
        return _open(path, durability, log, doubtful, migrations)
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
        _set_aside(path, f"it is damaged ({error})", log)
    return _open(path, durability, log, False, migrations)


def damaged(error: sqlite3.Error) -> bool:
    """Whether it says that the file is not what it was, rather than that the disk refuses."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _STRANGE


def _open(
    path: str,
    durability: str,
    log: Log,
    doubtful: bool,
    migrations: tuple[str, ...],
) -> sqlite3.Connection:
    _create(path)
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
    try:
        if doubtful:
            _check(db)
        _prepare(db, path, log, migrations)
        db.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    found = _pragma(db, "quick_check(1)")
    if found != "ok":
        raise Damaged(" ".join(str(found).split()))  # it has line breaks


def connect_reading(path: str) -> sqlite3.Connection:
    """For a command when no worker runs. StoreError: there is no database of this version that can be read."""
    if not os.path.exists(path):  # noqa: PTH110
        raise StoreError(f"{path}: expected a database, found none; nothing was counted here yet")
    reason = _strangeness(path)
    if reason:
        raise StoreError(f"{path}: expected a database of edge, but {reason}; see whether data_dir is the right one")
    db = sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=5.0, isolation_level=None)
    try:
        oldest, own = versions(_pragma(db, "user_version"))
    except sqlite3.Error as error:
        db.close()
        raise unreadable(path, error) from None
    if not oldest <= VERSION <= own:
        db.close()
        raise StoreError(f"{path}: {_other_version(oldest, own)}")
    return db


def versions(found: int) -> tuple[int, int]:
    """The oldest version that suffices to use a file of `user_version` `found`, and the file's own; 0 if it is new."""
    oldest, own = divmod(found, 1000)
    return oldest or own, own  # two numbers are there since version 2


def _other_version(oldest: int, own: int) -> str:
    if not own:
        return "nothing was counted here yet"
    if oldest > VERSION:
        return f"written by a later edge (version {own}, this one knows {VERSION}); read it with that edge"
    return f"of version {own}, and this edge reads {VERSION}; start edge once: it keeps a copy and brings it up to date"


def unreadable(path: str, error: sqlite3.Error) -> StoreError:
    """For who asks without a worker."""
    if damaged(error):
        return StoreError(
            f"{path}: it is damaged ({error}); edge sets it aside when it runs and begins a new one. "
            "Bring a backup back with edge restore, or see what sqlite3 can recover"
        )
    return StoreError(f"{path}: cannot be read ({error}); see that its disk is in order and who may read it")


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _pragma(db: sqlite3.Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _strangeness(path: str) -> str | None:
    """Why the file at `path` is no database of ours, from its header; None if it is, or if there is none yet."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the worker does without pathlib
            header = file.read(100)
    except FileNotFoundError:
        return None
    if not any(header):
        return None  # new, or a power cut came before its first page: SQLite knows
    if not header.startswith(b"SQLite format 3\0"):
        return "it is no SQLite database"
    application = int.from_bytes(header[68:72])
    if application != APPLICATION:
        return f"it belongs to another program (application_id {application:#x})"
    return None


def _set_aside(path: str, reason: str, log: Log) -> None:
    kept = _free(f"{path}.aside")
    for end in ("", "-journal", "-wal", "-shm"):
        if os.path.exists(path + end):  # noqa: PTH110
            os.rename(path + end, kept + end)  # noqa: PTH104
    log.error("database_set_aside", file=path, kept_as=kept, reason=reason)


def _free(path: str) -> str:
    """`path`, or with a time behind it if there is such a file: what was kept is never overwritten."""
    return f"{path}-{time.time_ns()}" if os.path.exists(path) else path  # noqa: PTH110


def _create(path: str) -> None:
    """Nobody else may read it. The log and its index get the same rights from SQLite."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    sync_directory(os.path.dirname(path) or ".")  # noqa: PTH120 - SQLite does so for its logs alone


def _prepare(db: sqlite3.Connection, path: str, log: Log, migrations: tuple[str, ...]) -> None:
    version = 1 + len(migrations)
    oldest, found = versions(_pragma(db, "user_version"))
    if oldest > version:
        raise NewerDatabase(
            f"{path}: written by a later edge (version {found}, this one knows {version}); install that edge again, or "
            f"move {path} with its -wal and -shm away to begin a new one"
        )
    if not found:
        # Before there is a log, so that the file's own header says whose it is. Not IMMEDIATE: that makes the database
        # before `auto_vacuum` is known, and then it cannot be changed.
        db.executescript(f"BEGIN; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = {APPLICATION}; COMMIT")
    for setting in SETTINGS:
        db.execute(setting)
    if not found:
        _transaction(db, TABLES, version)
    elif found < version:
        _migrate(db, path, found, log, migrations)


def _transaction(db: sqlite3.Connection, script: str, version: int) -> None:
    db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {OLDEST * 1000 + version}; COMMIT")


def _migrate(db: sqlite3.Connection, path: str, found: int, log: Log, migrations: tuple[str, ...]) -> None:
    """All steps in one transaction, after a copy."""
    kept = _free(f"{path}.v{found}")
    os.close(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db.execute("VACUUM INTO ?", (kept,))
    version = 1 + len(migrations)
    _transaction(db, ";\n".join(migrations[found - 1 :]), version)
    log.info("database_migrated", file=path, version=version, copy=kept)
