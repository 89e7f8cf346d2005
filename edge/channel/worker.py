"""The thread of a channel: one job at a time, its result awaited on the loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from edge.host.threads import settle

Result = TypeVar("Result")


class Worker:
    """A daemon thread: one that hangs in a library does not keep the process from ending."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._stopped_at: float | None = None  # monotonic
        self.sign: Callable[[], float | None] = lambda: None  # of life, by what runs in it: see `beat`
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def _main(self) -> None:
        settle()
        while (job := self._jobs.get()) is not None:
            call, future = job
            try:
                result, error = call(), None
            except BaseException as caught:  # noqa: BLE001 - handed to whoever awaits
                result, error = None, caught
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(_settle, future, result, error)
            del call, future, job, result, error

    async def run(self, call: Callable[[], Result]) -> Result:
        """What `call` returns, or raises, in the thread. A second call waits for the first."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self._jobs.put((call, future))
        try:
            return await future
        finally:
            del future  # an error that it holds holds this frame: a cycle, with all that `call` refers to

    def stop(self, last: Callable[[], Any] | None = None) -> None:
        """The thread ends after the job under way and `last`, whose result nobody awaits."""
        self._stopped_at = time.monotonic()
        if last is not None:
            self._jobs.put((last, self._loop.create_future()))
        self._jobs.put(None)

    @property
    def name(self) -> str:
        return self._thread.name

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def beat(self) -> float | None:
        """The monotonic second since which it has owed a sign of life; None: it owes none. One that is stopped owes its
        end."""
        return self.sign() if self._stopped_at is None else self._stopped_at


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
