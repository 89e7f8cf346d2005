"""Which names get rows: the bounds of a table, and what waits for `min_visits`."""

from __future__ import annotations

import pytest

from edge.hits import tables
from edge.hits.hit import Flags, Hit
from edge.hits.rollup import Item, Rollup
from edge.hits.schema import CODES, OTHER_ID
from edge.hits.tables import MAX_NAMES, NEWCOMERS, Changes, Held, Key, Tables

AT = 1_790_000_000
PAGE = CODES["page"]


def page(name: str, *, first: int = 1, at: int = AT, site: int = 1) -> Item:
    return Hit(site=site, at=at, kind="pageview", page=name), Flags(first=first)


class Kept:
    """A database of names alone: what is left after each batch's changes."""

    def __init__(self, least: int = 1) -> None:
        self.rollup = Rollup({})
        self.tables = Tables(self.load, {1: least})
        self.names: dict[int, str] = {}
        self.hits: dict[tuple[int, int], float] = {}  # hour, id
        self.loads: list[Key] = []

    def load(self, key: Key) -> list[Held]:
        self.loads.append(key)
        return []

    def write(self, *batch: Item) -> Changes:
        changes = self.tables.apply(self.rollup.sum(batch).hours.values())
        for _, _, code, name in changes.gone:
            if code == PAGE:
                del self.names[name]
        self.names |= {name: text for (_, _, code, name), (text, _) in changes.names.items() if code == PAGE}
        for _, _, _, name in changes.moved:
            for hour, each in list(self.hits):
                if each == name:
                    self._add((hour, OTHER_ID), self.hits.pop((hour, name)))
        for _, _, hour, code, name in changes.erased:
            if code == PAGE:
                del self.hits[hour, name]
        for (_, _, hour, code, name), row in changes.counts.items():
            if code == PAGE:
                self._add((hour, name), row[0])
        return changes

    def _add(self, key: tuple[int, int], hits: float) -> None:
        self.hits[key] = self.hits.get(key, 0) + hits

    def of(self, name: str) -> float:
        return sum(hits for (_, each), hits in self.hits.items() if self.names.get(each, "(other)") == name)

    @property
    def total(self) -> float:
        return sum(self.hits.values())


def test_junk_of_the_first_minute_does_not_fill_the_day() -> None:
    kept = Kept()
    for turn in range(3):
        kept.write(*(page(f"/junk/{turn}/{n}") for n in range(1000)))
    for n in range(20):
        kept.write(*(page(f"/real/{n}") for _ in range(2)), *(page(f"/junk/late/{n}/{each}") for each in range(30)))
    assert len(kept.names) == MAX_NAMES
    assert {f"/real/{n}" for n in range(20)} <= set(kept.names.values())
    assert kept.total == 3000 + 40 + 600


def test_junk_that_came_twice_does_not_keep_newcomers_out() -> None:
    kept = Kept()
    kept.write(*(page(f"/junk/{n % MAX_NAMES}") for n in range(2 * MAX_NAMES)))
    for turn in range(4):
        kept.write(*(page(f"/new/{n}") for n in range(NEWCOMERS)))
        assert {f"/new/{n}" for n in range(NEWCOMERS)} <= set(kept.names.values()), turn
    assert kept.of("/new/0") == 4


def test_a_flood_does_not_drive_out_what_is_seen_often() -> None:
    kept = Kept()
    kept.write(*(page("/popular") for _ in range(30)))
    for turn in range(20):
        kept.write(*(page(f"/flood/{turn}/{n}") for n in range(500)))
    assert kept.of("/popular") == 30
    assert kept.tables.folded == {1: 20 * 500 + 1 - MAX_NAMES}


def test_among_equals_the_longest_unseen_goes() -> None:
    kept = Kept()
    kept.write(*(page(f"/{n}") for n in range(MAX_NAMES)))
    kept.write(page("/one more"))
    assert set(kept.names.values()) == {f"/{n}" for n in range(1, MAX_NAMES)} | {"/one more"}


def test_a_name_that_goes_takes_each_hour_to_the_other_of_that_hour() -> None:
    kept = Kept()
    kept.write(page("/old"), page("/old", at=AT + 3600))
    kept.write(*(page(f"/{n}") for _ in range(3) for n in range(MAX_NAMES)))
    assert "/old" not in kept.names.values()
    assert {hour: hits for (hour, name), hits in kept.hits.items() if name == OTHER_ID} == {14: 1, 15: 1}


@pytest.mark.parametrize("name", ["(other)", "x" * 1025, "lone \ud800"])
def test_names_that_cannot_be_stored_count_in_other(name: str) -> None:
    kept = Kept()
    kept.write(page(name))
    assert (kept.names, kept.of("(other)")) == ({}, 1)


def test_a_name_waits_for_its_visits_and_then_has_all_its_hits() -> None:
    kept = Kept(least=3)
    kept.write(page("/a"), page("/a", first=0), page("/a", at=AT + 3600))
    assert (kept.names, kept.of("(other)")) == ({}, 3)
    kept.write(page("/a"))
    assert (list(kept.names.values()), kept.of("/a"), kept.of("(other)")) == (["/a"], 4, 0)
    kept.write(*(page(f"/{n}") for _ in range(9) for n in range(MAX_NAMES)))
    assert (kept.of("(other)"), kept.total) == (4, 4 + 9 * MAX_NAMES)


def test_pages_seen_often_in_few_visits_are_not_named() -> None:
    kept = Kept(least=2)
    kept.write(page("/a"), *(page("/a", first=0) for _ in range(100)))
    assert kept.names == {}


def test_an_entry_page_and_a_campaign_wait_too_a_country_does_not() -> None:
    hit = Hit(site=1, at=AT, kind="pageview", page="/a", title="A", campaign="spring", event="a / b", country="FR")
    changes = Kept(least=2).write((hit, Flags(visit=True)))
    assert [text for text, _ in changes.names.values()] == ["FR"]


def test_names_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_PENDING", 2)
    kept = Kept(least=2)
    kept.write(page("/a"), page("/b"), page("/c"))
    kept.write(page("/a"))  # forgotten, so this is its first
    kept.write(page("/c"))
    assert (list(kept.names.values()), kept.of("(other)")) == (["/c"], 3)


def test_tables_in_memory_are_bounded_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_HELD", 10)
    kept = Kept()
    for site in (1, 2, 1, 3, 1, 2):
        kept.write(*(page(f"/{n}", site=site) for n in range(4)))
    pages = [site for site, _, code in kept.loads if code == PAGE]
    assert pages == [1, 2, 3, 2]  # 1 stayed as it was used; 2 went for 3


def test_tables_in_memory_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_TABLES", 2)
    kept = Kept()
    for site in (1, 2, 3, 1):
        kept.write(page("/", site=site))
    assert [site for site, _, _ in kept.loads] == [1, 2, 3, 1]
