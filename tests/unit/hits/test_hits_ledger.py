"""Batches are kept as a whole or not at all, and can be read again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ledgers import AT, DAY, SITE, disk_full, ledger, page

from edge.errors import StoreError
from edge.hits import ledger as ledger_module
from edge.hits import reading
from edge.hits.hit import Dropped, Flags, Hit
from edge.hits.reading import Named, Totals
from edge.hits.rollup import Imported, Restarted
from edge.hits.settings import SiteSettings

HOUR = 3600


def test_what_was_written_can_be_read(tmp_path: Path) -> None:
    order = Hit(site=1, at=AT + HOUR, kind="order", page="/buy", revenue=9.5, country="FR")
    with ledger(tmp_path) as kept:
        kept.write([page("/"), page("/"), (order, Flags(seconds=60, unique=(3, 5)))])
        for _ in range(2):
            kept.write([Dropped(1, AT, "dnt"), Dropped(1, AT, "dnt"), Dropped(1, AT, "bot")])
        kept.write([page("/b"), (order, Flags(unique=(9, 1))), Restarted(1, AT)])
    with ledger(tmp_path) as kept:
        db = kept.open()
        assert reading.totals(db, 1, DAY, DAY) == [
            Totals(DAY, None, 5, 3, 3, 3, 60, 0, 0, 0, 0, 0, 2, 0, 19.0, 2, True)
        ]
        assert [(each.hour, each.hits, each.uniques) for each in reading.totals(db, 1, DAY, DAY, "hour")] == [
            (14, 3, None), (15, 2, None),
        ]  # fmt: skip
        assert reading.names(db, 1, DAY, DAY, "page") == [Named("/", 2, 2, 0.0), Named("/b", 1, 1, 0.0)]
        assert reading.names(db, 1, DAY, DAY, "country") == [Named("FR", 2, 0, 0.0)]
        assert reading.excluded(db, 1, DAY, DAY) == {"bot": 2, "dnt": 4}
        assert reading.days(db, 1) == (DAY, DAY)


def test_other_sites_and_days_are_not_mixed_up(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page("/a"), page("/b", AT + 24 * HOUR), page("/c", AT + 48 * HOUR), page("/d", site=2)])
        db = kept.open()
        assert [each.day for each in reading.totals(db, 1, DAY, DAY + 1)] == [DAY, DAY + 1]
        assert {each.name for each in reading.names(db, 1, DAY, DAY + 1, "page")} == {"/a", "/b"}
        assert [each.name for each in reading.names(db, 2, DAY, DAY + 9, "page")] == ["/d"]
        assert reading.totals(db, 3, 0, 99999999) == []
        assert reading.days(db, 3) is None
        kept.write([Dropped(3, AT, "bot"), Dropped(1, AT + 72 * HOUR, "bot")])
        assert (reading.days(db, 3), reading.days(db, 1)) == ((DAY, DAY), (DAY, DAY + 3))  # these are exported too


def test_the_limit_of_names_folds_the_rest(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page(f"/{n}") for n in range(5) for _ in range(n + 1)])
        found = reading.names(kept.open(), 1, DAY, DAY, "page", limit=2)
        assert found == [Named("/4", 5, 5, 0.0), Named("/3", 4, 4, 0.0), Named("(other)", 6, 6, 0.0)]


def test_the_same_name_on_two_days_is_one(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page("/x", AT + 24 * HOUR), page("/a"), page("/a", AT + 24 * HOUR)])
        assert reading.names(kept.open(), 1, DAY, DAY + 1, "page")[0] == Named("/a", 2, 2, 0.0)


def test_timings_are_a_histogram_in_seconds(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        for milliseconds in (40, 60, 60_000):
            hit = Hit(site=1, at=AT, kind="pageview", timings=(-1, milliseconds))
            kept.write([(hit, Flags())])
        found = reading.timings(kept.open(), 1, DAY, DAY)
        assert list(found) == ["server"]
        assert found["server"].counts == (1, 2, 2, 2, 2, 2, 2, 2)
        assert (found["server"].count, found["server"].sum) == (3, 60.1)


def test_a_batch_that_fails_leaves_nothing_and_the_next_one_counts(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page("/a")])
        with disk_full(), pytest.raises(StoreError, match="free space there"):
            kept.write([page("/a"), page("/b"), Imported("d", 5, 1)])
        kept.write([page("/a"), page("/b"), page("/c")])
        found = reading.names(kept.open(), 1, DAY, DAY, "page")
        assert found == [Named("/a", 2, 2, 0.0), Named("/b", 1, 1, 0.0), Named("/c", 1, 1, 0.0)]
        assert reading.imported(kept.open(), "d") == 0


def test_a_full_database_fails_and_takes_the_batch_again_when_there_is_room(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page("/a")])
        pages = kept.open().execute("PRAGMA page_count").fetchone()[0]
        kept.open().execute(f"PRAGMA max_page_count = {pages}")
        many = [page(f"/{n}" * 50) for n in range(400)]
        with pytest.raises(StoreError, match="full"):
            kept.write(many)
        kept.write(many)  # opened anew, so without the bound
        assert reading.totals(kept.open(), 1, DAY, DAY)[0].hits == 401


def test_a_database_that_was_moved_away_takes_nothing_more(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page("/a")])
        (tmp_path / "hits.db").rename(tmp_path / "moved.db")
        kept.write([page("/b")])
        kept.write([page("/b")])
    with ledger(tmp_path) as kept:
        assert reading.names(kept.open(), 1, DAY, DAY, "page") == [Named("/b", 2, 2, 0.0)]
    moved = sqlite3.connect(tmp_path / "moved.db")
    assert reading.names(moved, 1, DAY, DAY, "page") == [Named("/a", 1, 1, 0.0)]
    moved.close()


def test_a_copy_that_is_put_back_goes_on_from_there(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page("/a")])
        kept.open().execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
        kept.write([page("/b")])
        (tmp_path / "copy.db").rename(tmp_path / "hits.db")
        kept.write([page("/c")])
        assert kept.open().execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = reading.names(kept.open(), 1, DAY, DAY, "page")
        assert found == [Named("/a", 1, 1, 0.0), Named("/c", 1, 1, 0.0)]


def test_names_of_another_process_are_noticed(tmp_path: Path) -> None:
    with ledger(tmp_path) as one, ledger(tmp_path) as two:
        one.write([page("/a")])
        two.write([page("/b"), page("/a")])
        one.write([page("/c"), page("/b")])
        two.write([page("/c")])
        found = reading.names(one.open(), 1, DAY, DAY, "page")
        assert found == [Named(name, 2, 2, 0.0) for name in ("/a", "/b", "/c")]


def test_a_file_and_its_offset_are_kept_together(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        assert reading.imported(kept.open(), "d") == 0
        kept.write([page("/a"), Imported("d", 100, 1)])
        kept.write([page("/b"), Imported("d", 200, 2)])
    with ledger(tmp_path) as kept:
        assert reading.imported(kept.open(), "d") == 200


def test_of_too_many_files_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MOST_IMPORTS", 4)
    with ledger(tmp_path) as kept:
        for n in range(4):
            kept.write([Imported(f"{n}", 100, n)])
        kept.write([Imported("0", 200, 9)])  # it has grown
        for n in range(10, 12):
            kept.write([Imported(f"{n}", 100, n)])
        found = {digest: reading.imported(kept.open(), digest) for digest in ("0", "1", "2", "3", "10", "11")}
    assert found == {"0": 200, "1": 0, "2": 0, "3": 100, "10": 100, "11": 100}


def test_a_site_counts_in_its_own_time_zone(tmp_path: Path) -> None:
    tokyo = SiteSettings(id=1, hosts=("a.example",), timezone="Asia/Tokyo")
    with ledger(tmp_path, tokyo) as kept:
        kept.write([page("/", AT + HOUR)])  # 15:13 UTC
        assert [(each.day, each.hour) for each in reading.totals(kept.open(), 1, 0, 99999999, "hour")] == [(DAY + 1, 0)]


def test_a_name_keeps_its_place_over_a_restart(tmp_path: Path) -> None:
    for _ in range(3):
        with ledger(tmp_path, SITE) as kept:
            kept.write([page("/a"), page("/b")])
    db = sqlite3.connect(tmp_path / "hits.db")
    assert db.execute("SELECT count(*) FROM names WHERE dimension = 1").fetchone()[0] == 2
    db.close()
