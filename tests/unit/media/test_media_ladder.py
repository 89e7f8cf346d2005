"""Which rungs suit a stream and the settings."""

import msgspec
import pytest

from edge.media.ladder import FULL, WORKS, StreamFacts, ladder, nearest, unseen
from edge.media.settings import RUNGS, LadderSettings, VideoSettings

VIDEO = VideoSettings(width=352, height=240, fps=15)
ALL = LadderSettings("full", "audio-copy", allow_copy=True)
SOURCE = StreamFacts(
    "h264", nonref=0.34, b=0.64, b_referred=False, key_interval=1.92, fps=50.0,
    shrinks=True, deblocks=True, copyable=True, audio_copyable=True,
)  # fmt: skip


def names(settings=ALL, video=VIDEO, **facts):
    return [work.name for work in ladder(settings, video, msgspec.structs.replace(SOURCE, **facts))]


def test_the_judged_stream_has_every_rung_in_order():
    assert names() == list(RUNGS)


def test_each_rung_is_a_guess_cheaper_than_the_one_before_but_for_copying():
    costs = [work.relative for name, work in WORKS.items() if name != "copy"]
    assert costs == sorted(costs, reverse=True)
    assert list(WORKS) == list(RUNGS)


@pytest.mark.parametrize(
    ("facts", "gone"),
    [
        ({"b_referred": True}, {"skip-b"}),  # a pyramid whose B pictures P pictures use
        ({"b_referred": None}, {"skip-b"}),
        ({"nonref": 0.0, "b": 0.0}, {"loop-noref", "skip-nonref", "skip-b"}),  # P pictures only
        ({"nonref": 0.04}, {"loop-noref", "skip-nonref"}),
        ({"nonref": None, "b": None, "b_referred": None}, {"skip-b"}),  # another codec: its decoder knows
        ({"deblocks": False}, {"loop-noref", "loop-none"}),
        ({"copyable": False}, {"copy"}),
        ({"audio_copyable": False}, {"audio-copy"}),
        ({"audio_copied": True}, {"audio-copy"}),
        ({"fps": 8.0}, {"fps-10"}),
        ({"key_interval": None}, set()),
        (
            {"key_interval": 12.0},
            {"loop-noref", "loop-none", "gop-half", "gop-quarter", "copy", "key", "audio", "audio-copy"},
        ),
    ],
)
def test_what_a_stream_does_not_permit(facts, gone):
    assert names(**facts) == [name for name in RUNGS if name not in gone]


@pytest.mark.parametrize(("fps", "gone"), [(10, {"fps-10"}), (7.5, {"fps-10", "fps-7.5"}), (5, {"fps-10", "fps-7.5"})])
def test_a_rendition_that_is_slower_already(fps, gone):
    assert not gone & set(names(video=VideoSettings(fps=fps)))


def test_settings_bound_it():
    assert names(LadderSettings("skip-nonref", "fps-7.5")) == ["skip-nonref", "skip-b", "fps-10", "fps-7.5"]
    assert "copy" not in names(LadderSettings("full", "audio-copy"))
    assert names(LadderSettings("full", "full")) == ["full"]


def test_where_none_is_both_allowed_and_possible_it_is_the_lowest_possible_above():
    assert names(LadderSettings("skip-b", "skip-b"), b_referred=True) == ["skip-nonref"]
    assert names(LadderSettings("copy", "copy")) == ["gop-quarter"]
    assert [w.name for w in ladder(LadderSettings("key", "key"), VIDEO, StreamFacts())] == ["full"]


@pytest.mark.parametrize("codec", ["copy", "none"])
def test_a_channel_that_encodes_no_video_can_only_pass_its_sound_on(codec):
    video = VideoSettings(codec=codec)
    assert names(video=video) == ["full", "audio-copy"]
    assert names(video=video, audio_copied=True) == ["full"]
    assert names(LadderSettings(lowest="audio"), video=video) == ["full"]


def test_a_source_without_pictures_likewise():
    facts = StreamFacts(audio_copyable=True)
    assert [work.name for work in ladder(ALL, VIDEO, facts)] == ["full", "audio-copy"]


@pytest.mark.parametrize(
    ("facts", "fps", "highest"),
    [
        ({}, 15, "skip-nonref"),
        ({}, 25, "loop-none"),  # 33 reference pictures a second are too few to choose from
        ({"nonref": 0.0}, 15, "loop-none"),
        ({"nonref": None}, 15, "loop-none"),
        ({"shrinks": False}, 15, "full"),
        ({"deblocks": False}, 15, "full"),
        ({"key_interval": 20.0}, 15, "full"),
    ],
)
def test_auto_is_what_nobody_can_see(facts, fps, highest):
    facts, video = msgspec.structs.replace(SOURCE, **facts), VideoSettings(width=352, height=240, fps=fps)
    assert unseen(video, facts) == highest
    assert ladder(LadderSettings(), video, facts)[0].name == highest


def test_auto_never_goes_below_the_lowest():
    assert names(LadderSettings(lowest="full")) == ["full"]


def test_nearest_is_the_rung_or_the_next_below_or_the_lowest():
    works = [WORKS[name] for name in ("full", "skip-nonref", "fps-10", "key")]
    assert nearest(works, "fps-10").name == "fps-10"
    assert nearest(works, "loop-none").name == "skip-nonref"
    assert nearest(works, "gop-half").name == "key"
    assert nearest(works, "audio").name == "key"
    assert nearest([FULL], "key") is FULL
