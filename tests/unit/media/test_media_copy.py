"""Copy mode beyond the first half minute, joined in the middle of a GOP, and what a container cannot carry."""

import av
import pytest
from media import sample
from mediacheck import Session, demuxed

from edge.media.events import Init, Poster, Unavailable
from edge.media.passing import still


def copied(path_or_bytes, *containers):
    session = Session(*containers, video={"codec": "copy"}, audio={"codec": "copy"})
    session.play(path_or_bytes)
    return session.close()


def from_the_middle() -> bytes:
    """The source's sample from the middle of its first GOP on, tables in front as a server sends them."""
    data = sample("source").read_bytes()
    packets = [data[i : i + 188] for i in range(0, len(data), 188)]
    tables = [p for p in packets[:10] if (p[1] & 31) << 8 | p[2] in (0, 4096)]
    return b"".join(tables) + b"".join(packets[400:])


def test_a_source_joined_in_the_middle_of_a_gop_starts_at_its_next_keyframe():
    out = copied(from_the_middle(), "ts", "mp4")
    assert (out.formats[-1].width, out.formats[-1].height) == (960, 540)
    assert next(p for p in demuxed(out.output("mp4")) if p.kind == "video").key


def test_there_is_a_poster_again_and_again():
    session = Session("ts", video={"codec": "copy"}, audio={"codec": "none"})
    for _ in range(3):
        session.play("source")
    assert len(session.close().of(Poster)) >= 2


def test_a_keyframe_alone_gives_its_picture_and_rubbish_none():
    with av.open(str(sample("source"))) as source:
        stream = source.streams.video[0]
        packet = next(p for p in source.demux(stream) if p.is_keyframe)
        assert still(stream, packet, None).width == 960
        assert still(stream, av.Packet(b"\0\0\1\x65 nothing"), None) is None


@pytest.mark.parametrize(("name", "container"), [("hevc", "flv"), ("vp9_webm", "ts"), ("vp9_webm", "flv")])
def test_what_players_of_a_container_do_not_know_is_unavailable(name, container):
    out = copied(name, container)
    assert [e.container for e in out.of(Unavailable)] == [container]
    assert not out.of(Init)
