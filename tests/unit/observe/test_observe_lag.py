"""The sampler sees a loop that is held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from edge.observe.lag import BUCKETS, LagSampler


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not true():  # noqa: ASYNC110 - the sampler tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Callable[..., None]:
    def run(work: Callable[[], object]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work())

    return run


def test_a_loop_that_is_held_up_is_seen(runner: Callable[..., None]) -> None:
    async def work() -> None:
        sampler = LagSampler(asyncio.get_running_loop())
        sampler.start()
        await until(lambda: sampler.stats().count >= 2)
        before = sampler.stats()
        time.sleep(0.55)  # noqa: ASYNC251 - what the sampler is for; the call that is due in 0.25 s comes 0.3 s late
        await until(lambda: sampler.stats().count > before.count)
        after = sampler.stats()
        late = after.count - after.counts[BUCKETS.index(0.25)] - (before.count - before.counts[BUCKETS.index(0.25)])
        assert late >= 1
        assert after.sum - before.sum >= 0.25
        sampler.stop()

    runner(work)


def test_it_starts_once_and_stops(runner: Callable[..., None]) -> None:
    async def work() -> None:
        sampler = LagSampler(asyncio.get_running_loop())
        sampler.stop()
        sampler.start()
        sampler.start()
        other = LagSampler(asyncio.get_running_loop())
        other.start()
        await until(lambda: other.stats().count >= 3)
        assert sampler.stats().count <= other.stats().count + 1  # two timers would count twice as much
        sampler.stop()
        count = sampler.stats().count
        again = other.stats().count + 3
        await until(lambda: other.stats().count >= again)
        assert sampler.stats().count == count
        other.stop()

    runner(work)


def test_the_worst_is_of_the_last_second(runner: Callable[..., None]) -> None:
    async def work() -> None:
        sampler = LagSampler(asyncio.get_running_loop())
        assert sampler.worst() == 0.0
        sampler.start()
        await until(lambda: sampler.stats().count >= 1)
        time.sleep(0.55)  # noqa: ASYNC251
        await until(lambda: sampler.worst() >= 0.25)
        await until(lambda: sampler.worst() < 0.25)
        sampler.stop()

    runner(work)
