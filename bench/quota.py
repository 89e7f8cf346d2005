"""Real time on a share of a core in which ffmpeg cannot keep up. Both at once, each in a cgroup with the same quota.

The quotas are found first: those in which ffmpeg, same settings, makes a half and a quarter of real time. ffmpeg's
source is never cut (a cut would end it), edge's is cut every 12 s with 2 s replayed. One viewer of /live/news.ts. After
the measurement edge's quota is lifted, and the time until the top rung is back is taken.

Share of real time: how much later the last tenth of the packets came than the first, against their timestamps; the
worse of the two streams. Pictures are compared with the source's own (see ssim.py).
"""

from __future__ import annotations

import resource
import subprocess
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import media
import ssim
from caged import held, used
from record import Recorder, get
from together import rest, together
from watched import Output, Rungs

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from edge.host.cage import Cage

SHARES = {"half": 0.5, "quarter": 0.25}  # of real time that ffmpeg is to make
SETTLE = 8.0  # seconds after the first byte: the first GOP comes at once
CALIBRATE = 25.0
PATIENCE = 240.0  # for the first byte: a start takes 0.3 to 1 s of processor time, 30 s in a quota of 3 %
COLUMNS = ("quota", "real_time", "kb_s", "fps", "new_fps", "ssim", "ssim_p5", "unreadable")
PAUSES = ("longest_pause", "most_late", "longest_picture", "start_seconds", "throttled_share", "changes", "resting_on")


class Run(NamedTuple):
    """A recording, and the moments (monotonic) between which it counts."""

    path: Path
    recorder: Recorder
    begin: float
    end: float
    start_seconds: float


def record(recorder: Recorder, path: Path, started: float, seconds: float) -> Run:
    """Wait for the first byte, let it settle, let `seconds` pass."""
    common.until(recorder.began.is_set, PATIENCE, "the first byte of the output")
    first = recorder.arrivals[0][0]
    begin = first + SETTLE
    rest(begin + seconds - time.monotonic())
    return Run(path, recorder, begin, time.monotonic(), first - started)


def ffmpeg(work: Path, cage: Cage, name: str, seconds: float) -> Run:
    """On an uncut source."""
    path = work / f"ffmpeg-{name}.ts"
    with common.Source(media.sample("source"), "--replay=2") as source:
        command = [common.need("ffmpeg"), "-nostdin", "-v", "fatal", "-threads", "1", "-i", source.url]
        started = time.monotonic()
        process = cage.start([*command, *common.ENCODE.split(), "-"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert process.stdout is not None
        try:
            run = record(Recorder(process.stdout.read1, path), path, started, seconds)  # type: ignore[attr-defined]
        finally:
            process.kill()  # in a quota it would take seconds to end by itself
            process.wait(30)
        run.recorder.finish()
        process.stdout.close()
    return run


def edge(work: Path, cage: Cage, name: str, options: argparse.Namespace) -> tuple[Run, Rungs, dict[str, Any]]:
    """On the cut source; then without the quota until it is on the top rung again, and ten seconds more."""
    path, home = work / f"edge-{name}.ts", work / f"edge-{name}"
    home.mkdir()
    command, started = cage.command(common.edge_command()), time.monotonic()
    with (
        common.Source(media.sample("source"), "--cut=12", "--replay=2") as source,
        common.Edge(home, source.url, command=command, patience=PATIENCE) as process,
    ):
        rungs = Rungs(process)
        run = record(Recorder(get(f"{process.url}/live/news.ts", PATIENCE), path), path, started, options.seconds)
        more: dict[str, Any] = {"used": used(cage.usage())}
        cage.lift_cpu()
        more["back_seconds"] = until_top(rungs, 3 if options.quick else options.lifted)
        rest(2 if options.quick else 10)
        more["over"] = time.monotonic()
        rungs.finish()
        run.recorder.finish()
        more["log"] = [line for line in process.log().splitlines() if "event=rung" in line][-100:]
    return run, rungs, more


def until_top(rungs: Rungs, seconds: float) -> float | None:
    """Seconds until the top rung is told; None: not within `seconds`."""
    begun, rungs.best = time.monotonic(), False
    while time.monotonic() - begun < seconds:
        if rungs.best:
            return time.monotonic() - begun
        rest(0.25)
    return None


def cost() -> float:
    """Processor seconds that ffmpeg needs for a media second, flat out from a file: where the search begins."""
    command = [common.need("ffmpeg"), "-nostdin", "-v", "fatal", "-y", "-threads", "1", "-stream_loop", "1"]
    command += ["-i", str(media.sample("source")), *common.ENCODE.split(), "/dev/null"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, timeout=120, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 38.4


def calibrate(work: Path, name: str, guess: float, seconds: float) -> float:
    """The quota, in cores, in which ffmpeg makes SHARES[name] of real time."""
    with held(cpu=guess) as cage:
        run = ffmpeg(work, cage, f"{name}-trial", seconds)
    made = Output(run.path, run.recorder).real_time(run.begin, run.end)
    if not 0.01 < made < 2:
        raise SystemExit(f"calibration failed: ffmpeg made {made:.3f} of real time in {guess:.1%} of a core")
    print(f"calibration: ffmpeg makes {made:.2f} of real time in {guess:.2%} of a core", flush=True)
    return guess * SHARES[name] / made


def find_quotas(work: Path, dear: float, options: argparse.Namespace) -> dict[str, float]:
    """By name of the share; those given on the command line are taken as they are."""
    if options.quotas:
        return dict(zip(SHARES, map(float, options.quotas.split(",")), strict=True))
    seconds = 15.0 if options.quick else CALIBRATE
    return together({name: lambda n=name: calibrate(work, n, dear * SHARES[n], seconds) for name in SHARES})


def measure_ffmpeg(work: Path, name: str, quota: float, options: argparse.Namespace) -> dict[str, Any]:
    with held(cpu=quota) as cage:
        run = ffmpeg(work, cage, name, options.seconds)
        spent = used(cage.usage())
    return {"run": run, "quota": quota, "start_seconds": run.start_seconds, **spent}


def measure_edge(work: Path, name: str, quota: float, options: argparse.Namespace) -> dict[str, Any]:
    with held(cpu=quota) as cage:
        run, rungs, more = edge(work, cage, name, options)
    return {"run": run, "rungs": rungs, "quota": quota, "start_seconds": run.start_seconds, **more.pop("used"), **more}


def look(found: dict[str, Any], meter: ssim.Meter) -> dict[str, Any]:
    """Recordings become figures: over all, by rung, and after the quota was lifted."""
    run: Run = found.pop("run")
    rungs: Rungs | None = found.pop("rungs", None)
    output = Output(run.path, run.recorder, meter)
    found |= output.figures(run.begin, run.end)
    if rungs is None:
        return found
    spans = rungs.spans(run.begin, run.end)
    by_rung: dict[str, float] = {}
    for rung, since, to in spans:
        by_rung[rung] = by_rung.get(rung, 0.0) + to - since
    over = found.pop("over")
    return found | {
        "changes": len(spans) - 1,
        "resting_on": max(by_rung, key=lambda rung: by_rung[rung]),
        "seconds_by_rung": by_rung,
        "changes_at": [(round(at - run.begin, 1), rung) for at, rung in rungs.changes][:200],
        "spans": [
            {"rung": rung, "seconds": to - since, **output.figures(since, to)}
            for rung, since, to in spans
            if to - since >= 5
        ][:20],
        "after": output.figures(max(run.end, over - 8), over),
    }


def bounds(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for name in SHARES:
        ours, theirs = runs[f"edge, {name}"], runs[f"ffmpeg, {name}"]
        print(f"{name}: ffmpeg made {theirs['real_time']:.2f} of real time in {theirs['quota']:.2%} of a core")
        found.append(common.at_least(f"{name}: share of real time", ours["real_time"], 0.98))
        found.append(common.verdict(f"{name}: longest pause at a viewer, s", ours["longest_pause"], 1.0))
        back = ours["back_seconds"]
        found.append(
            common.verdict(f"{name}: s until the top rung is back", float("inf") if back is None else back, 40)
        )
    return found


def show(runs: dict[str, dict[str, Any]]) -> None:
    for columns in (COLUMNS, PAUSES):
        common.table(("", *columns), [(name, *(run.get(c, "-") for c in columns)) for name, run in runs.items()])
        print()
    spans = [(name, span) for name, run in runs.items() for span in run.get("spans", ())]
    columns = ("rung", "seconds", "real_time", "kb_s", "new_fps", "ssim", "longest_pause")
    common.table(("rung by rung", *columns), [(name, *(span[c] for c in columns)) for name, span in spans])
    print()
    columns = ("new_fps", "ssim", "kb_s")
    lifted = [run for run in runs.values() if "after" in run]
    rows = [(run["back_seconds"] or "never", *(run["after"][c] for c in columns)) for run in lifted]
    common.table(("quota lifted: top rung after s", *columns), rows)
    print()


def main() -> None:
    options = common.arguments(__doc__ or "", seconds=120, quick=15, lifted=60, quotas="")
    with common.folder() as work:
        dear = cost()
        print(f"ffmpeg, flat out: {dear:.4f} processor seconds a media second", flush=True)
        quotas = find_quotas(work, dear, options)
        jobs = {f"edge, {n}": lambda n=n, q=q: measure_edge(work, n, q, options) for n, q in quotas.items()}
        jobs |= {f"ffmpeg, {n}": lambda n=n, q=q: measure_ffmpeg(work, n, q, options) for n, q in quotas.items()}
        runs = together(jobs)
        meter = ssim.Meter()
        runs = {name: look(run, meter) for name, run in runs.items()}
    show(runs)
    common.save(options, "quota", {"ffmpeg_cost": dear, "runs": runs, "bounds": bounds(runs)})


if __name__ == "__main__":
    main()
