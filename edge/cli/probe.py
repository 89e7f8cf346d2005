"""`edge probe URL`: what a source holds, and what edge would do with it."""

from __future__ import annotations

import argparse
import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from edge.errors import CodecError, EdgeError, SourceError
from edge.media import kinds
from edge.media.kinds import Kind
from edge.media.settings import AudioSettings, VideoSettings

if TYPE_CHECKING:
    from edge.media.source import Source

HELP = "say what a source holds and what edge would do with it"
EXAMPLES = (
    "edge probe http://source.example/1034.ts",
    "edge probe --seconds 20 --language fra udp://239.0.0.1:5000",
)
WATCH_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="a source as in a configuration: http:, rtmp:, rtsp:, udp:, a path")
    parser.add_argument("--program", type=int, metavar="N", help="the number of an MPEG-TS program")
    parser.add_argument(
        "--language", metavar="WORD", help="the wanted language of the sound, as in the stream (eng, fra)"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", default=WATCH_SECONDS, help="how long to look (default: %(default)g)"
    )


def run(args: argparse.Namespace) -> int:
    """Prints what it found; SourceError or ConfigError when there is nothing to print."""
    kind = kinds.kind_of(args.url)
    if kind is kinds.PIPE:
        return asyncio.run(_probe_http(args))
    from edge.media.source import open_url  # noqa: PLC0415 - av is loaded on use

    return _report(open_url(args.url, kind, None, args.program, args.language), args)


async def _probe_http(args: argparse.Namespace) -> int:
    from edge.flow.bridge import Pipe  # noqa: PLC0415
    from edge.http.client import Fetch  # noqa: PLC0415
    from edge.media.source import open_pipe, open_url  # noqa: PLC0415

    pipe = Pipe(asyncio.get_running_loop(), 1 << 18, lambda: fetch.resume())  # noqa: PLW0108 - it is made a line later
    fetch = Fetch(args.url, pipe)
    fetching = asyncio.create_task(fetch.run())
    fetching.add_done_callback(lambda task: pipe.finish(_error(task)))
    kind: Kind = kinds.PIPE
    try:
        try:
            source = await asyncio.to_thread(open_pipe, pipe, b"", args.program, args.language)
        except SourceError as error:
            if error.reason != "playlist":
                raise
            kind = kinds.HLS
            source = await asyncio.to_thread(open_url, args.url, kind, None, args.program, args.language)
        return await asyncio.to_thread(_report, source, args)
    finally:
        fetch.cancel()
        pipe.cancel()
        await asyncio.wait([fetching])


def _error(task: asyncio.Task[object]) -> EdgeError | None:
    error = None if task.cancelled() else task.exception()
    return error if isinstance(error, EdgeError) else None


def _report(source: Source, args: argparse.Namespace) -> int:
    info = source.info()
    print(f"format        {info.format}, read as {source.kind.name}")
    print(f"video         {info.video or 'none'}")
    print(f"audio         {info.audio or 'none'}")
    for other in info.others:
        print(f"not used      {other}")
    try:
        _watch(source, args.seconds)
    finally:
        _plan(source)
        source.close()
    return 0


def _watch(source: Source, seconds: float) -> None:
    """Looks at the packets of some seconds: rates, keyframes, whether the source bursts."""
    from edge.media.overlap import TICKS, VIDEO  # noqa: PLC0415

    start, count, size, first, last = time.monotonic(), 0, 0, None, 0
    keys: list[int] = []
    try:
        for mark, packet in source.packets():
            first = mark.dts if first is None else first
            last, count, size = max(last, mark.dts), count + 1, size + packet.size
            if mark.stream == VIDEO and mark.key:
                keys.append(mark.dts)
            if time.monotonic() - start >= seconds or count >= 20_000:
                break
        ended = ""
    except SourceError as error:
        ended = f"; then {error.reason}: {error}"
    media = (last - first) / TICKS if first is not None else 0.0
    wall = time.monotonic() - start
    rate = f", {size * 8 / media / 1000:.0f} kb/s" if media > 0 else ""
    print(f"seen          {media:.1f} s of media in {wall:.1f} s, {count} packets{rate}{ended}")
    gaps = [(b - a) / TICKS for a, b in pairwise(keys)]
    if gaps:
        print(f"keyframes     every {min(gaps):.1f} to {max(gaps):.1f} s")


def _plan(source: Source) -> None:
    """What a channel with default settings would do."""
    from edge.media.audio import copies  # noqa: PLC0415
    from edge.media.decode import AudioDecoder, VideoDecoder  # noqa: PLC0415

    for name, stream in (("video", source.video), ("audio", source.audio)):
        if stream is None:
            print(f"edge would    go without {name}")
            continue
        try:
            (VideoDecoder if name == "video" else AudioDecoder)(stream.av)
        except CodecError as error:
            print(f"edge would    fail on the {name}: {error}")
            continue
        context = stream.av.codec_context
        if name == "video":
            v = VideoSettings()
            what = f"decode {context.name}, encode h264 at the source's size, at most {v.fps:g} frames/s"
        elif copies(AudioSettings(), context.name, context.bit_rate, context.layout.nb_channels):
            what = f"copy the {context.name} sound"
        else:
            what = f"decode {context.name}, encode aac"
        print(f"edge would    {what}")
