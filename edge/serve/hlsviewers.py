"""What can be said of HLS viewers, who only send requests: about how many there are, and who is new. Of fixed size."""

from __future__ import annotations

_SLOTS = 5
_KNOWN = 1024
_KNOWN_SECONDS = 30.0


class RequestRate:
    """Requests per period, over the last five periods. Of fixed size."""

    def __init__(self) -> None:
        self._counts = [0] * (_SLOTS + 1)  # the last one is under way
        self._slot = 0

    def add(self, now: float, period: float) -> None:
        self._turn(now, period)
        self._counts[-1] += 1

    def _turn(self, now: float, period: float) -> None:
        slot = int(now / period)
        for _ in range(min(max(0, slot - self._slot), len(self._counts))):
            self._counts = [*self._counts[1:], 0]
        self._slot = slot

    def per_period(self, now: float, period: float) -> int:
        """Rounded to the nearest, but never 0 for one who asks."""
        self._turn(now, period)
        total = sum(self._counts)
        return max(1, round(total / (_SLOTS + now / period % 1))) if total else 0


class Regulars:
    """Who asked in the last half minute, or minute: at most 2 x 1024, whoever is above is new each time."""

    def __init__(self) -> None:
        self._now: set[int] = set()
        self._before: set[int] = set()
        self._turned = 0.0

    def knows(self, who: int, now: float) -> bool:
        self._turn(now)
        if who in self._before:
            self.add(who, now)
            return True
        return who in self._now

    def add(self, who: int, now: float) -> None:
        self._turn(now)
        if len(self._now) < _KNOWN:
            self._now.add(who)

    def _turn(self, now: float) -> None:
        if now - self._turned >= _KNOWN_SECONDS:
            self._before = self._now if now - self._turned < 2 * _KNOWN_SECONDS else set()
            self._now = set()
            self._turned = now
