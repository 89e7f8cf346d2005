"""What a channel's thread uses: processor time, and wall time at work or waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec

EVERY = 0.1  # seconds between readings of the processor clock: a system call of 0.6 us


class Meter(msgspec.Struct, frozen=True):
    """Cumulative seconds. `processor`: of this thread; `waited`: for the source, or for media's own pace; `worked`: the
    rest of the wall time, waits for the processor and for what `allow` allows included; `media`: of output.
    `working_since`: monotonic, None: waiting now."""

    processor: float = 0.0
    worked: float = 0.0
    waited: float = 0.0
    media: float = 0.0
    working_since: float | None = None


class Metering:
    """Kept by the thread; `read` may be called from any. Use as a context manager around a wait for the source."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, processor: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock, self._processor = clock, processor
        self._used = self._worked = self._waited = 0.0
        self._mark = 0.0  # processor clock when last read
        self._since: float | None = None  # at work
        self._waiting_since: float | None = None
        self._read_at = 0.0
        self._alive = 0.0  # when a wait that was none ended

    @property
    def beat(self) -> float | None:
        """When the thread last showed that it goes on, a tenth of a second more or less; None: it waits, or has no
        work. For any thread."""
        since = self._since
        return None if since is None else max(since, self._read_at, self._alive)

    def alive(self) -> None:
        """It goes on, although it comes to no packet."""
        self._alive = self._clock()

    @property
    def processor(self) -> float:
        return self._used

    def start(self) -> None:
        """Work begins, in the calling thread."""
        self._mark = self._processor()
        self._since = self._read_at = self._clock()

    def stop(self) -> None:
        """Work is over until `start`."""
        self._wait_from(self._clock())
        self._waiting_since = None

    def touch(self, now: float, every: float = EVERY) -> bool:
        """Work goes on; reads the processor clock if it is time. Whether it did."""
        if now - self._read_at < every:
            return False
        self._read(now)
        return True

    def _read(self, now: float) -> None:
        used, self._read_at = self._processor(), now
        self._used += used - self._mark
        self._mark = used

    def _wait_from(self, now: float) -> None:
        if self._since is not None:
            self._read(now)
            self._worked += now - self._since
            self._since = None
            self._waiting_since = now

    def waited(self, seconds: float, now: float) -> None:
        """The last `seconds` before `now` turn out to have been a wait."""
        if self._since is not None:
            self._worked += max(0.0, now - seconds - self._since)
            self._waited += seconds
            self._since = now

    def __enter__(self) -> None:
        self._wait_from(self._clock())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._waiting_since is not None:
            self._since = now = self._clock()
            self._waited += now - self._waiting_since
            self._waiting_since = None

    def read(self, media: float) -> Meter:
        since, worked = self._since, self._worked
        return Meter(
            self._used, worked + (self._clock() - since if since is not None else 0.0), self._waited, media, since
        )


class MeteredPipe:
    """A pipe whose reads are waits, where nothing is there to be read; `before_wait` is called then."""

    def __init__(self, pipe: Any, metering: Metering, before_wait: Callable[[], None] = lambda: None) -> None:
        self._pipe, self._metering, self._before_wait = pipe, metering, before_wait

    @property
    def error(self) -> Any:
        return self._pipe.error

    @error.setter
    def error(self, value: Any) -> None:
        self._pipe.error = value

    def read(self, n: int) -> bytes:
        if getattr(self._pipe, "ready", False):  # not every readable tells
            self._metering.alive()
            return bytes(self._pipe.read(n))
        self._before_wait()
        with self._metering:
            data: bytes = self._pipe.read(n)
        return data
