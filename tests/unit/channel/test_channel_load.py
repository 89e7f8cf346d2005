"""A channel as the governor sees it."""

from __future__ import annotations

import pytest

from edge.channel.load import ChannelLoad
from edge.media.ladder import WORKS, Work
from edge.media.meter import Meter


class Stream:
    """A channel of one thread, wound by hand."""

    name = "news"
    live = True

    def __init__(self, *rungs: str) -> None:
        self.rungs = rungs
        self.rung: str | None = rungs[0] if rungs else None
        self.made = Meter()
        self.taken: list[tuple[str, str | None]] = []
        self.allowed: float | None = None

    def works(self) -> tuple[Work, ...]:
        return tuple(WORKS[name] for name in self.rungs)

    def meter(self) -> Meter | None:
        return self.made if self.rungs else None

    def lump(self) -> float:
        return 0.0

    rate: float | None = 800_000.0

    def source_rate(self) -> float | None:
        return self.rate

    def take(self, rung: str, reason: str | None) -> None:
        self.taken.append((rung, reason))

    def allow(self, cores: float | None) -> None:
        self.allowed = cores

    def run(self, load: ChannelLoad, *, seconds: int, cost: float) -> None:
        """Looks four times a second at a stream that takes `cost` cores."""
        for n in range(1, seconds * 4 + 1):
            at = n / 4
            self.made = Meter(processor=cost * at, worked=2 * cost * at, media=at)
            load.view(at)


def test_a_channel_that_has_not_started_is_left_as_it_is() -> None:
    view = ChannelLoad(Stream()).view(0.0)
    assert not view.running
    assert len(view.rungs) == 1
    assert view.rung == 0


def test_what_was_measured_prices_the_rungs() -> None:
    stream = Stream("full", "skip-nonref", "key")
    load = ChannelLoad(stream)
    guessed = load.view(0.0).rungs
    assert [rung.name for rung in guessed] == ["full", "skip-nonref", "key"]
    assert not any(rung.seen for rung in guessed)
    stream.run(load, seconds=20, cost=0.3)
    view = load.view(20.1)
    assert view.rungs[0].seen
    assert view.rungs[0].cost == pytest.approx(0.3, rel=0.01)
    ratio = view.rungs[1].cost / view.rungs[0].cost
    assert ratio == pytest.approx(guessed[1].cost / guessed[0].cost, rel=0.01)
    assert view.share == pytest.approx(0.5, rel=0.01)
    assert view.running


def test_the_rung_in_effect_counts_not_the_one_asked_for() -> None:
    """What is measured is of the one in effect; the governor knows what it has asked for."""
    stream = Stream("full", "skip-nonref", "key")
    load = ChannelLoad(stream)
    load.apply("key", "lag")
    assert stream.taken == [("key", "lag")]
    assert load.view(0.0).rung == 0
    stream.rung = "key"
    assert load.view(0.25).rung == 2


def test_where_the_rung_in_effect_is_not_possible_any_more_the_next_below_counts() -> None:
    stream = Stream("full", "fps-10", "key")
    stream.rung = "skip-nonref"
    assert ChannelLoad(stream).view(0.0).rung == 1
    stream.rung = "audio"
    assert ChannelLoad(stream).view(0.0).rung == 2


def test_the_best_rung_has_no_reason() -> None:
    stream = Stream("full", "key")
    load = ChannelLoad(stream)
    load.apply("key", "throttled")
    load.apply("full", "room")
    assert stream.taken == [("key", "throttled"), ("full", None)]


def test_the_pace_is_handed_on() -> None:
    stream = Stream("full")
    ChannelLoad(stream).allow(0.2)
    assert stream.allowed == 0.2


@pytest.mark.parametrize(("rate", "line", "offered"), [(8e5, 1e6, True), (8e5, 5e5, False), (None, 1e6, False)])
def test_the_source_is_passed_on_where_the_line_carries_it(rate: float | None, line: float, offered: bool) -> None:
    stream = Stream("full", "copy", "key")
    stream.rate = rate
    load = ChannelLoad(stream, lambda rate: rate <= line)
    assert ("copy" in [rung.name for rung in load.view(0.0).rungs]) is offered


def test_a_channel_that_the_line_carries_no_more_goes_on_below() -> None:
    stream, line = Stream("full", "copy", "key"), [1e6]
    load = ChannelLoad(stream, lambda rate: rate <= line[0])
    stream.rung = "copy"
    assert load.view(0.0).rung == 1
    assert not stream.taken
    line[0] = 5e5
    assert load.view(0.25).rungs[1].name == "key"
    assert stream.taken == [("key", "line")]
