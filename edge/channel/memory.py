"""What a channel is expected to take of the host's memory. Pure: from its settings and the source's picture.

Measured with CPython 3.11, PyAV 18.1 (FFmpeg 8.1.2): a decoder of High profile holds 8 pictures from 640x360 to
1920x1080 alike; x264 with zerolatency and one thread 1 MB and 13 to 38 bytes a pixel, by preset.
"""

from __future__ import annotations

from edge.channel.settings import ChannelSettings
from edge.flow.plan import Line
from edge.media.settings import AudioSettings, VideoSettings

Picture = tuple[int, int]  # width and height in pixels
JUDGED: Picture = (960, 540)  # what a source is taken for until it is seen
_SAMPLE = 1.5  # bytes a pixel, 4:2:0 with 8 bits
_PICTURES = 9.5  # 8 of the decoder, the last one shown, part of one on its way to the scaler
_POSTER = 3  # pictures of the decoder that makes one picture from a keyframe
_ENCODER = 1.0e6
_SCALED = 2 * _SAMPLE  # bytes a pixel of the pictures between scaler and encoder
_PRESETS = {"ultrafast": 13.5, "superfast": 18.0, "veryfast": 22.0, "faster": 26.0, "fast": 32.0, "medium": 38.0}
_AUDIO = 3.2e6  # decoder, resampler and encoder
_COPIED = 0.2e6
_INPUT = 1.7e6  # demuxer with its probe, muxers
_CROSSING = 512 * 1024  # the pipe and the tail it keeps (channel.feed), what is on its way in the outbox
_COPY_RATE = 1_000_000  # bits per second of what is copied, a little over the judged source's
_SOUND_RATE = 128_000  # of a channel that does not say
_OVERHEAD = 1.1  # of the container
_PEAKS = 1.25  # a rate is an average
VIEWER = 32 << 10  # one that keeps up: its connection, and what waits in the kernel in a slow moment
RING_SECONDS = 8.0
PLAYLIST_SECONDS = 28.0  # listed and kept (R10, R15) with segments of 2 s, and the open one
COPIED_PLAYLIST_SECONDS = 60.0  # segments are as long as the source's GOPs


def fixed(settings: ChannelSettings, picture: Picture | None = None) -> tuple[Line, ...]:
    """What it takes while it runs, whoever watches. `picture`: the source's; None: not known yet."""
    size, known = picture or JUDGED, "" if picture else ", taken for the source's size until it is known"
    lines = (
        *_video(settings.video, size, known),
        *_audio(settings.audio),
        Line("demuxer and muxers", int(_INPUT), "measured"),
        Line("pipe and outbox", _CROSSING, "256 + 128 KiB of the source, and what is on its way to the viewers"),
    )
    return tuple(Line(f"{settings.name}: {line.name}", line.bytes, line.why) for line in lines)


def _video(video: VideoSettings, size: Picture, known: str) -> tuple[Line, ...]:
    width, height = size
    picture = width * height * _SAMPLE
    if video.codec == "none":
        return ()
    if video.codec == "copy":
        return (Line("poster", int(_POSTER * picture), f"a decoder for one keyframe of {width}x{height}{known}"),)
    out = sides(video, size)
    encoder = _ENCODER + out[0] * out[1] * (_PRESETS[video.preset] + _SCALED)
    return (
        Line("decoder", int(_PICTURES * picture), f"reference frames of {width}x{height}{known}"),
        Line("encoder", int(encoder), f"{out[0]}x{out[1]}, preset {video.preset}, and scaled pictures"),
    )


def sides(video: VideoSettings, size: Picture) -> Picture:
    """Of the rendition, near enough for this: pixels are taken for square."""
    width, height = size
    if video.width and video.height:
        return video.width, video.height
    if video.width:
        return video.width, round(video.width * height / width)
    return (round(video.height * width / height), video.height) if video.height else size


def _audio(audio: AudioSettings) -> tuple[Line, ...]:
    if audio.codec == "none":
        return ()
    if audio.codec == "copy":
        return (Line("audio", int(_COPIED), "copied"),)
    return (Line("audio", int(_AUDIO), "decoder, resampler and encoder, measured"),)


def rate(settings: ChannelSettings) -> float:
    """Bytes per second of one container, peaks included."""
    video, audio = settings.video, settings.audio
    bits: float = {"h264": video.bitrate, "copy": _COPY_RATE, "none": 0}[video.codec]
    bits += 0 if audio.codec == "none" else audio.bitrate or _SOUND_RATE
    return bits / 8 * _OVERHEAD * _PEAKS


def ring(settings: ChannelSettings) -> int:
    """Bytes that the ring of one container needs."""
    return max(256 << 10, int(RING_SECONDS * rate(settings)))


def playlist(settings: ChannelSettings) -> int:
    """Bytes that an HLS playlist and the TS ring, which share theirs, need."""
    seconds = COPIED_PLAYLIST_SECONDS if settings.video.codec == "copy" else PLAYLIST_SECONDS
    return max(ring(settings), int(seconds * rate(settings)))
