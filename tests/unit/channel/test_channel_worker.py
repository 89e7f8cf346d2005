"""The thread of a channel: jobs in order, errors handed over, an end that comes after what is under way."""

import asyncio
import threading
import time

import pytest
from channelcheck import until

from edge.channel.worker import Worker


def run(test) -> None:
    asyncio.run(asyncio.wait_for(test, 240))


def test_jobs_run_in_one_thread_and_in_order() -> None:
    async def jobs() -> None:
        worker = Worker(asyncio.get_running_loop(), "edge-test")
        names = await asyncio.gather(*(worker.run(lambda n=n: (n, threading.current_thread().name)) for n in range(50)))
        assert names == [(n, "edge-test") for n in range(50)]
        worker.stop()
        await until(lambda: not worker.alive)

    run(jobs())


def test_an_error_is_raised_where_it_is_awaited_and_the_thread_goes_on() -> None:
    async def jobs() -> None:
        worker = Worker(asyncio.get_running_loop(), "edge-test")
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        with pytest.raises(SystemExit):
            await worker.run(lambda: (_ for _ in ()).throw(SystemExit(3)))
        assert await worker.run(lambda: 7) == 7
        worker.stop()
        await until(lambda: not worker.alive)

    run(jobs())


def test_who_gives_up_waiting_does_not_disturb_the_next() -> None:
    async def jobs() -> None:
        worker, gate = Worker(asyncio.get_running_loop(), "edge-test"), threading.Event()
        waiting = asyncio.create_task(worker.run(gate.wait))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        assert await worker.run(lambda: 5) == 5
        worker.stop()
        await until(lambda: not worker.alive)

    run(jobs())


def test_the_last_job_comes_after_the_one_under_way() -> None:
    async def jobs() -> None:
        worker, gate, done = Worker(asyncio.get_running_loop(), "edge-test"), threading.Event(), []
        job = asyncio.create_task(worker.run(lambda: (gate.wait(), done.append("job"))))
        await asyncio.sleep(0)
        worker.stop(lambda: done.append("last"))
        assert done == []
        gate.set()
        await job
        await until(lambda: not worker.alive)
        assert done == ["job", "last"]

    run(jobs())


def test_a_loop_that_is_gone_does_not_hold_the_thread() -> None:
    loop = asyncio.new_event_loop()
    worker, gate = Worker(loop, "edge-test"), threading.Event()
    worker._jobs.put((gate.wait, loop.create_future()))
    worker.stop()
    loop.close()
    gate.set()
    deadline = time.monotonic() + 60
    while worker.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not worker.alive
