"""A whole run: what was asked for, the host, the cage, the measurements, the verdict, as one report."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge import __version__
from edge.bench import machine, own
from edge.bench.facts import Allowed, Facts
from edge.bench.model import Rendition as Wanted
from edge.bench.model import Report, Request, Verdict
from edge.bench.processes import Processes
from edge.bench.runner import Found, Plan, Progress, Runner
from edge.bench.snippet import channel_toml
from edge.bench.verdict import judge
from edge.bench.words import percent
from edge.channel.settings import ChannelSettings
from edge.errors import StoreError
from edge.host.cage import Cage
from edge.host.limits import Limits, Sampler, read
from edge.log import origin
from edge.units import show_bytes

NOT = "not enforced"
PLACEHOLDER = "http://source.example/live.ts"
AUDIO = 128_000  # bits/s, of an encoder that is not told


class Options(msgspec.Struct, frozen=True):
    """`channel`: whose rendition is measured; `sourced`: its source is, too. `memory` in bytes, `cpu` in cores."""

    plan: Plan
    channel: ChannelSettings
    line: int | None = None
    memory: int | None = None
    cpu: float | None = None
    channels: bool = True  # False: only hits are measured


def measure(options: Options, progress: Progress) -> Report:
    """The report; of what is known so far when Ctrl-C comes (`complete` is False then). SourceError, CodecError or
    ConfigError when there is nothing to measure on; StoreError when there is nowhere to put the sample."""
    began, limits, sampler = time.monotonic(), read(), Sampler()
    sampler.sample(began)
    host, found = machine.describe(limits), Found()
    allowed = _allowed(options, limits, host.available)
    with _folder() as folder, _cage(options) as cage:
        enforced = _enforced(options, cage)
        runner = Runner(options.plan, Processes(cage, progress.tick), progress, folder)
        with contextlib.suppress(KeyboardInterrupt):
            runner.run()
        found = runner.found
    steal = sampler.sample(time.monotonic()).steal
    verdict = judge(_facts(options, found, msgspec.structs.replace(allowed, steal=steal)))
    return Report(
        edge=__version__,
        when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        took=time.monotonic() - began,
        complete=found.complete,
        host=host,
        limits=machine.bounds(limits),
        request=_request(options, found.size, enforced),
        stream=found.stream,
        rungs=found.rungs,
        lags=found.lags,
        fanout=found.fanout,
        together=found.together,
        steal=steal,
        left_out=tuple(_left_out(found, enforced)),
        verdict=verdict,
        snippet=snippet(options, verdict, PLACEHOLDER),
        hits=found.hits,
    )


def snippet(options: Options, verdict: Verdict, source: str) -> str:
    """A `[[channel]]` table that `edge check` takes. A report is shown around, so the source in it is PLACEHOLDER:
    a path may be a password, too. Nothing where no channel was measured: who has sites has a configuration."""
    if not options.channels:
        return ""
    channel = ChannelSettings(
        options.channel.name, source, video=options.channel.video, audio=options.channel.audio,
        ladder=options.channel.ladder, max_viewers=verdict.viewers or None,
    )  # fmt: skip
    rest = f"On this host it would rest on the rung {verdict.rung}" if verdict.rung else "This host does not hold it"
    comments = [f"# {rest}."]
    if source == PLACEHOLDER:
        comments.append("# source: put yours in its place.")
    if options.line:
        comments.append(
            f'# [http] egress = "{options.line / 1e6:g}M" makes the line a bound for all channels together.'
        )
    return "".join(f"{line}\n" for line in comments) + channel_toml(channel)


def _facts(options: Options, found: Found, allowed: Allowed) -> Facts:
    return Facts(
        _wanted(options, found.size), found.stream, found.rungs, found.together, found.fanout, found.lags, allowed,
        options.line, hits=found.hits,
    )  # fmt: skip


def _wanted(options: Options, size: tuple[int, int] = (0, 0)) -> Wanted | None:
    """`size`: of what came out, where the settings leave it to the source. None: there is no channel."""
    if not options.channels:
        return None
    video, audio = options.channel.video, options.channel.audio
    return Wanted(
        video.width or size[0] or None, video.height or size[1] or None, video.fps,
        int(video.bitrate) if video.codec == "h264" else 0, int(audio.bitrate or AUDIO) if audio.codec != "none" else 0,
        video.codec, audio.codec,
    )  # fmt: skip


def _request(options: Options, size: tuple[int, int], enforced: str) -> Request:
    source = options.plan.source.source if options.plan.source else None
    shown = origin(source) if source and "://" in source else source
    return Request(
        shown, _wanted(options, size), options.line, options.memory, options.cpu, options.plan.seconds, enforced
    )


def _allowed(options: Options, limits: Limits, available: int | None) -> Allowed:
    """What is asked for counts also where it could not be put in force: the verdict is about a host like that."""
    quotas = [(limits.quota, limits.quota_source or "unknown"), (options.cpu, "--cpu")]
    spare = available + own.memory().get("RssAnon", 0) if available is not None else None  # we shall not be there then
    memories = [
        (limits.memory_max, limits.memory_max_source or "unknown"),
        (limits.memory_high, limits.memory_high_source or "unknown"),
        (options.memory, "--memory"), (spare, "available now"),
    ]  # fmt: skip
    quota = min(((value, by) for value, by in quotas if value is not None), default=(None, ""))
    memory = min(((value, by) for value, by in memories if value is not None), default=(None, ""))
    return Allowed(limits.cores, quota[0], quota[1], memory[0], memory[1])


@contextmanager
def _cage(options: Options) -> Iterator[Cage | None]:
    if options.memory is None and options.cpu is None:
        yield None
        return
    with Cage("bench", options.memory, options.cpu) as cage:
        yield cage


def _enforced(options: Options, cage: Cage | None) -> str:
    if cage is None:
        return "none asked for: the host as it is"
    asked = [show_bytes(options.memory)] if options.memory is not None else []
    asked += [f"{percent(options.cpu)} of a core"] if options.cpu is not None else []
    said = cage.how if cage.enforced or cage.how.startswith(NOT) else f"{NOT}: {cage.how}"
    return f"{', '.join(asked)}: {said}"


def _left_out(found: Found, enforced: str) -> Iterator[str]:
    if NOT in enforced:
        yield f"{enforced}. The verdict reckons with it all the same."
    if not found.complete:
        yield "what was still to come when the run was interrupted"
    yield from found.left_out


@contextmanager
def _folder() -> Iterator[Path]:
    """Somewhere to put two megabytes. The working directory is not asked: it may be anything."""
    places = [tempfile.gettempdir(), "/var/tmp", "/dev/shm"]  # noqa: S108 - a folder of our own is made in it
    for place in places:
        try:
            folder = tempfile.TemporaryDirectory(prefix="edge-measures-", dir=place)
        except OSError:
            continue
        with folder as path:
            yield Path(path)
        return
    raise StoreError(
        f"expected a folder to put a sample of 2 MB in, got none of {', '.join(places)}; TMPDIR names another"
    )
