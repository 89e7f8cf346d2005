"""The HTTP server: opens the listeners, sweeps the deadlines, and goes in good order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

import msgspec

from edge.access.proxies import Proxies
from edge.clock import Clock
from edge.flow.budget import Budget
from edge.http.inherited import Inherited, show
from edge.http.limits import Limits
from edge.http.protocol import Connection
from edge.http.router import Router
from edge.http.sockets import BACKLOG, affordable, listeners
from edge.http.table import HttpStats, Table
from edge.log import Log

NEWCOMERS = 0.3  # seconds


class Server:
    """One set of listeners with one router, on one loop."""

    def __init__(  # noqa: PLR0917 - as the composition root calls it
        self,
        loop: asyncio.AbstractEventLoop,
        router: Router,
        limits: Limits,
        proxies: Proxies,
        log: Log,
        clock: Clock,
        budget: Budget | None = None,
    ) -> None:
        self._loop = loop
        self._log = log
        room = affordable(limits.connections, limits.lingering)
        if room < limits.connections:
            log.warning("few_descriptors", max_connections=limits.connections, possible=room, do="raise LimitNOFILE")
        self._table = Table(router, msgspec.structs.replace(limits, connections=room), proxies, log, clock, budget)
        self._servers: list[asyncio.AbstractServer] = []
        self._local: list[socket.socket] = []  # those in the file system
        self._timer: asyncio.TimerHandle | None = None
        self.addresses: list[str] = []  # bound, with the port that 0 became

    async def start(self, listen: Sequence[str], inherited: Inherited | None = None) -> None:
        """Listens on all of `host:port`, `[v6]:port`, `unix:PATH`, or on none: ConfigError then says what to do."""
        passed = inherited or Inherited()
        try:
            for text in listen:
                for bound in await listeners(text, self._table.limits, passed):
                    self.addresses.append(show(bound.getsockname()))
                    self._servers.append(await self._serve(bound))
        except BaseException:
            self.stop_accepting()
            raise

    async def _serve(self, bound: socket.socket) -> asyncio.AbstractServer:
        if bound.family != socket.AF_UNIX:
            return await self._loop.create_server(self._accept, sock=bound, backlog=BACKLOG)
        self._local.append(bound)
        return await self._loop.create_unix_server(self._accept, sock=bound, backlog=BACKLOG)

    def _accept(self) -> Connection:
        if self._timer is None:
            self._table.refresh()
            self._timer = self._loop.call_later(self._table.limits.sweep_seconds, self._tick)
        return Connection(self._table)

    def _tick(self) -> None:
        """Runs only while somebody is connected: an idle host is not woken."""
        self._table.sweep()
        self._timer = None
        if self._table.all():
            self._timer = self._loop.call_later(self._table.limits.sweep_seconds, self._tick)

    def sweep(self) -> None:
        """Looks at every deadline now. The timer calls it; tests that turn the clock do too."""
        self._table.sweep()

    def set_send_buffers(self, *, short: bool) -> None:
        """What may wait for each peer, of those who are here and who will come; `short`: memory is."""
        self._table.short = short
        for connection in self._table.all():
            connection.set_send_buffers(short=short)

    def stop_accepting(self) -> None:
        """Closes the listeners; connections go on. Answers from now on are their connection's last."""
        self._table.draining = True
        for server in self._servers:
            server.close()
        self._servers.clear()
        for bound in self._local:
            bound.close()  # its file goes, and its lock
        self._local.clear()

    async def drain(self, seconds: float) -> None:
        """Ends idle connections and streams at once, lets requests under way finish for `seconds`, then cuts. Who has
        just connected may still ask: nobody shall be closed without an answer because a restart came in between."""
        self.stop_accepting()
        for welcoming in (True, False):
            self._table.welcoming = welcoming
            for connection in self._table.all():
                connection.drain()
            await self._empty(min(NEWCOMERS, seconds) if welcoming else seconds)
        for connection in self._table.all():
            connection.abort()
        await self._empty(1.0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _empty(self, seconds: float) -> None:
        empty = asyncio.Event()
        self._table.on_empty = empty.set
        if self._table.all():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(empty.wait(), seconds)

    def stats(self) -> HttpStats:
        return self._table.stats()
