"""What many ask for at once is made once."""

import asyncio

import pytest

from edge.clock import ManualClock
from edge.errors import OverloadError
from edge.hits.shared import FRESH, LONGEST, MOST_KEPT, MOST_MADE, WORTH, Paced, Shared
from edge.http.html import Asset


def page(size=10):
    return Asset("text/html", b"x" * size, b"", "t")


class Kitchen:
    """Makes pages when it is told to."""

    def __init__(self):
        self.clock = ManualClock()
        self.shared = Shared(self.clock)
        self.ready = asyncio.Event()
        self.made = 0

    def ask(self, key, size=10, error=None):
        async def make():
            self.made += 1
            await self.ready.wait()
            if error:
                raise error
            return page(size)

        return asyncio.ensure_future(self.shared.get(key, make))


def run(test):
    async def main():
        await test(Kitchen())

    asyncio.run(main())


def test_a_burst_is_one_page_and_lasts_ten_seconds():
    async def test(kitchen):
        asked = [kitchen.ask("a") for _ in range(100)]
        await asyncio.sleep(0)
        kitchen.ready.set()
        pages = await asyncio.gather(*asked)
        assert all(each is pages[0] for each in pages)
        kitchen.clock.advance(FRESH - 0.1)
        assert await kitchen.ask("a") is pages[0]
        assert kitchen.made == 1
        kitchen.clock.advance(0.1)
        assert await kitchen.ask("a") is not pages[0]
        stats = kitchen.shared.stats()
        assert (stats.made, stats.given, stats.refused, stats.kept, stats.making) == (2, 100, 0, 10, 0)

    run(test)


def test_what_was_made_before_something_was_deleted_is_given_to_nobody_new():
    async def test(kitchen):
        early = kitchen.ask("a")
        await asyncio.sleep(0)
        kitchen.shared.clear()
        late = kitchen.ask("a")
        await asyncio.sleep(0)
        kitchen.ready.set()
        assert await early is not await late
        assert await kitchen.ask("a") is await late
        kitchen.shared.clear()
        assert await kitchen.ask("a") is not await late
        assert kitchen.shared.stats().making == 0

    run(test)


def test_too_many_different_ones_at_a_time_are_refused_then_drain():
    async def test(kitchen):
        asked = [kitchen.ask(n) for n in range(MOST_MADE)]
        await asyncio.sleep(0)
        assert kitchen.shared.stats().making == MOST_MADE
        with pytest.raises(OverloadError):
            await kitchen.ask("one more")
        also = kitchen.ask(0)  # what is being made may be waited for
        kitchen.ready.set()
        await asyncio.gather(also, *asked)
        await kitchen.ask("one more")
        assert kitchen.shared.stats().refused == 1
        assert kitchen.shared.stats().making == 0

    run(test)


def test_bytes_are_bounded_the_oldest_goes():
    async def test(kitchen):
        kitchen.ready.set()
        for n in range(10):
            await kitchen.ask(n, MOST_KEPT // 4)
            assert kitchen.shared.stats().kept <= MOST_KEPT
        await kitchen.ask(9)
        await kitchen.ask(6)
        assert kitchen.made == 10
        await kitchen.ask(0)
        assert kitchen.made == 11
        await kitchen.ask("large", MOST_KEPT + 1)  # given, not kept
        assert kitchen.shared.stats().kept == 0

    run(test)


def test_an_error_is_told_to_all_who_wait_and_not_kept():
    async def test(kitchen):
        asked = [kitchen.ask("a", error=OverloadError("busy")) for _ in range(3)]
        await asyncio.sleep(0)
        kitchen.ready.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in found] == [OverloadError] * 3
        assert (await kitchen.ask("a")).body == b"x" * 10

    run(test)


def test_one_who_leaves_takes_nothing_from_the_others():
    async def test(kitchen):
        first, second = kitchen.ask("a"), kitchen.ask("a")
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        kitchen.ready.set()
        assert (await second).body
        assert kitchen.made == 1

    run(test)


@pytest.mark.parametrize(("took", "lasts"), [(0.1, FRESH), (2, 2 * WORTH), (100, LONGEST)])
def test_what_is_dear_lasts_longer(took, lasts):
    async def test(kitchen):
        asked = kitchen.ask("a")
        await asyncio.sleep(0)
        kitchen.clock.advance(took)
        kitchen.ready.set()
        await asked
        await asyncio.sleep(0)
        kitchen.clock.advance(lasts - 0.1)
        await kitchen.ask("a")
        assert kitchen.made == 1
        kitchen.clock.advance(0.2)
        await kitchen.ask("a")
        assert kitchen.made == 2

    run(test)


def test_questions_of_strangers_come_one_at_a_time():
    async def main():
        asked, most, clock = [], [], ManualClock()

        async def ask(work):
            asked.append(work)
            most.append(len(asked))
            await asyncio.sleep(0)
            clock.advance(0.02)  # it takes so long
            asked.pop()
            return work

        paced = Paced(ask, clock)
        assert await asyncio.gather(*(paced(n) for n in range(10))) == list(range(10))
        assert max(most) == 1
        return len(most)

    assert asyncio.run(main()) == 10


def test_a_question_that_fails_leaves_the_turn_to_the_next():
    async def main():
        async def ask(work):
            if work:
                return work
            raise OverloadError("busy")

        paced = Paced(ask, ManualClock())
        with pytest.raises(OverloadError):
            await paced(0)
        assert await paced(1) == 1

    asyncio.run(main())
