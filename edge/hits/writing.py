"""The store's thread: takes what waits, keeps it in one commit, tells; answers questions between commits.

A commit starts when the last one has ended and something waits. There is no timer: a hit that comes alone is committed
alone, and while the disk syncs, the next batch gathers by itself.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeAlias

import msgspec

from edge.errors import OverloadError, StoreError, where
from edge.hits.ledger import Ledger
from edge.hits.rollup import Item
from edge.log import Log

MOST_HITS = 1000  # of a commit; a single submission may hold more
PAUSE = 0.5  # seconds without another try after the disk refused: who waits is told at once
PATIENCE = 5.0  # seconds that one question may take: hits wait meanwhile
_OPCODES = 20_000  # of SQLite's machine between two looks at the clock

Done: TypeAlias = Callable[[StoreError | None], None]


class Turn(msgspec.Struct):
    """What came in one turn of the loop, or a part of it: whole submissions."""

    items: list[Item]
    told: list[Done]  # when they are kept


class Question(msgspec.Struct, frozen=True):
    work: Callable[[sqlite3.Connection], Any]
    answer: Callable[[Any, BaseException | None], None]


class Task(msgspec.Struct, frozen=True):
    """Work in steps, each a transaction of its own; what the iterator returns is the answer."""

    steps: Callable[[Ledger], Iterator[None]]
    answer: Callable[[Any, BaseException | None], None]


class Committed(msgspec.Struct, frozen=True):
    """`trouble` is None if everything is kept, else nothing is."""

    told: list[Done]
    hits: int
    seconds: float
    trouble: str | None
    database: int  # bytes, its log included
    folded: dict[int, int]  # names evicted so far, by site


Order: TypeAlias = Turn | Question | Task | None


class Writer:
    """Runs in the thread. `tell` hands a commit's outcome to the loop; answers hand themselves."""

    def __init__(self, ledger: Ledger, orders: SimpleQueue[Order], tell: Callable[[Committed], None], log: Log) -> None:
        self._ledger = ledger
        self._orders = orders
        self._tell = tell
        self._log = log
        self._held: list[Order] = []  # at most one: what came behind a full batch
        self._under_way: list[tuple[Task, Iterator[None]]] = []
        self._trouble: str | None = None
        self.beat: float | None = None  # monotonic, when what is under way began; None: it waits for work
        self._failed = 0  # hits since the trouble began
        self._retry_at = self._measure_at = 0.0
        self._database = 0

    def open(self) -> str | None:
        """Why the database cannot be opened, if so: hits are refused until it can. A disk comes back, a file of a later
        version is moved away."""
        try:
            self._ledger.open()
        except StoreError as error:
            self._fail(str(error), [])
        return self._trouble

    def run(self) -> None:
        """Until an order that is None. Hits that came before it are kept; tasks under way are left as they are."""
        while (order := self._next()) is not None:
            self.beat = time.monotonic()
            if isinstance(order, Turn):
                self._commit(order)
            elif isinstance(order, Question):
                self._ask(order)
            elif isinstance(order, Task):
                self._begin(order)
            self._step()
            self.beat = None
        for task, _ in self._under_way:
            task.answer(None, OverloadError("edge is stopping"))
        self._close()

    def _next(self) -> Order | Literal["idle"]:
        """Waits, unless there is a task to go on with."""
        if self._held:
            return self._held.pop()
        try:
            return self._orders.get(block=not self._under_way)
        except Empty:
            return "idle"

    # ---- hits

    def _commit(self, turn: Turn) -> None:
        self._gather(turn)
        items = turn.items
        began = time.monotonic()
        trouble = self._write(items, began)
        ended = time.monotonic()
        self._tell(Committed(turn.told, len(items), ended - began, trouble, self._measured(ended), dict(self._folded)))

    def _gather(self, turn: Turn) -> None:
        """Adds the turns that wait. The order that ends the row is held back."""
        while not self._held and not self._orders.empty():
            order = self._orders.get()  # nobody else takes
            if isinstance(order, Turn) and len(turn.items) + len(order.items) <= MOST_HITS:
                turn.items += order.items
                turn.told += order.told
            else:
                self._held.append(order)

    def _write(self, batch: list[Item], now: float) -> str | None:
        """Keeps the batch; else why not."""
        if self._trouble is not None and now < self._retry_at:
            self._failed += len(batch)
            return self._trouble
        try:
            self._ledger.write(batch)
        except StoreError as error:
            return self._fail(str(error), batch)
        except Exception as error:  # noqa: BLE001 - a defect must not end the thread, and with it all counting
            return self._fail(f"a defect of edge: {type(error).__name__} in {where(error)}", batch)
        if self._trouble is not None:
            self._log.info("store_recovered", failed_hits=self._failed)
            self._trouble, self._failed = None, 0
        return None

    def _fail(self, reason: str, batch: list[Item]) -> str:
        """Never what the hits were. One line a state: the next one when it is over, or when the reason changes."""
        if reason != self._trouble:
            self._log.error("store_failing", reason=reason)
        self._trouble = reason
        self._failed += len(batch)
        self._retry_at = time.monotonic() + PAUSE
        return reason

    @property
    def _folded(self) -> dict[int, int]:
        return self._ledger.tables.folded

    def _measured(self, now: float) -> int:
        """Bytes on the disk, looked up once a second."""
        if now >= self._measure_at:
            self._measure_at = now + 1.0
            self._database = _size(self._ledger.path) + _size(f"{self._ledger.path}-wal")
        return self._database

    # ---- questions and tasks

    def _ask(self, question: Question) -> None:
        try:
            answer = _bounded(self._ledger.open(), question.work)
        except BaseException as caught:  # noqa: BLE001 - handed to who asked
            question.answer(None, self._owned(caught))
        else:
            question.answer(answer, None)

    def _owned(self, error: BaseException) -> BaseException:
        """SQLite's errors as ours."""
        if not isinstance(error, sqlite3.Error):
            return error
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            return OverloadError(f"the answer would take more than {PATIENCE:.0f} s; ask for fewer days")
        self._ledger.fail(error)
        return StoreError(f"cannot read {self._ledger.path} ({error}); see whether its disk is in order")

    def _begin(self, task: Task) -> None:
        self._under_way.append((task, task.steps(self._ledger)))

    def _step(self) -> None:
        """One step of the task that came first."""
        if not self._under_way:
            return
        task, steps = self._under_way[0]
        try:
            next(steps)
        except StopIteration as end:
            del self._under_way[0]
            task.answer(end.value, None)
        except BaseException as caught:  # noqa: BLE001 - handed to who waits
            del self._under_way[0]
            task.answer(None, self._refused(caught))

    def _refused(self, error: BaseException) -> BaseException:
        """As `_owned`, of work that writes."""
        if not isinstance(error, sqlite3.Error):
            return error
        self._ledger.fail(error)
        return self._ledger.trouble(error)

    def _close(self) -> None:
        """What is kept stays in the log if the disk refuses to copy it: the next start finds it there."""
        try:
            self._ledger.close()
        except sqlite3.Error as error:
            self._log.warning("store_left_open", reason=str(error))


def _bounded(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]) -> Any:
    until = time.monotonic() + PATIENCE
    db.set_progress_handler(lambda: time.monotonic() > until, _OPCODES)
    try:
        return work(db)
    finally:
        db.set_progress_handler(None, 0)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - the worker does without pathlib
    except OSError:
        return 0
