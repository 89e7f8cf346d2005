"""The connections of one server: who may come in, whose time is up, and what was counted.

One sweep looks at every deadline twice a second. A timer for each would cost more than a whole request, and nobody
needs its precision. For the same reason `now` and `date` are only as fresh as the last sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from edge.access.proxies import Proxies, read_address
from edge.clock import Clock
from edge.errors import OverloadError, PeerError, StoreError, where
from edge.flow.budget import Budget
from edge.http.limits import Limits
from edge.http.message import Response, text
from edge.http.render import http_date
from edge.http.router import Router
from edge.log import Log, Throttle

NEVER = float("inf")


class Open(Protocol):
    """What the table keeps: a connection that reads requests, or one that has become a stream."""

    deadline: float  # monotonic second, NEVER for none

    def expire(self, now: float) -> None:
        """The deadline is over: end it, or move the deadline."""
        ...

    def weigh(self, now: float) -> tuple[int, int]:
        """Bytes of its answer that wait here and that nobody else holds, and those that wait in the kernel."""
        ...

    def set_send_buffers(self, *, short: bool) -> None:
        """What may wait for its peer from now on; `short`: memory is."""
        ...

    def drain(self) -> None:
        """The server is going: end as soon as that is decent."""
        ...

    def abort(self) -> None: ...


class HttpStats(msgspec.Struct, frozen=True):
    """Counters since the start, except `connections`, `streams` and `lingering`, which are now."""

    connections: int
    streams: int
    lingering: int
    accepted: int
    refused: dict[str, int]  # full, address, memory
    answers: dict[str, int]  # by class: 2xx, 3xx, 4xx, 5xx
    errors: dict[int, int]  # answers to what was no good request, by status
    expired: dict[str, int]  # head, body, handler, idle, stall, linger
    failures: int  # handlers that raised what they should not
    bytes_sent: int  # taken by the transports; what a peer that vanished left unread is in it


class Counters:
    """The mutable side of `HttpStats`."""

    __slots__ = ("accepted", "classes", "errors", "expired", "failures", "refused", "sent")

    def __init__(self) -> None:
        self.accepted = 0
        self.sent = 0
        self.failures = 0
        self.classes = [0] * 6  # by first digit of the status
        self.refused = {"full": 0, "address": 0, "memory": 0}
        self.errors: dict[int, int] = {}  # its keys are the few statuses of head.py, body.py and protocol.py
        self.expired = {"head": 0, "body": 0, "handler": 0, "idle": 0, "stall": 0, "linger": 0}


class Table:
    """What the connections of a server share."""

    def __init__(  # noqa: PLR0917 - as the server hands it on
        self, router: Router, limits: Limits, proxies: Proxies, log: Log, clock: Clock, budget: Budget | None = None
    ) -> None:
        self.router = router
        self.limits = limits
        self.proxies = proxies
        self.log = log
        self.counters = Counters()
        self.draining = False
        self.welcoming = False  # while draining: who has asked nothing yet may still do so
        self.streams = 0
        self.on_empty: Callable[[], object] = int  # the server sets it while it waits for that
        self.budget = budget or Budget()
        self.requests = self.budget.draw("requests")  # heads and bodies that are not whole or not answered
        self.short = False  # of memory: new connections get short send buffers too
        self._clock = clock
        self._connections = self.budget.draw("connections")
        self._answers = self.budget.draw("requests")
        self._sockets = self.budget.draw("sockets")
        self._open: dict[Open, str] = {}  # by what it counts towards
        self._addresses: dict[str, int] = {}
        self._lingering: set[Open] = set()
        self._refusals = Throttle(log.warning, "connections_refused")
        self._failures = Throttle(log.error, "handler_failed")
        self.refresh()

    def __len__(self) -> int:
        return len(self._open)

    def refresh(self) -> None:
        self.now = self._clock.monotonic()
        self.date = http_date(self._clock.wall())

    def admit(self, connection: Open, peer: str, trusted: bool) -> str:
        """Takes the connection in: empty, or why not. A trusted proxy speaks for many: no bound of one address."""
        self.counters.accepted += 1
        key = "" if trusted else address_key(peer)
        if len(self._open) >= self.limits.connections:
            return self.refuse("full")
        if key and self._addresses.get(key, 0) >= self.limits.connections_per_address:
            return self.refuse("address")
        besides_streams = len(self._open) - self.streams
        if besides_streams >= self.limits.connections_kept and not self.budget.bears(self.limits.connection_bytes):
            return self.refuse("memory")
        self._open[connection] = key
        if key:
            self._addresses[key] = self._addresses.get(key, 0) + 1
        self._count()
        return ""

    def _count(self) -> None:
        self._connections.set((len(self._open) + len(self._lingering)) * self.limits.connection_bytes)

    def refuse(self, reason: str) -> str:
        self.counters.refused[reason] += 1
        self._refusals(self.now, reason=reason)
        return reason

    def linger(self, refused: Open) -> bool:
        """Whether a refused connection may stay for the moment that its 503 needs to arrive."""
        if len(self._lingering) >= self.limits.lingering:
            return False
        self._lingering.add(refused)
        self._count()
        return True

    def replace(self, old: Open, new: Open) -> None:
        """`new` has taken the transport over from `old`, be that admitted or only lingering."""
        if old in self._open:
            self._open[new] = self._open.pop(old)
        elif old in self._lingering:
            self._lingering.remove(old)
            self._lingering.add(new)

    def remove(self, connection: Open) -> None:
        self._lingering.discard(connection)
        key = self._open.pop(connection, "")
        self._count()
        if not self._open and not self._lingering:
            self._answers.set(0)
            self._sockets.set(0)
            self.on_empty()
        if key:
            left = self._addresses[key] - 1
            if left:
                self._addresses[key] = left
            else:
                del self._addresses[key]

    def sweep(self) -> None:
        self.refresh()
        self._refusals.flush(self.now)
        self._failures.flush(self.now)
        late = queued = 0
        for connection in self.all():
            if connection.deadline <= self.now:
                connection.expire(self.now)
            here, kernel = connection.weigh(self.now)
            late += here
            queued += kernel
        self._answers.set(late)
        self._sockets.set(queued)

    def all(self) -> list[Open]:
        return [*self._open, *self._lingering]

    def apology(self, error: BaseException) -> Response:
        """What the peer is told when a handler raised `error`; our own mistakes are counted and logged, not told."""
        if isinstance(error, PeerError):
            return text(error.status, str(error))
        if isinstance(error, OverloadError):
            return text(503, str(error), (("Retry-After", str(error.retry_after)),))
        self.failed(error)
        return text(503 if isinstance(error, StoreError) else 500, "The server failed; it has been logged.")

    def failed(self, error: BaseException) -> None:
        """A handler raised what is no answer. Its text may hold anything, so only its kind is logged."""
        self.counters.failures += 1
        self._failures(self.now, error=type(error).__name__, where=where(error))

    def stats(self) -> HttpStats:
        count = self.counters
        return HttpStats(
            connections=len(self._open),
            streams=self.streams,
            lingering=len(self._lingering),
            accepted=count.accepted,
            refused=dict(count.refused),
            answers={f"{digit}xx": count.classes[digit] for digit in (2, 3, 4, 5)},
            errors=dict(count.errors),
            expired=dict(count.expired),
            failures=count.failures,
            bytes_sent=count.sent,
        )


def address_key(peer: str) -> str:
    """What is counted as one address: an IPv4 address, or the /64 that an IPv6 host can choose from."""
    if ":" not in peer:
        return peer
    packed = read_address(peer)
    return packed[:8].hex() if len(packed) == 16 else packed.hex()
