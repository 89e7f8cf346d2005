"""What is left of a hit once it is scrubbed. The types that pass between `scrub`, `visitor`, `rollup` and `store`."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal[
    "pageview", "event", "search", "download", "outlink", "goal", "order", "content", "media", "ping", "custom", "bot"
]
Excluded: TypeAlias = Literal[
    "bot", "dnt", "gpc", "optout", "spam", "prefetch", "norec", "network", "foreign_host", "recording"
]
TIMINGS = ("network", "server", "transfer", "dom_processing", "dom_completion", "onload")
DIMENSIONS = (
    "page", "entry", "title", "referrer", "campaign", "country", "language", "device", "browser", "system", "screen",
    "event", "goal", "download", "outlink", "search", "content", "media", "dimension",
)  # fmt: skip


class Hit(msgspec.Struct, frozen=True, gc=False):
    """One action, without a field for an address, an agent, an identifier, or text that nobody allowed.

    An empty word: there was none, or it is not kept.
    """

    site: int
    at: int  # Unix second
    kind: Kind
    page: str = ""  # path, with allowed parameters
    title: str = ""
    referrer: str = ""  # host, or the name of a search engine or network
    campaign: str = ""
    country: str = ""  # ISO 3166-1, two letters
    language: str = ""  # primary subtag
    device: str = ""  # "phone", "tablet", "desktop", "tv", "other"
    browser: str = ""  # name without version
    system: str = ""
    screen: str = ""  # a bucket
    event: str = ""  # "category / action"
    goal: str = ""
    download: str = ""  # path
    outlink: str = ""  # host
    search: str = ""  # "found", "nothing found": never the words
    content: str = ""
    media: str = ""  # "video" or "audio"
    dimensions: tuple[tuple[str, str], ...] = ()  # name and value of the custom dimensions that are allowed
    value: float = 0.0  # of an event; seconds played
    revenue: float = 0.0  # of a goal or an order
    timings: tuple[int, ...] = ()  # milliseconds in the order of TIMINGS, -1: unknown; empty: none came


class Flags(msgspec.Struct, frozen=True, gc=False):
    """What `visitor` knows of a hit's visit. Nothing in it tells one visit from another."""

    visit: bool = False  # it begins a visit
    bounce: int = 0  # +1: the visit's first page view, -1: its second: visits of one page are their sum
    seconds: int = 0  # since the visit's last hit
    unique: tuple[int, int] | None = None  # HyperLogLog register and rank of the day's visitors; None: known already
    first: int = 0b1111  # bit i: the visit's first with this page, title, campaign, event or download


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """A hit that is not counted, for the day's table of what was excluded and why."""

    site: int
    at: int
    reason: Excluded


Counted: TypeAlias = tuple[Hit, Flags]
