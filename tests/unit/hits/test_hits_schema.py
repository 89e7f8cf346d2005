"""What becomes of the file that is there."""

from __future__ import annotations

import io
import re
import sqlite3
import stat
import time
from pathlib import Path

import pytest
from ledgers import AT, DAY, ledger, page

from edge.errors import StoreError
from edge.hits import purge, reading, statements, tables
from edge.hits.hit import Dropped, Flags, Hit
from edge.hits.rollup import Imported
from edge.hits.schema import (
    APPLICATION,
    BY_DAY,
    MIGRATIONS,
    OLDEST,
    TABLES,
    VERSION,
    NewerDatabase,
    connect,
    connect_reading,
)
from edge.hits.settings import SiteSettings
from edge.log import Log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hits.db"


def silent() -> Log:
    return Log("error", io.StringIO())


def open_and_close(path: Path, **more: object) -> str:
    """What was logged."""
    log = io.StringIO()
    connect(str(path), "process", Log("info", log), **more).close()  # type: ignore[arg-type]
    return log.getvalue()


def test_a_new_database_is_its_owners_alone_and_says_whose_it_is(path: Path) -> None:
    db = connect(str(path), "power", silent())
    db.execute("INSERT INTO imports VALUES ('d', 1, 0)")
    files = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert files == {"hits.db": 0o600, "hits.db-wal": 0o600, "hits.db-shm": 0o600}
    asked = {
        word: db.execute(f"PRAGMA {word}").fetchone()[0]
        for word in ("application_id", "user_version", "journal_mode", "synchronous", "secure_delete", "auto_vacuum")
    }
    assert asked == {
        "application_id": APPLICATION, "user_version": OLDEST * 1000 + VERSION, "journal_mode": "wal", "synchronous": 2,
        "secure_delete": 1, "auto_vacuum": 2,
    }  # fmt: skip
    db.close()


def test_an_open_file_is_closed_to_others(path: Path) -> None:
    path.touch(0o644)
    open_and_close(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_process_durability_syncs_less(path: Path) -> None:
    db = connect(str(path), "process", silent())
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 1
    db.close()


def test_what_is_there_stays(path: Path) -> None:
    db = connect(str(path), "power", silent())
    db.execute("INSERT INTO imports VALUES ('d', 7, 0)")
    db.close()
    assert open_and_close(path) == ""
    db = connect_reading(str(path))
    assert db.execute("SELECT * FROM imports").fetchall() == [("d", 7, 0)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM imports")
    db.close()


def test_a_database_killed_before_its_first_checkpoint_is_known(path: Path) -> None:
    """Its tables are in the log alone."""
    db = connect(str(path), "power", silent())
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    copy.with_name("copy.db-wal").write_bytes(path.with_name("hits.db-wal").read_bytes())
    db.close()
    assert open_and_close(copy) == ""


def foreign(path: Path) -> None:
    db = sqlite3.connect(path)
    db.executescript("CREATE TABLE cookies (name); INSERT INTO cookies VALUES ('butter')")
    db.close()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"dear diary" * 1000), "no SQLite database"),
        (lambda path: path.write_bytes(b"x"), "no SQLite database"),
        (foreign, "belongs to another program"),
    ],
)
def test_a_file_that_is_not_ours_is_set_aside_untouched(path: Path, make: object, reason: str) -> None:
    for end in (".aside", ".aside-"):
        make(path)  # type: ignore[operator]
        content = path.read_bytes()
        logged = open_and_close(path)
        assert "event=database_set_aside" in logged
        assert reason in logged
        kept = sorted(each for each in path.parent.glob("hits.db.aside*") if each.suffix[-4:] not in ("-wal", "-shm"))
        assert kept[-1].name.startswith(f"hits.db{end}")  # the second one does not replace the first
        assert [each.read_bytes() for each in kept] == [content] * len(kept)
        connect_reading(str(path)).close()
        path.unlink()


def test_a_damaged_database_is_set_aside(path: Path) -> None:
    open_and_close(path)
    content = bytearray(path.read_bytes())
    content[200:] = b"\xaa" * (len(content) - 200)
    path.write_bytes(content)
    assert "damaged" in open_and_close(path, doubtful=True)
    assert path.with_name("hits.db.aside").read_bytes() == content


def test_a_later_version_is_refused_and_left_alone(path: Path) -> None:
    open_and_close(path)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    with pytest.raises(NewerDatabase, match="install that edge again, or move"):
        open_and_close(path)
    with pytest.raises(StoreError, match="read it with that edge"):
        connect_reading(str(path))
    assert list(path.parent.glob("*aside*")) == []


def add_to_every_table(path: Path) -> None:
    """As a later edge whose migrations leave OLDEST as it is."""
    db = sqlite3.connect(path)
    for table in (*BY_DAY, "imports"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN later INTEGER NOT NULL DEFAULT 7")
    db.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
    db.execute(f"PRAGMA user_version = {OLDEST * 1000 + VERSION + 1}")
    db.close()


def test_a_later_version_that_only_adds_is_used_and_stays_what_it_is(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a roll-back hits go on: every statement that inserts is executed here."""
    open_and_close(path)
    add_to_every_table(path)
    monkeypatch.setattr(tables, "MAX_NAMES", 2)
    monkeypatch.setattr(tables, "NEWCOMERS", 1)
    hit = Hit(site=1, at=AT, kind="pageview", page="/a", timings=(5,))
    site = SiteSettings(id=1, hosts=("a.example",), keep_hours=1)
    with ledger(tmp_path, site) as kept:
        kept.write([(hit, Flags(visit=True, unique=(1, 1))), Dropped(1, AT, "bot"), Imported("log", 5, AT)])
        kept.write([page("/b"), page("/c")])  # one of the names is evicted
        for task in (purge.forget(kept, 1, "/c"), purge.expire(kept, [site], AT + 86_400)):
            list(task)
        kept.write([page("/d")])
    db = connect_reading(str(path))
    assert [each.hits for each in reading.totals(db, 1, DAY, DAY)] == [4]
    assert sum(each.hits for each in reading.names(db, 1, DAY, DAY, "page")) == 4
    assert {table: db.execute(f"SELECT DISTINCT later FROM {table}").fetchall() for table in (*BY_DAY, "imports")} == {
        table: [(7,)] for table in (*BY_DAY, "imports")
    }
    assert db.execute("PRAGMA user_version").fetchone()[0] == OLDEST * 1000 + VERSION + 1
    db.close()
    assert open_and_close(path) == ""


def test_what_is_inserted_names_its_columns() -> None:
    """Else a column that a later edge adds would be in its way."""
    text = Path(statements.__file__).read_text()
    found = re.findall(r"INSERT INTO \w+ (.)", text)
    assert found == ["("] * text.count("INSERT")


def test_who_reads_is_told_what_is_wrong_and_what_to_do(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="nothing was counted here yet"):
        connect_reading(str(path))
    open_and_close(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 1")
    db.close()
    with pytest.raises(StoreError, match="start edge once: it keeps a copy"):
        connect_reading(str(path))
    content = path.read_bytes()
    path.write_bytes(content[:16] + b"\xff" * 8 + content[24:])  # a page size that there is not
    with pytest.raises(StoreError, match=r"it is damaged .*edge restore"):
        connect_reading(str(path))


STEPS = (*MIGRATIONS, "ALTER TABLE imports ADD COLUMN seen INTEGER", "UPDATE imports SET seen = done")


def first_version(path: Path) -> None:
    """As edge made it before there were others."""
    at = ", at INTEGER NOT NULL DEFAULT 0"
    assert at in TABLES
    db = sqlite3.connect(path)
    db.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1; {TABLES.replace(at, '')}")
    db.execute("INSERT INTO imports VALUES ('d', 7)")
    db.commit()
    db.close()


def columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def test_every_version_becomes_the_last_one(path: Path) -> None:
    open_and_close(path)
    first_version(path.with_name("first.db"))
    open_and_close(path.with_name("first.db"))
    new, old = connect_reading(str(path)), connect_reading(str(path.with_name("first.db")))
    tables = [name for (name,) in new.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    assert {table: columns(new, table) for table in tables} == {table: columns(old, table) for table in tables}
    digest, done, at = old.execute("SELECT * FROM imports").fetchone()
    assert (digest, done, abs(at - time.time()) < 3600) == ("d", 7, True)
    new.close()
    old.close()


def test_an_old_version_is_migrated_and_a_copy_kept(path: Path) -> None:
    first_version(path)
    assert "event=database_migrated" in open_and_close(path, migrations=STEPS)
    db = sqlite3.connect(path)
    assert db.execute("SELECT digest, done, seen FROM imports").fetchall() == [("d", 7, 7)]
    assert db.execute("PRAGMA user_version").fetchone()[0] == OLDEST * 1000 + 1 + len(STEPS)
    db.close()
    copy = path.with_name("hits.db.v1")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    db = sqlite3.connect(copy)
    assert db.execute("SELECT * FROM imports").fetchall() == [("d", 7)]
    db.close()


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    first_version(path)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        open_and_close(path, migrations=(*STEPS, "UPDATE nowhere SET x = 1"))
    db = sqlite3.connect(path)
    assert columns(db, "imports") == ["digest", "done"]
    assert db.execute("PRAGMA user_version").fetchone()[0] == 1
    db.close()


def test_reading_makes_no_database(path: Path) -> None:
    with pytest.raises(StoreError, match="found none"):
        connect_reading(str(path))
    foreign(path)
    with pytest.raises(StoreError, match="belongs to another program"):
        connect_reading(str(path))
    assert [each.name for each in path.parent.iterdir()] == ["hits.db"]
