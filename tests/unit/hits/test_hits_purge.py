"""What is let go of is gone: from the tables, the file, and the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledgers import AT, DAY, SITE, ledger, page

from edge.errors import StoreError
from edge.hits import purge, reading, tables
from edge.hits.hit import Dropped, Flags, Hit
from edge.hits.ledger import Ledger
from edge.hits.purge import Forgotten
from edge.hits.reading import Named
from edge.hits.rollup import Imported
from edge.hits.schema import BY_DAY, connect_reading
from edge.hits.settings import SiteSettings

A_DAY = 86_400


def rows(kept: Ledger, table: str, site: int = 1) -> int:
    return kept.open().execute(f"SELECT count(*) FROM {table} WHERE site = {site}").fetchone()[0]


def everything(at: int, site: int = 1) -> list[object]:
    hit = Hit(site=site, at=at, kind="pageview", page=f"/{at}", timings=(5,))
    return [(hit, Flags(visit=True, unique=(1, 1))), Dropped(site, at, "bot")]


def run(steps: object) -> Any:
    """The task's answer."""
    while True:
        try:
            next(steps)  # type: ignore[call-overload]
        except StopIteration as end:
            return end.value


def test_days_go_from_every_table_and_of_one_site_only(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        for site in (1, 2):
            kept.write([*everything(AT, site), *everything(AT + A_DAY, site), *everything(AT + 2 * A_DAY, site)])
        assert run(purge.purge(kept, 1, DAY + 2)) == 2
        assert {table: (rows(kept, table), rows(kept, table, 2)) for table in BY_DAY} == {
            "totals": (1, 3), "names": (2, 6), "counts": (2, 6), "timings": (1, 3), "dropped": (1, 3), "days": (1, 3),
        }  # fmt: skip
        assert run(purge.purge(kept, 1, DAY + 2)) == 0
        kept.write([page("/again"), page(f"/{AT}")])
        found = reading.names(kept.open(), 1, DAY, DAY, "page")
        assert found == [Named(f"/{AT}", 1, 1, 0.0), Named("/again", 1, 1, 0.0)]


def test_the_file_shrinks_in_small_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "FREE_PAGES", 16)
    with ledger(tmp_path) as kept:
        for day in range(4):
            kept.write([page(f"/{n}/" + "x" * 500, AT + day * A_DAY) for n in range(400)])
        run(purge.purge(kept, 1, DAY))
        before = (tmp_path / "hits.db").stat().st_size
        steps = list(purge.purge(kept, 1, DAY + 3))
        assert len(steps) > 20
        assert (tmp_path / "hits.db").stat().st_size < before / 2
        assert (tmp_path / "hits.db-wal").stat().st_size == 0


@pytest.mark.parametrize(("days", "left"), [(1, 1), (2, 2), (4, 3)])
def test_keep_days_counts_today(tmp_path: Path, days: int, left: int) -> None:
    site = SiteSettings(id=1, hosts=("a.example",), keep_days=days)
    with ledger(tmp_path, site) as kept:
        kept.write([page("/", AT + n * A_DAY) for n in range(3)])
        assert run(purge.expire(kept, [site], AT + 2 * A_DAY)) == 3 - left
        assert len(reading.totals(kept.open(), 1, 0, 99999999)) == left


def test_a_log_is_forgotten_when_its_lines_are_too_old_to_count(tmp_path: Path) -> None:
    short, long = SiteSettings(1, ("a.example",), keep_days=1), SiteSettings(2, ("b.example",), keep_days=3)
    with ledger(tmp_path, short, long) as kept:
        kept.write([Imported("old", 5, AT - 4 * A_DAY - 1), Imported("young", 6, AT - 4 * A_DAY)])
        assert run(purge.expire(kept, (short, long), AT)) == 0
        assert [reading.imported(kept.open(), digest) for digest in ("old", "young")] == [0, 6]


def test_hours_become_their_day_and_later_hits_of_that_day_count_too(tmp_path: Path) -> None:
    site = SiteSettings(id=1, hosts=("a.example",), keep_hours=1)
    with ledger(tmp_path, site) as kept:
        for turn in range(1, 4):
            kept.write([page("/a"), page("/a", AT - 14 * 3600), page("/b", AT + A_DAY)])
            run(purge.expire(kept, [site], AT + A_DAY))
            db = kept.open()
            assert [(each.day, each.hits) for each in reading.totals(db, 1, 0, 99999999, "hour")] == [(DAY + 1, turn)]
            assert [each.hits for each in reading.totals(db, 1, DAY, DAY)] == [2 * turn]
            assert reading.names(db, 1, DAY, DAY, "page") == [Named("/a", 2 * turn, 2 * turn, 0.0)]
        assert db.execute("SELECT count(*) FROM counts WHERE day = ?", (DAY,)).fetchone()[0] == 0


@pytest.mark.parametrize("late", [0, 1])
def test_a_name_that_has_lost_its_hours_can_be_evicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    monkeypatch.setattr(tables, "MAX_NAMES", 1)
    monkeypatch.setattr(tables, "NEWCOMERS", 1)
    site = SiteSettings(id=1, hosts=("a.example",), keep_hours=1)
    with ledger(tmp_path, site) as kept:
        kept.write([page("/a"), page("/a", AT + 3600)])
        run(purge.expire(kept, [site], AT + A_DAY))
        kept.write([page("/a")] * late)
        kept.write([page("/b")])
        found = reading.names(kept.open(), 1, DAY, DAY, "page")
        assert found == [Named("/b", 1, 1, 0.0), Named("(other)", 2 + late, 2 + late, 0.0)]
        rows = kept.open().execute("SELECT hour, name, hits FROM counts WHERE dimension = 1 ORDER BY name")
        assert rows.fetchall() == [(14, 0, 1)] * late + [(14, 2, 1)]


def test_days_begin_at_the_sites_midnight(tmp_path: Path) -> None:
    site = SiteSettings(id=1, hosts=("a.example",), keep_days=1, timezone="Asia/Tokyo")
    with ledger(tmp_path, site) as kept:
        kept.write([page("/")])
        midnight = 1_790_002_800
        assert run(purge.expire(kept, [site], midnight - 1)) == 0
        assert run(purge.expire(kept, [site], midnight)) == 1


SECRET = "/user/mary-jones"


def on_disk(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


def test_a_forgotten_path_is_in_no_byte_of_the_files_and_still_counts(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        download = Hit(site=1, at=AT, kind="download", download=SECRET)
        kept.write([page(SECRET), page(SECRET, AT + A_DAY), page(f"{SECRET}?page=2"), page("/a"), (download, Flags())])
        kept.write([page(f"{SECRET}s"), page(SECRET, site=2)])
        run(purge.purge(kept, 2, 99999999))
        assert SECRET.encode() in on_disk(tmp_path)
        assert run(purge.forget(kept, 1, SECRET)) == [
            Forgotten("page", SECRET, 2, 2), Forgotten("page", f"{SECRET}?page=2", 1, 1),
            Forgotten("entry", SECRET, 2, 2), Forgotten("entry", f"{SECRET}?page=2", 1, 1),
            Forgotten("download", SECRET, 1, 1),
        ]  # fmt: skip
        db = kept.open()
        assert reading.names(db, 1, DAY, DAY + 1, "page") == [
            Named("/a", 1, 1, 0.0), Named(f"{SECRET}s", 1, 1, 0.0), Named("(other)", 3, 3, 0.0),
        ]  # fmt: skip
        assert reading.names(db, 1, DAY, DAY, "download") == [Named("(other)", 1, 1, 0.0)]
        assert len(run(purge.forget(kept, 1, f"{SECRET}s"))) == 2
        assert SECRET.encode() not in on_disk(tmp_path)
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_path_with_wildcards_is_only_itself(tmp_path: Path) -> None:
    with ledger(tmp_path, SITE) as kept:
        kept.write([page("/a_c"), page("/abc"), page("/%")])
        assert len(run(purge.forget(kept, 1, "/a_c"))) == 2
        assert len(run(purge.forget(kept, 1, "/%"))) == 2
        assert {each.name for each in reading.names(kept.open(), 1, DAY, DAY, "page")} == {"/abc", "(other)"}


def test_a_title_is_forgotten_by_itself_and_whole(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        titles = ("Of Alice", "Of Alice", "Of Alice?", "Of")
        kept.write([(Hit(1, AT, "pageview", page="/a", title=title), Flags()) for title in titles])
        assert run(purge.forget(kept, 1, "/a")) == [Forgotten("page", "/a", 1, 4)]
        assert run(purge.forget(kept, 1, "Of Alice", "title")) == [Forgotten("title", "Of Alice", 1, 2)]
        assert run(purge.forget(kept, 1, "Of Alice", "title")) == []
        assert reading.names(kept.open(), 1, DAY, DAY, "title") == [
            Named("Of", 1, 1, 0.0), Named("Of Alice?", 1, 1, 0.0), Named("(other)", 2, 2, 0.0),
        ]  # fmt: skip


def test_a_reader_that_keeps_the_log_is_told(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page(SECRET)])
        kept.open().execute("PRAGMA busy_timeout = 50")
        reader = connect_reading(kept.path)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM names").fetchall()
        with pytest.raises(StoreError, match="stop that program and purge again"):
            run(purge.forget(kept, 1, SECRET))
        reader.close()
        run(purge.forget(kept, 1, SECRET))
        assert SECRET.encode() not in on_disk(tmp_path)


def test_a_file_that_cannot_shrink_is_purged_all_the_same(tmp_path: Path) -> None:
    with ledger(tmp_path) as kept:
        kept.write([page(f"/{n}/" + "x" * 500) for n in range(400)])
        for statement in ("journal_mode = DELETE", "auto_vacuum = NONE"):
            kept.open().execute(f"PRAGMA {statement}").fetchall()
        kept.open().execute("VACUUM")
        kept.open().execute("PRAGMA journal_mode = WAL").fetchall()
        assert run(purge.purge(kept, 1, DAY + 1)) == 1
        assert kept.open().execute("PRAGMA freelist_count").fetchone()[0] > 50
