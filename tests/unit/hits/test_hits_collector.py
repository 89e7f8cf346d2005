"""What becomes of a request's hits, from raw fields to what the store is given."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from edge.clock import ManualClock
from edge.errors import OverloadError, StoreError
from edge.hits.calendar import Calendar
from edge.hits.collector import Collector
from edge.hits.hit import Dropped, Flags, Hit
from edge.hits.secrets import Secrets
from edge.hits.settings import HitsSettings, SiteSettings

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
HEADERS = {"user-agent": AGENT, "accept-language": "fr-FR,fr;q=0.9"}
SITES = (SiteSettings(1, ("www.example.org",)), SiteSettings(2, ("other.example",)))
NOON = 1_700_049_600.0


class Kept:
    """Keeps in a list; `fails`: the disk refuses; `full`: too much waits."""

    def __init__(self) -> None:
        self.batches: list[list] = []
        self.error: StoreError | None = None
        self.full = False

    def submit(self, batch: list, done: Callable[[StoreError | None], None]) -> None:
        if self.full:
            raise OverloadError("full")
        self.batches.append(batch)
        done(self.error)


@pytest.fixture(name="kept")
def _kept() -> Kept:
    return Kept()


@pytest.fixture(name="clock")
def _clock() -> ManualClock:
    return ManualClock(wall=NOON)


@pytest.fixture(name="collector")
def _collector(kept: Kept, clock: ManualClock) -> Collector:
    secrets = Secrets({site.id: Calendar() for site in SITES}, clock.wall())
    settings = HitsSettings(country_header="CF-IPCountry", exclude_networks=("192.0.2.0/24",))
    return Collector(SITES, settings, kept, secrets, frozenset({"spam.example"}), clock)


def collect(collector: Collector, *request) -> tuple[int, tuple[int, ...], str]:
    """How many are tracked, which are none, and why, as far as one is told. What is to be kept is kept."""
    found = collector.sort(*request)
    if found.batch:
        collector.keep(found.batch, lambda _error: None)
    return len(found.batch), tuple(found.invalid), found.reason


def page(path: str = "/a", **more: str) -> dict[str, str]:
    return {"idsite": "1", "rec": "1", "url": f"https://www.example.org{path}"} | more


def test_a_page_view_is_a_hit_with_flags(collector: Collector, kept: Kept) -> None:
    found = collect(collector, [page(action_name="A")], "198.51.100.7", HEADERS | {"cf-ipcountry": "FR"}, False, True)
    assert found == (1, (), "")
    [[(hit, flags)]] = kept.batches
    assert isinstance(hit, Hit)
    assert isinstance(flags, Flags)
    assert (hit.site, hit.kind, hit.page, hit.language, hit.country, hit.at) == (
        1,
        "pageview",
        "/a",
        "fr",
        "FR",
        int(NOON),
    )
    assert flags.visit
    assert b"198.51" not in msgspec.json.encode(hit)


def test_a_country_is_believed_of_a_trusted_proxy_and_of_whose_address_it_saw(collector: Collector, kept: Kept) -> None:
    said = HEADERS | {"cf-ipcountry": "FR"}
    collect(collector, [page()], "198.51.100.7", said, False, False)
    collect(collector, [page(cip="203.0.113.1", ua=AGENT), page(ua=AGENT)], "198.51.100.7", said, True, True)
    assert [hit.country for batch in kept.batches for hit, _ in batch] == ["", "", "FR"]


def test_a_visit_goes_on_and_another_network_begins_another(collector: Collector, kept: Kept) -> None:
    for address in ("198.51.100.7", "198.51.200.8", "203.0.113.1"):
        collect(collector, [page()], address, HEADERS, False)
    assert [batch[0][1].visit for batch in kept.batches] == [True, False, True]
    assert collector.stats().visits == {1: 2, 2: 0}
    assert collector.stats().hits[1]["pageview"] == 3


def test_one_visitor_of_two_sites_is_two_visits(collector: Collector, kept: Kept) -> None:
    both = [page(), page() | {"idsite": "2", "url": "https://other.example/"}]
    collect(collector, both, "198.51.100.7", HEADERS, False)
    [batch] = kept.batches
    assert [flags.visit for _, flags in batch] == [True, True]


@pytest.mark.parametrize(
    ("fields", "headers", "address", "reason"),
    [
        ({}, {"dnt": "1"}, "198.51.100.7", "dnt"),
        ({}, {"sec-gpc": "1"}, "198.51.100.7", "gpc"),
        ({}, {"user-agent": "Googlebot/2.1"}, "198.51.100.7", "bot"),
        ({}, {}, "192.0.2.9", "network"),
        ({"url": "https://elsewhere.example/"}, {}, "198.51.100.7", "foreign_host"),
        ({"urlref": "https://spam.example/buy"}, {}, "198.51.100.7", "spam"),
        ({"rec": "0"}, {}, "198.51.100.7", "norec"),
        ({"ua": "Googlebot/2.1"}, {}, "198.51.100.7", "bot"),
    ],
)
def test_what_is_excluded_is_tracked_and_only_its_reason_is_kept(
    fields, headers, address, reason, collector: Collector, kept: Kept
) -> None:
    found = collect(collector, [page() | fields], address, HEADERS | headers, False)
    assert found == (1, (), reason)
    assert kept.batches == [[Dropped(1, int(NOON), reason)]]
    assert collector.stats().excluded[reason] == 1
    assert sum(collector.stats().hits[1].values()) == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"idsite": "3"}, "site"),
        ({"idsite": ""}, "site"),
        ({"idsite": "1e0"}, "site"),
        ({"cid": "short"}, "visitor_id"),
        ({"cip": "203.0.113.1"}, "token"),
        ({"country": "fr"}, "token"),
        ({"cdt": str(int(NOON) - 2 * 86_400)}, "token"),
    ],
)
def test_what_is_refused_reaches_nobody(fields, reason, collector: Collector, kept: Kept) -> None:
    found = collect(collector, [page() | fields], "198.51.100.7", HEADERS, False)
    assert found == (0, (0,), reason)
    assert kept.batches == []
    assert collector.stats().rejected[reason] == 1


def test_who_may_publish_speaks_for_others(collector: Collector, kept: Kept) -> None:
    old = page(cip="203.0.113.1", country="de", cdt=str(int(NOON) - 3 * 86_400), ua=AGENT)
    found = collect(collector, [old, page(cip="203.0.200.1", ua=AGENT)], "198.51.100.7", {}, True)
    assert found[:2] == (2, ())
    [[(first, _), (second, flags)]] = kept.batches
    assert (first.country, first.at) == ("DE", int(NOON) - 3 * 86_400)
    assert second.at == int(NOON)
    assert flags.visit  # three days later than the other hit of the same network


def test_a_bulk_says_which_ones_are_none(collector: Collector, kept: Kept) -> None:
    found = collect(collector, [page(), {"idsite": "9"}, page("/b"), page(cid="x")], "198.51.100.7", HEADERS, False)
    assert found[:2] == (2, (1, 3))
    assert [hit.page for hit, _ in kept.batches[0]] == ["/a", "/b"]


def test_the_store_says_when(collector: Collector, kept: Kept) -> None:
    told: list = []
    kept.error = StoreError("the disk is full")
    collector.keep(collector.sort([page()], "198.51.100.7", HEADERS, False).batch, told.append)
    assert told == [kept.error]
    kept.full = True
    with pytest.raises(OverloadError):
        collect(collector, [page()], "198.51.100.7", HEADERS, False)


def test_a_hit_that_is_not_kept_begins_no_visit(collector: Collector, kept: Kept) -> None:
    kept.error = StoreError("the disk is full")
    collect(collector, [page()], "198.51.100.7", HEADERS, False)
    kept.full = True
    with pytest.raises(OverloadError):
        collect(collector, [page()], "198.51.100.7", HEADERS, False)
    kept.full, kept.error = False, None
    for _ in range(2):
        collect(collector, [page()], "198.51.100.7", HEADERS, False)
    first, *others = [batch[0][1] for batch in kept.batches[1:]]
    assert (first.visit, first.bounce, first.unique is None) == (True, 1, False)
    assert [(each.visit, each.bounce, each.unique) for each in others] == [(False, -1, None)]
    kept.error = StoreError("the disk is full")
    collect(collector, [page()], "198.51.100.7", HEADERS, False)
    kept.error = None
    collect(collector, [page()], "198.51.100.7", HEADERS, False)
    assert not kept.batches[-1][0][1].visit  # a visit that had begun before goes on


def test_a_visit_ends_by_itself(collector: Collector, clock: ManualClock) -> None:
    collect(collector, [page()], "198.51.100.7", HEADERS, False)
    assert collector.stats().visitors.under_way == 1
    clock.advance(1803)
    collector.tick(clock.monotonic())
    assert collector.stats().visitors.under_way == 0
