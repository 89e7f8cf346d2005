"""The bounded store of recent muxed chunks, and a viewer's place in it.

```
        tail                key            key    head
          |                  |              |      |
  gone <- [c][c][c][c][c][c][K][c][c][c][c][K][c][c]   <- append
                      ^ cursor
```

Memory does not depend on the number of viewers: each holds a number. Used on the loop only.
"""

from __future__ import annotations

from collections import deque

import msgspec

from edge.flow.bounds import Bounds
from edge.flow.budget import Budget, Draw

__all__ = ["OVERHEAD", "Bounds", "Chunk", "Cursor", "Ring", "RingStats"]

# What one chunk costs beside its payload (bytes object, Chunk, float, two deque slots). Charged, so that a flood of
# tiny chunks stays within the bound too.
OVERHEAD = 128


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Muxed bytes that belong together. `key`: a newcomer can start here. `time`: media seconds of its first packet."""

    data: bytes
    key: bool
    time: float = 0.0


class RingStats(msgspec.Struct, frozen=True):
    """`bytes` counts payload and overhead, what `max_bytes` (`Bounds.most`) bounds."""

    chunks: int
    bytes: int
    max_bytes: int
    appended: int
    appended_bytes: int
    keyframes: int


class Ring:
    """Recent chunks of one container. The oldest go as `bounds` say; the newest always stays."""

    __slots__ = ("_bounds", "_bytes", "_chunks", "_draw", "_keys", "_run", "_run_key", "appended_bytes", "head", "tail")

    def __init__(self, bounds: Bounds, draw: Draw | None = None) -> None:
        self._bounds = bounds
        self._draw = draw or Budget().draw("rings")
        self._chunks: deque[Chunk] = deque()
        self._keys: deque[int] = deque()
        self._bytes = 0
        self.appended_bytes = 0
        self._run_key = (-1, 0)
        self._run: tuple[tuple[bytes, ...], int, int] = ((), 0, 0)
        self.head = 0
        self.tail = 0

    @property
    def held(self) -> int:
        """What is held now: payload and overhead."""
        return self._bytes

    @property
    def bounds(self) -> Bounds:
        return self._bounds

    def bound(self, bounds: Bounds) -> None:
        """Other bounds, in force at once."""
        if bounds != self._bounds:
            self._bounds = bounds
            self._trim()

    def draw_on(self, draw: Draw) -> None:
        """What is held counts there from now on."""
        self._draw.close()
        self._draw = draw
        draw.set(self._bytes)

    def append(self, chunk: Chunk) -> None:
        """Keeps `chunk` (an empty one is nothing) and lets the oldest go as far as the bounds allow."""
        size = len(chunk.data)
        if not size:
            return
        if chunk.key:
            self._keys.append(self.head)
        self._chunks.append(chunk)
        self.head += 1
        self._bytes += size + OVERHEAD
        self.appended_bytes += size
        self._trim()

    def _trim(self) -> None:
        self._run_key = (-1, 0)
        while self.head - self.tail > 1 and self._spare():
            self._drop()
        self._draw.set(self._bytes)

    def _spare(self) -> bool:
        """Whether the oldest of at least two chunks may go."""
        bounds, keys = self._bounds, self._keys
        if not bounds.least < self._bytes <= bounds.most:
            return self._bytes > bounds.most
        if keys and keys[0] == self.tail and len(keys) <= bounds.keys:
            return False
        # Would the rest still be long enough? Time that stepped back is another stream's; where no chunk bears a time,
        # it is never long enough.
        rest = self._chunks[-1].time - self._chunks[1].time
        return self._bytes > bounds.usual or not 0 <= rest < bounds.seconds

    def _drop(self) -> None:
        self._bytes -= len(self._chunks.popleft().data) + OVERHEAD
        if self._keys and self._keys[0] == self.tail:
            self._keys.popleft()
        self.tail += 1

    def key_within(self, seconds: float) -> int | None:
        """Sequence number of the oldest keyframe kept that is at most `seconds` of media before the newest chunk."""
        for seq in self._keys:
            if self._chunks[-1].time - self._chunks[seq - self.tail].time <= seconds:
                return seq
        return None

    def last_key(self) -> int | None:
        """Sequence number of the newest keyframe kept."""
        return self._keys[-1] if self._keys else None

    def chunks(self, seq: int) -> list[Chunk]:
        """Everything from `seq` on. IndexError when `seq` is no longer, or not yet, here."""
        self._check(seq)
        return [self._chunks[i] for i in range(seq - self.tail, len(self._chunks))]

    def read(self, seq: int, max_bytes: int) -> tuple[tuple[bytes, ...], int]:
        """Payloads from `seq`, at most `max_bytes` but at least one if there is any; and the next number."""
        return self.run(seq, max_bytes)[:2]

    def run(self, seq: int, max_bytes: int) -> tuple[tuple[bytes, ...], int, int]:
        """As `read`, with the bytes in all. Made once for all the viewers that stand at the same place."""
        if self._run_key != (seq, max_bytes):
            self._run = self._make_run(seq, max_bytes)
            self._run_key = (seq, max_bytes)
        return self._run

    def _make_run(self, seq: int, max_bytes: int) -> tuple[tuple[bytes, ...], int, int]:
        self._check(seq)
        found: list[bytes] = []
        size = 0
        for i in range(seq - self.tail, len(self._chunks)):
            data = self._chunks[i].data
            if found and size + len(data) > max_bytes:
                break
            found.append(data)
            size += len(data)
        return tuple(found), seq + len(found), size

    def _check(self, seq: int) -> None:
        if not self.tail <= seq <= self.head:
            raise IndexError(f"expected a number from {self.tail} to {self.head}, got {seq}")

    def span(self) -> tuple[float, int]:
        """Media seconds from the oldest chunk kept to the newest, and the payload's bits before the newest."""
        if not self._chunks:
            return 0.0, 0
        first, last = self._chunks[0], self._chunks[-1]
        payload = self._bytes - OVERHEAD * len(self._chunks) - len(last.data)
        return max(0.0, last.time - first.time), payload * 8

    def clear(self) -> None:
        """Forgets every chunk; the numbers go on."""
        self._chunks.clear()
        self._keys.clear()
        self._bytes = 0
        self._run_key = (-1, 0)
        self._run = ((), 0, 0)
        self.tail = self.head
        self._draw.set(0)

    def close(self) -> None:
        """Nothing comes any more, and nothing is held."""
        self.clear()
        self._draw.close()

    def stats(self) -> RingStats:
        return RingStats(
            len(self._chunks), self._bytes, self._bounds.most, self.head, self.appended_bytes, len(self._keys)
        )


_WAITING = -1  # below every tail


class Cursor:
    """A viewer's place: at the last keyframe to begin with, or waiting for the next.

    One that fell out of the ring goes on at the newest keyframe kept (counted in `skipped`), not the oldest: it was too
    slow, and from the oldest it would fall out again.
    """

    __slots__ = ("_ring", "_seq", "skipped", "taken")

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._seq = _WAITING
        self.skipped = 0
        self.taken = 0  # bytes

    def take(self, max_bytes: int) -> tuple[bytes, ...]:
        """The next payloads, at most `max_bytes` but at least one; empty: nothing yet."""
        ring = self._ring
        if self._seq < ring.tail and not self._seek():
            return ()
        if self._seq == ring.head:
            return ()
        chunks, self._seq, size = ring.run(self._seq, max_bytes)
        self.taken += size
        return chunks

    def _seek(self) -> bool:
        if self._seq != _WAITING:
            self.skipped += 1
        key = self._ring.last_key()
        self._seq = _WAITING if key is None else key
        return key is not None

    def resync(self) -> None:
        """Waits for a keyframe, without counting. For a ring that was just cleared: the format changed."""
        self._seq = _WAITING
