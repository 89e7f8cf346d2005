"""Who the HLS viewers of a channel are: they hold no connection, so one is who asked a moment ago."""

from __future__ import annotations

AWAY = 15.0  # seconds without a request after which a player has left; it asks once a target duration or oftener
_AGENTS = 16
MOST = 4096


def identity(address: str, agent: str) -> int:
    """A viewer is told from others by address and player. One address is at most 16, whatever it calls its players."""
    return hash((address, hash(agent) % _AGENTS))


class Present:
    """Those let in who have asked in the last `away` seconds; in the order in which they last did.

    At most `MOST`; who has not asked for longest is forgotten first, counted, and is a newcomer the next time.
    """

    def __init__(self) -> None:
        self._seen: dict[int, float] = {}
        self.forgotten = 0

    def greet(self, who: int, now: float, away: float) -> bool:
        """Notes that `who` has asked. False: not one of them; see `add`."""
        self._expire(now - away)
        if self._seen.pop(who, None) is None:
            return False
        self._seen[who] = now
        return True

    def add(self, who: int, now: float) -> None:
        """`who` is let in."""
        self._seen.pop(who, None)
        if len(self._seen) >= MOST:
            del self._seen[next(iter(self._seen))]
            self.forgotten += 1
        self._seen[who] = now

    def count(self, now: float, away: float) -> int:
        self._expire(now - away)
        return len(self._seen)

    def _expire(self, before: float) -> None:
        gone = []
        for who, seen in self._seen.items():
            if seen > before:
                break
            gone.append(who)
        for who in gone:
            del self._seen[who]
