"""Figure 3: processor seconds per media minute and peak memory beside `ffmpeg` with the same settings, in turn.

Both read a clean source in real time and one reader takes their TS output. Start-up (until the first byte out) is
reported apart.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from typing import TYPE_CHECKING, Any

import common
import media
from record import Recorder, get, media_between
from together import rest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETTLE = 10.0  # seconds after the first byte before counting begins
COLUMNS = ("cpu_per_minute", "peak_mb", "anonymous_mb", "private_mb", "start_cpu", "start_seconds", "speed")


def measure(pid: int, started: float, read: Callable[[int], bytes], path: Path, seconds: float) -> dict[str, Any]:
    """Follow a transcoder from its first byte out for SETTLE and then `seconds`."""
    recorder = Recorder(read, path)
    if not recorder.began.wait(60):
        raise SystemExit("no output came within 60 s")
    start_cpu, first = common.cpu_seconds(pid), time.monotonic()
    rest(SETTLE)
    cpu, begin = common.cpu_seconds(pid), time.monotonic()
    rest(seconds)
    cpu, end = common.cpu_seconds(pid) - cpu, time.monotonic()
    memory = common.memory(pid)
    recorder.finish()
    real, span = media_between(path, recorder.arrivals, begin, end)
    return {
        "cpu_per_minute": cpu / span * real / (end - begin) * 60,
        "peak_mb": memory["VmHWM"] / 1024,
        "anonymous_mb": memory["RssAnon"] / 1024,
        "private_mb": memory["Private"] / 1024,
        "start_cpu": start_cpu,
        "start_seconds": first - started,
        "speed": span / real,
    }


def edge(work: Path, url: str, seconds: float) -> dict[str, Any]:
    with common.Edge(work, url) as process:
        read = get(f"{process.url}/live/news.ts", 60)
        return measure(process.process.pid, process.started, read, work / "edge.ts", seconds)


def ffmpeg(work: Path, url: str, seconds: float) -> dict[str, Any]:
    command = [common.need("ffmpeg"), "-nostdin", "-v", "fatal", "-threads", "1", "-i", url]
    command += [*common.ENCODE.split(), "-"]
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        return measure(process.pid, started, process.stdout.read1, work / "ffmpeg.ts", seconds)  # type: ignore[attr-defined]
    finally:
        common.stop(process)
        process.stdout.close()


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=60, quick=10, repeats=3)
    runs: dict[str, list[dict[str, Any]]] = {"edge": [], "ffmpeg": []}
    with common.folder() as work:
        for _ in range(1 if options.quick else options.repeats):
            for name, run in (("edge", edge), ("ffmpeg", ffmpeg)):
                with common.Source(media.sample("source"), "--replay=2") as source:
                    runs[name].append(run(work, source.url, options.seconds))
    rows = [(name, *(one[c] for c in COLUMNS)) for name, several in runs.items() for one in several]
    common.table(("", *COLUMNS), rows)
    print()

    def median(name: str, column: str) -> float:
        return statistics.median(one[column] for one in runs[name])

    def ratio(column: str) -> float:
        return median("edge", column) / median("ffmpeg", column)

    bounds = [
        common.verdict("processor time, edge over ffmpeg (medians)", ratio("cpu_per_minute"), 1.05),
        common.verdict("peak memory, edge over ffmpeg (medians)", ratio("peak_mb"), 1.0),
    ]
    common.save(options, "cost", {"runs": runs, "bounds": bounds})


if __name__ == "__main__":
    main()
