"""Progressive viewers of one hub: who writes what to whom. Used on the loop only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge.flow.budget import Budget
from edge.flow.hub import Hub
from edge.flow.ring import Cursor
from edge.flow.stats import Tally
from edge.http.message import Outlet

RUN = 16384  # bytes of one write: with a stuck viewer, this and what its connection holds is all that it keeps alive
STUCK = 20.0
IDLE = 5.0  # seconds of taking nothing after which a viewer may be closed where memory is short
OBJECTS = 2048  # bytes of a viewer beside its connection: 1.3 kB were measured
NEWCOMER = 24 << 10  # what the kernel is taken to hold for a viewer until it was asked
# From so many viewers on, what is published is gathered for a moment: one write of 4 kB costs each viewer's connection
# hardly more than one of 500 bytes, and a channel publishes 60 times a second.
_FEW = 16
_GATHER = 0.1

_MEASURE = 5.0  # seconds

Later = Callable[[float, Callable[[], None]], object]


def call_later(seconds: float, call: Callable[[], None]) -> object:
    """The running loop's own."""
    return asyncio.get_running_loop().call_later(seconds, call)


def _nothing() -> None:
    """For a connection that is on its way out."""


class Viewer:
    """A connection and its place in the ring. Keeps no bytes."""

    __slots__ = ("_mark", "_room", "_since", "_started", "cursor", "here", "kernel", "outlet")

    def __init__(self, room: Room, outlet: Outlet) -> None:
        self._room = room
        self.outlet = outlet
        self.cursor = Cursor(room.hub.ring)
        self._started = False
        self._mark = -1  # bytes gone into the kernel when it last was looked at, while paused
        self._since = 0.0
        self.here = OBJECTS  # bytes that it holds here, and in the kernel, as of the last sweep
        self.kernel = NEWCOMER
        outlet.on_resume = self.pump
        outlet.on_close = self.left

    def pump(self) -> None:
        """Writes what is there until the connection says stop. A newcomer begins with the hub's init."""
        outlet, take = self.outlet, self.cursor.take
        while not outlet.paused:
            chunks = take(RUN)
            if not chunks:
                return
            if not self._started:
                self._started = True
                chunks = self._room.begin(chunks)
            outlet.write(chunks)

    def left(self) -> None:
        self._room.leave(self)

    def weigh(self) -> None:
        """What waits with us may be the ring's own bytes: for one who keeps up it is counted twice."""
        self.here = OBJECTS + self.outlet.pending
        self.kernel = self.outlet.queued

    def stalled(self, now: float) -> float:
        """Seconds for which it has taken nothing although there was something to take."""
        if not self.outlet.paused:
            self._mark = -1
            return 0.0
        mark = self.cursor.taken - self.outlet.pending
        if mark != self._mark:
            self._mark = mark
            self._since = now
        return now - self._since

    def was_stuck(self, now: float) -> bool:
        """For one whose connection was just closed: by the server's own deadline, which may be a moment before ours."""
        return self._mark >= 0 and now - self._since >= STUCK - 2


class Room:
    """All viewers of one hub. Follows the hub while there is one."""

    def __init__(
        self,
        hub: Hub,
        container: str,
        now: Callable[[], float],
        on_failure: Callable[[Exception], None],
        later: Later = call_later,
        *,
        budget: Budget | None = None,
    ) -> None:
        self.hub = hub
        budget = budget or Budget()
        self._here = budget.draw("viewers")
        self._kernel = budget.draw("sockets")
        self.viewers: dict[Viewer, None] = {}
        self.closed = Tally()  # by reason, those that edge closed
        self._survives_reset = container == "ts"  # TS tells its format in-band
        self._now = now
        self._on_failure = on_failure
        self._later = later
        self._gathering = False
        self.rate = 0.0  # bits per second of one viewer, measured while there are any; 0: not yet
        self._measured: tuple[float, int] | None = None
        self._sent_before = 0  # to those who left, and inits
        self._skipped_before = 0

    @property
    def sent(self) -> int:
        """Bytes handed to connections."""
        return self._sent_before + sum(viewer.cursor.taken for viewer in self.viewers)

    @property
    def skipped(self) -> int:
        """How often viewers fell out of the ring."""
        return self._skipped_before + sum(viewer.cursor.skipped for viewer in self.viewers)

    def enter(self, outlet: Outlet) -> None:
        """A new viewer: gets what is there from the last keyframe on, at once."""
        viewer = Viewer(self, outlet)
        self.viewers[viewer] = None
        self._here.add(viewer.here)
        self._kernel.add(viewer.kernel)
        self.hub.subscribe(self)
        if viewer in self.viewers:  # not when the hub is closed
            self._pump(viewer)

    def begin(self, chunks: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """A newcomer's first write: the init before them."""
        init = self.hub.init
        self._sent_before += len(init)
        return (init, *chunks) if init else chunks

    def leave(self, viewer: Viewer) -> None:
        """Its connection is gone, or will be. Once or more."""
        if viewer not in self.viewers:
            return
        if viewer.was_stuck(self._now()):
            self.closed.add("stuck")
        self._forget(viewer)

    def _forget(self, viewer: Viewer) -> None:
        del self.viewers[viewer]
        self._here.add(-viewer.here)
        self._kernel.add(-viewer.kernel)
        viewer.outlet.on_resume = _nothing
        self._sent_before += viewer.cursor.taken
        self._skipped_before += viewer.cursor.skipped
        if not self.viewers:
            self.hub.unsubscribe(self)

    def close(self, viewer: Viewer, reason: str, *, abort: bool = False) -> None:
        self.closed.add(reason)
        self._forget(viewer)
        if abort:
            viewer.outlet.abort()
        else:
            viewer.outlet.close()

    def close_all(self, reason: str) -> None:
        """What was written to them still goes out."""
        for viewer in tuple(self.viewers):
            self.close(viewer, reason)

    def _pump(self, viewer: Viewer) -> None:
        try:
            viewer.pump()
        except Exception as error:  # noqa: BLE001  one connection's trouble is not the others'
            if viewer in self.viewers:
                self.close(viewer, "failed", abort=True)
            self._on_failure(error)

    def _flush(self) -> None:
        self._gathering = False
        for viewer in tuple(self.viewers):
            self._pump(viewer)

    def sweep(self, now: float) -> None:
        """Closes those that are stuck, weighs the others. Monotonic seconds."""
        self._measure(now)
        for viewer in tuple(self.viewers):
            if viewer.stalled(now) >= STUCK:
                self.close(viewer, "stuck", abort=True)
            else:
                viewer.weigh()
        self._here.set(sum(viewer.here for viewer in self.viewers))
        self._kernel.set(sum(viewer.kernel for viewer in self.viewers))

    def idle(self, now: float) -> list[tuple[float, Viewer]]:
        """Those who have taken nothing for a while, with its seconds."""
        found = ((viewer.stalled(now), viewer) for viewer in self.viewers)
        return [(seconds, viewer) for seconds, viewer in found if seconds >= IDLE]

    def _measure(self, now: float) -> None:
        appended = self.hub.ring.appended_bytes
        if not self.viewers:
            self._measured = None
        elif self._measured is None:
            self._measured = (now, appended)
        elif now - self._measured[0] >= _MEASURE:
            since, before = self._measured
            self._measured = (now, appended)
            if appended > before:  # else the source is away, and will be as large as it was
                self.rate = (appended - before) * 8 / (now - since)

    # What the hub tells.

    def on_data(self) -> None:
        if len(self.viewers) < _FEW:
            self._flush()
        elif not self._gathering:
            self._gathering = True
            self._later(_GATHER, self._flush)

    def on_reset(self) -> None:
        for viewer in tuple(self.viewers):
            if self._survives_reset:
                viewer.cursor.resync()
            else:
                self.close(viewer, "format")

    def on_gap(self) -> None:
        """Viewers wait."""

    def on_discontinuity(self) -> None:
        """Their containers show it by themselves."""

    def on_end(self) -> None:
        self.close_all("end")
