"""The collector as the worker has it: files read, database opened, ticked, closed, started again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge.access.tokens import Tokens
from edge.clock import ManualClock
from edge.errors import ConfigError
from edge.hits import reading
from edge.hits.admit import Client
from edge.hits.service import KEPT_AS, Hits
from edge.hits.settings import HitsSettings, SiteSettings
from edge.host.notify import Notify
from edge.http.router import Router
from edge.log import Log

SITES = (SiteSettings(1, ("www.example.org",)),)
AGENT = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
PAGE = {"idsite": "1", "rec": "1", "url": "https://www.example.org/a"}


def made(folder: Path, clock: ManualClock, settings: HitsSettings | None = None) -> Hits:
    return Hits(settings or HitsSettings(), SITES, str(folder), clock, Log("error"), Tokens(str(folder / "tokens")))


async def hit(hits: Hits, address: str = "198.51.100.7") -> None:
    done = asyncio.Event()
    found = hits.collector.sort([PAGE], address, AGENT, False)
    hits.collector.keep(found.batch, lambda error: done.set() if error is None else None)
    await asyncio.wait_for(done.wait(), 10)


async def started(hits: Hits, inherited: tuple[int, ...] = ()) -> Hits:
    hits.prepare()
    hits.take_over(inherited)
    await hits.start()
    return hits


async def looked(hits: Hits, now: float, visitors: dict[int, int]) -> None:
    """Waits until so many are told."""
    hits.tick(now)
    for _ in range(2000):
        if hits.stats().uniques == visitors:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"expected {visitors}, got {hits.stats().uniques}")


def test_counts_are_kept_and_shown(tmp_path: Path) -> None:
    async def life() -> None:
        clock = ManualClock()
        hits = await started(made(tmp_path, clock))
        hits.add_to(Router())
        await hit(hits)
        await hit(hits, "203.0.113.9")
        stats = hits.stats()
        assert stats.store.hits == 2
        assert stats.collector.visits == {1: 2}
        begun = clock.monotonic()
        await looked(hits, begun, {1: 2})
        await hit(hits, "192.0.2.1")
        await looked(hits, begun + 10, {1: 3})
        clock.advance(86_400)
        await looked(hits, begun + 20, {1: 0})  # another day, though no hit came
        await hits.close()

    asyncio.run(life())


def test_a_second_process_of_the_day_may_count_twice_unless_it_was_handed_the_secrets(tmp_path: Path) -> None:
    async def marked(hits: Hits) -> bool:
        rows = await hits.store.ask(lambda db: reading.totals(db, 1, 2023_01_01, 2030_01_01))
        return rows[0].restarted

    async def life() -> None:
        clock = ManualClock()
        first = await started(made(tmp_path, clock))
        assert not first.stats().store.hits  # a day without visits was not interrupted
        await hit(first)
        sealed = first.secrets.seal()
        assert sealed is not None
        await first.close()

        second = await started(made(tmp_path, clock), (sealed,))
        await hit(second)
        assert second.stats().collector.visits == {1: 1}
        assert not await marked(second)
        await second.close()

        third = await started(made(tmp_path, clock))
        await hit(third)
        assert await marked(third)
        await third.close()

    asyncio.run(life())


def test_secrets_are_handed_over_whenever_they_are_others(tmp_path: Path) -> None:
    class Told(Notify):
        def __init__(self) -> None:
            super().__init__("")
            self.names: list[str] = []

        def store(self, name: str, descriptor: int) -> bool:
            os.fstat(descriptor)
            self.names.append(name)
            return True

    clock, told = ManualClock(), Told()
    hits = made(tmp_path, clock)
    hits.prepare()
    hits.seal(told)
    hits.seal(told)
    assert told.names == [KEPT_AS]
    clock.advance(86_400)
    hits.secrets.turn(clock.wall())
    hits.seal(told)
    assert told.names == [KEPT_AS, KEPT_AS]


def test_what_is_kept_too_long_goes_by_itself(tmp_path: Path) -> None:
    async def life() -> None:
        clock = ManualClock()
        hits = await started(made(tmp_path, clock))
        await hit(hits)
        clock.advance(SITES[0].keep_days * 86_400.0)
        hits.tick(clock.monotonic())
        for _ in range(200):
            if await hits.store.ask(lambda db: reading.days(db, 1)) is None:
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("the day is still there")
        await hits.close()

    asyncio.run(life())


def test_the_list_of_spam(tmp_path: Path) -> None:
    spam = tmp_path / "spam.txt"
    spam.write_text("# invented visits\nspam.example  # the worst\n\nSPAM.example.net\n")
    hits = made(tmp_path, ManualClock(), HitsSettings(spam_file=str(spam)))
    hits.prepare()
    for host in ("spam.example", "spam.example.net"):
        found = hits.collector._admit.reason(SITES[0], PAGE | {"urlref": f"https://{host}/"}, _client())
        assert found == "spam"


def _client() -> Client:
    return Client("198.51.100.7", AGENT["user-agent"], "en", AGENT)


def test_a_list_that_cannot_be_read_is_the_configurations_fault(tmp_path: Path) -> None:
    hits = made(tmp_path, ManualClock(), HitsSettings(spam_file=str(tmp_path / "none")))
    with pytest.raises(ConfigError, match=r"hits\.spam_file: expected a file that can be read"):
        hits.prepare()


def test_what_was_taken_is_kept_or_was_refused(tmp_path: Path) -> None:
    """As the metrics say it: hits and excluded ones, less those that failed, are in the database."""

    async def life() -> None:
        hits = await started(made(tmp_path, ManualClock()))
        await hit(hits)
        await refused(hits)
        (tmp_path / "hits.db").rmdir()
        await until_kept(hits)
        stats = hits.stats()
        taken = sum(stats.collector.hits[1].values()) + sum(stats.collector.excluded.values())
        assert taken - stats.store.failed - stats.store.refused - stats.store.waiting == stats.store.hits >= 3
        assert stats.store.failed >= 1
        await hits.close()

    async def refused(hits: Hits) -> None:
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"hits.db{end}").unlink()
        (tmp_path / "hits.db").mkdir()
        while not hits.stats().store.failed:
            await asyncio.wait_for(settled(hits, PAGE), 10)

    async def until_kept(hits: Hits) -> None:
        robot = PAGE | {"ua": "Googlebot/2.1"}
        while await asyncio.wait_for(settled(hits, robot), 10) is not None:
            pass  # each try is answered by the store's thread
        await hit(hits)

    async def settled(hits: Hits, fields: dict[str, str]) -> BaseException | None:
        told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        found = hits.collector.sort([dict(fields)], "198.51.100.7", AGENT, False)
        hits.collector.keep(found.batch, told.set_result)
        return await told

    asyncio.run(life())
