"""Ties the parts together, for one request at a time: who sent it, is it counted, what of it is kept, as which visit.

The whole address reaches `admit` and `mask` alone. What is raw ends with the call; what is kept goes to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeAlias, get_args

import msgspec

from edge.clock import Clock
from edge.errors import OverloadError, StoreError
from edge.hits.admit import Admit, Client
from edge.hits.endpoint import Refusing, Sorted
from edge.hits.hit import Counted, Dropped, Excluded, Kind
from edge.hits.mask import mask
from edge.hits.rollup import Item
from edge.hits.scrub import Scrubber
from edge.hits.secrets import Secrets
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.shapes import Shape
from edge.hits.timing import Refusal, Refused, refused, when
from edge.hits.visitor import Visitors, VisitorStats

Fields: TypeAlias = Mapping[str, str]
_UNKNOWN = Refused("site")


class Keeper(Protocol):
    """`edge.hits.store.Store`, as far as it is needed here."""

    def submit(self, batch: list[Item], done: Callable[[Refusing | None], None]) -> None:
        """OverloadError when too much waits already."""
        ...


class CollectorStats(msgspec.Struct, frozen=True):
    """Counts since the start, by word; those of hits by site too."""

    hits: dict[int, dict[str, int]]
    visits: dict[int, int]
    excluded: dict[str, int]
    rejected: dict[str, int]
    scrubbed: dict[str, int]
    misses: dict[str, int]  # what was not remembered and had to be worked out
    visitors: VisitorStats


class _Counters:
    """Of one site. All words are there from the start, so that a rate of theirs is known from the first one on."""

    __slots__ = ("hits", "visits")

    def __init__(self) -> None:
        self.hits: dict[str, int] = dict.fromkeys(get_args(Kind), 0)
        self.visits = 0


class Collector:
    """See the module. Belongs to the loop."""

    def __init__(  # noqa: PLR0917 - as the composition calls it
        self,
        sites: Sequence[SiteSettings],
        settings: HitsSettings,
        keeper: Keeper,
        secrets: Secrets,
        spam: frozenset[str],
        clock: Clock,
    ) -> None:
        self._sites = {str(site.id): site for site in sites}
        self._country_header = (settings.country_header or "").lower()
        self._keeper = keeper
        self._secrets = secrets
        self._clock = clock
        self._admit = Admit(sites, settings, spam)
        self._scrubber = Scrubber(sites, settings)
        self._visitors = Visitors(settings.max_visits)
        self._begun: list[bytes] = []  # visits that the request at hand begins
        self._counters = {site.id: _Counters() for site in sites}
        self._excluded: dict[str, int] = dict.fromkeys(get_args(Excluded), 0)
        self._rejected: dict[str, int] = dict.fromkeys(get_args(Refusal), 0)

    def sort(
        self, items: list[dict[str, str]], address: str, headers: Fields, allowed: bool, proxied: bool = False
    ) -> Sorted:
        """What becomes of a request's hits; those that are to be kept are then for `keep`, at once. `allowed`: it may
        set address, country and old times. `proxied`: a trusted proxy passed it on, and said the country; past the
        proxy anybody can send that header."""
        country = headers.get(self._country_header, "") if proxied else ""
        client = Client(address, headers.get("user-agent", ""), headers.get("accept-language", ""), headers, country)
        batch: list[Item] = []
        invalid: list[int] = []
        reason = ""
        for index, fields in enumerate(items):
            found = self._take(fields, client, allowed)
            if isinstance(found, tuple):  # asked for first: most are counted, and isinstance is slow to say no
                batch.append(found)
                reason = ""
            elif isinstance(found, Refused):
                self._rejected[found.reason] += 1
                invalid.append(index)
                reason = found.reason
            else:
                batch.append(found)
                reason = found.reason
        return Sorted(batch, invalid, reason)

    def _take(self, fields: dict[str, str], client: Client, allowed: bool) -> Counted | Dropped | Refused:
        site = self._sites.get(fields.get("idsite", ""))
        if site is None:
            return _UNKNOWN
        shape = self._scrubber.shapes.of(site.id, fields)
        if shape.checked and (no := refused(fields, allowed)) is not None:
            return no
        now = self._clock.wall()
        at = int(now)
        if shape.timed:
            then = when(fields, now, allowed, site.keep_days)
            if isinstance(then, Refused):
                return then
            at = then
        if shape.speaking:
            client = _client(fields, client)
        reason = self._admit.reason(site, fields, client, shape.recording)
        if reason is not None:
            self._excluded[reason] += 1
            return Dropped(site.id, at, reason)
        return self._count(site, fields, shape, client, at, now)

    def _count(  # noqa: PLR0917 - a part of `_take`
        self, site: SiteSettings, fields: dict[str, str], shape: Shape, client: Client, at: int, now: float
    ) -> Counted:
        agent, languages = client.agent, client.languages
        country = fields.get("country") or client.country
        robot = shape.acting and "recMode" in fields and self._admit.robot(agent)
        hit = self._scrubber.scrub(site, fields, agent, languages, country, at, robot=robot, shape=shape)
        keys = self._secrets.key(site.id, mask(client.address), agent, languages, now)
        flags = self._visitors.see(hit, keys, self._clock.monotonic(), fields.get("new_visit") == "1")
        counters = self._counters[site.id]
        counters.hits[hit.kind] += 1
        if flags.visit:
            counters.visits += 1
            self._begun.append(keys[0])
        return hit, flags

    def keep(self, batch: list[Item], done: Callable[[Refusing | None], None]) -> None:
        """Keeps what `sort` has just found, then calls `done`. OverloadError, StoreError: it will not be called."""
        begun = self._begun
        if begun:
            self._begun = []
            done = partial(self._settle, done, begun)
        try:
            self._keeper.submit(batch, done)
        except (OverloadError, StoreError):
            self._visitors.forget(begun)
            raise

    def _settle(self, done: Callable[[Refusing | None], None], begun: list[bytes], error: Refusing | None) -> None:
        """A hit that is not kept has begun no visit: the next one of its visitor does."""
        if error is not None:
            self._visitors.forget(begun)
        done(error)

    def tick(self, now: float) -> None:
        """Once a second, at monotonic second `now`: what must end without a hit ends."""
        self._visitors.sweep(now)
        self._admit.tick(now)
        self._scrubber.tick(now)

    def stats(self) -> CollectorStats:
        return CollectorStats(
            {site: dict(counters.hits) for site, counters in self._counters.items()},
            {site: counters.visits for site, counters in self._counters.items()},
            dict(self._excluded),
            dict(self._rejected),
            dict(self._scrubber.scrubbed),
            self._misses(),
            self._visitors.stats(),
        )

    def _misses(self) -> dict[str, int]:
        admitted, scrubbed = self._admit.stats(), self._scrubber.stats()
        return {
            "robot": admitted.agents.made,
            "spam": admitted.referrers.made,
            "page": scrubbed.pages.made,
            "title": scrubbed.titles.made,
            "referrer": scrubbed.referrers.made,
            "agent": scrubbed.agents.made,
            "word": scrubbed.words.made,
            "shape": scrubbed.shapes.made,
        }


def _client(fields: Fields, client: Client) -> Client:
    """As the hit says it is: a server reports for its visitors. `cip` came with a token; the country of who sent it is
    not the visitor's then."""
    agent, languages, address = fields.get("ua"), fields.get("lang"), fields.get("cip")
    if not agent and not languages and not address:
        return client
    country = "" if address else client.country
    return Client(
        address or client.address, agent or client.agent, languages or client.languages, client.headers, country
    )
