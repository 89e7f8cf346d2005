"""What is asked of the children and what they answer. Loads nothing: the parent stays small beside them."""

from __future__ import annotations

import msgspec

from edge.bench.model import Figure, Lag, Sent
from edge.channel.settings import ChannelSettings
from edge.media.settings import AudioSettings, LadderSettings, VideoSettings


class MakeTask(msgspec.Struct, frozen=True):
    """Make the sample into `path` within about `patience` seconds."""

    path: str
    patience: float
    width: int = 960
    height: int = 540
    fps: int = 50


class RecordTask(msgspec.Struct, frozen=True):
    """Copy a piece of the channel's source into `path`. Credentials come by standard input, user and password on a line
    each: everybody can read a command line."""

    path: str
    patience: float
    channel: ChannelSettings


class Made(msgspec.Struct, frozen=True):
    """A sample that loops. `video` and `audio` in words."""

    seconds: float
    size: int
    video: str | None
    audio: str | None
    width: int
    height: int
    fps: float


class Rendition(msgspec.Struct, frozen=True):
    """What a pipeline is made with."""

    video: VideoSettings
    audio: AudioSettings
    ladder: LadderSettings


class RungTask(msgspec.Struct, frozen=True):
    """Transcode on `rung` ("": the best) for `seconds`. `keep`: where whole GOPs of the output go, for the fan-out."""

    sample: str
    rung: str
    seconds: float
    rendition: Rendition
    keep: str | None = None


class RungFound(msgspec.Struct, frozen=True):
    """As in `model.RungCost`. `works`: the rungs that are possible for the stream, best first, with their guessed cost
    relative to the first; `kept`: seconds of media."""

    cost: Figure
    speed: float
    share: float
    fps: float
    peak: int | None
    anonymous: int | None
    rung: str
    works: tuple[tuple[str, float], ...]
    size: tuple[int, int]
    kept: float


class LagTask(msgspec.Struct, frozen=True):
    """`seconds`: for all phases together."""

    sample: str
    rung: str
    seconds: float
    rendition: Rendition


class LagFound(msgspec.Struct, frozen=True):
    lags: tuple[Lag, ...]
    left_out: tuple[str, ...] = ()


class SendPhase(msgspec.Struct, frozen=True):
    """As in `model.Sent`."""

    connections: int
    rate: float | None
    seconds: float


class SendTask(msgspec.Struct, frozen=True):
    """Hits for the worker `pid`, which listens on the loopback's `port` and counts `site` with its pages on `host`."""

    port: int
    pid: int
    site: int
    host: str
    phases: tuple[SendPhase, ...]


class SendFound(msgspec.Struct, frozen=True):
    sent: tuple[Sent, ...]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a child: `ok`, or `error` and the word of the error's owner."""

    ok: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    owner: str | None = None


def encode(value: object) -> bytes:
    """As JSON; quantities in base units, as `dec_hook` reads them."""
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: object) -> object:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise NotImplementedError(type(value))
