"""What a configuration needs of a host's memory."""

from __future__ import annotations

import pytest

from edge.channel import memory
from edge.channel.settings import ChannelSettings
from edge.config.memory import BASE, Bound, bounds, host_bound, plan, swappable
from edge.config.model import Settings
from edge.flow.bounds import Bounds
from edge.flow.window import MAX_BYTES
from edge.hits.settings import HitsSettings, SiteSettings
from edge.host.limits import Limits
from edge.host.zram import Zram
from edge.media.settings import AudioSettings, VideoSettings
from edge.units import BitRate

MB = 1_000_000
VIDEO = VideoSettings(width=352, height=240, fps=15, bitrate=BitRate(256_000))
AUDIO = AudioSettings(codec="aac", bitrate=BitRate(64_000))


def settings(*names: str, memory: int = 0, **more: object) -> Settings:
    fields = {"video": VIDEO, "audio": AUDIO} | more
    return Settings(
        memory=memory, channels=tuple(ChannelSettings(name=n, source="http://h/x.ts", **fields) for n in names)
    )


def host(size: int) -> tuple[Bound, ...]:
    return (Bound(size, "a test"),)


def sizes(found) -> dict[str, int]:
    return {line.name: line.bytes for line in found.lines}


def test_the_judged_channel_is_what_was_measured():
    """37 MB anonymous with the worker's own 17; the decoder 7 to 9 MB."""
    found = sizes(plan(settings("a"), host(1 << 30)))
    assert 7 * MB <= found["a: decoder"] <= 9 * MB
    assert 2.1 * MB <= found["a: encoder"] <= 2.6 * MB
    own = sum(size for name, size in found.items() if name not in ("kernel", "reserve", "pages of libraries"))
    assert 36 * MB <= own <= 39 * MB


def test_the_tightest_bound_counts_and_is_named():
    known = bounds(settings(memory=90 * MB), Bound(100 * MB, "memory.max"), 60 * MB, own=20 * MB)
    found = plan(settings("a"), known, own=20 * MB)
    assert found.limit == 80 * MB
    assert found.source.startswith("MemAvailable at start")
    assert sizes(found)["interpreter and libraries"] == 20 * MB
    assert plan(settings("a"), known[:1]).source == "memory.max"
    assert bounds(settings(memory=70 * MB), None, None, own=0) == (Bound(70 * MB, "`memory` in the configuration"),)


def test_without_a_known_limit_nothing_is_bounded_by_it_and_the_plan_says_so():
    found = plan(settings("a"), bounds(settings("a"), None, None, own=0))
    assert (found.limit, found.room, found.verdict, found.missing) == (None, None, "unknown", 0)
    assert "nothing bounds it" in found.source
    assert found.ring == Bounds()
    assert found.playlists == {"a": MAX_BYTES}
    assert sizes(found)["interpreter and libraries"] == BASE


def test_a_large_host_keeps_the_bounds_of_always():
    found = plan(settings("a", "b"), host(2 << 30))
    assert found.verdict == "fits"
    assert found.ring == Bounds()
    assert set(found.playlists.values()) == {MAX_BYTES}


def test_on_a_small_host_rings_and_playlists_follow_the_room():
    found = plan(settings("a"), host(66 * MB))
    assert found.verdict == "fits"
    assert found.room is not None
    assert found.ring.most < 2 * MB
    assert found.playlists["a"] < 8 * MB
    assert found.ring.most >= 2 * memory.ring(ChannelSettings(name="a", source="x", video=VIDEO, audio=AUDIO))
    assert found.room == 66 * MB - sum(sizes(found).values())


@pytest.mark.parametrize(("size", "verdict"), [(56, "fits"), (51, "slow"), (45, "full"), (20, "full")])
def test_what_does_not_fit_is_said_with_what_would_help(size, verdict):
    found = plan(settings("a"), host(size * MB))
    assert found.verdict == verdict
    assert bool(found.advice) == bool(found.missing) == (verdict != "fits")
    if found.missing:
        assert plan(settings("a"), host(size * MB + found.missing)).verdict == "fits"
        assert any('channel[0].audio.codec = "copy"' in line for line in found.advice)


def test_even_where_nothing_fits_the_least_may_be_drawn_and_what_is_planned_is_no_alarm():
    found = plan(settings("a"), host(20 * MB))
    assert found.room == sum(line.bytes for line in found.least) > 2 * MB
    anonymous = sum(size for name, size in sizes(found).items() if name != "pages of libraries")
    assert found.expected == found.alarm(20 * MB) == anonymous + found.room
    assert found.alarm(1 << 30) == (1 << 30) - found.pages


def test_compressed_swap_counts_where_it_spares_something():
    """A cgroup does not count what is swapped; the host gives 0.4 of it for the compressed copy."""
    group, there = "/sys/fs/cgroup/edge/memory.high", Zram(free=40 * MB, ratio=0.4)
    tight = host_bound(Limits(cores=1, memory=50 * MB, memory_source=group), there)
    wide = bounds(settings("a"), tight, 51 * MB, 0, there)
    assert [round(bound.spared, 3) for bound in wide] == [1, 0.6]
    without, alone, both = (
        plan(settings("a"), (tight,)),
        plan(settings("a"), (tight,), swap=40 * MB),
        plan(settings("a"), wide, swap=40 * MB),
    )
    anonymous = sum(line.bytes for line in alone.lines if line.name not in ("kernel", "reserve", "pages of libraries"))
    assert alone.spared.bytes == anonymous // 4
    assert both.spared.bytes == int(anonymous // 4 * 0.6)
    assert (without.verdict, alone.verdict, both.verdict) == ("slow", "fits", "fits")
    assert both.limit == 51 * MB
    assert alone.expected == sum(line.bytes for line in alone.lines) - alone.pages + alone.room - alone.spared.bytes


def test_no_more_is_swapped_than_may_be():
    there = Zram(free=5 * MB, ratio=1.0)
    assert swappable(Limits(cores=1, swap=3 * MB), there) == 3 * MB
    assert swappable(Limits(cores=1), there) == 5 * MB
    assert swappable(Limits(cores=1, swap=90 * MB), None) == 0
    found = plan(settings("a"), (Bound(50 * MB, "x", spared=1.0),), swap=3 * MB)
    assert found.spared.bytes == 3 * MB
    assert host_bound(Limits(cores=1, memory=MB, memory_source="/proc/meminfo: MemTotal"), there).spared == 0
    assert plan(settings("a"), (), swap=3 * MB).spared.bytes == 0


def test_each_channel_costs_and_each_can_be_left_out():
    one, two = plan(settings("a"), host(64 * MB)), plan(settings("a", "b"), host(64 * MB))
    more = sum(sizes(two).values()) - sum(sizes(one).values())
    assert 14 * MB <= more <= 16.5 * MB  # 14.6 was measured
    assert any(line.startswith("without channel b") for line in two.advice)
    assert not any(line.startswith("without channel") for line in one.advice)


def test_a_host_without_channels_pays_for_no_codec():
    found = plan(settings(), host(45 * MB))
    assert found.verdict == "fits"
    assert "av and codecs" not in sizes(found)
    assert sizes(found)["pages of libraries"] == 8 << 20


def test_the_source_is_taken_for_the_judged_one_until_it_is_known():
    guess, known = plan(settings("a"), host(1 << 30)), plan(settings("a"), host(1 << 30), pictures={"a": (1920, 1080)})
    assert sizes(known)["a: decoder"] == 4 * sizes(guess)["a: decoder"]
    whys = {line.name: line.why for line in guess.lines}
    assert "until it is known" in whys["a: decoder"]
    assert "until it is known" not in {line.name: line.why for line in known.lines}["a: decoder"]
    # 24.7 MB were measured for the decoder alone
    assert 24 * MB <= sizes(known)["a: decoder"] <= 31 * MB


@pytest.mark.parametrize(
    ("video", "audio", "there", "gone"),
    [
        (VideoSettings(codec="copy"), AudioSettings(codec="copy"), {"poster", "audio"}, {"decoder", "encoder"}),
        (VideoSettings(codec="none"), AUDIO, {"audio"}, {"decoder", "encoder", "poster"}),
        (VIDEO, AudioSettings(codec="none"), {"decoder", "encoder"}, {"audio", "poster"}),
    ],
)
def test_what_is_not_coded_is_not_counted(video, audio, there, gone):
    channel = ChannelSettings(name="a", source="x", video=video, audio=audio)
    names = {line.name.removeprefix("a: ") for line in memory.fixed(channel)}
    assert there <= names
    assert not gone & names


@pytest.mark.parametrize(
    ("video", "sides"),
    [
        (VideoSettings(), (960, 540)),
        (VideoSettings(width=352, height=240), (352, 240)),
        (VideoSettings(width=480), (480, 270)),
        (VideoSettings(height=270), (480, 270)),
    ],
)
def test_the_encoder_is_counted_for_its_picture(video, sides):
    assert memory.sides(video, (960, 540)) == sides


def test_sites_take_their_share_and_who_has_none_pays_nothing():
    without = sizes(plan(settings(), host(1 << 30)))
    sites = tuple(SiteSettings(id=number, hosts=("a",)) for number in range(1, 11))
    one, ten = (plan(Settings(sites=sites[:count]), host(1 << 30)) for count in (1, 10))
    assert not [name for name in without if name.startswith("hits")]
    assert {name for name in sizes(one) if name.startswith("hits")} == {
        "hits: visits",
        "hits: names",
        "hits: caches",
        "hits: on their way",
    }
    assert sizes(one)["hits: names"] < sizes(ten)["hits: names"] < 5 * MB
    more = Settings(sites=sites[:1], hits=HitsSettings(max_visits=200_000))
    assert sizes(plan(more, host(1 << 30)))["hits: visits"] == 10 * sizes(one)["hits: visits"]
