"""Two runs beside each other, as ratios of new to old. Pure.

Noise: a figure that was cut into turns (cost of a rung, processor time of a viewer) is worse only when its new lower
quartile is above its old upper one besides. Figures without turns have slack: memory 1 MB, lags and waits 5 ms and
twice the value, as one descheduling is enough for either. What only one run has, or one run guessed, is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from edge.bench.model import SCHEMA, Figure, Report, Sent
from edge.errors import ConfigError

WORSE = 1.10
MEMORY_SLACK = 1 << 20
LAG_SLACK, LAG_WORSE = 0.005, 2.0
MOST_BYTES = 4 << 20


class Row(msgspec.Struct, frozen=True):
    """`judged`: worse, better, same, or noise: over the bound, and not above what the turns differ by."""

    name: str
    old: float
    new: float
    unit: str
    judged: str

    @property
    def ratio(self) -> float | None:
        return self.new / self.old if self.old else None


def load(path: str) -> Report:
    """A report of this schema. ConfigError says what is wrong with the file."""
    try:
        data = Path(path).read_bytes()
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{path}: expected a report of `edge bench --json`, got more than {MOST_BYTES >> 20} MiB")
        schema = msgspec.json.decode(data, type=_Schema).schema
        if schema != SCHEMA:
            raise ConfigError(f"{path}: expected a report of schema {SCHEMA}, got {schema}: run the bench again")
        return msgspec.json.decode(data, type=Report)
    except OSError as error:
        raise ConfigError(f"{path}: expected a report of `edge bench --json`, got: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: expected a report of `edge bench --json`, got: {error}") from None


class _Schema(msgspec.Struct):
    schema: int


def doubts(old: Report, new: Report) -> Iterator[str]:
    """Why the ratios may not say what they seem to."""
    if old.host.processor != new.host.processor:
        yield f"another processor: {old.host.processor} then, {new.host.processor} now"
    if old.request.rendition != new.request.rendition:
        yield "another rendition"
    if (old.request.memory, old.request.cpu) != (new.request.memory, new.request.cpu):
        yield "other limits were asked for"
    if old.stream and new.stream and (old.stream.video, old.stream.audio) != (new.stream.video, new.stream.audio):
        yield f"another sample: {old.stream.video} then, {new.stream.video} now"
    if not (old.complete and new.complete):
        yield "one of the runs was interrupted"


def compare(old: Report, new: Report) -> tuple[Row, ...]:
    """A row for each figure that both have."""
    return (*_rungs(old, new), *_fanout(old, new), *_together(old, new), *_hits(old, new), *_lags(old, new))


def _rungs(old: Report, new: Report) -> Iterator[Row]:
    before = {rung.name: rung for rung in old.rungs if rung.measured}
    for rung in new.rungs:
        was = before.get(rung.name)
        if rung.measured and was is not None:
            yield turned(f"rung {rung.name}: processor a media second", was.cost, rung.cost, "s")
            if was.anonymous and rung.anonymous:
                yield sized(f"rung {rung.name}: anonymous memory", was.anonymous, rung.anonymous)


def _fanout(old: Report, new: Report) -> Iterator[Row]:
    if old.fanout and new.fanout:
        yield turned("processor of a viewer", old.fanout.processor, new.fanout.processor, "cores")


def _together(old: Report, new: Report) -> Iterator[Row]:
    if old.together and new.together and old.together.rungs == new.together.rungs:
        yield turned(
            "all together: processor a media second", Figure(old.together.cost), Figure(new.together.cost), "s"
        )
        if old.together.anonymous and new.together.anonymous:
            yield sized("all together: anonymous memory", old.together.anonymous, new.together.anonymous)


def _hits(old: Report, new: Report) -> Iterator[Row]:
    if not (old.hits and new.hits and old.hits.durability == new.hits.durability):
        return
    if old.hits.alone and new.hits.alone:
        yield from _sent("hits alone", old.hits.alone.sent, new.hits.alone.sent)
        if old.hits.alone.anonymous and new.hits.alone.anonymous:
            yield sized("hits alone: anonymous memory", old.hits.alone.anonymous, new.hits.alone.anonymous)
    if old.hits.beside and new.hits.beside:
        yield from _sent("hits beside the channel", old.hits.beside.sent, new.hits.beside.sent)


def _sent(name: str, old: Sequence[Sent], new: Sequence[Sent]) -> Iterator[Row]:
    """Processor time at saturation, waits at a steady rate. How many came through hangs on who else was at work."""
    before = {(sent.connections, sent.rate): sent for sent in old}
    for sent in new:
        was = before.get((sent.connections, sent.rate))
        if was is None:
            continue
        if sent.rate is not None:
            yield late(f"{name}: p99 at {sent.rate:g} a second", was.p99, sent.p99)
        elif was.cost and sent.cost:
            yield turned(f"{name}: processor of a hit, {sent.connections} connections", was.cost, sent.cost, "s")


def _lags(old: Report, new: Report) -> Iterator[Row]:
    before = {lag.name: lag for lag in old.lags}
    for lag in new.lags:
        if lag.name in before:
            yield late(f"loop lag p99, {lag.name}", before[lag.name].p99, lag.p99)


def late(name: str, old: float, new: float) -> Row:
    worse = new > old * LAG_WORSE and new - old > LAG_SLACK
    return Row(name, old, new, "s", "worse" if worse else "same")


def turned(name: str, old: Figure, new: Figure, unit: str) -> Row:
    """Judged by the quartiles, where both have them."""
    apart = old.high is None or new.low is None or new.low > old.high
    below = old.low is None or new.high is None or new.high < old.low
    judged = "same"
    if new.value > old.value * WORSE:
        judged = "worse" if apart else "noise"
    elif new.value * WORSE < old.value:
        judged = "better" if below else "noise"
    return Row(name, old.value, new.value, unit, judged)


def sized(name: str, old: int, new: int) -> Row:
    judged = "same"
    if new > old * WORSE and new - old > MEMORY_SLACK:
        judged = "worse"
    elif new * WORSE < old and old - new > MEMORY_SLACK:
        judged = "better"
    return Row(name, old, new, "B", judged)


def worse(rows: tuple[Row, ...]) -> bool:
    return any(row.judged == "worse" for row in rows)
