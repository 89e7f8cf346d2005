"""One random secret per site and day, and the visit key that it makes of what a hit shows of its visitor.

Secrets live in this process's memory and, sealed, in memory that systemd keeps for the next process; never in a file.
As soon as one is no longer needed its bytes are overwritten, and so is, by CPython 3.11 to 3.13, the state of BLAKE2.
Not overwritten: the copy that os.urandom made, which is freed at once; and what the system moved to swap meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from edge.hits.calendar import Calendar
from edge.host import sealed
from edge.host.blake import blake2b

LENGTH = 32  # bytes of a secret
OVERLAP = 1800  # seconds that a secret is kept after its day, so that a visit can cross midnight; and how far the clock
# may be set back over midnight without costing the secret
MAX_SEALED = 65_536  # bytes, all sites together
MOST_KEYS = 1024  # that are remembered, 200 bytes each,
KEYS_SECONDS = 900.0  # and for so long at most: with the half hour of its visit a key is gone
_SITE = 96  # bytes; a site takes less, sealed
_MAGIC = "edge secrets 1"  # rises when the layout changes
_SEARCH = 27 * 3600.0  # seconds; longer than any day


class _Secret:
    """Of the local day `day` (yyyymmdd)."""

    __slots__ = ("_keyed", "day", "raw")

    def __init__(self, day: int, raw: bytearray) -> None:
        self.day, self.raw = day, raw
        self._keyed = blake2b(key=raw, digest_size=8)

    def key(self, message: bytes) -> bytes:
        keyed = self._keyed.copy()  # cheaper than keying anew
        keyed.update(message)
        return keyed.digest()

    def wipe(self) -> None:
        """It cannot make keys afterwards: without the secret they could be guessed."""
        self.raw[:] = bytes(LENGTH)
        del self._keyed


class _Site:
    """The secret of its day under way and, for half an hour, that of the day before.

    The fields from `low` to `check` are the Unix seconds between which nothing is to be done.
    """

    __slots__ = ("calendar", "check", "current", "low", "old", "restarted", "since", "until")

    def __init__(self, calendar: Calendar, now: float) -> None:
        self.calendar = calendar
        self.old: _Secret | None = None
        self.restarted = True  # what the day was before, this process does not know
        self._begin(now)

    def _begin(self, now: float) -> None:
        self.since, self.until = _day(self.calendar, now)
        self.current = _Secret(self.calendar.day(now), bytearray(os.urandom(LENGTH)))
        self._watch()

    def _watch(self) -> None:
        self.low = self.since - OVERLAP
        self.check = min(self.since + OVERLAP, self.until) if self.old else self.until

    def turn(self, now: float) -> bool:
        """Does what is due at `now`; whether anything was."""
        if self.low <= now < self.check:
            return False
        if not self.low <= now < self.until:
            self._replace(now)
        elif self.old:
            self.old.wipe()
            self.old = None
        self._watch()
        return True

    def _replace(self, now: float) -> None:
        """The day is over; or the clock was set back into an earlier one, whose secret is gone."""
        if self.old:
            self.old.wipe()
            self.old = None
        if self.until <= now < self.until + OVERLAP:
            self.old = self.current
        else:
            self.current.wipe()
        self.restarted = now < self.until
        self._begin(now)

    def restore(self, kept: _Kept, now: float) -> bool:
        """Takes what is still of use of another process's secrets; whether that process knew this day."""
        before = self.calendar.day(self.since - 1)
        if kept.day == self.current.day:
            self.current.wipe()
            self.current, self.restarted = _Secret(kept.day, kept.raw), kept.restarted
            self._restore_old(before, kept.old_day, kept.old, now)
        elif kept.day < self.current.day:  # that process ended before this day began: nothing of it is lost
            self.restarted = False
            self._restore_old(before, kept.day, kept.raw, now)
        else:
            return False
        return True

    def _restore_old(self, before: int, day: int, raw: bytearray, now: float) -> None:
        if day == before and len(raw) == LENGTH and now < self.since + OVERLAP:
            self.old = _Secret(day, raw)
            self._watch()

    def uses(self, raw: bytearray) -> bool:
        return raw is self.current.raw or (self.old is not None and raw is self.old.raw)

    def wipe(self) -> None:
        self.current.wipe()
        if self.old:
            self.old.wipe()


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """A site's secrets as they are sealed."""

    site: int
    day: int
    restarted: bool
    raw: bytearray
    old_day: int = 0  # 0: there is no secret of the day before
    old: bytearray = msgspec.field(default_factory=bytearray)


class _Sealed(msgspec.Struct, array_like=True, frozen=True):
    magic: str
    sites: list[_Kept]


class Secrets:
    """Of all sites, by their numbers. `now` is the wall clock's Unix second everywhere: midnight is a matter of it.

    A secret serves until the site's next midnight, and once more as long as the clock is set back meanwhile.
    """

    def __init__(self, calendars: Mapping[int, Calendar], now: float) -> None:
        self._sites = {site: _Site(calendar, now) for site, calendar in calendars.items()}
        self.revision = 0  # another one: what was sealed is out of date
        # Keys made lately, by the hash of what they are made of: no address, agent or language is held.
        self._keys: dict[int, tuple[bytes, bytes | None]] = {}
        self._keys_since = now

    def key(self, site: int, network: bytes, agent: str, languages: str, now: float) -> tuple[bytes, bytes | None]:
        """The 8-byte visit key of today and, for half an hour after midnight, that of yesterday.

        `network` is a masked address, `agent` and `languages` the whole headers. KeyError: nobody configured the site.
        """
        of = self._sites[site]
        if not of.low <= now < of.check and of.turn(now):
            self._turned()
        known = self._keys.get(asked := hash((site, network, agent, languages)))
        if known is not None:
            return known
        # The lengths make it one to one: no two visitors have the same message.
        head = f"{site},{len(network)},{len(agent)},{agent}{languages}"
        message = head.encode("utf-8", "surrogatepass") + network
        if len(self._keys) >= MOST_KEYS:
            self._keys.clear()
        keys = self._keys[asked] = of.current.key(message), of.old.key(message) if of.old else None
        return keys

    def _turned(self) -> None:
        self.revision += 1
        self._keys.clear()

    def turn(self, now: float) -> None:
        """Replaces and wipes what is due; once a minute, for sites that nobody visits."""
        for of in self._sites.values():
            if of.turn(now):
                self._turned()
        if not 0 <= now - self._keys_since < KEYS_SECONDS:
            self._keys_since = now
            self._keys.clear()

    def restarted(self, site: int) -> bool:
        """Whether the site's day under way may have had another secret before: then it may count visitors twice."""
        return self._sites[site].restarted

    def unbroken(self, site: int) -> None:
        """Nothing was counted on the site's day under way before this process: it has had one secret only."""
        self._sites[site].restarted = False
        self.revision += 1

    def seal(self) -> int | None:
        """The descriptor of a sealed memfd for the process that comes next, or None where there is no such thing."""
        data = bytearray(_SITE * (len(self._sites) + 1))  # large enough: growing would leave copies behind
        whole = _Sealed(_MAGIC, [_keep(site, of) for site, of in self._sites.items()])
        msgspec.msgpack.Encoder().encode_into(whole, data)
        try:
            return sealed.seal(data) if len(data) <= MAX_SEALED else None
        finally:
            data[:] = bytes(len(data))

    def unseal(self, descriptor: int, now: float) -> int:
        """Takes what `seal` of an earlier process kept; the number of sites whose day goes on, or began without it.

        Anything odd is as if there were nothing. To be called before the first key; the descriptor stays open.
        """
        data = sealed.unseal(descriptor, MAX_SEALED)
        if data is None:
            return 0
        try:
            whole = msgspec.msgpack.decode(data, type=_Sealed)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return 0
        finally:
            data[:] = bytes(len(data))
        if whole.magic != _MAGIC:
            return 0
        self._turned()
        return sum(self._restore(kept, now) for kept in whole.sites)

    def _restore(self, kept: _Kept, now: float) -> bool:
        of = self._sites.get(kept.site)
        known = of is not None and len(kept.raw) == LENGTH and of.restore(kept, now)
        for raw in (kept.raw, kept.old):
            if of is None or not of.uses(raw):
                raw[:] = bytes(len(raw))
        return known

    def wipe(self) -> None:
        """At the end of the process. No key can be made afterwards."""
        for of in self._sites.values():
            of.wipe()
        self._sites.clear()
        self._keys.clear()


def _keep(site: int, of: _Site) -> _Kept:
    old = of.old
    if old is None:
        return _Kept(site, of.current.day, of.restarted, of.current.raw)
    return _Kept(site, of.current.day, of.restarted, of.current.raw, old.day, old.raw)


def _day(calendar: Calendar, now: float) -> tuple[float, float]:
    """The midnights before and after `now`."""
    since = calendar.next_midnight(now - _SEARCH)
    until = calendar.next_midnight(now)
    while since < until and (later := calendar.next_midnight(since)) <= now:
        since = later
    return min(since, now), until
