"""How the verbs of `edge hits` reach what is counted: through the running worker, or the database when none runs.

Which of them is decided for each call, by connecting, so that a long import notices a worker that starts meanwhile.
Should both write at that moment, SQLite's locks keep them apart, and the worker sees that the tables have changed.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import msgspec

from edge.cli.local import LocalConnection, acting
from edge.config.model import Settings
from edge.errors import ConfigError, OverloadError, StoreError
from edge.hits import export, purge, reading
from edge.hits.asking import Asking
from edge.hits.batch import Batch, encode
from edge.hits.ledger import Ledger
from edge.hits.period import read_period, show_day
from edge.hits.purge import Forgotten
from edge.hits.report import Report
from edge.hits.schema import connect_reading, unreadable
from edge.hits.service import DATABASE
from edge.hits.settings import SiteSettings
from edge.http.unix import SOCKET
from edge.log import Log

T = TypeVar("T")
_SECONDS = 60.0  # longer than the worker takes for any answer
_TRIES = 60  # a second apart, while the worker has too much to do


class Worker(LocalConnection):
    """The worker's routes for hits."""

    def ask(self, method: str, name: str, words: dict[str, Any], body: bytes | None = None) -> bytes:
        """The answer's body. An EdgeError says what the worker said."""
        try:
            self.request(method, f"/local/hits/{name}?{urlencode(words)}", body, {"Connection": "close"})
            answer = self.getresponse()
            found = answer.read()
        except (OSError, HTTPException) as error:
            raise StoreError(f"the running edge went away ({type(error).__name__}): try again") from None
        finally:
            self.close()
        if answer.status == 200:
            return found
        said = found.decode("utf-8", "replace").strip()
        if answer.status == 400:
            raise ConfigError(said)
        raise OverloadError(said) if answer.getheader("Retry-After") else StoreError(said)


class Operator:
    """See the module. Every method raises EdgeError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = os.path.join(settings.data_dir, DATABASE)  # noqa: PTH118
        self._ledger: Ledger | None = None

    @property
    def settings(self) -> Settings:
        return self._settings

    def report(self, site: SiteSettings, words: dict[str, str]) -> Report:
        """`words`: days, from, to, by, limit."""
        if worker := self._worker():
            return msgspec.json.decode(worker.ask("GET", "report", {"site": site.id, **words}), type=Report)
        asking = Asking(site)
        now = asking.now(time.time())
        try:
            period = read_period(words.get("days"), words.get("from"), words.get("to"), words.get("by"), now.day)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        with self._reading() as db:
            return asking.read(db, period, now, int(words.get("limit", "500")))

    def export(self, site: SiteSettings) -> Iterator[dict[str, Any]]:
        """Records as `hits.export` describes them, a day at a time."""
        worker = self._worker()
        if worker is None:
            with self._reading() as db:
                yield export.header(site.id, site.name or site.hosts[0], site.timezone)
                for day in export.days(db, site.id):
                    yield from export.day_records(db, site.id, day)
            return
        begin = msgspec.json.decode(worker.ask("GET", "days", {"site": site.id}))
        yield begin["header"]
        for day in begin["days"]:
            lines = worker.ask("GET", "export", {"site": site.id, "day": show_day(day)})
            yield from (msgspec.json.decode(line) for line in lines.splitlines())

    def imported(self, digests: list[str]) -> dict[str, int]:
        """How many bytes of the files with these marks are imported."""
        if worker := self._worker():
            found = worker.ask("GET", "imported", {"digests": ",".join(digests)})
            return msgspec.json.decode(found, type=dict[str, int])
        if not os.path.exists(self._database):  # noqa: PTH110
            return {}
        with self._reading() as db:
            return {digest: reading.imported(db, digest) for digest in digests}

    def keep(self, batch: Batch) -> None:
        """Returns once the batch is kept."""
        if worker := self._worker():
            _patiently(worker, encode(batch))
            return
        with self._acting():
            self._writing().write(batch.items())

    def purge(self, site: SiteSettings, before: int) -> int:
        """Days dropped."""
        if worker := self._worker():
            return _count(worker.ask("POST", "purge", {"site": site.id, "before": show_day(before)}, b""), "days")
        return self._all(purge.purge(self._writing(), site.id, before))

    def forget(self, site: SiteSettings, name: str, dimension: str = "") -> list[Forgotten]:
        """What was dropped. Without a dimension `name` is a path."""
        if worker := self._worker():
            words = {"site": site.id, "list": dimension}
            found = worker.ask("POST", "forget", words, name.encode("utf-8", "replace"))
            return msgspec.json.decode(found, type=list[Forgotten])
        return self._all(purge.forget(self._writing(), site.id, name, dimension))

    def close(self) -> None:
        if self._ledger is not None:
            with self._acting():
                self._ledger.close()

    # -- the worker

    def _worker(self) -> Worker | None:
        """None: none runs. StoreError: one may run, but this user may not talk to it."""
        worker = Worker(self._settings.data_dir, _SECONDS)
        try:
            worker.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            worker.close()
            return None
        except OSError as error:
            worker.close()
            raise StoreError(
                f"{self._settings.data_dir}/{SOCKET}: {error.strerror}; be the user that runs edge, or root"
            ) from None
        return worker

    # -- the database

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        with self._acting():
            db = connect_reading(self._database)
            try:
                yield db
            except sqlite3.Error as error:
                raise unreadable(self._database, error) from None
            finally:
                db.close()

    def _writing(self) -> Ledger:
        if self._ledger is None:
            if not os.path.isdir(self._settings.data_dir):  # noqa: PTH112
                raise ConfigError(f"data_dir: expected a directory, got {self._settings.data_dir}; edge run makes it")
            durability = self._settings.hits.durability
            self._ledger = Ledger(self._database, self._settings.sites, durability, Log("error"))
        return self._ledger

    def _all(self, steps: Generator[None, None, T]) -> T:
        """What a task of `hits.purge` returns in the end."""
        with self._acting():
            try:
                while True:
                    next(steps)
            except StopIteration as end:
                return cast("T", end.value)
            except sqlite3.Error as error:
                raise unreadable(self._database, error) from None

    def _acting(self) -> AbstractContextManager[None]:
        return acting(self._settings.data_dir)


def _patiently(worker: Worker, body: bytes) -> None:
    """Visitors come first: while the worker has too much to do, an import waits."""
    for n in range(_TRIES):
        try:
            worker.ask("POST", "keep", {}, body)
        except OverloadError:
            if n == _TRIES - 1:
                raise
            time.sleep(1.0)
        else:
            return


def _count(answer: bytes, name: str) -> int:
    return msgspec.json.decode(answer, type=dict[str, int])[name]
