"""The governor in a real loop, over loads and limits made by hand."""

from __future__ import annotations

import asyncio
import io

import msgspec
import pytest
import uvloop
from governed import JUDGED

from edge.clock import ManualClock
from edge.host.governing import Governor
from edge.host.governor import LoadView, Rung
from edge.host.limits import Sampler
from edge.log import Log

RUNGS = tuple(Rung(name, cost) for name, cost in JUDGED.items())


class Limits(msgspec.Struct, frozen=True):
    cores: int = 2
    quota: float | None = None


class Usage(msgspec.Struct, frozen=True):
    cores: float | None = 0.01
    throttled: float | None = None
    throttled_seconds: float = 0.0
    steal: float | None = None
    steal_seconds: float = 0.0
    limits: Limits = Limits()


class Thread:
    """A load that does as it is told, unless it is to fail."""

    def __init__(self, name="live", kind="channel"):
        self.name, self.kind = name, kind
        self.rung, self.behind, self.speed = 0, 0.0, None
        self.told: list[tuple[str, str]] = []
        self.paces: list[float | None] = []
        self.views = 0
        self.seen = asyncio.Event()  # six times
        self.broken: set[str] = set()

    def view(self, now):
        self.views += 1
        if self.views == 6:
            self.seen.set()
        if "view" in self.broken:
            raise RuntimeError("no view")
        return LoadView(self.name, self.kind, RUNGS, self.rung, True, self.behind, self.speed)

    def apply(self, rung, reason):
        self.told.append((rung, reason))
        if "apply" in self.broken:
            raise RuntimeError("no change")
        self.rung = [each.name for each in RUNGS].index(rung)

    def allow(self, cores):
        if "allow" in self.broken:
            raise RuntimeError("no pace")
        self.paces.append(cores)


class Bench:
    """A governor whose looks are taken by hand."""

    def __init__(self, *loads, usage=None, **more):
        self.text = io.StringIO()
        self.usage = usage or Usage()
        self.now = 100.0
        self.governor = Governor(asyncio.new_event_loop(), Log("info", self.text), lambda _now: self.usage, **more)
        for load in loads:
            self.governor.add(load)

    def look(self, seconds=0.25):
        for _ in range(round(seconds / 0.25)):
            self.now += 0.25
            self.governor.look(self.now)
        return self

    def lag(self, load, speed=0.5):
        """Three quarters of a second of it, and all is well again."""
        for n in range(1, 4):
            load.behind, load.speed = n / 4, speed
            self.look()
        load.behind, load.speed = 0.0, None

    def lines(self, event):
        return [line for line in self.text.getvalue().splitlines() if f"event={event}" in line]


@pytest.fixture
def bench(request):
    benches = []

    def make(*loads, **more):
        benches.append(Bench(*loads, **more))
        return benches[-1]

    yield make
    for each in benches:
        each.governor._loop.close()


def test_a_change_is_applied_once_told_in_one_line_and_counted(bench):
    live = Thread()
    host = bench(live).look(3.0)
    host.lag(live)
    assert live.told == [("fps-7.5", "lag")]
    (line,) = host.lines("rung")
    assert line.startswith(
        "level=warning event=rung channel=live was=full now=fps-7.5 reason=lag cost=0.055 behind=0.5"
    )
    assert "speed=0.5" in line
    assert "quota" not in line  # unknown
    stats = host.governor.stats().loads["live"]
    assert (stats.rung, stats.index, stats.changes) == ("fps-7.5", 6, {"lag": 1})


def test_the_way_up_is_told_likewise(bench):
    live = Thread()
    host = bench(live).look(3.0)
    host.usage = Usage(limits=Limits(quota=0.04))
    host.look(1.0)
    host.lag(live)
    host.usage = Usage()
    host.look(40.0)
    assert live.told[-1] == ("full", "room")
    assert "level=info event=rung channel=live" in host.lines("rung")[-1]
    assert host.governor.stats().loads["live"].changes == {"quota": 1, "room": 1}


def test_paces_are_told_when_they_change_and_taken_back_with_the_quota(bench):
    live = Thread()
    host = bench(live, usage=Usage(cores=0.0, limits=Limits(quota=0.2))).look(5.0)
    assert live.paces == [pytest.approx(0.17)]
    assert host.governor.stats().quota == 0.2
    host.usage = Usage(limits=Limits(quota=0.201))
    host.look(2.0)
    assert len(live.paces) == 1
    host.usage = Usage()
    host.look(2.0)
    assert live.paces == [pytest.approx(0.17), None]
    assert host.governor.stats().loads["live"].allowed is None


@pytest.mark.parametrize("what", ["view", "allow"])
def test_a_load_that_fails_is_told_once_and_does_not_stop_the_others(bench, what):
    bad, live = Thread("bad"), Thread()
    bad.broken.add(what)
    host = bench(bad, live, usage=Usage(limits=Limits(quota=0.2))).look(3.0)
    assert len(host.lines("governor_failed")) == 1
    assert f"what={what} load=bad" in host.lines("governor_failed")[0]
    assert live.views == 12
    host.lag(live)
    assert live.told
    assert host.governor.stats().failed >= 1


def test_a_load_that_fails_anew_is_told_anew(bench):
    bad = Thread()
    host = bench(bad)
    for _ in range(2):
        bad.broken = {"view"}
        host.look(1.0)
        bad.broken = set()
        host.look(1.0)
    assert len(host.lines("governor_failed")) == 2
    assert host.governor.stats().failed == 8


def test_a_change_that_fails_is_decided_again(bench):
    live = Thread()
    live.broken.add("apply")
    host = bench(live).look(3.0)
    for n in range(1, 30):
        live.behind, live.speed = n / 4, 0.5
        host.look()
    assert len(live.told) >= 2
    assert len(host.lines("governor_failed")) == 1


def test_limits_that_cannot_be_read_are_told_once_and_the_loads_are_governed(bench):
    live = Thread()

    def broken(_now):
        raise OSError("no /proc")

    host = bench(live)
    host.governor._usage = broken
    host.look(3.0)
    host.lag(live)
    assert live.told
    assert len(host.lines("governor_failed")) == 1
    assert host.governor.stats().used is None


def test_limits_are_read_sooner_when_the_loop_is_late(bench):
    """A quota that has just been met stops the whole process for a part of each period."""
    lags, asked = [0.0], []
    host = bench(Thread(), lag=lambda: lags[0])
    host.governor._usage = lambda now: asked.append(now) or host.usage
    host.look(2.0)
    assert asked == [100.25, 101.25]
    lags[0] = 0.15
    host.look(1.0)
    assert asked == [100.25, 101.25, 102.25, 102.75]


def test_a_load_that_is_removed_is_looked_at_no_more(bench):
    live = Thread()
    host = bench(live).look(1.0)
    host.governor.remove("live")
    host.governor.remove("live")
    host.look(1.0)
    assert live.views == 4
    assert host.governor.stats().loads == {}


def test_jobs_are_named_as_jobs(bench):
    live, job = Thread(), Thread("film", "job")
    host = bench(live, job).look(3.0)
    host.lag(live)
    assert "event=rung job=film was=full now=audio reason=lag" in host.lines("rung")[0]


def test_in_the_loop_it_looks_four_times_a_second_reads_real_limits_and_stops():
    live = Thread()

    async def main():
        loop = asyncio.get_running_loop()
        sampler = Sampler()
        governor = Governor(loop, Log("error"), sampler.sample)
        governor.add(live)
        governor.start()
        governor.start()  # once is enough
        await live.seen.wait()
        governor.stop()
        governor.stop()
        views = live.views
        await asyncio.sleep(0.6)
        return views, governor.stats()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        views, stats = runner.run(main())
    assert live.views == views
    assert stats.used is not None
    assert stats.used >= 0.0
    assert stats.loads["live"].rung == "full"


def test_a_look_that_fails_does_not_end_the_next_ones():
    """Even a defect of the governor itself: the timer is armed before."""
    live, told = Thread(), []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context))
        governor = Governor(loop, Log("error"), lambda _now: Usage(), clock=ManualClock())
        governor.add(live)
        look = governor.look

        def fails(_now):
            governor.look = look
            raise RuntimeError

        governor.look = fails
        governor.start()
        await live.seen.wait()
        governor.stop()

    asyncio.run(main())
    assert len(told) == 1
