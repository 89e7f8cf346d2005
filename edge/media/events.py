"""What a channel's thread tells the loop: immutable bytes and plain values only. Frames and packets never leave."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from edge.flow.ring import Chunk


class Init(msgspec.Struct, frozen=True):
    """What newcomers to a container get first, from now on. `reset`: viewers under way cannot go on (other codecs)."""

    container: str
    data: bytes
    reset: bool = False


class Media(msgspec.Struct, frozen=True):
    """Muxed chunks, in order."""

    container: str
    chunks: list[Chunk]


class Unavailable(msgspec.Struct, frozen=True):
    """The container cannot carry the channel's codecs."""

    container: str
    reason: str


class Discontinuity(msgspec.Struct, frozen=True):
    """The next keyframe does not continue what came before (all containers)."""


class Poster(msgspec.Struct, frozen=True):
    """A JPEG of the last keyframe, in square pixels."""

    jpeg: bytes


class Format(msgspec.Struct, frozen=True):
    """What viewers get. `codecs` as in RFC 6381; size 0 without video."""

    width: int = 0
    height: int = 0
    sar: tuple[int, int] = (1, 1)
    codecs: tuple[str, ...] = ()
    copied: bool = False


class Without(msgspec.Struct, frozen=True):
    """One of the source's streams cannot be used; the channel goes on with the other."""

    reason: str


Event = Init | Media | Unavailable | Discontinuity | Poster | Format | Without


def gathered(events: Iterable[Event]) -> Iterable[Event]:
    """The same with the media of a container in one event, as far as nothing else comes between: a viewer is written
    to once, not for every frame. Pure."""
    chunks: dict[str, list[Chunk]] = {}
    for event in events:
        if isinstance(event, Media):
            chunks.setdefault(event.container, []).extend(event.chunks)
            continue
        yield from (Media(container, each) for container, each in chunks.items())
        chunks.clear()
        yield event
    yield from (Media(container, each) for container, each in chunks.items())
