"""Whether the threads that matter go on, and what the service manager is told of it.

A thread that hangs in a library cannot be ended, only left behind: `decide` says which one is given up and replaced,
and from when on the watchdog is no longer fed, so that the manager starts the whole anew. Pure; `Supervisor` acts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable, Mapping

import msgspec

from edge.host.notify import Notify
from edge.log import Log

HANGS = 60.0  # seconds; libavformat's own deadline for an HLS playlist is 30, and it may look up a name besides
MOST = 2  # threads given up that still hang: each keeps its decoder and its stack, some 15 MB
LOOK = 5.0  # seconds
SHARE = 3  # the watchdog is fed so many times in its time; sd_watchdog_enabled(3) asks for twice


class Thread(msgspec.Struct, frozen=True):
    """A thread as it is seen now. `beat`: monotonic second of its last sign of life; None: nothing is expected of it,
    as it waits for work or for a source that has a deadline of its own. `abandon` gives it up and puts another in its
    place; None: nothing can."""

    key: Hashable
    name: str
    beat: float | None
    abandon: Callable[[], None] | None = None


class Quiet(msgspec.Struct, frozen=True):
    """`seconds` without a sign of life since the one at `beat`."""

    beat: float
    seconds: float


Quiets = Mapping[Hashable, Quiet]


class Verdict(msgspec.Struct, frozen=True):
    """`abandon`: who is given up now; `hung`: who hangs and stays."""

    abandon: tuple[Thread, ...] = ()
    hung: tuple[Thread, ...] = ()


def hear(quiets: Quiets, threads: Iterable[Thread], passed: float) -> dict[Hashable, Quiet]:
    """For how long each thread has been quiet. `passed`: seconds since the last look, in which the loop itself went on:
    what happens while a host or a process stands still is nobody's fault."""
    heard = {}
    for thread in threads:
        if thread.beat is not None:
            before = quiets.get(thread.key)
            known = before is not None and before.beat == thread.beat
            heard[thread.key] = Quiet(thread.beat, before.seconds + passed if before and known else 0.0)
    return heard


def decide(quiets: Quiets, threads: Iterable[Thread], given_up: int, hangs: float = HANGS) -> Verdict:
    """`given_up`: threads that were abandoned and hang still."""
    abandon, hung, room = [], [], MOST - given_up
    for thread in threads:
        quiet = quiets.get(thread.key)
        if quiet is None or quiet.seconds < hangs:
            continue
        if thread.abandon is not None and room > 0:
            room -= 1
            abandon.append(thread)
        else:
            hung.append(thread)
    return Verdict(tuple(abandon), tuple(hung))


def interval(watchdog: float | None) -> float:
    """Seconds between two looks, each of which feeds a watchdog of so many seconds."""
    return LOOK if watchdog is None else min(LOOK, watchdog / SHARE)


class Supervisor:
    """Looks at the threads from the loop, and feeds the watchdog while all of them go on. A hung loop does not."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        notify: Notify,
        log: Log,
        threads: Callable[[], Iterable[Thread]],
        watchdog: float | None = None,
        *,
        hangs: float = HANGS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`threads`: those alive, also those that were abandoned; `watchdog`: seconds, None: nobody watches."""
        self._loop, self._notify, self._log, self._threads = loop, notify, log, threads
        self._hangs, self._clock, self._every = hangs, clock, interval(watchdog)
        self._quiets: dict[Hashable, Quiet] = {}
        self._given_up: set[Hashable] = set()
        self._hung: frozenset[str] = frozenset()
        self._looked = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def well(self) -> bool:
        """Whether no thread hangs that nothing can replace."""
        return not self._hung

    def start(self) -> None:
        """When the service is ready: until then the manager has another deadline."""
        self._looked = self._clock()
        self._tick()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._every, self._tick)
        self.look(self._clock())
        if self.well:
            self._notify.watchdog()

    def look(self, now: float) -> None:
        """At monotonic second `now`."""
        passed, self._looked = min(now - self._looked, 2 * self._every), now
        threads = list(self._threads())
        self._given_up &= {thread.key for thread in threads}
        watched = [thread for thread in threads if thread.key not in self._given_up]
        self._quiets = hear(self._quiets, watched, passed)
        verdict = decide(self._quiets, watched, len(self._given_up), self._hangs)
        self._tell(verdict.hung)
        for thread in verdict.abandon:
            self._abandon(thread)

    def _abandon(self, thread: Thread) -> None:
        self._given_up.add(thread.key)
        self._log.error("thread_abandoned", thread=thread.name, quiet_seconds=self._hangs, of=len(self._given_up))
        if thread.abandon is not None:
            thread.abandon()

    def _tell(self, threads: tuple[Thread, ...]) -> None:
        """Once when it begins and once when it is over."""
        hung = frozenset(thread.name for thread in threads)
        if hung == self._hung:
            return
        if hung:
            do = "systemd's watchdog starts edge anew; without one, restart it"
            self._log.error("threads_hang", threads=",".join(sorted(hung)), do=do)
        else:
            self._log.info("threads_go_on")
        self._hung = hung
