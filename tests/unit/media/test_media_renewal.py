"""A video decoder after damage: renewed at a keyframe, once a minute at most, without the loss of a picture."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count
from typing import Any

import av
import media
import pytest
from mediacheck import made
from msgspec.structs import replace
from test_media_rungs import LONG, OPEN, X264, Watched

from edge.host.allocator import ALLOCATOR
from edge.media import kinds
from edge.media.decode import RENEW_PICTURES_EVERY, VideoDecoder
from edge.media.encode import VideoEncoder
from edge.media.overlap import TICKS
from edge.media.source import open_url
from edge.media.thinning import Thinning


def watched(spec: media.Spec, *, worn: bool) -> tuple[dict[int, bytes], int]:
    """The pictures by their time, and how many decoders made them. `worn`: renewed at each keyframe."""
    with pytest.MonkeyPatch.context() as patched:
        if worn:
            patched.setattr(VideoDecoder, "worn", lambda *_: True)
        else:
            patched.setattr(Thinning, "decide", lambda *_, **__: "decode")
        patched.setattr("edge.media.unshown.Unshown.unshown", lambda *_: False)
        contexts = count(1)
        create = VideoDecoder._create
        patched.setattr(VideoDecoder, "_create", lambda self: (next(contexts), create(self))[1])
        return Watched().play(made(spec)).pictures, next(contexts) - 1


def test_a_renewal_at_an_idr_picture_loses_nothing_and_changes_nothing() -> None:
    plain, one = watched(LONG, worn=False)
    renewed, several = watched(LONG, worn=True)
    assert (one, several > 10) == (1, True)
    assert renewed == plain


def test_a_renewal_where_gops_are_open_shows_nothing_that_is_spoilt() -> None:
    plain, _ = watched(OPEN, worn=False)
    renewed, several = watched(OPEN, worn=True)
    assert several > 10
    assert {pts for pts, digest in renewed.items() if plain[pts] != digest} == set()
    assert len(plain) - len(renewed) <= 2 * several  # the B pictures before each keyframe


def test_a_picture_that_is_not_square_keeps_its_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    encoders = count(1)
    make = VideoEncoder.__init__
    monkeypatch.setattr(VideoEncoder, "__init__", lambda self, *rest: (next(encoders), make(self, *rest))[1])
    watched(replace(LONG, options=X264 + "sar=16/11"), worn=True)
    assert next(encoders) - 1 == 1


@pytest.fixture(name="decoder")
def _decoder() -> Any:
    source = open_url(str(media.sample("small")), kinds.FILE)
    decoder: Any = VideoDecoder(source.video.av)
    packets = [bytes(packet) for mark, packet in source.packets() if mark.stream == 0]
    source.close()
    decoder.give = lambda at, n=0: decoder.decode(av.Packet(packets[n]), at, at)
    decoder.spoil = lambda at: decoder.decode(av.Packet(b"\0\0\1\x65\xff" + bytes(64)), at, at)
    return decoder


def test_only_damage_wears_and_only_after_a_minute(decoder: Any) -> None:
    decoder.give(0)
    assert not decoder.worn(2 * RENEW_PICTURES_EVERY)
    decoder.spoil(TICKS)
    assert decoder.damaged == 1
    assert not decoder.worn(RENEW_PICTURES_EVERY - 1)
    assert decoder.worn(RENEW_PICTURES_EVERY)


def test_the_new_one_is_as_good_as_new(decoder: Any) -> None:
    decoder.give(0)
    decoder.spoil(TICKS)
    at, before = RENEW_PICTURES_EVERY, decoder.context
    decoder.reopen("all", anew=True)
    assert decoder.context is not before
    decoder.give(at)
    assert not decoder.worn(3 * at)
    decoder.spoil(at + TICKS)
    assert not decoder.worn(2 * at - 1)
    assert decoder.worn(2 * at)


PARAMETER_SETS = """
import sys
import av
from edge.media import decode, kinds
from edge.media.settings import VideoSettings
from edge.media.source import open_url
from edge.media.timeline import Placed
from edge.media.video import VideoTrack

def anonymous():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

def golomb(value):
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits

def renamed(pps, number):
    '''The picture parameter set with another number, as damage to its first bits may give it (7.3.2.2).'''
    bits = "".join(f"{byte:08b}" for byte in pps[1:]).rstrip("0")
    zeros = len(bits) - len(bits.lstrip("0"))
    bits = golomb(number) + bits[2 * zeros + 1 :]
    bits += "0" * (-len(bits) % 8)
    return b"\\0\\0\\1" + pps[:1] + bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))

decode.RENEW_PICTURES_EVERY = 5 * 90_000
source = open_url(sys.argv[1], kinds.FILE)
track = VideoTrack(VideoSettings(width=64, height=48), lambda _: None, lambda *_: None, lambda _: None)
track.follow(source.video.av)
packets = [(mark, bytes(packet), packet.is_keyframe) for mark, packet in source.packets() if mark.stream == 0]
source.close()
units = next(data for _, data, key in packets if key).replace(b"\\0\\0\\0\\1", b"\\0\\0\\1").split(b"\\0\\0\\1")
pps = next(unit for unit in units if unit and unit[0] & 31 == 8)

def push(data, dts, pts, key):
    packet = av.Packet(data)
    packet.is_keyframe = key
    track.push(Placed(packet, 0, dts, pts), key=key)

begin, number, before = packets[0][0].dts, 1, 0
for lap in range(31):
    for mark, data, key in packets:
        by = lap * packets[-1][0].dts + lap * 3600 - (lap + 1) * begin
        if key and lap:
            data = renamed(pps, number % 255 + 1) + data
            number += 2
        push(data, mark.dts + by, mark.pts + by, key)
    push(b"\\0\\0\\1\\x65\\xff" + bytes(64), mark.dts + by + 1, mark.dts + by + 1, False)
    before = before or anonymous()
print(number, track.damaged, track.counts["decoded"], anonymous() - before)
"""


def test_parameter_sets_that_damage_has_told_of_are_forgotten() -> None:
    """28 MB where one decoder goes on."""
    command = [sys.executable, "-c", PARAMETER_SETS, str(media.sample("small"))]
    done = subprocess.run(command, env=os.environ | ALLOCATOR, capture_output=True, text=True, timeout=120, check=True)
    told, damaged, decoded, kept = map(int, done.stdout.split())
    assert told > 250
    assert damaged >= 30
    assert decoded > 2000
    assert kept < 6000
