from __future__ import annotations

import fcntl
import os
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from edge.hits.calendar import Calendar
from edge.hits.mask import mask
from edge.hits.secrets import KEYS_SECONDS, LENGTH, MAX_SEALED, MOST_KEYS, OVERLAP, Secrets
from edge.host import sealed

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
NETWORK = mask("192.0.2.77")


def paris(*when: int, fold: int = 0) -> float:
    return datetime(*when, fold=fold, tzinfo=ZoneInfo("Europe/Paris")).timestamp()


NOON = paris(2026, 9, 22, 12)
MIDNIGHT = paris(2026, 9, 23)


def made(now: float = NOON, sites: tuple[int, ...] = (1,), timezone: str = "Europe/Paris") -> Secrets:
    return Secrets({site: Calendar(timezone) for site in sites}, now)


def key(secrets: Secrets, now: float, site: int = 1, agent: str = AGENT) -> tuple[bytes, bytes | None]:
    return secrets.key(site, NETWORK, agent, "fr", now)


# ---- keys


def test_a_key_is_the_same_all_day_and_8_bytes() -> None:
    secrets = made(paris(2026, 9, 22, 0, 0, 1))
    keys = {key(secrets, now) for now in (paris(2026, 9, 22, 1), NOON, MIDNIGHT - 1)}
    assert len(keys) == 1
    assert [len(today) for today, _ in keys] == [8]


def test_each_part_of_what_a_visitor_shows_makes_another_key() -> None:
    secrets = made(sites=(1, 2))
    shown = [
        (1, NETWORK, AGENT, "fr"), (2, NETWORK, AGENT, "fr"), (1, b"", AGENT, "fr"),
        (1, mask("2001:db8::"), AGENT, "fr"),
        (1, NETWORK, AGENT + " ", "fr"), (1, NETWORK, AGENT, "de"), (1, NETWORK, "", ""), (1, NETWORK, "\udcff", ""),
    ]  # fmt: skip
    assert len({secrets.key(*each, NOON) for each in shown}) == len(shown)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("", "abc"), ("abc", "")),
        (("2,a", ""), ("a", "2,")),
        (("é", ""), ("Ã©", "")),
        (("a\0", "b"), ("a", "\0b")),
    ],
)
def test_fields_do_not_run_into_each_other(one: tuple[str, str], other: tuple[str, str]) -> None:
    secrets = made()
    assert secrets.key(1, NETWORK, *one, NOON) != secrets.key(1, NETWORK, *other, NOON)


def test_two_processes_make_different_keys() -> None:
    assert key(made(), NOON) != key(made(), NOON)


def test_sites_do_not_share_a_secret() -> None:
    """Were the number of the site all that differs, one secret would tell visitors of both."""
    secrets = made(sites=(1, 2))
    assert secrets._sites[1].current.raw != secrets._sites[2].current.raw


def test_a_site_that_nobody_configured_is_an_error() -> None:
    with pytest.raises(KeyError):
        key(made(), NOON, site=3)


# ---- midnight and clocks


def test_at_midnight_the_key_changes_and_the_old_one_is_known_for_half_an_hour() -> None:
    secrets = made()
    old, none = key(secrets, MIDNIGHT - 0.001)
    assert none is None
    new, before = key(secrets, MIDNIGHT)
    assert (before, new == old) == (old, False)
    assert key(secrets, MIDNIGHT + OVERLAP - 0.001) == (new, old)
    assert key(secrets, MIDNIGHT + OVERLAP) == (new, None)


def test_a_secret_that_is_over_is_overwritten() -> None:
    secrets = made()
    kept = secrets._sites[1].current
    raw = kept.raw
    assert any(raw)
    secrets.turn(MIDNIGHT)
    assert any(raw)
    secrets.turn(MIDNIGHT + OVERLAP)
    assert raw == bytes(LENGTH)
    with pytest.raises(AttributeError):  # nor does it make keys that anybody could make
        kept.key(b"")


def test_sites_that_nobody_visits_are_turned_by_the_timer() -> None:
    secrets = made(sites=(1, 2))
    raws = [secrets._sites[site].current.raw for site in (1, 2)]
    revision = secrets.revision
    secrets.turn(MIDNIGHT + 5)
    assert secrets.revision == revision + 2
    secrets.turn(MIDNIGHT + OVERLAP + 5)
    assert secrets.revision == revision + 4
    assert raws == [bytes(LENGTH)] * 2
    secrets.turn(MIDNIGHT + OVERLAP + 65)
    assert secrets.revision == revision + 4


def test_each_site_has_its_own_midnight() -> None:
    secrets = Secrets({1: Calendar("Europe/Paris"), 2: Calendar("UTC")}, NOON)
    before = [key(secrets, MIDNIGHT - 1, site) for site in (1, 2)]
    after = [key(secrets, MIDNIGHT + 1, site) for site in (1, 2)]
    assert after[0][1] == before[0][0]
    assert after[1] == before[1]


def test_a_host_that_slept_over_midnight_keeps_nothing() -> None:
    secrets = made()
    raw = secrets._sites[1].current.raw
    old, _ = key(secrets, NOON)
    new, before = key(secrets, MIDNIGHT + OVERLAP)
    assert (before, new == old, raw) == (None, False, bytes(LENGTH))
    assert not secrets.restarted(1)


@pytest.mark.parametrize("days", [1.5, 2, 40])
def test_a_clock_set_forward_by_days_makes_new_secrets_at_once(days: float) -> None:
    secrets = made()
    old, _ = key(secrets, NOON)
    assert key(secrets, NOON + days * 86_400)[0] != old
    assert key(secrets, NOON + days * 86_400)[1] is None


@pytest.mark.parametrize("back", [0.5, 60, 1700])
def test_a_clock_set_back_over_midnight_for_a_little_loses_no_visit(back: float) -> None:
    secrets = made()
    old, _ = key(secrets, NOON)
    new, _ = key(secrets, MIDNIGHT)
    revision = secrets.revision
    assert key(secrets, MIDNIGHT - back) == (new, old)
    assert key(secrets, MIDNIGHT + 1) == (new, old)
    assert secrets.revision == revision
    assert not secrets.restarted(1)


@pytest.mark.parametrize("back", [OVERLAP + 1, 86_400, 400 * 86_400])
def test_a_clock_set_back_into_an_earlier_day_begins_anew(back: float) -> None:
    """It was a year ahead: the secret must not serve for a year."""
    secrets = made()
    key(secrets, MIDNIGHT + 60)
    of = secrets._sites[1]
    raws = [of.current.raw, of.old.raw]
    known = {*key(secrets, MIDNIGHT + 61)}
    new, before = key(secrets, MIDNIGHT - back)
    assert new not in known
    assert before is None
    assert raws == [bytes(LENGTH)] * 2
    assert secrets.restarted(1)


def test_a_clock_set_back_within_the_day_changes_nothing() -> None:
    secrets = made()
    assert key(secrets, NOON) == key(secrets, NOON - 11 * 3600) == key(secrets, NOON + 60)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 9, 22), 24)])
def test_days_are_as_long_as_the_zone_has_them(day: tuple[int, int, int], hours: int) -> None:
    begin = paris(*day)
    secrets = made(begin - 60)
    keys = [key(secrets, begin + minute * 60)[0] for minute in range(hours * 60 + 1)]
    assert len(set(keys[:-1])) == 1
    assert keys[-1] != keys[0]


def test_a_zone_whose_midnight_is_skipped_turns_when_its_day_begins() -> None:
    """Beirut, 27 March 2022: after 23:59:59 came 01:00."""
    begin = datetime(2022, 3, 27, 1, tzinfo=ZoneInfo("Asia/Beirut")).timestamp()
    secrets = made(begin - 60, timezone="Asia/Beirut")
    old, _ = key(secrets, begin - 1)
    new, before = key(secrets, begin)
    assert (before, new == old) == (old, False)
    assert key(secrets, begin + 20 * 3600)[0] == new


def test_the_day_that_a_process_begins_in_may_over_count_and_the_next_does_not() -> None:
    secrets = made()
    assert secrets.restarted(1)
    secrets.turn(MIDNIGHT + 7200)  # nobody came before
    assert not secrets.restarted(1)


def test_a_day_without_hits_before_the_process_is_whole() -> None:
    secrets = made()
    revision = secrets.revision
    secrets.unbroken(1)
    assert not secrets.restarted(1)
    assert secrets.revision != revision  # the next process is to know it


def test_after_the_end_there_are_no_keys() -> None:
    secrets = made()
    key(secrets, MIDNIGHT)
    of = secrets._sites[1]
    raws = [of.current.raw, of.old.raw]
    secrets.wipe()
    assert raws == [bytes(LENGTH)] * 2
    with pytest.raises(KeyError):
        key(secrets, MIDNIGHT)


# ---- from one process to the next


def hand_over(before: Secrets, now: float, after: Secrets) -> int:
    descriptor = before.seal()
    assert descriptor is not None
    try:
        return after.unseal(descriptor, now)
    finally:
        os.close(descriptor)


def test_the_next_process_goes_on_with_the_day() -> None:
    first = made(NOON - 86_400, sites=(1, 2))
    first.turn(NOON)
    second = made(NOON + 60, sites=(1, 2))
    assert second.restarted(1)
    assert hand_over(first, NOON + 60, second) == 2
    assert [key(second, NOON + 61, site) for site in (1, 2)] == [key(first, NOON + 61, site) for site in (1, 2)]
    assert not second.restarted(1)


def test_a_day_that_may_over_count_stays_one() -> None:
    first, second = made(), made()
    hand_over(first, NOON, second)
    assert second.restarted(1)


def test_after_midnight_both_secrets_are_handed_over() -> None:
    first, second = made(), made(MIDNIGHT + 120)
    keys = key(first, MIDNIGHT + 60)
    hand_over(first, MIDNIGHT + 120, second)
    assert key(second, MIDNIGHT + 121) == keys
    assert key(second, MIDNIGHT + OVERLAP) == (keys[0], None)


def test_what_was_sealed_before_midnight_is_yesterdays_after_it() -> None:
    first, second = made(), made(MIDNIGHT + 120)
    old, _ = key(first, NOON)
    assert hand_over(first, MIDNIGHT + 120, second) == 1
    new, before = key(second, MIDNIGHT + 121)
    assert (before, new == old) == (old, False)
    assert not second.restarted(1)
    assert key(second, MIDNIGHT + OVERLAP) == (new, None)


@pytest.mark.parametrize("later", [OVERLAP, 86_400 - 60, 86_400 + 60, 30 * 86_400])
def test_a_secret_that_is_over_is_not_taken(later: float) -> None:
    first, second = made(), made(MIDNIGHT + later)
    assert hand_over(first, MIDNIGHT + later, second) == 1
    assert key(second, MIDNIGHT + later)[1] is None
    assert not second.restarted(1)  # no day was begun before that process ended but those that are over


def test_yesterdays_secret_is_not_taken_late() -> None:
    first, second = made(), made(MIDNIGHT + OVERLAP + 10)
    keys = key(first, MIDNIGHT + 60)
    hand_over(first, MIDNIGHT + OVERLAP + 10, second)
    assert key(second, MIDNIGHT + OVERLAP + 10) == (keys[0], None)


def test_a_secret_of_days_to_come_is_not_taken() -> None:
    """The clock was set back between the two processes."""
    first, second = made(NOON + 3 * 86_400), made(NOON)
    own = key(second, NOON)
    assert hand_over(first, NOON, second) == 0
    assert key(second, NOON) == own
    assert second.restarted(1)


def test_sites_come_and_go_between_processes() -> None:
    first, second = made(sites=(1, 2)), made(sites=(2, 3))
    own = key(second, NOON, 3)
    assert hand_over(first, NOON, second) == 1
    assert key(second, NOON, 2) == key(first, NOON, 2)
    assert key(second, NOON, 3) == own


def kept(*sites: object, magic: str = "edge secrets 1") -> bytes:
    return msgspec.msgpack.encode([magic, list(sites)])


GOOD = (1, 20260922, False, b"s" * LENGTH, 0, b"")


def test_what_is_odd_below_is_odd_by_one_thing_only() -> None:
    second = made()
    descriptor = sealed.seal(kept(GOOD))
    assert second.unseal(descriptor, NOON) == 1
    assert second._sites[1].current.raw == b"s" * LENGTH
    os.close(descriptor)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"garbage" * 30, b"\x92\xa5\0\0\0\0\x80",
        kept(GOOD)[:-1], kept(GOOD) + b"\0", kept(), kept(GOOD, magic="edge secrets 2"),
        kept((9, *GOOD[1:])), kept((*GOOD[:3], b"s" * 31, 0, b"")), kept((*GOOD[:3], b"s" * 33, 0, b"")),
        kept(GOOD[:3]), kept(("1", *GOOD[1:])), kept((1, 20260923, *GOOD[2:])), kept((1, 99999999, *GOOD[2:])),
        kept((1, 20260922, 1, *GOOD[3:])), kept(GOOD) + bytes(MAX_SEALED), msgspec.msgpack.encode({"sites": []}),
    ],
)  # fmt: skip
def test_anything_odd_is_as_if_there_were_nothing(data: bytes) -> None:
    secrets = made()
    own = key(secrets, NOON)
    descriptor = sealed.seal(data)
    assert secrets.unseal(descriptor, NOON) == 0
    os.close(descriptor)
    assert key(secrets, NOON) == own
    assert secrets.restarted(1)


def test_a_short_secret_of_yesterday_is_left_out() -> None:
    secrets = made(MIDNIGHT + 60)
    descriptor = sealed.seal(kept((1, 20260923, False, b"s" * LENGTH, 20260922, b"s" * 16)))
    assert secrets.unseal(descriptor, MIDNIGHT + 60) == 1
    os.close(descriptor)
    assert key(secrets, MIDNIGHT + 60)[1] is None


def test_the_copies_that_handing_over_makes_are_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytearray] = []
    original = sealed.seal
    monkeypatch.setattr(sealed, "seal", lambda data: seen.append(data) or original(data))
    first = made()
    os.close(first.seal())
    assert seen
    assert not any(seen[0])
    assert any(first._sites[1].current.raw)


def test_many_sites_fit() -> None:
    sites = tuple(range(2**31 - 100, 2**31))
    first, second = made(sites=sites), made(MIDNIGHT + 1, sites=sites)
    first.turn(MIDNIGHT)
    assert hand_over(first, MIDNIGHT + 1, second) == 100


def test_what_is_sealed_cannot_be_changed() -> None:
    descriptor = made().seal()
    assert fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & sealed.SEALS == sealed.SEALS
    assert not os.get_inheritable(descriptor)
    for attempt in (
        lambda: os.pwrite(descriptor, b"x", 0),
        lambda: os.ftruncate(descriptor, 0),
        lambda: os.ftruncate(descriptor, 10_000),
        lambda: fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 0),
    ):
        with pytest.raises(PermissionError):
            attempt()
    os.close(descriptor)


# ---- keys that are remembered


def test_a_remembered_key_goes_with_its_secret_and_within_a_quarter_of_an_hour() -> None:
    secrets = made()
    first = key(secrets, NOON)
    assert key(secrets, NOON) is first
    secrets.turn(NOON + KEYS_SECONDS - 1)
    assert len(secrets._keys) == 1
    secrets.turn(NOON + KEYS_SECONDS)
    assert secrets._keys == {}
    before = key(secrets, MIDNIGHT - 1)
    after = key(secrets, MIDNIGHT)
    assert (after[0] != before[0], after[1]) == (True, before[0])
    secrets.turn(MIDNIGHT + OVERLAP)
    assert secrets._keys == {}
    assert key(secrets, MIDNIGHT + OVERLAP) == (after[0], None)
    secrets.wipe()
    assert secrets._keys == {}


def test_no_more_keys_are_remembered_than_there_is_room_for_and_nothing_of_whom_they_are() -> None:
    secrets = made()
    for number in range(MOST_KEYS + 5):
        key(secrets, NOON, agent=f"alice {number}")
    assert len(secrets._keys) == 5
    assert "alice" not in repr(secrets._keys)
