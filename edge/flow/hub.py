"""One container of one channel: what a newcomer gets first, the ring, and who listens. Used on the loop only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from edge.flow.ring import Bounds, Chunk, Ring, RingStats


class Listener(Protocol):
    """Who follows a hub. Called on the loop; must not block. May unsubscribe itself while it is called."""

    def on_data(self) -> None:
        """The ring has grown; once per batch."""

    def on_reset(self) -> None:
        """The format changed: the ring is empty, `init` is new."""

    def on_gap(self) -> None:
        """The source is away."""

    def on_discontinuity(self) -> None:
        """The next keyframe chunk does not continue what came before."""

    def on_end(self) -> None:
        """The channel is gone; nothing comes any more."""


class HubStats(msgspec.Struct, frozen=True):
    """`failed` counts listeners thrown out because they raised."""

    name: str
    listeners: int
    generation: int
    init_bytes: int
    failed: int
    ring: RingStats


class Hub:
    """Muxed chunks go in once, every listener is told. Listeners are bounded by admission, not here.

    `on_interest(hub, wanted)` is called when the first listener comes and when the last one leaves, so that a container
    nobody watches need not be muxed. `on_failure(listener, error)` is told of a listener that raised: it is thrown out
    and the others go on.

    After `idle` the hub is shut until `set_init` or `reset` opens it: what the muxer made before it heard of it is
    still on its way, and a newcomer must not begin there.
    """

    def __init__(
        self,
        name: str,
        bounds: Bounds,
        on_interest: Callable[[Hub, bool], None] | None = None,
        on_failure: Callable[[Listener, Exception], None] | None = None,
    ) -> None:
        self.name = name
        self.ring = Ring(bounds)
        self.init = b""
        self.generation = 0
        self.closed = False
        self._shut = False
        self._on_interest = on_interest
        self._on_failure = on_failure
        self._listeners: dict[Listener, None] = {}
        self._failed = 0

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def set_init(self, init: bytes) -> None:
        """What newcomers get before the ring from now on. Those under way are not touched."""
        self.init = init
        self._shut = False

    def publish(self, chunks: Iterable[Chunk]) -> None:
        """Appends them, then calls every listener's `on_data` once."""
        if self.closed or self._shut:
            return
        for chunk in chunks:
            self.ring.append(chunk)
        for listener in tuple(self._listeners):
            try:
                listener.on_data()
            except Exception as error:  # noqa: BLE001  one viewer's trouble is not the others'
                self.fail(listener, error)

    def reset(self, init: bytes) -> None:
        """The format changed: those under way cannot go on as they are."""
        self.generation += 1
        self.set_init(init)
        self.ring.clear()
        self._tell(lambda listener: listener.on_reset())

    def idle(self) -> None:
        """The container is no longer muxed, as nobody watches: what is kept would be stale for the next viewer."""
        self.init = b""
        self._shut = True
        self.ring.clear()

    def gap(self) -> None:
        """The source is away."""
        self._tell(lambda listener: listener.on_gap())

    def discontinuity(self) -> None:
        """The next keyframe chunk does not continue what came before."""
        self._tell(lambda listener: listener.on_discontinuity())

    def close(self) -> None:
        """Nothing comes any more. Everyone is told once and forgotten."""
        if self.closed:
            return
        self.closed = True
        self._tell(lambda listener: listener.on_end())
        self._listeners.clear()
        self.ring.close()

    def subscribe(self, listener: Listener) -> None:
        """Adds `listener` (twice is once). To a closed hub: it is told the end at once."""
        if self.closed:
            listener.on_end()
            return
        first = not self._listeners
        self._listeners[listener] = None
        if first and self._on_interest:
            self._on_interest(self, True)

    def unsubscribe(self, listener: Listener) -> None:
        """Takes `listener` out; one that is not there is no mistake."""
        if listener not in self._listeners:
            return
        del self._listeners[listener]
        if not self._listeners and not self.closed and self._on_interest:
            self._on_interest(self, False)

    def _tell(self, call: Callable[[Listener], None]) -> None:
        for listener in tuple(self._listeners):
            try:
                call(listener)
            except Exception as error:  # noqa: BLE001  as in publish
                self.fail(listener, error)

    def fail(self, listener: Listener, error: Exception) -> None:
        """Throws `listener` out because it raised `error`. For itself to call when that was not in a call from here."""
        self._failed += 1
        self.unsubscribe(listener)
        if self._on_failure:
            self._on_failure(listener, error)

    def stats(self) -> HubStats:
        return HubStats(
            self.name, len(self._listeners), self.generation, len(self.init), self._failed, self.ring.stats()
        )
