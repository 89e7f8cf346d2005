"""Channels pulled from real peers: ffmpeg over RTMP, UDP, RTP and HLS; HTTP FLV; TLS; servers that say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import media
import mediacheck
import msgspec
import pytest
from channelcheck import Viewer, descriptors, ended, running, threads_end, until
from faultsource import Faults, FaultSource, marker
from programs import peer

from edge.channel import state
from edge.errors import SourceError
from edge.media import kinds
from edge.media.source import open_url

pytestmark = pytest.mark.peer


def run(test: Any, timeout: float = 240.0) -> None:
    asyncio.run(asyncio.wait_for(test, timeout))


@contextlib.asynccontextmanager
async def program(*command: str | Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def sending(ffmpeg: str, sample: Path, *output: str) -> Any:
    """ffmpeg sends the sample for ever, in real time, without touching it."""
    return program(ffmpeg, "-v", "error", "-re", "-stream_loop", "-1", "-i", sample, "-c", "copy", *output)


def check_pictures(viewer: Viewer, least: int = 25) -> None:
    packets = viewer.check()
    assert packets[0].key
    assert {p.kind for p in packets} == {"video", "audio"}
    numbers = [marker.read(frame) for frame in mediacheck.decoded(viewer.output())]
    assert None not in numbers
    assert len(numbers) >= least
    steps = {b - a for a, b in pairwise(numbers)}
    assert max(steps) <= 2


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of a second instead of ten, for servers that say nothing."""
    monkeypatch.setattr(state, "FIRST", 0.05)
    monkeypatch.setattr(kinds, "CONNECT", 1.0)
    for scheme in ("rtmp", "rtsp", "udp", "rtp"):
        monkeypatch.setitem(kinds._SCHEMES, scheme, msgspec.structs.replace(kinds._SCHEMES[scheme], silence=1.0))
    monkeypatch.setattr(kinds, "HLS", msgspec.structs.replace(kinds.HLS, silence=3.0))


# -- what plays


@pytest.mark.parametrize("container", ["ts", "flv", "mp4"])
def test_rtmp(ffmpeg: str, small_sample: Path, free_port: int, container: str) -> None:
    url = f"rtmp://127.0.0.1:{free_port}/live/news"

    async def watch() -> None:
        async with sending(ffmpeg, small_sample, "-f", "flv", "-listen", "1", url), running(url) as channel:
            viewer = Viewer(channel.hub(container))
            await until(lambda: viewer.bytes > 100_000)
        check_pictures(viewer)
        await threads_end()

    run(watch())


def test_rtmp_ends_and_is_there_again(ffmpeg: str, small_sample: Path, free_port: int) -> None:
    url = f"rtmp://127.0.0.1:{free_port}/live/news"

    async def watch() -> None:
        async with running(url) as channel:
            viewer = Viewer(channel.hub("ts"))
            for part in (50_000, 100_000):
                async with sending(ffmpeg, small_sample, "-f", "flv", "-listen", "1", url):
                    await until(lambda part=part: viewer.bytes > part)
            await until(lambda: sum(channel.stats().connections.values()) >= 2)
        viewer.check()

    run(watch())


@pytest.mark.parametrize("scheme", ["udp", "rtp"])
def test_datagrams(ffmpeg: str, small_sample: Path, udp_port: int, scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:{udp_port}"
    form = "mpegts" if scheme == "udp" else "rtp_mpegts"

    async def watch() -> None:
        async with running(url) as channel:
            viewer = Viewer(channel.hub("ts"))
            async with sending(ffmpeg, small_sample, "-f", form, f"{url}?pkt_size=1316"):
                await until(lambda: viewer.bytes > 100_000)
        check_pictures(viewer)
        await threads_end()

    run(watch())


def test_http_flv() -> None:
    async def watch(url: str) -> None:
        async with running(url) as channel:
            viewer = Viewer(channel.hub("flv"))
            await until(lambda: ended(channel) >= 3)
        check_pictures(viewer)
        assert channel.stats().discontinuities == 0

    with FaultSource(media.sample("flv"), Faults(cut=2.0, replay=1.0, patience=60.0), speed=2.0) as url:
        run(watch(url))


class Files:
    """A folder over HTTP, one answer a connection; `down` makes it answer 404."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.down = False
        self.asked: list[str] = []

    @contextlib.asynccontextmanager
    async def serve(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=tls)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            name = head.split()[1].lstrip("/")
            self.asked.append(name)
            path = self.folder / Path(name).name
            body = b"" if self.down or not path.is_file() else path.read_bytes()
            status = "200 OK" if body else "404 Not Found"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
            writer.write(body)
            await writer.drain()
        writer.close()


def live_hls(ffmpeg: str, sample: Path, folder: Path, *options: str) -> Any:
    rolling = ("-hls_time", "1", "-hls_list_size", "4", "-hls_flags", "delete_segments+omit_endlist", *options)
    return sending(ffmpeg, sample, "-f", "hls", *rolling, str(folder / "index.m3u8"))


@pytest.mark.parametrize(("segments", "sample"), [("mpegts", "small"), ("fmp4", "mp4")])
def test_live_hls(ffmpeg: str, tmp_path: Path, segments: str, sample: str) -> None:
    files = Files(tmp_path)

    async def watch() -> None:
        async with (
            live_hls(ffmpeg, media.sample(sample), tmp_path, "-hls_segment_type", segments),
            files.serve() as port,
        ):
            await until(lambda: len(list(tmp_path.glob("*.[tm][s4]*"))) >= 3 and (tmp_path / "index.m3u8").exists())
            async with running(f"http://127.0.0.1:{port}/index.m3u8") as channel:
                viewer = Viewer(channel.hub("ts"))
                await until(lambda: viewer.bytes > 200_000)
                assert channel.state().status == "live"
        check_pictures(viewer)
        assert files.asked.count("index.m3u8") >= 3
        await threads_end()

    run(watch())


def test_a_playlist_that_goes_away_and_comes_back(ffmpeg: str, small_sample: Path, tmp_path: Path, brisk: None) -> None:
    files = Files(tmp_path)

    async def watch() -> None:
        async with live_hls(ffmpeg, small_sample, tmp_path), files.serve() as port:
            await until((tmp_path / "index.m3u8").exists)
            async with running(f"http://127.0.0.1:{port}/index.m3u8") as channel:
                viewer = Viewer(channel.hub("ts"))
                await until(lambda: viewer.bytes > 20_000)
                files.down = True
                await until(lambda: sum(channel.stats().connections.values()) >= 2)
                files.down = False
                before = viewer.bytes
                await until(lambda: viewer.bytes > before + 40_000)
        mediacheck.check_rising(mediacheck.demuxed(viewer.output()))
        assert set(channel.stats().connections) <= {"ended", "http_4xx", "silent", "not_media", "unreachable"}

    run(watch())


def test_a_playlist_does_not_reach_our_files(tmp_path: Path, small_sample: Path) -> None:
    """Segments by `file:`, a plain path, `concat:`: none of them is opened."""
    for uri in (
        f"file://{small_sample}",
        str(small_sample),
        f"concat:{small_sample}",
        f"subfile:,,start,0,end,0,,:{small_sample}",
    ):
        (tmp_path / "index.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:5,\n{uri}\n#EXT-X-ENDLIST\n")

        async def watch() -> None:
            async with Files(tmp_path).serve() as port:
                url = f"http://127.0.0.1:{port}/index.m3u8"
                with pytest.raises(SourceError):
                    await asyncio.to_thread(open_and_read, url)

        run(watch())


def open_and_read(url: str) -> int:
    source = open_url(url, kinds.HLS)
    try:
        return sum(1 for _ in source.packets())
    finally:
        source.close()


# -- TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by nobody but itself."""
    folder = tmp_path_factory.mktemp("tls")
    path = folder / "own.pem"
    subprocess.run(
        [peer("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-keyout", path, "-out", folder / "cert.pem"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + (folder / "cert.pem").read_bytes())
    return path


def test_a_certificate_that_nobody_vouches_for_is_refused_by_name(
    certificate: Path, small_sample: Path, brisk: None
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    files = Files(small_sample.parent)

    async def watch() -> None:
        async with (
            files.serve(context) as port,
            running(f"https://localhost:{port}/{small_sample.name}") as channel,
        ):
            await until(lambda: ended(channel, "tls") >= 2)
            assert files.asked == []
        assert set(channel.stats().connections) == {"tls"}
        await threads_end()

    run(watch())


# -- servers that say nothing


@contextlib.asynccontextmanager
async def server(answer: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """Answers each piece that a client sends; says nothing by itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(answer(data))
                await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_a_server_that_accepts_and_says_nothing(scheme: str, brisk: None) -> None:
    async def watch() -> None:
        async with server(lambda _: b"") as port, running(f"{scheme}://127.0.0.1:{port}/live/a") as channel:
            await until(lambda: ended(channel, "silent") >= 2)
            before = descriptors()
            await until(lambda: ended(channel, "silent") >= 5)
            assert descriptors() <= before + 2
        assert set(channel.stats().connections) == {"silent"}
        await threads_end()

    run(watch())


@pytest.mark.parametrize("scheme", ["udp", "rtp"])
def test_datagrams_that_do_not_come(udp_port: int, scheme: str, brisk: None) -> None:
    async def watch() -> None:
        async with running(f"{scheme}://127.0.0.1:{udp_port}") as channel:
            await until(lambda: ended(channel, "silent") >= 3)
        assert set(channel.stats().connections) == {"silent"}
        await threads_end()

    run(watch())


def test_datagrams_that_stop(ffmpeg: str, small_sample: Path, udp_port: int, brisk: None) -> None:
    url = f"udp://127.0.0.1:{udp_port}"

    async def watch() -> None:
        async with running(url) as channel:
            viewer = Viewer(channel.hub("ts"))
            async with sending(ffmpeg, small_sample, "-f", "mpegts", f"{url}?pkt_size=1316"):
                await until(lambda: viewer.bytes > 30_000)
            await until(lambda: ended(channel, "silent") >= 1)
            before = viewer.bytes
            async with sending(ffmpeg, small_sample, "-f", "mpegts", f"{url}?pkt_size=1316"):
                await until(lambda: viewer.bytes > before + 30_000)
        mediacheck.check_rising(mediacheck.demuxed(viewer.output()))

    run(watch())


SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=a\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
)


def rtsp(request: bytes) -> bytes:
    """As much of an RTSP server (RFC 2326) as a client needs to begin to play; no media ever comes."""
    lines = request.decode("latin-1").split("\r\n")
    method, sequence = lines[0].split()[0], next(x for x in lines if x.lower().startswith("cseq"))
    more, body = "", ""
    if method == "OPTIONS":
        more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
    elif method == "DESCRIBE":
        body = SDP
        more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
    elif method == "SETUP":
        more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
    elif method == "PLAY":
        more = "Session: 1\r\n"
    return f"RTSP/1.0 200 OK\r\n{sequence}\r\n{more}\r\n{body}".encode()


def test_rtsp_that_plays_nothing(brisk: None) -> None:
    """No RTSP server is among the peers: as far as a stub goes, the deadlines hold."""

    async def watch() -> None:
        async with server(rtsp) as port, running(f"rtsp://127.0.0.1:{port}/a") as channel:
            await until(lambda: sum(channel.stats().connections.values()) >= 3)
        assert set(channel.stats().connections) <= {"silent", "no_streams", "unreachable", "no_frames", "not_media"}
        await threads_end()

    run(watch())


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "https", "http"])
def test_nobody_listens(scheme: str, free_port: int, brisk: None) -> None:
    async def watch() -> None:
        async with running(f"{scheme}://127.0.0.1:{free_port}/live/a") as channel:
            await until(lambda: ended(channel, "refused") >= 2)
        assert set(channel.stats().connections) == {"refused"}

    run(watch())


# -- pictures as another decoder shows them


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_pictures_are_turned_as_ffmpeg_turns_them(ffmpeg: str, tmp_path: Path, degrees: int) -> None:
    turned, theirs = tmp_path / "turned.mp4", tmp_path / "theirs.mp4"
    with av.open(str(media.sample("mp4"))) as one, av.open(str(turned), "w") as output:
        track = output.add_stream_from_template(one.streams.video[0])
        track.set_display_rotation(degrees)
        for packet in one.demux(video=0):
            if packet.size:
                packet.stream = track
                output.mux(packet)
    command = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        turned,
        "-frames:v",
        "60",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        theirs,
    ]
    subprocess.run(command, check=True, timeout=60)
    session = mediacheck.Session("ts", video={"width": None, "height": None}).play_file(turned)
    our = mediacheck.decoded(session.close().output("ts"))[50]
    their = mediacheck.decoded(theirs.read_bytes())[50]
    assert (our.width, our.height) == (their.width, their.height)
    assert difference(our, their) < 4


def difference(one: Any, other: Any) -> float:
    """Mean difference of the luma of some hundred points."""
    a, b = memoryview(one.planes[0]), memoryview(other.planes[0])
    points = [(x, y) for x in range(0, one.width, 16) for y in range(0, one.height, 16)]
    apart = [abs(a[y * one.planes[0].line_size + x] - b[y * other.planes[0].line_size + x]) for x, y in points]
    return sum(apart) / len(apart)
