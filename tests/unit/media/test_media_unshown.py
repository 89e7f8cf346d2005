"""What is not decoded is what nobody would have seen: the pictures that come out are the same."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media import kinds
from edge.media.settings import VideoSettings
from edge.media.source import open_url
from edge.media.timeline import Placed
from edge.media.unshown import Unshown
from edge.media.video import FrameRate
from edge.media.videoladder import VideoLadder


def pictures(path, fps: float) -> tuple[list[tuple[int, bytes]], dict[str, int]]:
    shown: list[tuple[int, bytes]] = []
    track = VideoLadder(VideoSettings(width=96, fps=fps), lambda _: None, lambda *_: None, lambda _: None)
    track._track._scaled = lambda frame: shown.append((frame.pts, hashlib.blake2b(bytes(frame.planes[0])).digest()))
    source = open_url(str(path), kinds.FILE)
    try:
        track.follow(source.video.av)
        for mark, packet in source.packets():
            if mark.stream == 0:
                track.push(Placed(packet, 0, mark.dts, mark.pts))
    finally:
        source.close()
    return shown, dict(track.counts)


@pytest.mark.parametrize("fps", [15, 8, 24])
def test_the_same_pictures_come_out(source_sample, fps, monkeypatch):
    shown, counts = pictures(source_sample, fps)
    monkeypatch.setattr(Unshown, "unshown", lambda *_: False)
    everything, all_counts = pictures(source_sample, fps)
    assert shown == everything
    assert counts["dropped_undecoded"] > 0.15 * all_counts["decoded"]


def test_all_frames_are_decoded_when_all_are_shown(source_sample):
    assert "dropped_undecoded" not in pictures(source_sample, 50)[1]


@given(st.integers(100, 9000), st.floats(1, 60), st.integers(0, 10**9))
def test_exactly_the_first_of_each_slot_is_shown(step, fps, start):
    rate, unshown = FrameRate(fps), Unshown(fps)
    for n in range(120):
        pts = start + n * step
        unshown.note(pts)
        taken = rate.take(pts)
        if n > 20:
            assert taken != unshown.unshown(pts)


def test_uneven_steps_are_not_foreseen():
    unshown = Unshown(15)
    for n in range(100):
        unshown.note(n * 1800 + n % 2)
        assert not unshown.unshown(n * 1800)
