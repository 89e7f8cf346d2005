"""One rung, flat out, in a process of its own: what a media second costs, and how much memory it takes."""

from __future__ import annotations

import time
from pathlib import Path

from edge.bench import own
from edge.bench.model import Figure
from edge.bench.reading import Laps, play
from edge.bench.tasks import RungFound, RungTask
from edge.bench.tsloop import TsLoop
from edge.bench.turns import Points, cost
from edge.flow.ring import Chunk
from edge.media.events import Event, Format, Media
from edge.media.pipeline import Pipeline

WARM = 2.0  # seconds of media until it counts: decoder, encoder, the first poster; or LONGEST of the time
LONGEST = 0.5
MOST_MEDIA = 600.0  # seconds; no figure gets better by more


class Run:
    """Plays until the time is over, and notes where it stands whenever bytes are read."""

    def __init__(self, task: RungTask) -> None:
        self.points = Points()
        self._task = task
        self._began = time.monotonic()
        self._warm: tuple[float, float, float, int] | None = None
        self._rung, self._since = "", 0.0  # in effect, and since which media second
        self._output = Output(keep=task.keep is not None)
        made = task.rendition
        self._pipeline = Pipeline(made.video, made.audio, self._output.take, ladder_settings=made.ladder)
        self._pipeline.want(["ts"])
        if task.rung:
            self._pipeline.take(task.rung)
        self._loop = TsLoop(Path(task.sample).read_bytes())
        self._laps = Laps(self._loop, self._going)

    def _going(self) -> bool:
        now, used, media = time.monotonic(), time.process_time() - self._laps.spent, self._pipeline.output_seconds
        self._look(media)
        patient = now - self._began <= LONGEST * self._task.seconds and media - self._since < WARM
        if media and not patient and self._in_force():
            if self._warm is None:
                self._warm = (now, used, media, self._encoded())
            self.points.add(used, media)
        return now - self._began < self._task.seconds and media < MOST_MEDIA

    def _look(self, media: float) -> None:
        """Another rung in effect: what was noted is not of this one."""
        if self._pipeline.rung != self._rung:
            self._rung, self._since = self._pipeline.rung, media
            self._warm, self.points = None, Points()

    def _in_force(self) -> bool:
        """A decoder is changed at a keyframe only; which rungs are possible is known after some pictures."""
        return self._rung == (self._task.rung or self._pipeline.works()[0].name)

    def _encoded(self) -> int:
        """Pictures, not counting one that is shown again."""
        counts = self._pipeline.stats().video
        return counts.get("encoded", 0) - counts.get("repeated", 0)

    def run(self) -> RungFound:
        play(self._pipeline, self._laps, None)
        figure = cost(self.points.kept, self._loop.seconds)
        if not self._in_force():
            raise TimeoutError(f"the pipeline worked on {self._rung} instead")
        if self._warm is None or figure is None:
            raise TimeoutError(f"no second of media came out within {self._task.seconds:.0f} s")
        return self._found(figure, *self._warm)

    def _found(self, figure: Figure, since: float, used: float, media: float, encoded: int) -> RungFound:
        wall = time.monotonic() - since
        made = max(1e-9, self._pipeline.output_seconds - media)
        memory = own.memory()
        kept = self._output.write(self._task.keep) if self._task.keep else 0.0
        works = tuple((work.name, work.relative) for work in self._pipeline.works())
        self._pipeline.close()
        return RungFound(
            figure, made / wall, (time.process_time() - self._laps.spent - used) / wall,
            (self._encoded() - encoded) / made, memory.get("VmHWM"), memory.get("RssAnon"),
            self._pipeline.rung, works, self._output.size, kept,
        )  # fmt: skip


class Output:
    """What the pipeline gives out: kept up to KEEP seconds or MOST bytes, where the fan-out needs it."""

    KEEP = 10.0
    MOST = 1 << 20

    def __init__(self, *, keep: bool) -> None:
        self.size = (0, 0)
        self._keep = keep
        self._chunks: list[Chunk] = []
        self._bytes = 0

    def take(self, event: Event) -> None:
        if isinstance(event, Format):
            self.size = (event.width, event.height)
        elif self._keep and isinstance(event, Media):
            for chunk in event.chunks:
                self._take(chunk)

    def _take(self, chunk: Chunk) -> None:
        if self._chunks or chunk.key:
            self._chunks.append(chunk)
            self._bytes += len(chunk.data)
            self._keep = chunk.time - self._chunks[0].time < self.KEEP and self._bytes < self.MOST

    def write(self, path: str) -> float:
        """Whole GOPs where there are some, so that it loops. Seconds of media."""
        keys = [n for n, chunk in enumerate(self._chunks) if chunk.key and n]
        chunks = self._chunks[: keys[-1]] if keys else self._chunks
        Path(path).write_bytes(b"".join(chunk.data for chunk in chunks))
        return chunks[-1].time - chunks[0].time if chunks else 0.0


def measure(task: RungTask) -> RungFound:
    return Run(task).run()
