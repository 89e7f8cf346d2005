"""Reads a source for a while without decoding: `python readchild.py ours|libav URL SECONDS`. One JSON line at the end.

`ours` fetches in the loop and hands bytes to the demuxer's thread, `libav` lets libavformat's `http` do it there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import uvloop

from edge.errors import SourceError
from edge.flow.bridge import Pipe
from edge.http.client import Fetch
from edge.media import kinds
from edge.media.source import Source, open_pipe, open_url

if TYPE_CHECKING:
    from collections.abc import Callable

HTTP = kinds.Kind("http", "http,tcp", kinds.NETWORK_FORMATS)


class Log:
    """One entry a connection: monotonic times of opening, first packet and end, and why it ended."""

    def __init__(self) -> None:
        self.connections: list[dict[str, Any]] = []
        self.packets = 0

    def follow(self, begun: float, opener: Callable[[], Source]) -> None:
        entry: dict[str, Any] = {"begun": begun}
        self.connections.append(entry)
        try:
            source = opener()
            try:
                for _ in source.packets():
                    entry.setdefault("first", time.monotonic())
                    self.packets += 1
            finally:
                source.close()
            entry["why"] = "end"
        except SourceError as error:
            entry["why"] = error.reason
        entry["ended"] = time.monotonic()


async def ours(url: str, log: Log, until: float) -> None:
    loop = asyncio.get_running_loop()
    while time.monotonic() < until:
        fetch: Fetch
        pipe = Pipe(loop, 256 * 1024, lambda: fetch.resume())  # noqa: PLW0108, B023 - bound below, before any call
        fetch = Fetch(url, pipe, headers={}, user=None, password=None)
        fetching = asyncio.create_task(fetch.run())
        fetching.add_done_callback(lambda task, pipe=pipe: pipe.finish(_why(task)))
        stop = loop.call_later(max(0.0, until - time.monotonic()), fetch.cancel)
        await asyncio.to_thread(log.follow, time.monotonic(), lambda pipe=pipe: open_pipe(pipe))
        stop.cancel()
        fetch.cancel()
        with contextlib.suppress(SourceError, asyncio.CancelledError):
            await fetching


def _why(task: asyncio.Task[Any]) -> SourceError | None:
    if task.cancelled():
        return SourceError("ended", "given up")
    error = task.exception()
    return error if isinstance(error, SourceError) else SourceError("ended", str(error))


def libav(url: str, log: Log, until: float) -> None:
    while time.monotonic() < until:
        log.follow(time.monotonic(), lambda: open_url(url, HTTP))


async def main() -> None:
    name, url, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    log, until = Log(), time.monotonic() + seconds
    cpu = time.process_time()
    if name == "ours":
        await ours(url, log, until)
    else:  # in a thread that may hang: what it did by then is what counts
        thread = threading.Thread(target=libav, args=(url, log, until), daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, seconds + 1)
    found = {"cpu": time.process_time() - cpu, "connections": log.connections, "packets": log.packets}
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(main())
