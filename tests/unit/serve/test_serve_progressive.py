"""Viewers of real channels and hubs over outlets that a test can stop and close."""

from __future__ import annotations

import io

import pytest

from edge.channel.channel import Channel
from edge.channel.settings import ChannelSettings
from edge.clock import ManualClock
from edge.errors import OverloadError
from edge.flow.ring import Chunk
from edge.log import Log
from edge.media.settings import AudioSettings, VideoSettings
from edge.serve.progressive import Admission, Audience
from edge.serve.viewer import RUN, STUCK


class Wire:
    """An outlet: takes up to `room` bytes before it says stop; `drain` is the kernel taking them."""

    def __init__(self, room=1 << 30):
        self.room = room
        self.paused = False
        self.pending = self.queued = 0
        self.got = []
        self.writes = 0
        self.state = "open"
        self.peer = "192.0.2.1"

    def write(self, chunks):
        self.writes += 1
        self.got += chunks
        self.pending += sum(map(len, chunks))
        if self.room < 1 << 30:
            self.paused = self.pending > self.room
        else:
            self.pending = 0

    def drain(self, n=None):
        self.pending -= self.pending if n is None else n
        if self.paused and self.pending * 4 <= self.room:
            self.paused = False
            self.on_resume()

    def close(self):
        self.state = "closed"

    def abort(self):
        self.state = "aborted"

    @property
    def data(self):
        return b"".join(self.got)


class House:
    def __init__(self, *, bounds=None, **settings):
        self.clock = ManualClock()
        self.said = io.StringIO()
        self.timers = []
        self.admission = Admission(**(bounds or {}))
        log = Log(stream=self.said)
        self.audience = Audience(self.admission, self.clock, log, lambda s, call: self.timers.append((s, call)))
        self.channel = Channel(ChannelSettings("news", "http://127.0.0.1:9/x.ts", **settings), self.clock, log)
        self.n = 0

    def come(self, container="ts", room=1 << 30):
        wire = Wire(room)
        self.audience.admit(self.channel, container)(wire)
        return wire

    def publish(self, *chunks, container="ts"):
        self.channel.hub(container).publish([Chunk(data, key, 0.0) for data, key in chunks])

    def stats(self):
        return self.audience.stats("news")

    def fire(self):
        timers, self.timers = self.timers, []
        for _, call in timers:
            call()


KEY = (b"K" * 100, True)


def test_a_viewer_starts_at_the_last_keyframe_with_the_init_at_once():
    house = House()
    house.channel.hub("mp4").set_init(b"moov")
    house.publish((b"old", True), (b"k", True), (b"p", False), container="mp4")
    wire = house.come("mp4")
    assert wire.got == [b"moov", b"k", b"p"]
    assert wire.writes == 1  # one write for all of it
    house.publish((b"q", False), container="mp4")
    assert wire.got[3:] == [b"q"]
    assert house.stats().sent == {"mp4": 7, "hls": 0}
    assert house.stats().viewers == {"mp4": 1, "hls": 0}


def test_before_the_first_keyframe_a_viewer_waits_and_then_gets_the_init_of_that_time():
    house = House()
    wire = house.come("flv")
    house.publish((b"p", False), container="flv")
    assert wire.got == []
    house.channel.hub("flv").set_init(b"FLV")
    house.publish((b"k", True), container="flv")
    assert wire.got == [b"FLV", b"k"]


def test_a_stopped_viewer_is_not_written_to_and_goes_on_when_it_can():
    house = House()
    slow, fast = house.come(room=1000), house.come()
    house.publish(KEY, *[(b"p" * 100, False)] * 19)
    assert slow.data == fast.data
    assert len(slow.data) == 2000
    house.publish((b"p" * 100, False))
    assert len(slow.data) == 2000
    assert len(fast.data) == 2100
    slow.drain()
    assert slow.data == fast.data


def test_what_a_viewer_holds_back_is_bounded_by_one_run():
    house = House()
    house.publish(*[(b"K" * 1000, True), *[(b"p" * 1000, False)] * 400])
    wire = house.come(room=5000)
    assert wire.paused
    assert wire.pending <= 5000 + RUN
    while wire.pending:
        wire.drain()
        assert wire.pending <= 5000 + RUN
    assert len(wire.data) == 401_000


def test_one_that_falls_out_of_the_ring_goes_on_at_the_next_keyframe_and_is_counted():
    house = House()
    wire = house.come(room=10)
    house.publish((b"K0" * 10, True))
    for n in range(3):
        house.publish(*[(b"x" * 200_000, False)] * 3, (b"K%d" % (n + 1) * 100_000, True))
    house.publish((b"tail", False))
    wire.drain()
    assert wire.got[1].startswith(b"K3")
    wire.drain()
    assert wire.got[2:] == [b"tail"]
    assert house.stats().skipped == 1
    wire.on_close()
    assert house.stats().skipped == 1


def test_a_stuck_viewer_is_closed_after_20_seconds_and_costs_the_others_nothing():
    house = House()
    stuck, slow, idle, fast = house.come(room=10), house.come(room=10), house.come(), house.come()
    house.publish(KEY)
    for _ in range(int(STUCK)):
        house.audience.sweep(house.clock.monotonic())
        house.clock.advance(1.0)
        if slow.pending:
            slow.drain(1)
        house.publish((b"p", False))
    assert stuck.state == "open"
    house.audience.sweep(house.clock.monotonic())
    assert [wire.state for wire in (stuck, slow, idle, fast)] == ["aborted", "open", "open", "open"]
    assert house.stats().closed == {"stuck": 1}
    assert house.stats().viewers["ts"] == 3
    assert len(fast.data) == 100 + int(STUCK)
    stuck.on_close()  # the connection tells it too
    assert house.stats().closed == {"stuck": 1}


def test_a_viewer_closed_by_the_servers_own_deadline_counts_as_stuck():
    house = House()
    wire = house.come(room=10)
    house.publish(KEY)
    house.audience.sweep(house.clock.monotonic())
    house.clock.advance(19.5)
    wire.on_close()
    assert house.stats().closed == {"stuck": 1}


def test_a_viewer_that_leaves_is_forgotten_and_the_hub_is_left():
    house = House()
    a, b = house.come(), house.come()
    house.publish(KEY)
    a.on_close()
    house.publish((b"p", False))
    assert a.data == KEY[0]
    assert house.channel.hub("ts").listeners == 1
    b.on_close()
    assert house.channel.hub("ts").listeners == 0
    assert house.stats().sent["ts"] == 201
    assert house.stats().closed == {}
    again = house.come()
    assert again.data == KEY[0] + b"p"


@pytest.mark.parametrize(
    ("container", "state", "closed"), [("mp4", "closed", 1), ("flv", "closed", 1), ("ts", "open", 0)]
)
def test_a_new_format_ends_what_cannot_carry_it(container, state, closed):
    house = House()
    wire = house.come(container)
    house.publish(KEY, container=container)
    house.channel.hub(container).reset(b"new")
    house.publish((b"p", False), (b"k", True), container=container)
    assert wire.state == state
    assert house.stats().closed == ({"format": 1} if closed else {})
    assert wire.got == ([KEY[0]] if closed else [KEY[0], b"k"])


def test_a_viewer_on_its_way_out_is_written_to_no_more():
    house = House()
    wire = house.come("mp4", room=10)
    house.publish(KEY, container="mp4")
    house.channel.hub("mp4").reset(b"new")
    house.publish(KEY, container="mp4")
    wire.drain()
    assert wire.got == [KEY[0]]


def test_the_end_of_the_channel_is_the_end_of_its_viewers():
    house = House()
    wire = house.come()
    house.channel.hub("ts").close()
    late = house.come()
    assert (wire.state, late.state) == ("closed", "closed")
    assert house.stats().closed == {"end": 2}
    assert house.stats().viewers["ts"] == 0


def test_many_viewers_are_written_to_together_a_moment_later():
    house = House()
    wires = [house.come() for _ in range(16)]
    house.publish(KEY)
    house.publish((b"p", False))
    assert [seconds for seconds, _ in house.timers] == [0.1]
    assert not any(wire.got for wire in wires)
    house.fire()
    assert {wire.data for wire in wires} == {KEY[0] + b"p"}
    assert {wire.writes for wire in wires} == {1}
    house.publish((b"q", False))
    assert len(house.timers) == 1


def test_a_connection_that_fails_is_closed_and_said_once():
    house = House()
    bad, good = house.come(), house.come()

    def fail(chunks):
        raise OSError("no")

    bad.write = fail
    house.publish(KEY)
    house.publish(KEY)
    assert bad.state == "aborted"
    assert len(good.data) == 200
    assert house.stats().closed == {"failed": 1}
    assert house.said.getvalue().count("event=viewer_failed") == 1


# --- admission over real viewers


def refused(house):
    with pytest.raises(OverloadError) as caught:
        house.come()
    return caught.value


def test_max_viewers_counts_all_channels_and_a_place_becomes_free():
    house = House(bounds={"max_viewers": 2})
    a, _ = house.come(), house.come("mp4")
    error = refused(house)
    assert 10 <= error.retry_after < 20
    assert refused(house).retry_after != error.retry_after
    a.on_close()
    house.come()
    assert house.stats().refused == {"viewers": 2}
    assert house.audience.viewers == 2


def test_a_channels_own_bound_counts_estimated_hls_viewers_too():
    house = House(max_viewers=3)
    house.audience.note_hls("news", 2, 1e6)
    house.come()
    refused(house)
    assert house.stats().refused == {"channel_viewers": 1}
    assert house.stats().viewers == {"ts": 1, "hls": 2}


def test_egress_goes_by_the_settings_until_the_rate_is_measured():
    video, audio = VideoSettings(bitrate=200_000), AudioSettings(bitrate=100_000)
    house = House(bounds={"egress": 1_000_000}, video=video, audio=audio)
    for _ in range(3):
        house.come()
    refused(house)  # 4 x 330 kb/s
    house.audience.sweep(house.clock.monotonic())
    for _ in range(5):
        house.publish((b"x" * 10_000, True))
        house.clock.advance(1.0)
    house.audience.sweep(house.clock.monotonic())
    wires = [house.come() for _ in range(9)]  # 80 kb/s is what it really is
    refused(house)
    house.clock.advance(30.0)  # the source is away, and will be as large as it was
    house.audience.sweep(house.clock.monotonic())
    refused(house)
    wires[0].on_close()
    house.come()
    assert house.stats().refused == {"egress": 3}


def test_traffic_is_counted_warned_of_and_ends_for_all():
    house = House(bounds={"traffic_per_month": 1000})
    wires = [house.come(), house.come(container="mp4")]
    house.publish(KEY, *[(b"p" * 100, False)] * 7)
    house.audience.sweep(house.clock.monotonic())
    assert house.said.getvalue().count("event=traffic") == 1
    assert [wire.state for wire in wires] == ["open", "open"]
    house.audience.sent_hls("news", 200)
    house.audience.sweep(house.clock.monotonic())
    assert house.admission.traffic(house.clock.wall()) == 1000
    assert [wire.state for wire in wires] == ["closed", "closed"]  # not aborted: what was written still goes out
    assert house.stats().closed == {"traffic": 2}
    assert refused(house).retry_after == 3600
    house.audience.sweep(house.clock.monotonic())
    assert house.said.getvalue().count("event=traffic") == 2
    house.clock.advance(40 * 86400)
    house.come()
