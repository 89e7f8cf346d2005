"""What a user can set about the sites whose hits are counted."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

_Words: TypeAlias = tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], ...]
MAX_SITES = 100


class SiteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[site]]`. What is not allowed here is not kept."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    hosts: _Words  # "www.example.org"; "*.example.org" is every host below it. Pages elsewhere are excluded
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""  # shown in reports; the first host without
    timezone: str = "UTC"
    public: bool = False  # whether everybody may see /stats/ID
    query_allow: _Words = ()  # parameters of the page's address that stay in it
    path_rules: _Words = ()  # "/user/*": what stands where a * is, is not kept
    titles: bool = False
    events: _Words | None = None  # categories that are named; None: all of them
    event_names: bool = False  # Matomo's e_n, the third word of an event
    goals: dict[str, str] = {}  # "1" = "Signed up"
    dimensions: dict[str, str] = {}  # "1" = "Subscription": custom dimensions that are kept
    min_visits: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1  # a path is named once so many visits had it that day
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 760
    keep_hours: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 62  # days that are kept by the hour
    dnt: bool = True  # whether DNT: 1 is honoured
    gpc: bool = True  # whether Sec-GPC: 1 is honoured


class HitsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[hits]`: what is the same for all sites."""

    durability: Literal["power", "process"] = "power"  # what an acknowledged hit outlives
    exclude_networks: tuple[str, ...] = ()
    spam_file: str | None = None  # a referrer's host a line
    country_header: str | None = None  # set by a trusted proxy, such as "CF-IPCountry"
    max_visits: Annotated[int, msgspec.Meta(ge=100, le=10_000_000)] = 20_000  # visits under way that are remembered
