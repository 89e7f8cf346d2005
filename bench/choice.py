"""No quota, the same output: edge with its own choice of work against the ffmpeg command that a user would type.

Twice: both encode the sound, both copy it. Both run at the same time on the same live source, several turns, medians.
SSIM is taken against the source's own pictures (ssim.py); the bit rates stand beside it. For information the same work
from a file, as fast as it goes: there edge is its pipeline alone, without server and viewers.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import common
import cost
import media
import ssim
from caged import held, used
from faultsource import Faults, open_loop
from judge import stamps
from record import get
from together import together

if TYPE_CHECKING:
    from pathlib import Path

BOUNDS = {"encoded": 0.80, "copied": 0.70}  # how the sound is made: edge's processor time over ffmpeg's
CODEC = {"encoded": "aac", "copied": "copy"}
SOUND = "-c:a aac -b:a 64k -ac 1"
LAPS = 6  # of the sample, 19.2 s each, offline
ROOM = 1 << 34  # bytes: a group that limits nothing, to read what it was charged
COLUMNS = ("cpu_per_minute", "peak_mb", "anonymous_mb", "cgroup_peak_mb", "cgroup_anonymous_mb", "speed")
PICTURES = ("rung", "kb_s", "fps", "new_fps", "ssim", "ssim_p5", "unreadable")


def edge(work: Path, url: str, audio: str, seconds: float) -> dict[str, Any]:
    home = work / f"edge-{audio}"
    home.mkdir(exist_ok=True)
    with held(memory=ROOM) as cage:
        command = cage.command(common.edge_command())
        with common.Edge(home, url, audio=CODEC[audio], command=command) as process:
            read = get(f"{process.url}/live/news.ts", 60)
            path = work / f"edge-{audio}.ts"
            found = cost.measure(process.process.pid, process.started, read, path, seconds)
            return found | used(cage.usage()) | {"rung": process.state().get("rung") or "not told"}


def ffmpeg_command(source: str | Path, audio: str) -> list[str]:
    settings = common.ENCODE.replace(SOUND, SOUND if audio == "encoded" else "-c:a copy").split()
    return [common.need("ffmpeg"), "-nostdin", "-v", "fatal", "-y", "-threads", "1", "-i", str(source), *settings]


def ffmpeg(work: Path, url: str, audio: str, seconds: float) -> dict[str, Any]:
    with held(memory=ROOM) as cage:
        started = time.monotonic()
        command = [*ffmpeg_command(url, audio), "-"]
        process = cage.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            read, path = process.stdout.read1, work / f"ffmpeg-{audio}.ts"
            return cost.measure(process.pid, started, read, path, seconds) | used(cage.usage())
        finally:
            common.stop(process)
            process.stdout.close()


def turn(work: Path, audio: str, seconds: float) -> dict[str, dict[str, Any]]:
    """Both beside each other."""
    with common.Source(media.sample("source"), "--replay=2") as source:
        programs = {"edge": edge, "ffmpeg": ffmpeg}
        return together({n: lambda run=run: run(work, source.url, audio, seconds) for n, run in programs.items()})


def look(path: Path, meter: ssim.Meter) -> dict[str, Any]:
    """The pictures of the last turn's recording, a second of media."""
    times = [pts for _, pts, _ in stamps(path)[0]]
    seconds = max(times) - min(times) + 1 / 15
    return ssim.summary(ssim.pictures(path, [(0.0, 0)], meter), seconds) | {
        "kb_s": path.stat().st_size * 8 / 1000 / seconds
    }


# ---- from a file


def long_file(work: Path) -> Path:
    loop = open_loop(media.sample("source"))
    path = work / "long.ts"
    path.write_bytes(loop.render(0, loop.size * LAPS, Faults().first_timestamp, 1, Faults()))
    return path


def offline(path: Path, audio: str) -> dict[str, float]:
    """Processor seconds for a media minute, start-up included."""
    child = [sys.executable, str(common.ROOT / "bench" / "offlinechild.py"), str(path), CODEC[audio]]
    commands = {"edge": child, "ffmpeg": [*ffmpeg_command(path, audio), "/dev/null"]}
    return {name: _spent(command) for name, command in commands.items()}


def _spent(command: list[str]) -> float:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=common.ROOT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return float(usage.ru_utime + usage.ru_stime) / (LAPS * 19.2 / 60)


# ---- the comparison


def medians(turns: list[dict[str, dict[str, Any]]], who: str) -> dict[str, float]:
    return {column: statistics.median(one[who][column] for one in turns) for column in COLUMNS}


def compare(work: Path, audio: str, turns: int, seconds: float, meter: ssim.Meter) -> dict[str, Any]:
    several = [turn(work, audio, seconds) for _ in range(turns)]
    found: dict[str, Any] = {"turns": several}
    for who in ("edge", "ffmpeg"):
        pictures = look(work / f"{who}-{audio}.ts", meter)
        found[who] = medians(several, who) | pictures | {"rung": several[-1][who].get("rung", "-")}
    return found


def bounds(audio: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    ours, theirs = found["edge"], found["ffmpeg"]

    def ratio(column: str) -> float:
        return float(ours[column] / theirs[column])

    return [
        common.verdict(f"{audio}: processor time, edge over ffmpeg", ratio("cpu_per_minute"), BOUNDS[audio]),
        common.verdict(f"{audio}: peak memory (VmHWM), edge over ffmpeg", ratio("peak_mb"), 0.85),
        common.verdict(f"{audio}: SSIM lower than ffmpeg's by", (theirs["ssim"] or 0) - (ours["ssim"] or 0), 0.01),
    ]


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=60, quick=10, repeats=3)
    runs, files, held_bounds = {}, {}, []
    meter = ssim.Meter()
    with common.folder() as work:
        path = long_file(work)
        for audio in BOUNDS:
            runs[audio] = compare(work, audio, 1 if options.quick else options.repeats, options.seconds, meter)
            files[audio] = offline(path, audio)
    for columns in (COLUMNS, PICTURES):
        pairs = [(f"{who}, sound {audio}", run[who]) for audio, run in runs.items() for who in ("edge", "ffmpeg")]
        common.table(("", *columns), [(name, *(one[c] for c in columns)) for name, one in pairs])
        print()
    rows = [(f"sound {audio}", *both.values(), both["edge"] / both["ffmpeg"]) for audio, both in files.items()]
    common.table(("from a file: processor seconds a media minute", "edge", "ffmpeg", "ratio"), rows)
    print()
    for audio, run in runs.items():
        held_bounds += bounds(audio, run)
    common.save(options, "choice", {"runs": runs, "from_a_file": files, "bounds": held_bounds})


if __name__ == "__main__":
    main()
