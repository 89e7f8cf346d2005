"""Which threads hang, which are given up, when the watchdog is fed."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from managing import Manager

from edge.host.supervision import HANGS, MOST, Quiet, Supervisor, Thread, Verdict, decide, hear, interval
from edge.log import Log


def thread(key: object, beat: float | None = 0.0, *, replaceable: bool = True) -> Thread:
    return Thread(key, f"edge-{key}", beat, (lambda: None) if replaceable else None)


def test_a_thread_is_quiet_from_its_last_sign_of_life_on() -> None:
    quiets = hear({}, [thread("a", 7.0)], 5.0)
    assert quiets == {"a": Quiet(7.0, 0.0)}
    quiets = hear(quiets, [thread("a", 7.0)], 5.0)
    assert quiets == {"a": Quiet(7.0, 5.0)}
    assert hear(quiets, [thread("a", 8.0)], 5.0) == {"a": Quiet(8.0, 0.0)}
    assert hear(quiets, [thread("a", None)], 5.0) == {}
    assert hear(quiets, [], 5.0) == {}


def test_just_below_the_bound_nothing_happens() -> None:
    below, at = Quiet(0.0, HANGS - 0.001), Quiet(0.0, HANGS)
    assert decide({"a": below}, [thread("a")], 0) == Verdict()
    assert [t.key for t in decide({"a": at}, [thread("a")], 0).abandon] == ["a"]


@pytest.mark.parametrize(("given_up", "abandoned"), [(0, ["a", "b"]), (1, ["a"]), (2, []), (3, [])])
def test_two_are_given_up_and_the_others_stay(given_up: int, abandoned: list[str]) -> None:
    threads = [thread("store", replaceable=False), *map(thread, "abc")]
    quiets = {t.key: Quiet(0.0, HANGS) for t in threads}
    verdict = decide(quiets, threads, given_up)
    assert [t.key for t in verdict.abandon] == abandoned
    assert [t.key for t in verdict.hung] == ["store", *(k for k in "abc" if k not in abandoned)]


@pytest.mark.parametrize(("watchdog", "seconds"), [(None, 5.0), (30.0, 5.0), (6.0, 2.0), (0.3, 0.1)])
def test_a_watchdog_is_fed_three_times_in_its_time_or_more(watchdog: float | None, seconds: float) -> None:
    assert interval(watchdog) == pytest.approx(seconds)


LIVES = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["beat", "wait", "silent", "end"])), max_size=300)


@given(LIVES)
def test_nobody_is_given_up_who_gave_a_sign_or_owed_none(events: list[tuple[int, str]]) -> None:
    """Against a plain model: quiet for `HANGS` seconds of looks in a row, at most `MOST` who hang at once."""
    beats: dict[int, float | None] = dict.fromkeys(range(5), 0.0)
    since: dict[int, int] = {}
    quiets: dict = {}
    given_up: set[int] = set()
    for at, (who, what) in enumerate(events, 1):
        if who not in given_up:
            beats[who] = {"beat": float(at), "wait": None, "silent": beats[who], "end": None}[what]
        given_up -= {who} if what == "end" else set()
        seen = [thread(k, b) for k, b in beats.items() if k not in given_up]
        since = {t.key: since.get(t.key, at) for t in seen if t.beat is not None and t.beat != at} | {
            t.key: at for t in seen if t.beat == at
        }
        quiets = hear(quiets, seen, 10.0)
        verdict = decide(quiets, seen, len(given_up))
        late = [k for k in since if (at - since[k]) * 10.0 >= HANGS]
        assert sorted(t.key for t in (*verdict.abandon, *verdict.hung)) == sorted(late)
        assert len(verdict.abandon) == min(len(late), MOST - len(given_up))
        given_up |= {t.key for t in verdict.abandon}


class Scene:
    """A supervisor whose time the test turns: `step` is one look, a second later."""

    def __init__(self, *threads: Thread) -> None:
        self.threads, self.manager, self.now = list(threads), Manager(), 0.0
        self.loop = asyncio.new_event_loop()
        self.supervisor = Supervisor(
            self.loop, self.manager, Log("error"), lambda: self.threads, 3.0, hangs=10.0, clock=lambda: self.now
        )

    def step(self, seconds: float = 1.0) -> bool:
        """Whether the watchdog was fed."""
        told, self.now = self.manager.fed, self.now + seconds
        self.supervisor._tick()
        self.supervisor.stop()
        return self.manager.fed > told


@pytest.fixture
def closing():
    scenes: list[Scene] = []
    yield scenes.append
    for scene in scenes:
        scene.loop.close()


def test_what_nothing_replaces_ends_the_feeding_until_it_goes_on(closing, capsys) -> None:
    scene = Scene(thread("hits", 0.0, replaceable=False))
    closing(scene)
    assert [scene.step() for _ in range(13)] == [True] * 10 + [False] * 3
    assert not scene.supervisor.well
    scene.threads = [thread("hits", 12.0, replaceable=False)]
    assert scene.step()
    assert scene.supervisor.well
    assert capsys.readouterr().err.count("threads_hang") == 1


def test_a_thread_that_was_given_up_makes_room_when_it_has_ended(closing) -> None:
    abandoned: list[str] = []
    threads = [Thread(k, k, 0.0, lambda k=k: abandoned.append(k)) for k in "abc"]
    scene = Scene(*threads[:2])
    closing(scene)
    assert all(scene.step() for _ in range(12))
    assert abandoned == ["a", "b"]
    scene.threads = threads
    assert [scene.step() for _ in range(12)] == [True] * 10 + [False] * 2
    scene.threads = threads[1:]
    assert scene.step()
    assert abandoned == ["a", "b", "c"]


def test_a_process_that_stood_still_blames_no_thread(closing) -> None:
    scene = Scene(thread("hits", 0.0, replaceable=False))
    closing(scene)
    assert scene.step()
    for seconds in itertools.repeat(3600.0, 4):
        assert scene.step(seconds)  # the loop counts two looks of a second for it, not an hour
    assert scene.supervisor.well
