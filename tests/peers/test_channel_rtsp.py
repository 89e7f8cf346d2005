"""A channel pulled over RTSP from VLC's server, which sends by UDP only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import subprocess
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import mediacheck
import pytest
from channelcheck import Viewer, running, threads_end, until
from faultsource import FaultSource, marker
from programs import peer

pytestmark = pytest.mark.peer

PATIENCE = 60.0


def run(test: Any) -> None:
    asyncio.run(asyncio.wait_for(test, 3 * PATIENCE))


def as_nobody() -> dict[str, Any]:
    """VLC refuses to run as root."""
    if os.getuid():
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.asynccontextmanager
async def serving(source: str, port: int) -> AsyncIterator[str]:
    """VLC passes `source` on without touching it. The address, once its SDP names picture and sound."""
    url = f"rtsp://127.0.0.1:{port}/news"
    sout = ("--sout", f"#rtp{{sdp={url}}}", "--sout-keep")
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    process = await asyncio.create_subprocess_exec(
        peer("vlc"), "-I", "dummy", "--quiet", *sout, source, env=environ, **as_nobody(),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            while await described(url, port) != {"video", "audio"}:
                assert process.returncode is None, "VLC has ended"
                await asyncio.sleep(0.1)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def described(url: str, port: int) -> set[str]:
    """The media that the server offers now."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return set()
    writer.write(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"(?i)^content-length: *(\d+)", head, re.MULTILINE)
        body = await reader.readexactly(int(length[1]) if length else 0)
    except (OSError, asyncio.IncompleteReadError):
        return set()
    finally:
        writer.close()
    return set(re.findall(r"^m=(\w+)", body.decode(), re.MULTILINE))


def check_pictures(viewer: Viewer) -> None:
    """A datagram may be lost on a busy host, and with it pictures: most of them follow one another."""
    assert {packet.kind for packet in viewer.check()} == {"video", "audio"}
    numbers = [marker.read(frame) for frame in mediacheck.decoded(viewer.output())]
    known = [number for number in numbers if number is not None]
    assert len(known) >= 25
    follow = sum(0 <= b - a <= 2 for a, b in pairwise(known))
    assert follow > 0.7 * len(numbers), numbers


def test_vlc_is_played(small_sample: Path, free_port: int) -> None:
    async def watch() -> None:
        with FaultSource(small_sample) as source:
            async with serving(source, free_port) as url, running(url) as channel:
                viewer = Viewer(channel.hub("ts"))
                await until(lambda: viewer.bytes > 100_000, PATIENCE)
                assert channel.state().status == "live"
                assert channel.stats().connections == {}  # the first one holds
        check_pictures(viewer)
        await threads_end()

    run(watch())


def test_vlc_ends_and_is_there_again(small_sample: Path, free_port: int) -> None:
    async def watch() -> None:
        with FaultSource(small_sample) as source:
            async with serving(source, free_port) as url, contextlib.AsyncExitStack() as stack:
                channel = await stack.enter_async_context(running(url))
                viewer = Viewer(channel.hub("ts"))
                await until(lambda: viewer.bytes > 50_000, PATIENCE)
                rest = stack.pop_all()
            async with rest:
                await until(lambda: sum(channel.stats().connections.values()) >= 1, PATIENCE)
                before = viewer.bytes
                async with serving(source, free_port):
                    await until(lambda: viewer.bytes > before + 50_000, PATIENCE)
        mediacheck.check_rising(mediacheck.demuxed(viewer.output()))
        await threads_end()

    run(watch())
