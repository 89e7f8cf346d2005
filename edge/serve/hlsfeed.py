"""The live playlist of one channel: follows its TS hub while somebody asks, and holds what is served."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

import msgspec

from edge.clock import Clock
from edge.flow.budget import Budget, Draw
from edge.flow.hub import Hub
from edge.flow.live import BACKLOG, Live, LiveStats, Numbers
from edge.flow.playlist import render
from edge.flow.stats import Tally
from edge.flow.window import MAX_BYTES, Segment
from edge.serve.hlsviewers import AWAY, Present
from edge.serve.viewer import Later, call_later

LINGER = 60.0  # seconds without a request after which the hub is left
PATIENCE = 10.0  # seconds that a first request waits for the first segment
MAX_WAITERS = 64
LISTED, FEWEST = 6, 3  # segments; the fewest where memory is short (R10 asks for three target durations besides)


class Playlist(msgspec.Struct, frozen=True):
    """One version, rendered once. `tag` names it; every version adds a segment, so the next number does."""

    text: bytes
    packed: bytes
    tag: str


class HlsFeedStats(msgspec.Struct, frozen=True):
    """`viewers` asked a moment ago; `forgotten` were more than are kept in mind; `turned_away` more than may wait.

    `gaps` were listed while the source was away. `dropped` by reason: chunks before a keyframe, pieces too `short`,
    segments too `early` for slow players or though the playlist is `starved`, batches `lost` as larger than the ring.
    Both since the start, over all playlists.
    """

    viewers: int
    forgotten: int
    waiters: int
    turned_away: int
    gaps: int
    dropped: dict[str, int]
    live: LiveStats | None


class HlsFeed:
    """A listener of `hub` from the first request to `LINGER` seconds after the last. `tick(now)` is due every second;
    what cannot wait so long (R11) has a timer."""

    def __init__(
        self,
        hub: Hub,
        clock: Clock,
        *,
        copy: bool,
        floor: Numbers | None = None,
        later: Later = call_later,
        draw: Draw | None = None,
    ) -> None:
        self._present = Present()
        self._draw = draw or Budget().draw("playlists")
        self._max_bytes, self._listed = MAX_BYTES, LISTED
        self._hub = hub
        self._clock = clock
        self._born = clock.monotonic()
        self._copy = copy
        self._later = later
        self._numbers = floor or Numbers()
        self._target: int | None = None
        self._live: Live | None = None
        self._seq = 0
        self._asked = float("-inf")
        self._shown: tuple[int, Playlist] | None = None
        self._ready = asyncio.Event()
        self._waiters = 0
        self._turned_away = 0
        self._dropped = Tally()
        self._gaps = 0
        self._armed = False

    # What requests want.

    def playlist(self) -> Playlist | None:
        """The playlist of now; None: there is no segment yet. Asking is what keeps the hub followed."""
        now = self._clock.monotonic()
        self._asked = now
        if self._live is None:
            self._follow(now)
        live = self._live
        if live is None or not live.ready:
            return None
        if self._shown is None or self._shown[0] != live.version:
            self._shown = (live.version, self._render(live))
        return self._shown[1]

    def _render(self, live: Live) -> Playlist:
        if live.window is None:
            raise ValueError("expected a playlist with segments")
        text = render(live.window, independent=not self._copy)
        packer = zlib.compressobj(level=5, wbits=31)
        return Playlist(text, packer.compress(text) + packer.flush(), str(live.window.next_msn))

    async def first(self) -> Playlist | None:
        """Waits for the first segment, at most `PATIENCE` seconds; None: it did not come, or too many wait already."""
        if self._waiters >= MAX_WAITERS:
            self._turned_away += 1
            return None
        self._waiters += 1
        try:
            await asyncio.wait_for(self._ready.wait(), PATIENCE)
        except TimeoutError:
            return None
        finally:
            self._waiters -= 1
        return self.playlist()

    def greet(self, who: int) -> bool:
        """Whether `who` is a viewer already: let in, and asking since."""
        return self._present.greet(who, self._clock.monotonic(), self._away)

    def let_in(self, who: int) -> None:
        self._present.add(who, self._clock.monotonic())

    @property
    def _away(self) -> float:
        """Long target durations (copy mode) make players ask seldom."""
        target = self._live.target_duration if self._live else None
        return max(AWAY, 3.0 * (target or 0))

    def segment(self, msn: int) -> Segment | None:
        """The segment while it can be fetched."""
        window = self._live.window if self._live else None
        return window.get(msn) if window else None

    # From the first request to the last.

    def _follow(self, now: float) -> None:
        if self._hub.closed:
            return
        start = self._hub.ring.key_within(BACKLOG)
        self._seq = self._hub.ring.head if start is None else start
        self._live = Live(
            now,
            self._clock.wall(),
            age=now - self._born,
            copy=self._copy,
            size=self._listed,
            max_bytes=self._max_bytes,
            floor=self._numbers,
            target_duration=self._target,
        )
        self._hub.subscribe(self)
        self.on_data()

    def _leave(self) -> None:
        """The playlist after this one goes on above its numbers, with its target duration."""
        self._hub.unsubscribe(self)
        if self._live:
            self._numbers, self._target = self._live.next_numbers, self._live.target_duration
            stats = self._live.stats()
            self._gaps += stats.gaps
            for reason, count in _dropped(stats).items():
                self._dropped.add(reason, count)
        self._live = self._shown = None
        self._draw.set(0)
        self._ready.clear()

    def bound(self, max_bytes: int, *, tight: bool) -> None:
        """What the playlist may hold from its next segment on; `tight`: it lists as few as players bear."""
        self._max_bytes, self._listed = max_bytes, FEWEST if tight else LISTED
        if self._live:
            self._live.bound(self._max_bytes, self._listed)

    @property
    def numbers(self) -> Numbers:
        """What a playlist after a restart must at least begin with."""
        return self._live.next_numbers if self._live else self._numbers

    def tick(self, now: float) -> None:
        if self._live is None:
            return
        if now - self._asked >= LINGER:
            self._leave()
            return
        self._try(lambda live: live.tick(now))

    def _try(self, work: Callable[[Live], None]) -> None:
        """A playlist with which something is wrong is given up, counted and told by the hub; the next request begins
        another. Left alone it would be shown as it is for ever."""
        if self._live is None:
            return
        try:
            work(self._live)
            self._changed()
        except Exception as error:  # noqa: BLE001  whatever it is
            self._leave()
            self._hub.fail(self, error)

    def _changed(self) -> None:
        if self._live is None:
            return
        self._draw.set(max(0, self._live.held - self._hub.ring.held))  # the ring's bytes are the playlist's newest
        if self._live.ready:
            self._ready.set()
        due = self._live.due
        if not self._armed and due < float("inf"):
            self._armed = True
            self._later(max(0.0, due - self._clock.monotonic()), self._timer)

    def _timer(self) -> None:
        """At `due` as it was; it is later by now, as a rule, and the timer set again."""
        self._armed = False
        self.tick(self._clock.monotonic())

    # What the hub tells.

    def on_data(self) -> None:
        self._try(self._take)

    def _take(self, live: Live) -> None:
        ring, now = self._hub.ring, self._clock.monotonic()
        if self._seq < ring.tail:  # one batch larger than the ring
            self._dropped.add("lost")
            self._seq = ring.tail
            live.part(now)
        for chunk in ring.chunks(self._seq):
            live.append(chunk, now)
        self._seq = ring.head

    def on_reset(self) -> None:
        self._seq = self._hub.ring.head
        now = self._clock.monotonic()
        self._try(lambda live: live.part(now))

    def on_gap(self) -> None:
        """The playlist's own clock decides (R11): a stall that ends in time is none to a player."""

    def on_discontinuity(self) -> None:
        self._try(lambda live: live.discontinuity())

    def on_end(self) -> None:
        self._leave()
        self._ready.set()  # for nobody to wait in vain

    # What is asked.

    def viewers(self, now: float) -> int:
        """How many players follow the playlist."""
        return self._present.count(now, self._away)

    def rate(self) -> float:
        """Bits per second of the media, 0: unknown."""
        seconds, bits = self._hub.ring.span()
        return bits / seconds if self._live and seconds > 1 else 0.0

    def stats(self) -> HlsFeedStats:
        live = self._live.stats() if self._live else None
        dropped = self._dropped.snapshot()
        for reason, count in (_dropped(live) if live else {}).items():
            dropped[reason] = dropped.get(reason, 0) + count
        return HlsFeedStats(
            viewers=self.viewers(self._clock.monotonic()),
            forgotten=self._present.forgotten,
            waiters=self._waiters,
            turned_away=self._turned_away,
            gaps=self._gaps + (live.gaps if live else 0),
            dropped=dropped,
            live=live,
        )


def _dropped(stats: LiveStats) -> dict[str, int]:
    """Only what there is: most channels never drop, and need no series that says so."""
    found = {"chunks": stats.dropped, "short": stats.short}
    if stats.window:
        found |= {"early": stats.window.early, "starved": stats.window.starved}
    return {reason: count for reason, count in found.items() if count}
