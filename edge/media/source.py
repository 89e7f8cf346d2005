"""Opens a source and yields its packets; every failure becomes a SourceError with a reason from a fixed list."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, Protocol
from zlib import crc32

import av
import av.logging
import msgspec

from edge.errors import SourceError
from edge.media import adts, kinds, ts
from edge.media.decode import DECODERS
from edge.media.kinds import Kind
from edge.media.overlap import AUDIO, TICKS, VIDEO, Mark

REASONS = (
    "not_media",
    "no_streams",
    "refused",
    "unreachable",
    "reset",
    "silent",
    "http_4xx",
    "http_5xx",
    "no_frames",
    "ended",
    "io",
)
PROBE_BYTES = 262_144
PROBE_TIME = 1_000_000  # microseconds of media
MAX_STREAMS = 32
PACKETS_SILENT = 10.0
HEAD = 64 * ts.PACKET  # enough to know the format and whether the last response goes on
TAIL = 131_072  # a keyframe of the last response, for `ts.carry`
_SIZED = frozenset({"flv", "live_flv", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
# Which decoders libavformat may open to learn what a stream is. Not those of H.264 and HEVC, whose parsers say enough:
# each opening would take 5 to 8 MB for pictures that nobody sees (damaged heads most), and 1.2 of its 1.7 ms.
_PROBED = ",".join(sorted({*DECODERS, "rawvideo"} - {"h264", "hevc"}))
_COMMON = {
    "codec_whitelist": _PROBED,
    "probesize": str(PROBE_BYTES), "analyzeduration": str(PROBE_TIME), "fpsprobesize": "0",
    "max_streams": str(MAX_STREAMS), "max_pixels": str(4096 * 2304), "threads": "1",
}  # fmt: skip


_PICTURES = ("wrapped_avframe", "rawvideo")  # each frame stands alone, though libavformat does not say so


class Readable(Protocol):
    """What bytes come from: blocks for at most its own deadline; b"" is the end; `error` says why (None: due)."""

    error: Any

    def read(self, n: int, /) -> bytes: ...


class SourceInfo(msgspec.Struct, frozen=True):
    """What a source holds, for people."""

    format: str
    video: str | None
    audio: str | None
    others: tuple[str, ...] = ()


class Stream(msgspec.Struct):
    """A stream in use. `scale`: ticks per unit of its time base; `usual`: ticks of an audio frame, 0: unknown."""

    kind: int
    av: Any
    scale: float
    codec: str
    usual: int = 0


class _Body:
    """A response's bytes as a file for PyAV, not seekable; those `put_back` come first. Ends, `starved`, when bytes
    trickle in and no packet has come out for PACKETS_SILENT seconds (whoever gets one sets `alive`)."""

    def __init__(self, pipe: Readable) -> None:
        self.starved: SourceError | None = None
        self.alive = True
        self._since = 0.0  # when a read last found it alive
        self._pipe = pipe
        self._head = b""

    @property
    def error(self) -> Any:
        """Why it ended; None: where it should."""
        return self.starved or self._pipe.error

    def put_back(self, data: bytes) -> None:
        self._head = data + self._head

    def read(self, n: int) -> bytes:
        if self._head:
            data, self._head = self._head[:n], self._head[n:]
            return data
        now = time.monotonic()
        if self.alive:
            self.alive, self._since = False, now
        elif now - self._since > PACKETS_SILENT:
            self.starved = SourceError("no_frames", f"expected media, got bytes without any for {PACKETS_SILENT:g} s")
            return b""
        return self._pipe.read(n)


class HoldBack:
    """Keeps the newest packet of each stream until the next one shows that it is whole: the last packet of a transport
    stream that was cut comes truncated, without any flag. Given out at a cut, it would spoil pictures up to the next
    keyframe; if the next response goes on in the middle of it, `ts.carry` makes it come again, whole."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Mark, Any]] = {}

    def push(self, mark: Mark, packet: Any) -> list[tuple[Mark, Any]]:
        """What is known to be whole now: nothing, or the packet before this one."""
        before = self._held.get(mark.stream)
        self._held[mark.stream] = (mark, packet)
        return [] if before is None else [before]

    def end(self, *, whole: bool, sized: bool = False) -> list[tuple[Mark, Any]]:
        """The response is over: what is whole of what was held. `whole`: it ended where it should; `sized`: its packets
        carry their length, so that the demuxer has marked a truncated one."""
        held = sorted(self._held.values(), key=lambda h: h[0].dts)
        self._held.clear()
        return [h for h in held if whole or (sized and not h[1].is_corrupt)]


class Source:
    """An open source. Iterate `packets()` once; `close()` always (containers are in reference cycles: 300 reopens
    without it cost 36 MB)."""

    def __init__(
        self, container: Any, kind: Kind, program: int | None, language: str | None, body: _Body | None = None
    ) -> None:
        self.kind = kind
        self._body = body
        self.container = container
        streams = _of_program(container, program) if program is not None else list(container.streams)
        self.video = _pick(streams, "video", None)
        self.audio = _pick(streams, "audio", language)
        if self.video is None and self.audio is None:
            found = ", ".join(sorted({str(s.type) for s in streams})) or "nothing"
            where = f"in program {program} " if program is not None else ""
            raise SourceError("no_streams", f"expected video or audio {where}in the source, got {found}")

    @property
    def whole(self) -> bool:
        """Whether it ended where it should, as far as one can know; asked after `packets()`."""
        return self._body is None or self._body.error is None

    @property
    def sized(self) -> bool:
        """Whether its packets carry their length, so that a truncated one is marked."""
        return self.container.format.name in _SIZED

    def info(self) -> SourceInfo:
        used = {s.av.index for s in (self.video, self.audio) if s is not None}
        others = tuple(_describe(s) for s in self.container.streams if s.index not in used)
        video = _describe(self.video.av) if self.video else None
        audio = _describe(self.audio.av) if self.audio else None
        return SourceInfo(self.container.format.name, video, audio, others)

    def packets(self) -> Iterator[tuple[Mark, Any]]:
        """Packets in the order of the source. SourceError when it breaks, or ends where it should without any; a plain
        end is a plain end."""
        used = {s.av.index: s for s in (self.video, self.audio) if s is not None}
        last: list[int | None] = [None, None]
        try:
            for packet in self.container.demux([s.av for s in used.values()]):
                if packet.size and (mark := self._mark(packet, used[packet.stream_index], last)) is not None:
                    yield mark, packet
                if self._body is not None:
                    self._body.alive = True  # also after the consumer has waited
        except av.FFmpegError as error:
            raise classify(error, opening=False) from None
        if self._body is not None and self._body.starved is not None:
            raise self._body.starved
        if last == [None, None] and self.whole:
            raise SourceError("no_frames", "expected pictures or sound, got streams that are declared and empty")

    def _mark(self, packet: Any, stream: Stream, last: list[int | None]) -> Mark | None:
        kind = stream.kind
        # FFmpeg 8 leaves packets that were parsed before the rate was known without a duration, and all packets of a
        # stream that began after the probing.
        if not stream.usual and not packet.duration and stream.codec == "aac":
            stream.usual = adts.ticks(bytes(packet))
        length = packet.duration
        duration = round(length * stream.scale) if length else stream.usual
        dts, pts = packet.dts, packet.pts
        if dts is None:
            dts = pts
        # FFmpeg 8 leaves audio packets of a damaged PES without times: they follow the one before.
        at = last[kind] if dts is None else round(dts * stream.scale)
        if at is None:
            return None
        last[kind] = at + (duration or 1)
        shown = at if pts is None else max(at, round(pts * stream.scale))
        key = kind == AUDIO or bool(packet.is_keyframe) or stream.codec in _PICTURES
        return Mark(kind, at, shown, duration, key, crc32(packet))

    def close(self) -> None:
        self.container.close()


def _pick(streams: list[Any], kind: str, language: str | None) -> Stream | None:
    """The first usable stream of `kind`, preferring `language`; attached pictures and unknown codecs are not usable."""
    found = [s for s in streams if s.type == kind and s.codec_context is not None and not _still(s)]
    found.sort(key=lambda s: (language is not None and (s.language or "") != language, not _known(s), s.index))
    if not found:
        return None
    stream = found[0]
    scale, codec = float(stream.time_base * TICKS), str(stream.codec_context.name)
    return Stream(VIDEO if kind == "video" else AUDIO, stream, scale, codec, _usual(stream))


def _usual(stream: Any) -> int:
    if stream.type != "audio" or not stream.codec_context.sample_rate:
        return 0
    return int(stream.codec_context.frame_size * TICKS / stream.codec_context.sample_rate)


def _known(stream: Any) -> bool:
    """Probing saw what it is: a declared stream without data has no size or rate."""
    context = stream.codec_context
    return bool(context.width if stream.type == "video" else context.sample_rate)


def _still(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _describe(stream: Any) -> str:
    context = stream.codec_context
    if context is None:
        return str(stream.type)
    name = f"{context.name}{f' {context.profile}' if context.profile else ''}"
    if stream.type == "video":
        rate = stream.average_rate or stream.guessed_rate
        return f"{name} {context.width}x{context.height}{f' at {float(rate):.4g} frames/s' if rate else ''}"
    if stream.type == "audio":
        return f"{name} {context.sample_rate} Hz {context.layout.name}"
    return str(stream.type)


def _of_program(container: Any, number: int) -> list[Any]:
    """The streams of an MPEG-TS program. PyAV does not expose programs; libavformat's own listing does."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        listing = container.dumps_format()
    finally:
        av.logging.set_level(level)
    members: dict[int, set[int]] = {}
    current: set[int] = set()
    for program, stream in re.findall(r"^\s+(?:Program (\d+)|Stream #0:(\d+))", listing, re.MULTILINE):
        if program:
            current = members.setdefault(int(program), set())
        else:
            current.add(int(stream))
    if number not in members:
        listed = ", ".join(map(str, members)) or "none"
        raise SourceError("no_streams", f"expected program {number} in the source, got programs {listed}")
    return [s for s in container.streams if s.index in members[number]]


def open_pipe(pipe: Readable, before: bytes = b"", program: int | None = None, language: str | None = None) -> Source:
    """A source from bytes: the body of an HTTP response. `before`: the tail of the response before, for `ts.carry`.
    SourceError("playlist") when the bytes are an HLS playlist, which libavformat must open by its URL."""
    body = _Body(pipe)
    head = _read_head(body)
    if head.startswith(b"#EXTM3U"):
        raise SourceError("playlist", "the source is an HLS playlist")
    form: str | None
    if ts.looks_like_ts(head):
        form, head = "mpegts", ts.carry(before, head) + head
    else:
        form = "flv" if head.startswith(b"FLV") else None
    if not head:
        raise body.error or SourceError("not_media", "expected media, got an empty response")
    body.put_back(head)
    options = {**_COMMON, "format_whitelist": kinds.PIPE.formats, "protocol_whitelist": ""}
    try:
        container = av.open(body, format=form, options=options, buffer_size=32768)
    except (av.FFmpegError, ValueError, OSError) as error:
        known = form is not None or getattr(body.error, "reason", "ended") != "ended"
        raise (body.error if known else None) or _not_media(head, error) from None
    return _opened(container, kinds.PIPE, program, language, body)


def _read_head(body: _Body) -> bytes:
    head = b""
    while len(head) < HEAD:
        part = body.read(HEAD - len(head))
        if not part:
            break
        head += part
        if len(head) >= 4 * ts.PACKET and not ts.looks_like_ts(head):
            break
    return head


def _not_media(head: bytes, error: Exception) -> SourceError:
    text = head[:40].decode("latin-1")
    shown = "".join(c if c.isprintable() else "." for c in text)
    return SourceError("not_media", f"expected MPEG-TS, FLV or another live format, got {shown!r} ({_words(error)})")


def open_url(
    url: str, kind: Kind, headers: dict[str, str] | None = None,
    program: int | None = None, language: str | None = None,
) -> Source:  # fmt: skip
    """A source that libavformat opens itself, under the whitelists of `kind`."""
    target, form = (kinds.DEMO_GRAPH, "lavfi") if kind is kinds.DEMO else (url, None)
    options = {**_COMMON, **kind.options, "format_whitelist": kind.formats}
    if kind.protocols:
        options["protocol_whitelist"] = kind.protocols
    if headers:
        options["headers"] = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    timeout = None if kind in (kinds.FILE, kinds.DEMO) else (kinds.CONNECT, kind.silence)
    started = time.monotonic()
    try:
        container = av.open(target, format=form, options=options, timeout=timeout)
    except (av.FFmpegError, ValueError, OSError) as error:
        if timeout and time.monotonic() - started >= kinds.CONNECT:  # RTSP calls an interrupted read invalid data
            raise SourceError("silent", f"expected an answer within {kinds.CONNECT:g} s") from None
        raise classify(error, opening=True, path=url if kind.name == kinds.FILE.name else "") from None
    return _opened(container, kind, program, language)


def _opened(container: Any, kind: Kind, program: int | None, language: str | None, body: _Body | None = None) -> Source:
    try:
        return Source(container, kind, program, language, body)
    except BaseException:
        container.close()
        raise


def classify(error: Exception, *, opening: bool, path: str = "") -> SourceError:
    """The SourceError of what libavformat raised. EIO is whatever the phase makes of it. `path`: of a file; URLs are
    not told, they may hold credentials."""
    reason = "unreachable" if opening else "ended"
    for kind, word in (
        (av.HTTPClientError, "http_4xx"), (av.HTTPServerError, "http_5xx"), (ConnectionRefusedError, "refused"),
        (ConnectionResetError, "reset"), (BrokenPipeError, "reset"), (av.ExitError, "silent"), (TimeoutError, "silent"),
        (FileNotFoundError, "io"), (PermissionError, "io"), (IsADirectoryError, "io"),
        (av.InvalidDataError, "not_media"), (ValueError, "not_media"),
    ):  # fmt: skip
        if isinstance(error, kind):
            reason = word
            break
    return SourceError(reason, f"{f'expected a media file at {path}' if path else 'libavformat'}: {_words(error)}")


def _words(error: Exception) -> str:
    """The message without the URL that PyAV appends (it may hold credentials)."""
    return (getattr(error, "strerror", None) or str(error)).partition(": '")[0]
