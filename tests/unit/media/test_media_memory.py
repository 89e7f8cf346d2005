"""What damaged openings leave behind, and that an opening takes no pictures."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import media
import pytest

from edge.host.allocator import ALLOCATOR
from edge.media.source import open_pipe

OPENINGS = """
import io, random, sys
import av
from edge.errors import SourceError
from edge.media.decode import VideoDecoder
from edge.media.source import open_pipe

data = open(sys.argv[1], "rb").read()

class Body(io.BytesIO):
    error = None

def anonymous():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

def damaged(number):
    draw = random.Random(number)
    at = draw.randrange(len(data) // 376) * 188
    body = bytearray(data[at : at + 1_000_000])
    for packet in range(0, 128 * 188, 188):
        if draw.random() < 0.5:
            body[packet + 4 + draw.randrange(184)] ^= draw.randrange(1, 256)
    return open_pipe(Body(body))

first = open_pipe(Body(data))
decoder = VideoDecoder(first.video.av)  # the channel's, which goes on over all responses
for _ in zip(range(60), first.packets()):
    if _[1][0].stream == 0:
        decoder.decode(_[1][1], 0, 0)
first.close()
before, opened = anonymous(), 0
for number in range(80):
    try:
        damaged(number).close()
        opened += 1
    except SourceError:
        pass
print(opened, anonymous() - before)
"""


class Body(io.BytesIO):
    error = None


@pytest.mark.skipif(os.confstr("CS_GNU_LIBC_VERSION") is None, reason="the allocator is glibc's")
def test_damaged_openings_leave_little_behind() -> None:
    """4.7 MB with the allocator as it is by itself (9 with other blocks in use), 0.5 with ours."""
    environ = os.environ | ALLOCATOR
    command = [sys.executable, "-c", OPENINGS, str(media.sample("source"))]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=True)
    opened, kept = map(int, done.stdout.split())
    assert opened > 60
    assert kept < 2000


SOUND = """
import random, sys
import av
from edge.media import kinds
from edge.media.decode import AudioDecoder
from edge.media.source import open_url

def anonymous():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))

draw = random.Random(2)
source = open_url(sys.argv[1], kinds.FILE)
decoder = AudioDecoder(source.audio.av)
packets = [bytes(packet) for mark, packet in source.packets() if mark.stream == 1]
source.close()
at = before = 0
for turn in range(4):
    for whole in packets:
        data = bytearray(whole)
        if turn and draw.random() < 0.1:
            for _ in range(8):
                data[draw.randrange(7, len(data))] = draw.randrange(256)
        decoder.decode(av.Packet(bytes(data)), at, at)
        at += 1920
    before = before or anonymous()
print(decoder.decoded, decoder.damaged, anonymous() - before)
"""


def test_damaged_sound_leaves_nothing_behind() -> None:
    """15 MB where one decoder goes on: it keeps every channel element that damage has told it of."""
    command = [sys.executable, "-c", SOUND, str(media.sample("source"))]
    done = subprocess.run(command, env=os.environ | ALLOCATOR, capture_output=True, text=True, timeout=60, check=True)
    decoded, damaged, kept = map(int, done.stdout.split())
    assert decoded > 3000
    assert damaged > 200
    assert kept < 2000


@pytest.mark.parametrize("name", ["source", "flv", "mp4", "hevc"])
def test_an_opening_decodes_no_picture_and_knows_the_size_all_the_same(name: str) -> None:
    body = Path(media.sample(name)).read_bytes()
    source = open_pipe(Body(body))
    try:
        context = source.video.av.codec_context
        assert (context.width, context.height) == (media.SPECS[name].width, media.SPECS[name].height)
        assert context.extradata
        assert context.pix_fmt is None or name in ("flv", "mp4")  # those two say it in their headers
    finally:
        source.close()
