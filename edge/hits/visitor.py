"""Which hits belong to one visit. The only part that sees visit keys: what it hands on tells no visit from another."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from struct import Struct

import msgspec

from edge.hits.hit import Flags, Hit
from edge.hits.uniques import place

WINDOW = 1800  # seconds without a hit that end a visit (Matomo's visit_standard_length)
_GRACE = 2  # seconds more: arrivals are kept as whole ones
_QUARTER = 900  # seconds; in all zones of today midnight lies between two quarters of an hour of UTC
_VISIT = Struct("<QIIIHHB")  # names seen, first and last hit's second, arrival of the latest, quarter, campaign, pages
_END = 2**32  # Unix second; hits from before 1970 or after 2106 (a clock that is wrong) have no visits
_NOTHING = Flags(first=0)
_ALIKE = tuple(Flags(first=new) for new in range(16))


class VisitorStats(msgspec.Struct, frozen=True):
    """Visits of all sites."""

    under_way: int
    begun: int  # since the start
    evicted: int  # forgotten too early, because there was no room: a visitor who goes on is counted as a new visit


class Visitors:
    """Visits by their keys, at most `max_visits`; when they are full, the one that was quiet for longest goes.

    A visit reaches from half an hour before its earliest hit to half an hour after its latest, by the hits' own times,
    which may come late and in any order. Half an hour after the last arrival nothing of it is left.
    """

    def __init__(self, max_visits: int) -> None:
        self._max = max_visits
        self._visits: dict[bytes, bytes] = {}  # in the order of their latest arrivals
        self._oldest: list[tuple[bytes, bytes]] = []  # some of them, the oldest last; those that changed since are void
        self._sweep_at = float("-inf")
        self._begun = self._evicted = 0

    def see(self, hit: Hit, keys: tuple[bytes, bytes | None], now: float, new_visit: bool = False) -> Flags:
        """What the hit changes. `keys`: today's and, while it is of use, yesterday's. `new_visit`: the client says so.

        `now` is the monotonic second of arrival: a clock that is set neither lengthens nor shortens what is remembered.
        """
        if now >= self._sweep_at:
            self.sweep(now)
        kind = hit.kind
        if kind == "bot" or not 0 <= hit.at < _END:
            return _NOTHING
        key, before = keys
        found = self._visits.pop(key, None)
        if found is None and before is not None:
            found = self._visits.pop(before, None)
        if kind == "ping":
            return _NOTHING if found is None else self._extend(hit.at, key, found, now)
        if found is None or new_visit:
            return self._begin(hit, key, now)
        return self._go_on(hit, key, found, now)

    def _begin(self, hit: Hit, key: bytes, now: float) -> Flags:
        if len(self._visits) >= self._max:
            self._evict()
        self._begun += 1
        at, page = hit.at, hit.kind == "pageview"
        names, campaign = _names(hit, 0)[0], _campaign(hit)
        self._visits[key] = _VISIT.pack(names, at, at, int(now), at // _QUARTER & 0xFFFF, campaign, page)
        return Flags(True, int(page), 0, place(key))

    def _go_on(self, hit: Hit, key: bytes, found: bytes, now: float) -> Flags:
        names, first, last, _, quarter, campaign, pages = _VISIT.unpack(found)
        at = hit.at
        if not first - WINDOW <= at <= last + WINDOW or (hit.campaign and _campaign(hit) != campaign):
            return self._begin(hit, key, now)
        bounce = 0
        if pages < 2 and hit.kind == "pageview":
            bounce = -1 if pages else 1
            pages += 1
        names, new = _names(hit, names)
        unique = None
        if at // _QUARTER & 0xFFFF != quarter:  # it may be another day; registers do not mind to hear of a key again
            quarter, unique = at // _QUARTER & 0xFFFF, place(key)
        seconds, first, last = _lengthen(at, first, last)
        self._visits[key] = _VISIT.pack(names, first, last, int(now), quarter, campaign, pages)
        if not seconds and not bounce and unique is None:
            return _ALIKE[new]
        return Flags(False, bounce, seconds, unique, new)

    def _extend(self, at: int, key: bytes, found: bytes, now: float) -> Flags:
        """A ping is no action and begins no visit: it says that one goes on."""
        names, first, last, _, *others = _VISIT.unpack(found)
        seconds = 0
        if first - WINDOW <= at <= last + WINDOW:
            seconds, first, last = _lengthen(at, first, last)
        self._visits[key] = _VISIT.pack(names, first, last, int(now), *others)
        return Flags(seconds=seconds, first=0)

    def sweep(self, now: float) -> None:
        """Forgets the visits that are over at monotonic second `now`. `see` does it once a second; without hits a timer
        has to."""
        self._sweep_at = now + 1.0
        over = now - (WINDOW + _GRACE)
        while entry := self._next():
            if _VISIT.unpack(entry[1])[3] > over:
                self._oldest.append(entry)
                return
            del self._visits[entry[0]]
        self._visits.clear()  # gives the table back, and with it the hashes of the keys

    def forget(self, keys: Iterable[bytes]) -> None:
        """Visits whose first hit came to nothing."""
        for key in keys:
            self._visits.pop(key, None)

    def _evict(self) -> None:
        if entry := self._next():
            del self._visits[entry[0]]
            self._evicted += 1

    def _next(self) -> tuple[bytes, bytes] | None:
        """The visit that is quiet for longest. Taken some at a time: a dict's first entry is found only past the holes
        that those before it left."""
        visits = self._visits
        while True:
            if not self._oldest:
                if not visits:
                    return None
                self._oldest = list(islice(visits.items(), max(64, len(visits) >> 6)))[::-1]
            entry = self._oldest.pop()
            if visits.get(entry[0]) is entry[1]:
                return entry

    def stats(self) -> VisitorStats:
        return VisitorStats(len(self._visits), self._begun, self._evicted)


def _campaign(hit: Hit) -> int:
    """16 bits of it, 0 if there is none: one of 65535 changes of campaign goes unseen."""
    return hash(hit.campaign) % 65_535 + 1 if hit.campaign else 0


def _lengthen(at: int, first: int, last: int) -> tuple[int, int, int]:
    """Seconds added by a hit at `at`, and the visit's first and last."""
    if at > last:
        return at - last, first, at
    if at < first:
        return first - at, at, last
    return 0, first, last


def _names(hit: Hit, seen: int) -> tuple[int, int]:
    """`seen` with the hit's page, title, campaign, event or download in it, and which of them it did not hold yet.

    A Bloom filter of 64 bits, two a name: of the visit's 6th name it takes 2 % for a known one, of the 11th 7 %, of the
    21st 22 %, so that the names of long visits are counted as seen by a few visits less than they were. A page and its
    title are seen by a page view only; empty words are new ones.
    """
    new = 0b1111
    if hit.kind == "pageview":
        h = hash(hit.page)
        bits = 1 << (h & 63) | 1 << (h >> 6 & 63)
        new ^= seen & bits == bits
        seen |= bits
        if hit.title:
            h = hash(hit.title)
            bits = 1 << (h >> 12 & 63) | 1 << (h >> 18 & 63)
            new ^= (seen & bits == bits) << 1
            seen |= bits
    if hit.campaign:
        h = hash(hit.campaign)
        bits = 1 << (h >> 24 & 63) | 1 << (h >> 30 & 63)
        new ^= (seen & bits == bits) << 2
        seen |= bits
    word = hit.event or hit.download  # a hit is one of them at most
    if word:
        h = hash(word)
        bits = 1 << (h >> 36 & 63) | 1 << (h >> 42 & 63)
        new ^= (seen & bits == bits) << 3
        seen |= bits
    return seen, new
