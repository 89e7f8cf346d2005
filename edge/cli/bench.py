"""`edge bench`: will this host carry it?"""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from edge.channel.settings import ChannelSettings
from edge.config.load import load
from edge.config.model import Credentials, Settings
from edge.errors import ConfigError, StoreError
from edge.media.settings import AudioSettings, VideoSettings
from edge.units import BitRate, Bytes

if TYPE_CHECKING:
    from edge.bench.model import Report
    from edge.bench.session import Options
    from edge.bench.tables import Table

HELP = "measure what this host can carry, and say it in words"
EXAMPLES = (
    "edge bench",
    "edge bench --quick --cpu 25% --memory 64MiB",
    "edge bench --config edge.toml --line 10M --json today.json --compare last-year.json",
)
SECONDS, QUICK = 120.0, 30.0
WORSE, INTERRUPTED = 3, 130
RENDITION = ChannelSettings(
    "main", "demo:", video=VideoSettings(width=352, height=240, fps=15.0, bitrate=BitRate(256_000)),
    audio=AudioSettings(codec="aac", bitrate=BitRate(64_000), channels=1),
)  # fmt: skip
_SHAPE = re.compile(r"(\d{2,4})x(\d{2,4})@(\d{1,3})")
_CPU = re.compile(r"(\d+(?:\.\d+)?)(%?)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--quick", action="store_true", help=f"{QUICK:.0f} s instead of {SECONDS:.0f}: coarser figures, fewer rungs")
    add(
        "--source",
        metavar="URL",
        help="measure on this source or file; without it a sample is made: 960x540 at 50 frames/s",
    )
    add(
        "--config",
        metavar="FILE",
        help="a channel of this configuration, and hits if it has sites",
    )
    add("--channel", metavar="NAME", help="which channel of the configuration, if it has several")
    add("--sample", metavar="WxH@FPS", default="960x540@50", help="the sample to make (default: %(default)s)")
    add("--line", metavar="RATE", help="how much the host can send, such as 10M: says how many viewers fit")
    add("--memory", metavar="SIZE", help="run in a cgroup with so much memory, such as 64MiB")
    add("--cpu", metavar="SHARE", help="run in a cgroup with so much of a core, such as 25%%")
    add("--json", metavar="FILE", type=Path, help="write everything as JSON")
    add("--html", metavar="FILE", type=Path, help="write a page with charts")
    add(
        "--compare", metavar="OLD.json", help=f"show ratios to an earlier run; exit status {WORSE} if anything is worse"
    )
    add("--seconds", type=float, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """0: measured; 3: worse than the run compared with; 130: interrupted, after telling what is known."""
    from edge.bench import session, terminal  # noqa: PLC0415 - only this verb pays for them
    from edge.bench.compare import load as load_report  # noqa: PLC0415

    options = _options(args)
    for path in (args.json, args.html):
        _writable(path)
    old = load_report(args.compare) if args.compare else None
    with _signals(), terminal.progress(options.plan.seconds, sys.stderr) as progress:
        report = session.measure(options, progress)
    more, worse = _compare(old, report) if old else ((), False)
    _write(args, report, more)
    source = options.plan.source.source if options.plan.source else session.PLACEHOLDER
    terminal.show(report, more, session.snippet(options, report.verdict, source), sys.stdout)
    if not report.complete:
        return INTERRUPTED
    return WORSE if worse else 0


def _compare(old: Report, new: Report) -> tuple[tuple[Table, ...], bool]:
    from edge.bench.compare import compare, doubts, worse  # noqa: PLC0415
    from edge.bench.tables import compared  # noqa: PLC0415

    rows = compare(old, new)
    return (compared(rows, tuple(doubts(old, new))),), worse(rows)


def _write(args: argparse.Namespace, report: Report, more: tuple[Table, ...]) -> None:
    from edge.bench.tasks import encode  # noqa: PLC0415

    if args.json:
        _put(args.json, msgspec.json.format(encode(report), indent=1).decode() + "\n")
    if args.html:
        from edge.bench.page import page  # noqa: PLC0415

        _put(args.html, page(report, more))


def _put(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: could not be written: {error.strerror}") from None


def _writable(path: Path | None) -> None:
    """Said before the run, not two minutes later."""
    if path is not None:
        try:
            path.open("a").close()
        except OSError as error:
            raise ConfigError(f"{path}: expected a file that can be written, got: {error.strerror}") from None


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """A lost ssh connection and SIGTERM end the run as Ctrl-C does: children are ended, nothing stays behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# -- what was asked for


def _options(args: argparse.Namespace) -> Options:
    """ConfigError for what cannot be meant."""
    from edge.bench.plan import WEIGHTS  # noqa: PLC0415
    from edge.bench.runner import Plan  # noqa: PLC0415
    from edge.bench.session import Options  # noqa: PLC0415
    from edge.bench.tasks import Rendition  # noqa: PLC0415

    settings = load(args.config) if args.config is not None else None
    hits_only = _hits_only(args, settings)
    channel, access = (RENDITION, None) if hits_only else _channel(args, settings)
    shape = _shape(args.sample)
    source: ChannelSettings | None = channel
    if args.source is None and args.config is None:
        source = None
    elif channel.source == "demo:":
        shape, source = (640, 360, 25), None
    seconds = (QUICK if args.quick else SECONDS) if args.seconds is None else args.seconds
    if not 1 <= seconds <= 3600:
        raise ConfigError(f"--seconds: expected 1 to 3600, got {seconds:g}")
    rendition = Rendition(channel.video, channel.audio, channel.ladder)
    if hits_only:
        skip, source = frozenset(WEIGHTS) - {"hits"}, None
    else:
        skip = frozenset({"hits"} if settings is not None and not settings.sites else ())
    plan = Plan(seconds, rendition, source, access, shape, skip=skip)
    if settings is not None:
        plan = msgspec.structs.replace(plan, data_dir=settings.data_dir, durability=settings.hits.durability)
    return Options(
        plan, channel, _quantity(BitRate, "--line", args.line), _quantity(Bytes, "--memory", args.memory),
        _cpu(args.cpu), not hits_only,
    )  # fmt: skip


def _hits_only(args: argparse.Namespace, settings: Settings | None) -> bool:
    """A configuration that has sites and no channel; a source makes one."""
    bare = settings is not None and bool(settings.sites) and not settings.channels
    return bare and args.source is None and args.channel is None


def _channel(args: argparse.Namespace, settings: Settings | None) -> tuple[ChannelSettings, Credentials | None]:
    from edge.media.kinds import kind_of  # noqa: PLC0415

    if settings is None and args.channel:
        raise ConfigError("--channel: expected --config beside it, which has channels")
    if settings is None or (args.source is not None and not settings.channels and args.channel is None):
        kind_of(args.source or "demo:")
        return msgspec.structs.replace(RENDITION, source=args.source or "demo:"), None
    if args.channel is None and len(settings.channels) != 1:
        raise ConfigError(f"--channel: expected one of {_names(settings)}, got none")
    channel = next((c for c in settings.channels if c.name == (args.channel or settings.channels[0].name)), None)
    if channel is None:
        raise ConfigError(f"--channel: expected one of {_names(settings)}, got {args.channel!r}")
    credentials = settings.credentials.get(channel.name)
    if args.source is not None:
        kind_of(args.source)
        return msgspec.structs.replace(
            channel, source=args.source, headers={}, user_file=None, password_file=None
        ), None
    return channel, credentials


def _names(settings: Settings) -> str:
    return ", ".join(channel.name for channel in settings.channels) or "none: the configuration has no channel"


def _shape(text: str) -> tuple[int, int, int]:
    found = _SHAPE.fullmatch(text)
    width, height, fps = (int(n) for n in found.groups()) if found else (0, 0, 0)
    if not (64 <= width <= 1920 and 64 <= height <= 1088 and width % 2 == height % 2 == 0 and 5 <= fps <= 60):
        raise ConfigError(f"--sample: expected WxH@FPS of 64x64@5 to 1920x1088@60 with even sides, got {text!r}")
    return width, height, fps


def _quantity(kind: type[Any], name: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = kind.read(text)
    except ValueError as error:
        raise ConfigError(f"{name}: expected {error}, got {text!r}") from None
    if not value:
        raise ConfigError(f"{name}: expected more than nothing, got {text!r}")
    return value


def _cpu(text: str | None) -> float | None:
    """Cores: `25%` and `0.25` are the same."""
    if text is None:
        return None
    found = _CPU.fullmatch(text.strip())
    cores = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0.001 <= cores <= 1024:
        raise ConfigError(f"--cpu: expected a share of a core such as 25% or 0.25, got {text!r}")
    return cores
