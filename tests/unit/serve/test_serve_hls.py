"""HLS handlers over a real channel's hub, behind the real router; the clock is turned by hand."""

from __future__ import annotations

import asyncio
import gzip
import io

import hlscheck
import pytest
from routing import answered

from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.channel.settings import ChannelSettings
from edge.clock import ManualClock
from edge.flow.live import EPOCH, Live
from edge.flow.ring import Chunk
from edge.http.message import Request, Response
from edge.http.router import Router
from edge.log import Log
from edge.media.settings import VideoSettings
from edge.serve import hlsfeed
from edge.serve.hls import Hls
from edge.serve.hlsfeed import LINGER, MAX_WAITERS
from edge.serve.hlsviewers import MOST, Present, identity
from edge.serve.progressive import Admission, Audience

WALL = 1_800_000_000.0
FIRST = int(WALL - EPOCH) + 1  # above what an earlier process may have used until now


class House:
    """A channel `news` whose media the test makes: a keyframe every 2 s, a chunk every half second."""

    def __init__(self, *, saved=None, bounds=None, **settings):
        self.clock = ManualClock(wall=WALL)
        self.timers = []
        self.media = 100.0
        self.said = io.StringIO()
        log = Log(stream=self.said)
        self.channel = Channel(ChannelSettings("news", "http://127.0.0.1:9/x.ts", **settings), self.clock, log)
        self.hub = self.channel.hub("ts")
        registry = Registry([self.channel])
        self.audience = Audience(Admission(**(bounds or {})), self.clock, log)
        self.hls = Hls(registry, self.audience, self.clock, saved, lambda s, call: self.timers.append((s, call)))
        self.router = Router()
        self.hls.add_to(self.router, self.router.refusal)

    def play(self, seconds, *, gop=2.0, tick=True):
        for _ in range(int(seconds * 2)):
            key = self.media % gop == 0
            self.hub.publish([Chunk(b"%.1f " % self.media, key, self.media)])
            self.media += 0.5
            self.clock.advance(0.5)
            if tick:
                self.hls.tick(self.clock.monotonic())

    def answer(self, path, method="GET", peer="192.0.2.1", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return answered(self.router, Request(method, path, b"", fields, peer, "http", "localhost"))

    def get(self, path, **options):
        answer = self.answer(path, **options)
        assert isinstance(answer, Response), "it waits"
        return answer

    def playlist(self, **options):
        answer = self.get("/live/news/index.m3u8", **options)
        assert answer.status == 200
        return answer

    async def wait(self, **options):
        return await self.answer("/live/news/index.m3u8", **options)

    def started(self):
        """The first request, unanswered, and some segments."""
        self.answer("/live/news/index.m3u8").close()
        self.play(10)
        return self


def field(response, name):
    return dict(response.headers).get(name)


def body(response):
    return response.body if isinstance(response.body, bytes) else b"".join(response.body)


def test_a_playlist_and_its_segments():
    house = House().started()
    answer = house.playlist()
    assert field(answer, "Content-Type") == "application/vnd.apple.mpegurl"
    assert field(answer, "Access-Control-Allow-Origin") == "*"
    assert field(answer, "Cache-Control") == "max-age=1"
    assert field(answer, "Vary") == "Accept-Encoding"
    playlist = hlscheck.parse(answer.body.decode())
    assert playlist.target == 2
    assert playlist.msn == FIRST
    assert "EXT-X-INDEPENDENT-SEGMENTS" in playlist.tags
    assert [entry.extinf for entry in playlist.entries] == ["2.00000"] * 4
    segment = house.get(f"/live/news/{playlist.entries[1].uri}")
    assert segment.status == 200
    assert body(segment) == b"102.0 102.5 103.0 103.5 "
    assert field(segment, "Content-Type") == "video/mp2t"
    assert field(segment, "Cache-Control") == "public, max-age=10, immutable"
    assert field(segment, "Access-Control-Allow-Origin") == "*"


def test_segments_are_the_rings_own_bytes():
    house = House().started()
    chunks = {id(chunk.data) for chunk in house.hub.ring.chunks(house.hub.ring.tail)}
    assert {id(part) for part in house.get(f"/live/news/{FIRST}.ts").body} < chunks


def test_a_playlist_is_rendered_and_packed_once_a_version():
    house = House().started()
    plain, packed = house.playlist(), house.playlist(accept_encoding="gzip, br")
    assert house.playlist().body is plain.body
    assert house.playlist(accept_encoding="gzip").body is packed.body
    assert gzip.decompress(packed.body) == plain.body
    assert field(packed, "Content-Encoding") == "gzip"
    assert field(packed, "ETag") != field(plain, "ETag")
    house.play(2)
    assert house.playlist().body != plain.body


def test_who_has_it_already_is_told_so():
    house = House().started()
    tag = field(house.playlist(), "ETag")
    again = house.get("/live/news/index.m3u8", if_none_match=tag)
    assert (again.status, again.length) == (304, 0)
    assert house.get(f"/live/news/{FIRST}.ts", if_none_match=f'"{FIRST}"').status == 304
    house.play(2)
    assert house.get("/live/news/index.m3u8", if_none_match=tag).status == 200


def test_part_of_a_segment():
    answer = House().started().get(f"/live/news/{FIRST}.ts", range="bytes=6-10")
    assert (answer.status, body(answer)) == (206, b"100.5")


@pytest.mark.parametrize(
    "path",
    [
        "/live/other/index.m3u8",
        "/live/other/1.ts",
        f"/live/news/{FIRST - 1}.ts",
        f"/live/news/{FIRST + 4}.ts",
        f"/live/news/0{FIRST}.ts",
        f"/live/news/+{FIRST}.ts",
        "/live/news/-1.ts",
        "/live/news/².ts",
        "/live/news/index.ts",
        f"/live/news/{'9' * 5000}.ts",
    ],
)
def test_what_is_not_there_is_404_and_only_for_a_moment(path):
    answer = House().started().get(path)
    assert answer.status == 404
    assert field(answer, "Cache-Control") == "max-age=1"
    assert field(answer, "Access-Control-Allow-Origin") == "*"


def test_a_segment_can_be_fetched_until_a_slow_player_is_done_with_it():
    house = House().started()
    uri = f"/live/news/{FIRST}.ts"
    left = None
    for _ in range(120):
        house.play(0.5)
        listed = f"\n{FIRST}.ts" in house.playlist().body.decode()
        if not listed and left is None:
            left = house.clock.monotonic() - 0.5  # when the last chunk came
        there = house.get(uri).status == 200
        if left is not None:
            assert there == (house.clock.monotonic() - left < 2 + 12)
    assert left is not None


def test_while_the_source_is_away_the_playlist_has_gaps_that_cannot_be_fetched():
    house, check = House().started(), hlscheck.Checker(slack=1.0)
    check(house.clock.monotonic(), house.playlist().body.decode())
    for _ in range(40):
        house.clock.advance(0.5)
        house.hls.tick(house.clock.monotonic())
        playlist = check(house.clock.monotonic(), house.playlist().body.decode())
    gaps = [entry.uri for entry in playlist.entries if entry.gap]
    assert len(gaps) == 6
    counted = house.hls.stats("news").gaps
    assert counted >= 6
    assert house.get(f"/live/news/{gaps[0]}").status == 404
    house.media += 20.0
    for _ in range(20):
        house.play(1)
        playlist = check(house.clock.monotonic(), house.playlist().body.decode())
    assert not any(entry.gap for entry in playlist.entries)
    assert int(playlist.tags["EXT-X-DISCONTINUITY-SEQUENCE"]) == FIRST // 3600 + 1
    house.play(LINGER)
    assert house.hls.stats("news").live is None
    assert house.hls.stats("news").gaps >= counted  # a counter outlives its playlist


def test_the_timer_keeps_the_playlist_going_between_ticks():
    house = House().started()
    version = field(house.playlist(), "ETag")
    assert len(house.timers) == 1
    house.clock.advance(2.9)
    ((_, call),) = house.timers
    house.timers.clear()
    call()
    assert field(house.playlist(), "ETag") != version
    assert len(house.timers) == 1
    assert house.timers[0][0] == pytest.approx(2.8)


@pytest.mark.parametrize("how", ["discontinuity", "reset"])
def test_what_does_not_continue_is_marked(how):
    house = House().started()
    house.play(0.5)
    house.hub.discontinuity() if how == "discontinuity" else house.hub.reset(b"")
    house.play(6)
    entries = hlscheck.parse(house.playlist().body.decode()).entries
    (at,) = [n for n, entry in enumerate(entries) if entry.discontinuity]
    assert body(house.get(f"/live/news/{entries[at].uri}")).startswith(b"112.0 ")
    last = b"111.5 " if how == "discontinuity" else b"110.0 "  # a reset drops what comes before the keyframe
    assert body(house.get(f"/live/news/{entries[at - 1].uri}")).endswith(last)


def test_a_batch_larger_than_the_ring_leaves_a_marked_hole():
    house = House().started()
    house.hub.publish([Chunk(b"x" * 3_000_000, n == 3, house.media + n / 10) for n in range(6)])
    house.media = 112.0
    house.play(4.5)
    assert house.hls.stats("news").dropped == {"lost": 1}
    marks = [entry.discontinuity for entry in hlscheck.parse(house.playlist().body.decode()).entries]
    assert sum(marks) == 1


def test_numbers_go_on_above_those_that_were_kept():
    house = House(saved={"news": (FIRST + 1000, FIRST + 2000), "gone": (1, 1)}).started()
    playlist = hlscheck.parse(house.playlist().body.decode())
    assert playlist.msn == FIRST + 1000
    assert playlist.tags["EXT-X-DISCONTINUITY-SEQUENCE"] == str(FIRST + 2000)
    assert house.hls.floors() == {"news": (FIRST + 1004, FIRST + 2001 + 60)}


def test_a_process_that_is_killed_loses_no_number():
    """The state file is up to a minute old by then."""
    house, check = House().started(), hlscheck.Checker(slack=1.0)
    saved = house.hls.floors()
    for _ in range(28):
        house.hub.discontinuity()
        house.play(2)
        check(house.clock.monotonic(), house.playlist().body.decode())
    check.restarted()
    again = House(saved=saved)
    again.clock.step(house.clock.wall() - again.clock.wall())
    again.started()
    check(house.clock.monotonic(), again.playlist().body.decode())


def test_a_process_killed_within_the_burst_it_began_with_loses_no_number():
    """Its media sequence number was not saved; the next one gets the same burst within the same second."""
    check, clock = hlscheck.Checker(slack=1.0), 0.5  # seconds after WALL
    for n in range(3):
        house = House(saved={"news": (0, FIRST + n)})
        house.clock.step(clock)
        house.hls.tick(house.clock.monotonic())
        house.answer("/live/news/index.m3u8").close()
        house.hub.publish([Chunk(b"x", n % 4 == 0, n / 2) for n in range(24)])
        assert len(house.timers) == 1  # the second's end is waited for, there is no playlist before
        seconds, call = house.timers.pop()
        house.clock.advance(seconds)
        call()
        playlist = check(house.clock.monotonic(), house.playlist().body.decode())
        assert len(playlist.entries) == 1
        check.restarted()
        clock += seconds + 0.1


def test_the_hub_is_left_after_a_minute_without_requests_and_taken_up_again():
    house, check = House(video=VideoSettings(codec="copy")), hlscheck.Checker(slack=1.0)
    assert house.hub.listeners == 0
    house.answer("/live/news/index.m3u8").close()
    assert house.hub.listeners == 1
    house.play(40, gop=10.0)
    first = check(0.0, house.playlist().body.decode())
    assert first.target == 12
    assert "EXT-X-INDEPENDENT-SEGMENTS" not in first.tags
    house.play(LINGER - 1)
    assert house.hub.listeners == 1
    house.play(2)
    assert house.hub.listeners == 0
    stats = house.hls.stats("news")
    assert stats.live is None
    assert stats.gaps == 0
    assert house.get(f"/live/news/{first.entries[-1].uri}").status == 404
    house.play(30)
    check.restarted()
    again = house.answer("/live/news/index.m3u8")
    if not isinstance(again, Response):
        again.close()
        house.play(20)
        again = house.playlist()
    second = check(100.0, again.body.decode())
    assert second.target == 12  # R4
    assert house.hub.listeners == 1


def test_what_the_ring_holds_is_listed_at_once():
    house = House()
    house.play(30)
    playlist = hlscheck.parse(house.playlist().body.decode())
    assert [entry.extinf for entry in playlist.entries] == ["2.00000"] * 3


def test_viewers_are_those_who_asked_a_moment_ago():
    house = House().started()
    sent = 0
    for second in range(30):
        house.play(1)
        if second % 2 == 0:
            sent += sum(house.playlist(peer=f"192.0.2.{n}").length for n in range(10))
    sent += house.get(f"/live/news/{FIRST + 15}.ts").length
    assert house.hls.stats("news").viewers == 10
    assert house.audience.stats("news").viewers == {"hls": 10}
    assert house.audience.stats("news").sent["hls"] == sent
    house.play(20)
    assert house.audience.stats("news").viewers == {"hls": 0}


def test_newcomers_are_refused_and_regulars_go_on():
    house = House(max_viewers=1).started()
    house.playlist(peer="192.0.2.1")
    house.play(1)
    refused = house.get("/live/news/index.m3u8", peer="192.0.2.2")
    assert refused.status == 503
    assert int(field(refused, "Retry-After")) >= 10
    assert field(refused, "Cache-Control") == "no-store"
    for _ in range(100):
        house.play(1)
        house.playlist(peer="192.0.2.1")
    assert house.audience.stats("news").refused == {"channel_viewers": 1}
    house.play(50)
    assert house.get("/live/news/index.m3u8", peer="192.0.2.2").status == 200


def test_a_player_that_asks_often_is_one_viewer():
    house = House(max_viewers=2).started()
    for _ in range(60):
        house.playlist(peer="192.0.2.1")
    house.play(1)
    assert house.hls.stats("news").viewers == 1
    assert house.get("/live/news/index.m3u8", peer="192.0.2.2").status == 200


def test_no_more_come_in_between_two_ticks():
    house = House(max_viewers=3).started()
    came = [house.get("/live/news/index.m3u8", peer=f"192.0.2.{n}").status for n in range(1, 7)]
    assert came == [200] * 3 + [503] * 3
    house.clock.advance(15)  # and no tick: who has left makes room all the same
    assert house.get("/live/news/index.m3u8", peer="192.0.2.9").status == 200


def test_an_ipv6_network_is_one_viewer():
    house = House(max_viewers=2).started()
    assert {house.get("/live/news/index.m3u8", peer=f"2001:db8::{n}").status for n in range(1, 50)} == {200}
    assert house.hls.stats("news").viewers == 2  # the test's first request came from elsewhere


def test_a_segment_is_for_those_who_were_let_in_or_could_be():
    house = House(max_viewers=1).started()
    path = f"/live/news/{FIRST + 1}.ts"
    assert house.get(path, peer="192.0.2.1").status == 200
    refused = house.get(path, peer="192.0.2.2")
    assert (refused.status, field(refused, "Cache-Control")) == (503, "no-store")
    house.play(16)
    assert house.get(f"/live/news/{FIRST + 6}.ts", peer="192.0.2.2").status == 200
    assert house.hls.stats("news").viewers == 1


def test_when_the_months_traffic_is_used_up_it_ends_for_all():
    house = House(bounds={"traffic_per_month": 1000}).started()
    house.playlist(peer="192.0.2.1")
    house.audience.admission.count(1000, house.clock.wall())
    for path in ("/live/news/index.m3u8", f"/live/news/{FIRST + 1}.ts"):
        for peer in ("192.0.2.1", "192.0.2.2"):
            refused = house.get(path, peer=peer)
            assert (refused.status, field(refused, "Retry-After")) == (503, "3600")
    assert house.audience.stats("news").refused == {"traffic": 4}


def test_a_private_channel_asks_for_a_token():
    house = House(public=False)
    assert house.get("/live/news/index.m3u8").status == 401
    assert house.get("/live/news/1.ts").status == 401
    assert house.hub.listeners == 0


def test_a_channel_that_ts_cannot_carry_says_so():
    house = House()
    house.channel.unavailable["ts"] = "vorbis"
    assert house.get("/live/news/index.m3u8").status == 415


def test_head_and_other_methods():
    house = House().started()
    before = house.audience.stats("news").sent["hls"]
    assert house.playlist(method="HEAD").status == 200
    assert house.audience.stats("news").sent["hls"] == before
    assert house.get("/live/news/index.m3u8", method="POST").status == 405


# --- the first request waits


def test_the_first_requests_wait_for_the_first_segment():
    async def run():
        house = House()
        waiting = [asyncio.ensure_future(house.wait(peer=f"192.0.2.{n}")) for n in range(5)]
        await asyncio.sleep(0)
        assert house.hls.stats("news").waiters == 5
        house.play(2)
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        house.play(0.5)
        answers = await asyncio.gather(*waiting)
        assert [answer.status for answer in answers] == [200] * 5
        assert hlscheck.parse(answers[0].body.decode()).msn == FIRST
        assert house.hls.stats("news").waiters == 0

    asyncio.run(run())


def test_a_wait_in_vain_ends(monkeypatch):
    monkeypatch.setattr(hlsfeed, "PATIENCE", 0.01)
    answer = asyncio.run(House().wait())
    assert answer.status == 503
    assert field(answer, "Retry-After") == "5"


def test_only_so_many_may_wait_and_who_leaves_makes_room():
    async def run():
        house = House()
        waiting = [asyncio.ensure_future(house.wait()) for _ in range(MAX_WAITERS)]
        await asyncio.sleep(0)
        over = await house.wait()
        assert over.status == 503
        assert house.hls.stats("news").turned_away == 1
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
        assert house.hls.stats("news").waiters == MAX_WAITERS - 1
        waiting[0] = asyncio.ensure_future(house.wait())
        await asyncio.sleep(0)
        house.play(2.5)
        answers = await asyncio.gather(*waiting)
        assert {answer.status for answer in answers} == {200}

    asyncio.run(run())


def test_the_end_of_the_channel_ends_the_waiting():
    async def run():
        house = House()
        waiting = asyncio.ensure_future(house.wait())
        await asyncio.sleep(0)
        house.hub.close()
        assert (await asyncio.wait_for(waiting, hlsfeed.PATIENCE / 2)).status == 503
        assert (await house.wait()).status == 503

    asyncio.run(run())


def test_who_comes_back_to_a_channel_that_was_left_waits_again():
    async def run():
        house = House().started()
        house.clock.advance(LINGER)
        house.hls.tick(house.clock.monotonic())
        house.hub.idle()
        waiting = asyncio.ensure_future(house.wait())
        house.hub.set_init(b"")
        for _ in range(10):
            await asyncio.sleep(0)
        assert house.hls.stats("news").waiters == 1
        house.play(2.5)
        assert (await waiting).status == 200

    asyncio.run(run())


@pytest.mark.parametrize("where", ["append", "tick", "part", "discontinuity"])
def test_a_playlist_that_fails_is_told_and_the_next_request_begins_another(where, monkeypatch):
    house, check = House().started(), hlscheck.Checker(slack=1.0)
    check(house.clock.monotonic(), house.playlist().body.decode())

    def fail(*_):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(Live, where, fail)
        house.play(0.5)
        house.hub.discontinuity()
        house.hub.reset(b"")
    assert house.hub.stats().failed == 1
    assert house.hub.listeners == 0
    assert "event=listener_failed" in house.said.getvalue()
    assert "broken" in house.said.getvalue()
    check.restarted()
    house.answer("/live/news/index.m3u8").close()
    house.play(10)
    check(house.clock.monotonic(), house.playlist().body.decode())


# --- its parts


def test_who_is_present_is_bounded_and_forgotten():
    present = Present()
    for who in range(MOST + 10):
        present.add(who, who / 1000)
    now = (MOST + 10) / 1000
    assert (present.count(now, 15.0), present.forgotten) == (MOST, 10)
    assert not present.greet(9, now, 15.0)
    assert present.greet(10, now, 15.0)
    assert present.greet(10, now + 14.0, 15.0)
    assert present.count(now + 16.0, 15.0) == 1
    assert present.count(now + 30.0, 15.0) == 0
    assert not present.greet(10, now + 30.0, 15.0)


def test_one_address_is_few_viewers_whatever_its_players_are_called():
    assert len({identity("192.0.2.1", f"player {n}") for n in range(1000)}) == 16
    assert len({identity(f"192.0.2.{n}", "player") for n in range(250)}) == 250
