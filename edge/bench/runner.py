"""One run from the sample to the last measurement. What cannot be done is said and left out; the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from edge.bench import disk, plan
from edge.bench.hitting import HitScene, alone, beside
from edge.bench.model import Fanout, Hits, Lag, RungCost, Stream, Together
from edge.bench.processes import NotMeasuredError, Processes
from edge.bench.tasks import LagFound, LagTask, Made, MakeTask, RecordTask, Rendition, RungFound, RungTask
from edge.bench.watching import Scene, fan_out, together
from edge.channel.settings import ChannelSettings
from edge.config.model import Credentials
from edge.errors import EdgeError, SourceError
from edge.log import origin

FIRST = 8.0  # seconds that the first rung is measured at most: it is what everything else is compared with
DISK = 0.5  # seconds that writes are tried
LAG = 15.0  # seconds, all phases of it
START = 2.0  # seconds that a process is believed to need until one has told


class Progress(Protocol):
    """Who watches the run."""

    def step(self, words: str) -> None: ...
    def tick(self) -> None: ...


class Plan(msgspec.Struct, frozen=True):
    """What to do. `source`: None: make a sample of `shape` (width, height, frames/s)."""

    seconds: float
    rendition: Rendition
    source: ChannelSettings | None = None
    access: Credentials | None = None
    shape: tuple[int, int, int] = (960, 540, 50)
    viewers: int = 100
    skip: frozenset[str] = frozenset()  # steps, as in `plan.WEIGHTS`
    data_dir: str | None = None  # whose disk hits are kept on; None: none was told
    durability: str = "power"


class Found:
    """What is known so far; grows while the run goes on, and stands when it is interrupted."""

    def __init__(self) -> None:
        self.stream: Stream | None = None
        self.size: tuple[int, int] = (0, 0)
        self.works: tuple[tuple[str, float], ...] = ()
        self.measured: dict[str, RungCost] = {}
        self.lags: tuple[Lag, ...] = ()
        self.fanout: Fanout | None = None
        self.together: Together | None = None
        self.hits: Hits | None = None
        self.left_out: list[str] = []
        self.complete = False

    @property
    def rungs(self) -> tuple[RungCost, ...]:
        return plan.fill(self.works, self.measured)


class Runner:
    """`run` once; `found` is good at any time."""

    def __init__(self, what: Plan, processes: Processes, progress: Progress, folder: Path) -> None:
        self.found = Found()
        self._what, self._processes, self._progress = what, processes, progress
        self._sample, self._output = str(folder / "sample.ts"), str(folder / "rendition.ts")
        self._folder = folder
        self._budget = plan.Budget(what.seconds, time.monotonic(), what.skip)
        self._startup = START

    def run(self) -> None:
        """SourceError, CodecError or ConfigError when there is nothing to measure on."""
        if "sample" not in self._what.skip:
            self._get_sample()
        for name, words, step in self._steps():
            seconds = self._budget.share(name, time.monotonic())
            self._progress.step(words)
            self._try(words, step, seconds)
        self.found.complete = True

    def _steps(self) -> list[tuple[str, str, Callable[[float], None]]]:
        steps = (
            ("rungs", "the ladder's rungs", self._rungs),
            ("together", "all together", self._together),
            ("fanout", "viewers", self._fan_out),
            ("lag", "the event loop under load", self._lag),
            ("hits", "hits", self._hits),
        )
        return [step for step in steps if step[0] not in self._what.skip]

    def _try(self, words: str, step: Callable[[float], None], seconds: float) -> None:
        try:
            step(seconds)
        except EdgeError as error:
            self.found.left_out.append(f"{words}: {error}")

    # -- the steps

    def _get_sample(self) -> None:
        what, seconds = self._what, self._budget.share("sample", time.monotonic())
        self._progress.step("a sample" if what.source is None else "a piece of the source")
        patience = max(seconds * 0.6, 2.0)
        try:
            made = self._made(patience) if what.source is None else self._recorded(what.source, max(seconds, 8.0))
        except SourceError as error:
            raise SourceError(error.reason, f"the source: {error}") from None
        except NotMeasuredError as error:
            raise NotMeasuredError(f"there is nothing to measure on, as no sample could be made: {error}") from None
        from_where = "made here" if what.source is None else _shown(what.source.source)
        self.found.stream = Stream(
            from_where, made.seconds, made.size, made.video, made.audio, made.width, made.height, made.fps
        )

    def _made(self, patience: float) -> Made:
        task = MakeTask(self._sample, patience, *self._what.shape)
        made: Made = self._processes.run("make", task, self._budget.left(time.monotonic()), Made, free=True)
        return made

    def _recorded(self, source: ChannelSettings, patience: float) -> Made:
        access = self._what.access
        secret = f"{access.user}\n{access.password}" if access else ""
        task = RecordTask(self._sample, patience, source)
        made: Made = self._processes.run("record", task, patience + 20, Made, free=True, secret=secret)
        return made

    def _rungs(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        first = self._rung("", min(FIRST, seconds / 5), seconds * 0.8, keep=self._output)
        self.found.works, self.found.size = first.works, first.size
        todo = plan.windows(
            [name for name, _ in first.works], first.rung, end - time.monotonic(), self._startup, first.speed
        )
        for name, window in todo.items():
            left = end - time.monotonic() - self._startup
            if left < window / 2:
                break
            self._progress.step(f"rung {name}")
            self._try(f"rung {name}", partial(self._one_rung, name), min(window, left))
        missing = [name for name, _ in first.works if name not in self.found.measured]
        if missing:
            self.found.left_out.append(f"rungs guessed from the others, for want of time: {', '.join(missing)}")

    def _one_rung(self, name: str, seconds: float) -> None:
        self._rung(name, seconds, seconds + 3 * self._startup + 5)

    def _rung(self, name: str, seconds: float, patience: float, keep: str | None = None) -> RungFound:
        began = time.monotonic()
        task = RungTask(self._sample, name, seconds, self._what.rendition, keep)
        found: RungFound = self._processes.run("rung", task, patience, RungFound)
        self._startup = max(0.1, time.monotonic() - began - seconds)
        self.found.measured[found.rung] = RungCost(
            found.rung, True, found.cost, found.speed, found.share, found.fps, found.peak, found.anonymous
        )  # fmt: skip
        return found

    def _together(self, seconds: float) -> None:
        scene = self._scene(self._what.rendition, self._sample, seconds)
        self.found.together = together(scene, self._processes)

    def _fan_out(self, seconds: float) -> None:
        if not Path(self._output).exists():
            raise NotMeasuredError("there is no rendition to send, as no rung could be measured")
        copied = msgspec.json.decode(b'{"video":{"codec":"copy"},"audio":{"codec":"copy"},"ladder":{}}', type=Rendition)
        scene = self._scene(copied, self._output, seconds)
        self.found.fanout = fan_out(scene, self._processes, self._what.viewers)

    def _lag(self, seconds: float) -> None:
        window = min(LAG, seconds - 1.5 * self._startup)
        if window < 1.5:
            raise NotMeasuredError("no time was left")
        best = next(iter(self.found.measured), "full")
        task = LagTask(self._sample, best, window, self._what.rendition)
        found: LagFound = self._processes.run("lag", task, 2 * seconds + 5, LagFound)
        self.found.lags = found.lags
        self.found.left_out += found.left_out

    def _hits(self, seconds: float) -> None:
        end, what = time.monotonic() + seconds, self._what
        self.found.hits = Hits(what.durability)
        with disk.place(what.data_dir) as where:
            if what.data_dir is not None and where.of != "data_dir":
                self.found.left_out.append(f"hits on the disk of data_dir, where nothing can be written: in {where.of}")
            self._try("how long its disk takes", partial(self._disk, where), min(DISK, seconds / 10))
            share = 1.0 if "together" in what.skip else 0.45
            self._progress.step("hits alone")
            self._try("hits alone", partial(self._hits_alone, where), (end - time.monotonic()) * share)
            if "together" not in what.skip:
                self._progress.step("hits beside the channel")
                words = "hits beside the channel"
                self._try(words, partial(self._hits_beside, where), end - time.monotonic())

    def _disk(self, where: disk.Place, seconds: float) -> None:
        try:
            self._add_hits(disk=disk.measure(where, seconds))
        except OSError as error:
            raise NotMeasuredError(f"{error.strerror}") from None

    def _hits_alone(self, where: disk.Place, seconds: float) -> None:
        self._add_hits(alone=alone(self._hit_scene(where, seconds), self._processes))

    def _hits_beside(self, where: disk.Place, seconds: float) -> None:
        self._add_hits(beside=beside(self._hit_scene(where, seconds), self._processes))

    def _add_hits(self, **part: object) -> None:
        self.found.hits = msgspec.structs.replace(self.found.hits or Hits(self._what.durability), **part)

    def _hit_scene(self, where: disk.Place, seconds: float) -> HitScene:
        scene = self._scene(self._what.rendition, self._sample, seconds)
        return HitScene(msgspec.structs.replace(scene, folder=where.path), self._what.durability)

    def _scene(self, rendition: Rendition, sample: str, seconds: float) -> Scene:
        channel = ChannelSettings(
            "bench", "demo:", video=rendition.video, audio=rendition.audio, ladder=rendition.ladder
        )
        return Scene(self._folder, channel, sample, seconds)


def _shown(source: str) -> str:
    return origin(source) if "://" in source else source
