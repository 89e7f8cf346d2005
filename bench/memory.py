"""How little memory is enough: memory cgroups, page cache counted, from a cold cache, edge and ffmpeg alike.

Each program runs from a copy of its installation that nobody else maps (private.py). One channel, three viewers, a
scrape of /metrics every five seconds. After the first minute: share of real time, major faults a second, kills. Beside
each other and never mixed: the group's peak (page cache in it), VmHWM (pages shared with others in it), anonymous.
ffmpeg has the same limit, one reader and no server. Limits of one round run at the same time. At the end the lowest
limits again with compressed swap beside (zram), where this host has it; what the zram takes itself is told.
"""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING, Any

import common
import media
import private
import readahead
import zram
from caged import MIB, held, used
from record import Recorder, get
from together import GivenUp, rest, together
from watched import Output, Scraper

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from edge.host.cage import Cage

ROUNDS = ((64, 56), (48, 46, 45), (44, 42), (39, 36))  # MiB; it ends with a round in which none is enough
FFMPEG = (64, 56, 48, 45)  # one beside each round
SWAPPED = (48, 42, 36)
SWAP = 32 * MIB  # for each
FIRST = 60.0  # seconds after the first byte before anything is judged
FAULTS = 5.0  # major faults a second, fewer than
SPEED = 0.98
GOAL = 45  # MiB: what a 128 MB host leaves
COLUMNS = ("outcome", "real_time", "rung", "faults_s", "kills", "cgroup_peak_mb", "VmHWM_mb", "anonymous_mb")
MORE = ("cgroup_file_mb", "cgroup_swap_mb", "zram_mb", "start_seconds", "first_minute_faults", "longest_pause")


def follow(pid: int, cage: Cage, recorder: Recorder, path: Path, started: float, first: float, seconds: float) -> Any:
    """Let the first minute pass, then count."""
    common.until(recorder.began.is_set, 90, "the first byte of the output")
    begun = recorder.arrivals[0][0]
    rest(begun + first - time.monotonic())
    before, begin = cage.usage().major_faults or 0, time.monotonic()
    rest(seconds)
    usage, end = cage.usage(), time.monotonic()
    memory = common.memory(pid)
    recorder.finish()
    output = Output(path, recorder)
    return used(usage) | {
        "real_time": output.real_time(begin, end),
        "longest_pause": output.figures(begin, end)["longest_pause"],
        "faults_s": ((usage.major_faults or 0) - before) / (end - begin),
        "first_minute_faults": before,
        "zram_ratio": zram.ratio(),
        "VmHWM_mb": memory["VmHWM"] / 1024,
        "anonymous_mb": memory["RssAnon"] / 1024,
        "start_seconds": begun - started,
    }


def edge(work: Path, home: private.Private, cage: Cage, options: argparse.Namespace) -> dict[str, Any]:
    path, started = work / "out.ts", time.monotonic()
    with (
        common.Source(media.sample("source"), "--replay=2") as source,
        common.Edge(work, source.url, command=cage.command(home.command), env=home.env, patience=90) as process,
    ):
        first, *others = options.outputs.split(",")
        recorder = Recorder(get(f"{process.url}/live/news.{first}", 90), path)
        more = [
            Recorder(get(f"{process.url}/live/news.{kind}", 90), work / f"{n}.out") for n, kind in enumerate(others)
        ]
        scraper = Scraper(process)
        pid = process.process.pid
        found = follow(pid, cage, recorder, path, started, first_seconds(options), options.seconds)
        found |= {"rung": process.state().get("rung") or "not told", "strangers": home.strangers(pid)}
        scraper.finish()
        for each in more:
            each.finish()
        found |= {
            "viewers_lost": sum(each.ended != "by us" for each in (recorder, *more)),
            "scrapes_failed": scraper.failed,
        }
    return found


def ffmpeg(work: Path, home: private.Private, cage: Cage, options: argparse.Namespace) -> dict[str, Any]:
    path, started = work / "out.ts", time.monotonic()
    with common.Source(media.sample("source"), "--replay=2") as source:
        command = [
            *home.command,
            "-nostdin",
            "-v",
            "fatal",
            "-threads",
            "1",
            "-i",
            source.url,
            *common.ENCODE.split(),
            "-",
        ]
        process = cage.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=home.env)
        try:
            recorder = Recorder(process.stdout.read1, path)
            return follow(process.pid, cage, recorder, path, started, first_seconds(options), options.seconds)
        finally:
            process.kill()
            process.wait(30)
            process.stdout.close()


def first_seconds(options: argparse.Namespace) -> float:
    return 8.0 if options.quick else FIRST


def row(
    work: Path, who: str, limit: int, homes: list[private.Private], options: argparse.Namespace, swap: int = 0
) -> Any:
    """One program in one limit. What fails (killed, too slow to start) is an outcome, not an error."""
    folder = work / f"{who}-{limit}-{swap}"
    folder.mkdir()
    home = homes.pop()  # nobody else runs from it meanwhile
    try:
        home.chill()
        with held(memory=limit * MIB, swap=swap) as cage:
            try:
                found = {"edge": edge, "ffmpeg": ffmpeg}[who](folder, home, cage, options)
            except GivenUp:
                raise
            except (SystemExit, OSError, ValueError) as error:
                found = used(cage.usage()) | {"failed": str(error)[-2000:]}
    finally:
        homes.append(home)
    return found | {"who": who, "limit": limit, "outcome": outcome(found)}


def outcome(found: dict[str, Any]) -> str:
    if found.get("kills"):
        return "killed"
    if "failed" in found:
        return "failed"
    if found["real_time"] < SPEED:
        return "too slow"
    return "thrashes" if found["faults_s"] >= FAULTS else "enough"


def rounds(work: Path, homes: dict[str, list[private.Private]], options: argparse.Namespace) -> dict[str, Any]:
    """From roomy to tight, until a round in which no limit is enough for edge."""
    rows: dict[str, Any] = {}
    for limits, beside in zip(ROUNDS[:1] if options.quick else ROUNDS, FFMPEG, strict=False):
        jobs = {f"edge, {n} MiB": lambda n=n: row(work, "edge", n, homes["edge"], options) for n in limits}
        jobs |= {f"ffmpeg, {n} MiB": lambda n=n: row(work, "ffmpeg", n, homes["ffmpeg"], options) for n in (beside,)}
        found = together(jobs)
        rows |= found
        for name, one in found.items():
            print(f"{name}: {one['outcome']}", flush=True)
        if all(one["outcome"] != "enough" for one in found.values() if one["who"] == "edge"):
            break
    return rows


def swapped(work: Path, homes: list[private.Private], options: argparse.Namespace) -> dict[str, Any] | str:
    """The same with swap beside, or why not."""
    limits = SWAPPED[-1:] if options.quick else SWAPPED
    try:
        with zram.swap(SWAP * len(limits)) as kind:
            jobs = {n: lambda n=n: row(work, "edge", n, homes, options, SWAP) for n in limits}
            done = together(jobs)
    except zram.Unavailable as reason:
        return str(reason)
    for one in done.values():
        one["zram_mb"] = (one["cgroup_swap_mb"] or 0.0) * one.get("zram_ratio", 0.0)
    return {f"edge, {n} MiB, zram {kind}": one for n, one in done.items()}


def floor(rows: dict[str, Any], who: str) -> int:
    """The lowest limit that is enough, with all above it enough too; MiB."""
    found = 0
    for one in sorted((one for one in rows.values() if one["who"] == who), key=lambda one: -one["limit"]):
        if one["outcome"] != "enough":
            break
        found = one["limit"]
    return found or max(ROUNDS[0]) * 2


def bounds(rows: dict[str, Any]) -> list[dict[str, Any]]:
    top = rows["edge, 64 MiB"]
    kills = (top["kills"] or 0) + float("failed" in top)
    return [
        common.at_least("64 MiB: share of real time", top.get("real_time", 0.0), SPEED),
        common.verdict("64 MiB: major faults a second after the first minute", top.get("faults_s", 1e9), FAULTS),
        common.verdict("64 MiB: kills and failures", kills, 0),
        common.verdict("the lowest limit that is enough without swap, MiB", floor(rows, "edge"), GOAL),
    ]


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=20, quick=8, outputs="ts,ts,ts")
    with common.folder() as work, readahead.usual(work) as ahead:
        at_once = max(map(len, ROUNDS))
        homes = {"edge": [private.edge(work / f"edge-home-{n}") for n in range(at_once)]}
        homes["ffmpeg"] = [private.ffmpeg(work / "ffmpeg-home")]
        rows = rounds(work, homes, options)
        more = swapped(work, homes["edge"], options)
    everything = rows | (more if isinstance(more, dict) else {})
    for columns in (COLUMNS, MORE):
        common.table(("", *columns), [(name, *(one.get(c, "-") for c in columns)) for name, one in everything.items()])
        print()
    if isinstance(more, str):
        print(f"with zram: skipped, {more}\n")
    floors = {who: floor(rows, who) for who in ("edge", "ffmpeg")}
    found = {"rows": everything, "zram": more if isinstance(more, str) else "used", "floors": floors}
    found |= {"readahead_kib": ahead, "outputs": options.outputs, "bounds": bounds(rows)}
    print(f"readahead of the disk: {ahead or 'unknown'} KiB")
    common.save(options, "memory", found)


if __name__ == "__main__":
    main()
