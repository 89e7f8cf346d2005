"""The store's thread: what it acknowledges is kept, what it refuses is told, and a full disk ends nothing."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ledgers import AT, DAY, SITE, disk_full, page

from edge.errors import OverloadError, StoreError
from edge.hits import reading, store, writing
from edge.hits.hit import Flags
from edge.hits.schema import NewerDatabase, connect, connect_reading
from edge.hits.settings import HitsSettings
from edge.hits.store import Store
from edge.log import Log


class Watched:
    """A store and what it logs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "hits.db"
        self._log = io.StringIO()
        self.store = Store(str(self.path), [SITE], HitsSettings(), Log("info", self._log))

    @property
    def log(self) -> list[str]:
        return [line.split()[1].removeprefix("event=") for line in self._log.getvalue().splitlines()]

    def submit(self, *batch: Any) -> asyncio.Future[StoreError | None]:
        told: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()
        self.store.submit(list(batch), told.set_result)
        return told

    async def hits(self) -> int:
        found = await self.store.ask(lambda db: reading.totals(db, 1, DAY, DAY))
        return found[0].hits if found else 0


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Watched]:
    watched = Watched(folder)
    await watched.store.start()
    try:
        yield watched
    finally:
        await watched.store.close()


def delete(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))


def test_what_is_acknowledged_can_be_read_by_others(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            assert await watched.submit(page("/a"), page("/b")) is None
            db = connect_reading(str(watched.path))
            assert reading.totals(db, 1, DAY, DAY)[0].hits == 2
            db.close()
        assert not watched.path.with_name("hits.db-wal").exists()  # the log went into it

    run(work())


def test_one_commit_keeps_what_waits_and_tells_each_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            told = [watched.submit(page(f"/{n % 9}")) for n in range(2500)]
            assert await asyncio.gather(*told) == [None] * 2500
            stats = watched.store.stats()
            assert (stats.hits, stats.failed, stats.refused, stats.waiting) == (2500, 0, 0, 0)
            assert 3 <= stats.commits.count < 2500
            assert stats.database > 4096
            assert await watched.hits() == 2500

    run(work())


def test_a_commit_holds_whole_submissions_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_HITS", 10)
    sizes: list[int] = []
    write = writing.Ledger.write
    monkeypatch.setattr(writing.Ledger, "write", lambda self, batch: (sizes.append(len(batch)), write(self, batch)))

    async def work() -> None:
        async with running(tmp_path) as watched:
            blocked = threading.Event()
            first = watched.store.ask(lambda db: blocked.wait(100))
            told = [watched.submit(*[page("/")] * size) for size in (4, 5, 2, 30, 1, 9, 1)]
            blocked.set()
            await asyncio.gather(first, *told)

    run(work())
    assert sizes == [9, 2, 30, 10, 1]


def test_questions_are_answered_in_their_turn(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            asked = []
            for n in range(5):
                watched.submit(page(f"/{n}"))
                asked.append(asyncio.ensure_future(watched.hits()))
                await asyncio.sleep(0)
            assert await asyncio.gather(*asked) == [1, 2, 3, 4, 5]

    run(work())


def test_too_much_waiting_is_refused_and_taken_again_when_it_has_drained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_WAITING", 10)

    async def work() -> None:
        async with running(tmp_path) as watched:
            blocked = threading.Event()
            watched.store.ask(lambda db: blocked.wait(100))
            first = watched.submit(*[page("/")] * 30)  # alone, it may be larger than the bound
            with pytest.raises(OverloadError, match="30 hits wait"):
                watched.submit(page("/"))
            assert (watched.store.stats().refused, watched.store.stats().waiting) == (1, 30)
            blocked.set()
            await first
            rest = [watched.submit(page("/")) for _ in range(10)]
            with pytest.raises(OverloadError):
                watched.submit(page("/"))
            await asyncio.gather(*rest)
            assert await watched.hits() == 40

    run(work())


def test_too_many_questions_are_refused(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            blocked = threading.Event()
            asked = [watched.store.ask(lambda db: blocked.wait(100)) for _ in range(store.MAX_QUESTIONS)]
            with pytest.raises(OverloadError, match="questions wait"):
                watched.store.purge(AT)
            assert watched.store.stats().questions == store.MAX_QUESTIONS
            blocked.set()
            await asyncio.gather(*asked)
            assert watched.store.stats().questions == 0
            assert await watched.store.purge(AT) == 0

    run(work())


def test_a_question_has_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.05)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"

    async def work() -> None:
        async with running(tmp_path) as watched:
            with pytest.raises(OverloadError, match="ask for fewer days"):
                await watched.store.ask(lambda db: db.execute(endless).fetchall())
            assert await watched.submit(page("/")) is None

    run(work())


def test_a_question_that_fails_fails_alone(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            with pytest.raises(ZeroDivisionError):
                await watched.store.ask(lambda db: 1 // 0)
            with pytest.raises(StoreError, match="cannot read"):
                await watched.store.ask(lambda db: db.execute("SELECT * FROM nowhere"))
            gone = watched.store.ask(lambda db: 1)
            gone.cancel()
            assert await watched.submit(page("/")) is None
            assert watched.store.stats().questions == 0

    run(work())


def test_a_full_disk_is_told_once_and_collecting_resumes_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PAUSE", 0.05)

    async def work() -> None:
        async with running(tmp_path) as watched:
            await watched.submit(page("/a"))
            with disk_full():
                for _ in range(5):
                    error = await watched.submit(page("/b"), page("/b"))
                    assert isinstance(error, StoreError)
                    assert "free space there" in str(error)
                assert watched.store.stats().trouble
            await asyncio.sleep(0.1)
            assert await watched.submit(page("/c")) is None
            stats = watched.store.stats()
            assert (stats.hits, stats.failed, stats.trouble) == (2, 10, None)
            assert await watched.hits() == 2
            assert watched.log == ["store_failing", "store_recovered"]

    run(work())


def test_a_disk_that_was_full_at_the_start_may_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PAUSE", 0.05)

    async def work() -> None:
        watched = Watched(tmp_path)
        with disk_full():
            await watched.store.start()
            assert isinstance(await watched.submit(page("/")), StoreError)
        await asyncio.sleep(0.1)
        assert await watched.submit(page("/")) is None
        await watched.store.close()
        assert watched.log == ["store_failing", "store_recovered"]

    run(work())


def test_while_it_is_failing_the_disk_is_not_tried_for_each_hit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PAUSE", 60.0)
    tries: list[int] = []

    def write(self: object, batch: list[Any]) -> None:
        tries.append(len(batch))
        raise StoreError("full")

    monkeypatch.setattr(writing.Ledger, "write", write)

    async def work() -> None:
        async with running(tmp_path) as watched:
            for _ in range(20):
                assert isinstance(await watched.submit(page("/")), StoreError)

    run(work())
    assert tries == [1]


def test_a_defect_ends_one_batch_and_tells_nothing_of_the_hits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PAUSE", 0.0)

    async def work() -> None:
        async with running(tmp_path) as watched:
            error = await watched.submit((page("/mary")[0], Flags(unique=(5000, 1))))  # there are 4096 registers
            assert "a defect of edge: IndexError" in str(error)
            assert "mary" not in str(error) + watched._log.getvalue()
            assert await watched.submit(page("/")) is None
            assert await watched.hits() == 1

    run(work())


def test_who_fails_to_listen_does_not_keep_others_from_hearing(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            heard: list[str] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, what: heard.append(repr(what["exception"])))
            blocked = threading.Event()
            watched.store.ask(lambda db: blocked.wait(100))
            for _ in range(2):
                watched.store.submit([page("/")], lambda _: 1 // 0)  # type: ignore[arg-type,return-value]
            told = [watched.submit(page("/")) for _ in range(3)]
            blocked.set()
            assert await asyncio.gather(*told) == [None] * 3
            assert (len(heard), watched.store.stats().waiting) == (2, 0)

    run(work())


def test_closing_keeps_what_waits_and_then_refuses(tmp_path: Path) -> None:
    async def work() -> None:
        watched = Watched(tmp_path)
        await watched.store.start()
        told = [watched.submit(page("/")) for _ in range(3000)]
        await watched.store.close()
        assert await asyncio.gather(*told) == [None] * 3000
        with pytest.raises(OverloadError):
            watched.submit(page("/"))
        with pytest.raises(OverloadError):
            watched.store.ask(lambda db: 1)
        await watched.store.close()

    run(work())
    db = connect_reading(str(tmp_path / "hits.db"))
    assert reading.totals(db, 1, DAY, DAY)[0].hits == 3000
    db.close()


def test_a_database_that_is_deleted_is_begun_anew_and_a_purge_that_fails_says_what_to_do(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            assert await watched.submit(page("/")) is None
            delete(tmp_path)
            assert await watched.submit(page("/")) is None
            assert await watched.hits() == 1
            assert watched.log == ["database_gone"]
            with disk_full(), pytest.raises(StoreError, match="free space there"):
                await watched.store.purge_site(1, DAY + 1)
            assert await watched.store.purge_site(1, DAY + 1) == 1

    run(work())


def test_closing_leaves_a_long_purge(tmp_path: Path) -> None:
    async def work() -> None:
        watched = Watched(tmp_path)
        await watched.store.start()
        await watched.submit(*(page("/", AT - n * 86_400) for n in range(200)))
        purging = watched.store.purge_site(1, DAY)
        await watched.store.close()
        with pytest.raises(OverloadError, match="stopping"):
            await purging

    run(work())


def test_hits_are_kept_while_a_purge_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(tmp_path) as watched:
            await watched.submit(*(page("/", AT - n * 86_400) for n in range(50)))
            purging = watched.store.purge_site(1, DAY)
            kept = 0
            while not purging.done():
                await watched.submit(page("/"))
                kept += 1
            assert (await purging, kept > 10) == (49, True)
            assert await watched.hits() == kept + 1
            assert [each.dimension for each in await watched.store.forget(1, "/")] == ["page", "entry"]

    run(work())


def test_a_later_database_is_left_alone_and_hits_are_refused_until_it_is_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "hits.db"
    connect(str(path), "power", Log("error")).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    content = path.read_bytes()

    async def work() -> None:
        async with running(tmp_path) as watched:
            error = await watched.submit(page("/"))
            assert isinstance(error, StoreError)
            assert "version 99" in (watched.store.stats().trouble or "")
            with pytest.raises(NewerDatabase, match="version 99"):
                await watched.hits()
            assert path.read_bytes() == content
            path.rename(tmp_path / "later.db")
            while await watched.submit(page("/")) is not None:
                pass  # each try is answered by the store's thread
            assert await watched.hits() == 1
            assert watched.log == ["store_failing", "store_recovered"]
        assert (tmp_path / "later.db").read_bytes() == content

    run(work())


def test_closing_what_never_started(tmp_path: Path) -> None:
    run(Watched(tmp_path).store.close())
