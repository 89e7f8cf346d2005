"""What one turn of the loop brings is kept in one commit, in order with what is asked meanwhile."""

import asyncio
import time

from edge.hits import reading
from edge.hits.hit import Flags, Hit
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.store import Store
from edge.log import Log

SITE = SiteSettings(1, ("example.org",))
NOON = 1_767_268_800  # 1 January 2026, 12:00 UTC
ITEM = (Hit(1, NOON, "pageview", page="/"), Flags())


def hits(db):
    return sum(hour.hits for hour in reading.totals(db, 1, 20260101, 20260101))


def on_a_store(tmp_path, work):
    async def inside():
        store = Store(str(tmp_path / "hits.db"), [SITE], HitsSettings(), Log("error"))
        await store.start()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(inside())


def test_one_turn_one_commit(tmp_path):
    async def work(store):
        told = asyncio.Event()
        for _ in range(10):
            store.submit([ITEM], lambda _error: told.set())
            time.sleep(0.005)  # noqa: ASYNC251 - the thread could run meanwhile
        await told.wait()
        await store.ask(hits)
        return store.stats()

    stats = on_a_store(tmp_path, work)
    assert stats.hits == 10
    assert stats.commits.count <= 2  # two, if the host takes the processor away while they are handed over


def test_a_question_is_answered_after_what_was_submitted_before_it(tmp_path):
    async def work(store):
        store.submit([ITEM] * 3, lambda _error: None)
        return await store.ask(hits)

    assert on_a_store(tmp_path, work) == 3


def test_closing_keeps_what_the_last_turn_brought(tmp_path):
    async def submit(store):
        store.submit([ITEM] * 4, lambda _error: None)

    async def work(store):
        return await store.ask(hits)

    on_a_store(tmp_path, submit)
    assert on_a_store(tmp_path, work) == 4
