"""Where hits are kept: SQLite, in a thread of its own. What was acknowledged outlives a kill and, with
`durability = "power"`, a power cut; a hit that is sent again after an error is another hit."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

import msgspec

from edge.errors import OverloadError, StoreError
from edge.flow.stats import Histogram, HistogramStats
from edge.hits import purge, writing
from edge.hits.ledger import Ledger
from edge.hits.purge import Forgotten
from edge.hits.rollup import Item
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.writing import Committed, Done, Order, Question, Task, Turn, Writer
from edge.host.supervision import Thread
from edge.log import Log

MAX_WAITING = 16_384  # hits for their commit (10 MB); beyond: OverloadError
MAX_QUESTIONS = 32  # likewise
COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
T = TypeVar("T")


class StoreStats(msgspec.Struct, frozen=True):
    """Counts since the start."""

    commits: HistogramStats  # seconds, failed ones too
    hits: int  # kept
    failed: int  # the disk refused, or a defect of edge
    refused: int  # too much waited
    waiting: int  # hits now
    questions: int  # now
    database: int  # bytes, its log included
    others: dict[int, int]  # by site: names that lost their rows to "(other)"
    trouble: str | None  # why hits are not kept now


class Store:
    """Belongs to the loop. `start` before anything else, `close` at the end."""

    def __init__(self, path: str, sites: Sequence[SiteSettings], settings: HitsSettings, log: Log) -> None:
        self._sites = tuple(sites)
        self._ledger = Ledger(path, sites, settings.durability, log)
        self._log = log
        self._orders: SimpleQueue[Order] = SimpleQueue()
        self._turn = Turn([], [])  # of the loop: what it has brought so far
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._commits = Histogram(COMMIT_SECONDS)
        self._hits = self._failed = self._refused = self._waiting = self._questions = self._database = 0
        self._others: dict[int, int] = {}
        self._trouble: str | None = None
        self._writer: Writer | None = None
        self._closing = True

    async def start(self) -> None:
        """Opens, makes or migrates the database, in the thread. If that is refused, hits are until it is no more."""
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        opened = self._loop.create_future()
        self._writer = writer = Writer(self._ledger, self._orders, partial(self._tell, self._told), self._log)
        threading.Thread(target=self._main, args=(writer, opened), name="hits", daemon=True).start()
        await opened
        self._closing = False

    def _main(self, writer: Writer, opened: asyncio.Future[None]) -> None:
        self._tell(self._opened, opened, writer.open())
        writer.run()
        self._tell(_settle, self._ended, None, None)

    def _opened(self, opened: asyncio.Future[None], trouble: str | None) -> None:
        self._trouble = trouble
        _settle(opened, None, None)

    def _tell(self, call: Callable[..., None], *values: object) -> None:
        """From the thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(call, *values)  # type: ignore[union-attr]

    def submit(self, batch: list[Item], done: Done) -> None:
        """Keeps the whole batch in one commit, then calls `done(None)` on the loop, or `done(error)` if nothing of it
        is kept. OverloadError: too much waits; `done` is not called."""
        if self._closing or (self._waiting and self._waiting + len(batch) > MAX_WAITING):
            self._refused += len(batch)
            raise OverloadError(f"{self._waiting} hits wait for the disk", retry_after=5)
        self._waiting += len(batch)
        turn = self._turn
        if not turn.told:
            self._loop.call_soon(self._hand_over)  # type: ignore[union-attr]
        elif len(turn.items) + len(batch) > writing.MOST_HITS:
            self._hand_over()
            turn = self._turn
        turn.items += batch
        turn.told.append(done)

    def _hand_over(self) -> None:
        """What one turn of the loop brings goes to the thread together. One by one, its first hit began a commit of its
        own, and under load ten times the commits took the processor from the loop."""
        turn = self._turn
        if turn.told:
            self._turn = Turn([], [])
            self._orders.put(turn)

    def _told(self, outcome: Committed) -> None:
        self._commits.observe(outcome.seconds)
        self._waiting -= outcome.hits
        self._database, self._others, self._trouble = outcome.database, outcome.folded, outcome.trouble
        if outcome.trouble is None:
            self._hits += outcome.hits
        else:
            self._failed += outcome.hits
        self._tell_each(iter(outcome.told), outcome.trouble)

    def _tell_each(self, told: Iterator[Done], trouble: str | None) -> None:
        try:
            for done in told:  # an error each: raised, it holds the frames it passed
                done(None if trouble is None else StoreError(trouble))
        except BaseException:
            self._loop.call_soon(self._tell_each, told, trouble)  # type: ignore[union-attr] # one's defect is not all's
            raise

    def ask(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """What `work` reads, in the thread between two commits: hits wait for it, so ask for little at a time.
        OverloadError, raised or in the future: too many ask, or it takes more than 5 s."""
        return self._order(lambda answer: Question(work, answer))

    def purge(self, now: float) -> asyncio.Future[int]:
        """Drops what is older than each site's `keep_days` and `keep_hours` at wall second `now`, in small steps. The
        number of days dropped."""
        return self._order(lambda answer: Task(partial(purge.expire, sites=self._sites, now=now), answer))

    def purge_site(self, site: int, before: int) -> asyncio.Future[int]:
        """Drops the site's days before `before` (yyyymmdd). The number of days."""
        return self._order(lambda answer: Task(partial(purge.purge, site=site, before=before), answer))

    def forget(self, site: int, name: str, dimension: str = "") -> asyncio.Future[list[Forgotten]]:
        """The rows of a path, or of a name in the dimension, become part of "(other)": `purge.forget`."""
        return self._order(
            lambda answer: Task(partial(purge.forget, site=site, name=name, dimension=dimension), answer)
        )

    def _order(self, make: Callable[[Callable[[Any, BaseException | None], None]], Order]) -> asyncio.Future[Any]:
        if self._closing or self._loop is None:
            raise OverloadError("the store is closed")
        if self._questions >= MAX_QUESTIONS:
            raise OverloadError(f"{self._questions} questions wait for the database", retry_after=5)
        self._questions += 1
        self._hand_over()
        future: asyncio.Future[Any] = self._loop.create_future()
        self._orders.put(make(partial(self._tell, self._answered, future)))
        return future

    def _answered(self, future: asyncio.Future[Any], answer: object, error: BaseException | None) -> None:
        self._questions -= 1
        _settle(future, answer, error)

    async def close(self) -> None:
        """Keeps what waits, empties SQLite's log into the database. Then everything is refused."""
        if self._ended is None:
            return
        if not self._closing:
            self._closing = True
            self._hand_over()
            self._orders.put(None)
        await asyncio.shield(self._ended)

    def threads(self) -> list[Thread]:
        """The one there is, for the supervisor. Another could not take its place: it may hold the database's lock."""
        return [] if self._writer is None else [Thread(self, "hits", self._writer.beat)]

    def stats(self) -> StoreStats:
        return StoreStats(
            self._commits.snapshot(),
            self._hits,
            self._failed,
            self._refused,
            self._waiting,
            self._questions,
            self._database,
            self._others,
            self._trouble,
        )


def _settle(future: asyncio.Future[Any], answer: object, error: BaseException | None) -> None:
    if future.done():
        return  # nobody waits any more
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
