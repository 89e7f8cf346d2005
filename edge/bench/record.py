"""A piece of the user's own source as the sample: copied by the pipeline, so what a channel can pull, this can.

In a child process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.channel.feed import HttpFeed, LibavFeed
from edge.channel.settings import ChannelSettings
from edge.channel.worker import Worker
from edge.config.model import Credentials
from edge.errors import CodecError, EdgeError, SourceError
from edge.flow.outbox import call_on
from edge.flow.ring import Chunk
from edge.media import kinds
from edge.media.events import Event, Media, Unavailable, Without
from edge.media.kinds import Kind
from edge.media.pipeline import Pipeline
from edge.media.settings import AudioSettings, VideoSettings

WANTED = 12.0  # seconds of media
MOST_BYTES = 24 << 20
RETRY = 0.2  # seconds between connections, as the source's responses may end at any time
COPY = (VideoSettings(codec="copy"), AudioSettings(codec="copy"))
Feed = HttpFeed | LibavFeed


class Piece:
    """Chunks from the first keyframe on until there is enough. Filled in the pipeline's thread."""

    def __init__(self, wanted: float = WANTED, most: int = MOST_BYTES) -> None:
        self.chunks: list[Chunk] = []
        self.full = False
        self.on_full: Callable[[], object] = lambda: None
        self.unusable: str | None = None
        self._wanted, self._most = wanted, most
        self._size = 0

    def take(self, event: Event) -> None:
        if isinstance(event, Media) and event.container == "ts":
            for chunk in event.chunks:
                self._keep(chunk)
        elif isinstance(event, Unavailable | Without):
            self.unusable = self.unusable or event.reason
            if isinstance(event, Unavailable) and event.container == "ts":
                self._end()

    def _keep(self, chunk: Chunk) -> None:
        if self.full or not (self.chunks or chunk.key):
            return
        self.chunks.append(chunk)
        self._size += len(chunk.data)
        over = chunk.time - self.chunks[0].time
        if (chunk.key and over >= self._wanted) or over >= 2 * self._wanted or self._size >= self._most:
            self._end()

    def _end(self) -> None:
        self.full = True
        self.on_full()

    def whole(self) -> list[Chunk]:
        """What loops: whole GOPs, or everything where there is not even one."""
        keys = [n for n, chunk in enumerate(self.chunks) if chunk.key and n]
        return self.chunks[: keys[-1]] if keys else self.chunks


def record(channel: ChannelSettings, access: Credentials | None, path: Path, patience: float) -> float:
    """Writes up to WANTED seconds of the channel's source to `path` within `patience` seconds. The seconds of media.
    SourceError when nothing came, CodecError when MPEG-TS cannot carry it."""
    piece = Piece()
    failed = asyncio.run(_pull(channel, access, piece, patience))
    chunks = piece.whole()
    if not chunks:
        raise failed or (
            CodecError(f"expected a source that MPEG-TS can carry: {piece.unusable}")
            if piece.unusable
            else SourceError("no_frames", f"expected a keyframe within {patience:.0f} s, got none")
        )
    with path.open("wb") as file:
        file.writelines(chunk.data for chunk in chunks)
    return chunks[-1].time - chunks[0].time


async def _pull(
    channel: ChannelSettings, access: Credentials | None, piece: Piece, patience: float
) -> EdgeError | None:
    """Connects until there is enough. The error of the last connection, if it had one."""
    loop = asyncio.get_running_loop()
    worker = Worker(loop, "edge-record")
    pipeline = Pipeline(*COPY, piece.take, channel.program, channel.audio_language)
    pipeline.want(["ts"])
    feed: Feed = _feed(kinds.kind_of(channel.source), channel, access)

    def stop() -> None:
        pipeline.cancel()
        feed.cancel()

    piece.on_full = lambda: call_on(loop, stop)
    failed: EdgeError | None = None
    try:
        async with asyncio.timeout(patience):
            while not piece.full and (failed is None or piece.chunks):
                try:
                    await feed.play(worker, pipeline)
                except SourceError as error:
                    if error.reason == "playlist":
                        feed = _feed(kinds.HLS, channel, access)
                    else:
                        failed = error
                except CodecError as error:
                    failed = error
                await asyncio.sleep(RETRY)
    except TimeoutError:
        pass
    finally:
        pipeline.cancel()
        worker.stop(pipeline.close)
    return failed


def _feed(kind: Kind, channel: ChannelSettings, access: Credentials | None) -> Feed:
    if kind is kinds.PIPE:
        return HttpFeed(channel.source, channel.headers, access)
    if kind is kinds.FILE:  # faster than real time, which is how fast a channel plays it
        kind = msgspec.structs.replace(kind, lead=None)
    return LibavFeed(channel.source, kind, channel.headers, access)
