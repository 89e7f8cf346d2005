"""A real `edge run`, watched from outside: what viewers cost it, and how everything goes together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.bench import own
from edge.bench.crowd import Crowd
from edge.bench.feeder import Feeder
from edge.bench.model import Fanout, Together
from edge.bench.processes import NotMeasuredError, Processes, Worker
from edge.bench.snippet import worker_toml
from edge.bench.tsloop import TsLoop
from edge.bench.turns import figure, scaled
from edge.channel.settings import ChannelSettings

FEW, VIEWERS = 10, 3  # viewers of whom the cost is first seen; viewers in the scene of everything together
TURNS = 4
REST = 3.0  # seconds
SCRAPE, LEAST = 5.0, 1.2  # seconds between scrapes; less than a second apart they would show the same
LIGHT = 0.05  # of a core: what FEW viewers may cost at most, for the many to come
FIRST_BYTES = 2000  # more than the head of an answer: there is media


class Scene(msgspec.Struct, frozen=True):
    """`channel` plays the sample; its source is set to where it is served. `seconds`: for all of it. `more`: of the
    worker's configuration; `data`: its data_dir, in the folder."""

    folder: Path
    channel: ChannelSettings
    sample: str
    seconds: float
    more: str = ""
    data: str = "data"


@contextmanager
def worker_playing(scene: Scene, processes: Processes, viewers: int) -> Iterator[tuple[Worker, Crowd, float]]:
    """A worker that sends, one viewer who sees it, and how many seconds are left to measure it."""
    if scene.seconds < LEAST:
        raise NotMeasuredError("no time was left")
    end = time.monotonic() + scene.seconds
    ready = end - scene.seconds / 4
    with Feeder(TsLoop(Path(scene.sample).read_bytes())) as feeder:
        channel = msgspec.structs.replace(scene.channel, source=feeder.url)
        config = worker_toml(channel, str(scene.folder / scene.data), viewers, scene.more)
        with (
            processes.worker(scene.folder, config, scene.seconds * 0.75) as worker,
            Crowd(f"{worker.url}/live/{channel.name}.ts") as crowd,
        ):
            if not crowd.join(1):
                raise NotMeasuredError("the worker takes no viewer")
            while crowd.bytes < FIRST_BYTES:
                if time.monotonic() > ready:
                    raise NotMeasuredError(f"no picture came within {scene.seconds * 0.75:.0f} s")
                if not worker.running or crowd.ended:
                    raise NotMeasuredError(f"the worker failed: {worker.last_words()}")
                processes.pause(0.05)
            processes.pause(min(2.0, (end - time.monotonic()) / 4))
            yield worker, crowd, max(LEAST, end - time.monotonic())


def fan_out(scene: Scene, processes: Processes, most: int) -> Fanout:
    """What a viewer costs: the worker's use with many, less its use with one. The stream is only passed on, so a
    viewer's rate is the sample's; what is measured is the cost of a megabit, however many came through."""
    with worker_playing(scene, processes, most) as (worker, crowd, left):
        window = left / 5
        alone, memory, sockets = _use(worker, processes, crowd, window), worker.memory(), own.socket_memory()
        viewers = crowd.join(FEW)
        processes.pause(min(1.0, window / 2))
        few = _use(worker, processes, crowd, window / 2)
        if few.cores - alone.cores < LIGHT and viewers == FEW:
            viewers += crowd.join(most - FEW)
            processes.pause(min(1.0, window / 2))
        began = time.monotonic()
        uses = [_use(worker, processes, crowd, window * 2 / TURNS) for _ in range(TURNS)]
        if crowd.ended:
            raise NotMeasuredError(f"the worker sent {crowd.ended} of {viewers + 1} viewers away")
        sent = [use for use in uses if use.megabits > 2 * alone.megabits]
        each = [max(0.0, use.cores - alone.cores) / (use.megabits - alone.megabits) for use in sent]
        megabit = figure(each or [0.0])
        if not megabit.value:
            raise NotMeasuredError("nothing came to the viewers, or too little to be seen")
        rate = _rate(scene.sample)
        return Fanout(
            viewers, time.monotonic() - began, rate, scaled(megabit, rate / 1e6), megabit.value,
            _each(memory.get("RssAnon"), worker.memory().get("RssAnon"), viewers),
            _each(sockets, own.socket_memory(), viewers),
        )  # fmt: skip


class _Use(NamedTuple):
    """Of the worker: cores, and megabits a second that came to the viewers."""

    cores: float
    megabits: float


def _use(worker: Worker, processes: Processes, crowd: Crowd, seconds: float) -> _Use:
    began, used, came = time.monotonic(), worker.processor(), crowd.bytes
    processes.pause(seconds)
    wall = time.monotonic() - began
    return _Use((worker.processor() - used) / wall, (crowd.bytes - came) * 8e-6 / wall)


def _rate(sample: str) -> float:
    loop = TsLoop(Path(sample).read_bytes())
    return len(loop) * 8 / loop.seconds


def _each(before: int | None, after: int | None, viewers: int) -> int | None:
    return None if before is None or after is None else max(0, after - before) // viewers


def together(scene: Scene, processes: Processes) -> Together:
    """The sample in real time, VIEWERS, and a scrape every SCRAPE seconds."""
    with worker_playing(scene, processes, VIEWERS) as (worker, crowd, left):
        crowd.join(VIEWERS - 1)
        end = time.monotonic() + left
        rest(worker, processes, left / 2)
        crowd.settle()
        window = max(LEAST, end - time.monotonic())
        seen = [Look(worker, processes)]
        scrapes = max(1, int(window / SCRAPE))
        for _ in range(scrapes):
            processes.pause(window / scrapes)
            seen.append(Look(worker, processes))
        memory = worker.memory()
        first, last = seen[0], seen[-1]
        wall, media = last.at - first.at, last.media - first.media
        if media <= 0:
            raise NotMeasuredError(f"no second of media came out in {wall:.0f} s of real time")
        lags = first.lag_until(last)
        return Together(
            VIEWERS, wall, media / wall, _resting_cost(seen), lags[0], lags[1], crowd.longest,
            memory.get("VmHWM"), memory.get("RssAnon"), max((look.charged or 0 for look in seen), default=0) or None,
            tuple(dict.fromkeys(look.rung for look in seen if look.rung)), first.throttled_until(last),
        )  # fmt: skip


def rest(worker: Worker, processes: Processes, most: float) -> None:
    """Until the governor has left the channel on one rung for REST seconds: on a slow host it falls as fast as
    keyframes come, and those come as slowly as everything."""
    now = since = time.monotonic()
    end, rung = now + most, None
    while now < end and now - since < REST:
        if (found := worker.state("bench").get("rung")) != rung:
            rung, since = found, now
        processes.pause(min(0.5, end - now))
        now = time.monotonic()


def _resting_cost(seen: list[Look]) -> float:
    """Processor seconds a media second on the rung in force at the end; of the whole run where that came last."""
    since = next((n for n in range(len(seen) - 1, 0, -1) if seen[n - 1].rung != seen[-1].rung), 0)
    first, last = seen[since if since < len(seen) - 1 else 0], seen[-1]
    return (last.used - first.used) / max(1e-9, last.media - first.media)


class Look:
    """The worker at one moment."""

    def __init__(self, worker: Worker, processes: Processes) -> None:
        metrics, usage = worker.metrics(), processes.cage_usage()
        self.at, self.used = time.monotonic(), worker.processor()
        self.charged, self.periods, self.throttled = usage.current, usage.periods, usage.throttled_periods
        self.media = metrics.get('edge_channel_output_seconds_total{channel="bench"}', 0.0)
        self.rung = worker.state("bench").get("rung")
        self.lags = lag_counts(metrics)

    def lag_until(self, later: Look) -> tuple[float | None, float | None]:
        counts = {bound: n - self.lags.get(bound, 0.0) for bound, n in later.lags.items()}
        return bound_of(counts, 0.99), bound_of(counts, 1.0)

    def throttled_until(self, later: Look) -> float | None:
        """Share of the periods."""
        periods, throttled = _less(later.periods, self.periods), _less(later.throttled, self.throttled)
        return throttled / periods if periods and throttled is not None else None


def _less(after: int | None, before: int | None) -> int | None:
    return after - before if after is not None and before is not None else None


_BUCKET = 'edge_event_loop_lag_seconds_bucket{le="'


def lag_counts(metrics: dict[str, float]) -> dict[float, float]:
    """Cumulative counts of the lag histogram, by upper bound."""
    return {
        float(name.removeprefix(_BUCKET).removesuffix('"}')): value
        for name, value in metrics.items()
        if name.startswith(_BUCKET)
    }


def bound_of(counts: dict[float, float], share: float) -> float | None:
    """The smallest bound below which `share` of the observations are; None: above the last one, or there are none."""
    total = counts.get(float("inf"), 0.0)
    for bound in sorted(counts):
        if total and counts[bound] >= share * total and bound != float("inf"):
            return bound
    return None
