"""What each step does to real hubs, playlists and a real server, and that it is taken back."""

from __future__ import annotations

import asyncio
import io
import socket

import pytest
from routing import answered

from edge.access.proxies import Proxies
from edge.channel.channel import Channel
from edge.channel.registry import Registry
from edge.channel.settings import ChannelSettings
from edge.clock import ManualClock
from edge.config.memory import Bound, plan
from edge.config.model import Settings
from edge.errors import OverloadError
from edge.flow.budget import Budget
from edge.flow.ring import Bounds, Chunk
from edge.flow.window import MAX_BYTES
from edge.host.memory import Taken
from edge.http.limits import Limits
from edge.http.message import Request
from edge.http.router import Router
from edge.http.server import Server
from edge.log import Log
from edge.serve.hls import Hls
from edge.serve.live import Live
from edge.serve.progressive import Admission, Audience
from edge.serve.shed import CALM, JOBS
from edge.serve.shedding import Shedding
from edge.serve.viewer import IDLE, NEWCOMER, OBJECTS, STUCK

VIEWER = OBJECTS + NEWCOMER
ROOM = 100 * VIEWER
EASY = Taken(anonymous=1 << 20)
SHORT = Taken(anonymous=1 << 50)


class Wire:
    """An outlet whose peer takes everything, or nothing."""

    def __init__(self, *, takes=True):
        self.takes = takes
        self.paused = False
        self.pending = 0
        self.queued = 0
        self.state = "open"
        self.peer = "192.0.2.1"

    def write(self, chunks):
        if not self.takes:
            self.pending += sum(map(len, chunks))
            self.paused = True
            self.queued = 200_000

    def close(self):
        self.state = "closed"

    abort = close


class House:
    def __init__(self, size=1 << 30):
        settings = ChannelSettings("news", "http://127.0.0.1:9/x.ts")
        self.clock, self.said, self.jobs, self.taken = ManualClock(), io.StringIO(), [], EASY
        log = Log(stream=self.said)
        self.budget = Budget()
        self.channel = Channel(settings, self.clock, log)
        self.registry = Registry([self.channel])
        self.audience = Audience(Admission(), self.clock, log, lambda *_: None, budget=self.budget)
        self.hls = Hls(self.registry, self.audience, self.clock, None, lambda *_: None, budget=self.budget)
        self.router = Router()
        Live(self.registry, self.audience, lambda *_: None).add_to(self.router)
        self.hls.add_to(self.router, self.router.refusal)
        known = (Bound(size, "a test"),) if size else ()
        self.servers = []
        self.shedding = Shedding(
            plan(Settings(channels=(settings,)), known, own=1 << 20),
            self.budget,
            registry=self.registry,
            audience=self.audience,
            hls=self.hls,
            servers=self.servers,
            taken=lambda: self.taken,
            log=log,
            jobs=self.jobs.append,
        )
        self.media = 100.0
        self.asking = False  # an HLS player

    @property
    def ring(self):
        return self.channel.hub("ts").ring

    def come(self, *, takes=True):
        wire = Wire(takes=takes)
        self.audience.admit(self.channel, "ts")(wire)
        return wire

    def get(self, path, peer="192.0.2.1"):
        return answered(self.router, Request("GET", path, b"", {}, peer, "http", "localhost"))

    def play(self, seconds, size=1000):
        """Two chunks a second, a keyframe every two; everything that is due every second."""
        for _ in range(int(seconds * 2)):
            self.channel.hub("ts").publish([Chunk(b"x" * size, self.media % 2 == 0, self.media)])
            self.media += 0.5
            self.clock.advance(0.5)
            if self.media % 1 == 0:
                now = self.clock.monotonic()
                self.audience.sweep(now)
                self.hls.tick(now)
                self.shedding.tick(now)
                if self.asking:
                    assert self.get("/live/news/index.m3u8").status == 200

    def step(self):
        return self.shedding.stats().step

    def lines(self, event):
        return [line for line in self.said.getvalue().splitlines() if f"event={event}" in line]

    def reach(self, step):
        """Memory is short until `step` is in force, then neither short nor easy."""
        self.taken = SHORT
        while self.shedding.step < step:
            self.play(1)
        alarm = self.shedding.stats().anonymous_alarm
        self.taken = Taken(anonymous=int(alarm * 0.95))
        self.play(1)
        assert self.shedding.step == step


def used(house, name):
    return house.budget.stats().accounts[name].used


def test_at_ease_nothing_is_refused_and_everything_counts():
    house = House()
    house.play(4)
    wire = house.come()
    assert used(house, "viewers") == OBJECTS
    assert used(house, "sockets") == NEWCOMER  # until it is weighed
    house.play(4)
    assert used(house, "sockets") == 0
    assert used(house, "rings") == house.ring.stats().bytes > 0
    assert house.step() == "none"
    assert len(house.lines("memory_plan")) == 1
    assert not house.lines("memory_short")
    wire.on_close()
    assert used(house, "viewers") == 0


def test_admission_refuses_when_the_budget_is_full_and_lets_in_again_when_it_is_not():
    house = House()
    house.play(2)
    house.budget.limit = house.budget.used + 2 * VIEWER
    first, second = house.come(), house.come()
    with pytest.raises(OverloadError, match="memory") as caught:
        house.come()
    assert caught.value.retry_after >= 10
    assert house.audience.stats("news").refused == {"memory": 1}
    assert house.budget.stats().refused == 1
    assert house.get("/live/news.ts").status == 503
    assert dict(house.get("/live/news.ts").headers)["Retry-After"].isdecimal()
    first.on_close()
    third = house.come()
    assert {wire.state for wire in (second, third)} == {"open"}


def test_step_refuse_sends_new_viewers_away_of_all_kinds_and_keeps_those_who_are_in():
    house = House()
    house.play(8)
    old = house.come()
    house.get("/live/news/index.m3u8", peer="192.0.2.7")
    house.play(8)
    assert house.get("/live/news/index.m3u8", peer="192.0.2.7").status == 200
    house.reach(1)
    assert house.get("/live/news.ts").status == 503
    assert house.get("/live/news/index.m3u8", peer="192.0.2.8").status == 503
    assert house.get("/live/news/index.m3u8", peer="192.0.2.7").status == 200
    assert old.state == "open"
    house.taken = EASY
    house.play(CALM + 2)
    assert house.step() == "none"
    assert house.get("/live/news.ts").status == 200


def test_step_buffers_shortens_what_may_wait_for_every_peer_and_lengthens_it_again():
    async def run():
        house = House()
        server = Server(
            asyncio.get_running_loop(), house.router, Limits(), Proxies(()), Log(stream=house.said), house.clock
        )
        house.servers.append(server)
        await server.start(["127.0.0.1:0"])
        host, _, port = server.addresses[0].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /live/none.ts HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"channel.\n")
        (connection,) = server._table.all()
        sizes = []
        for step in (1, 2, 3, None):
            if step:
                house.reach(step)
            else:
                house.taken = EASY
                house.play(3 * CALM + 4)
            kernel = connection._transport.get_extra_info("socket")
            sizes.append(kernel.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))
        writer.close()
        await server.drain(1.0)
        reader.feed_eof()
        return sizes

    sizes = asyncio.run(run())
    assert sizes == [2 * Limits().send_buffer, 64 << 10, 64 << 10, 2 * Limits().send_buffer]


def test_step_idle_closes_who_takes_nothing_the_longest_so_first_and_only_as_many_as_needed():
    house = House()
    house.play(2)
    good = house.come()
    stuck = [house.come(takes=False)]
    for _ in range(3):
        house.play(1)
        stuck.append(house.come(takes=False))
    house.play(IDLE + 2)
    weights = [
        viewer.here + viewer.kernel for room in house.audience._halls["news"].rooms.values() for viewer in room.viewers
    ]
    assert max(weights) > 200_000
    house.budget.limit = int((house.budget.used - 250_000) / 0.9)  # two of them are too much
    closed = []
    for _ in range(8):
        house.play(1)
        closed.append([wire.state for wire in stuck].count("closed"))
        if house.budget.used < house.budget.limit:
            break
    assert [wire.state for wire in stuck] == ["closed", "closed", "open", "open"]
    assert good.state == "open"
    assert house.audience.stats("news").closed == {"memory": 2}
    assert house.shedding.stats().closed == 2
    assert house.step() == "idle"
    assert house.shedding.stats().taken == {"refuse": 1, "buffers": 1, "idle": 1, "rings": 0, "jobs": 0}


def test_a_viewer_who_takes_little_is_not_idle():
    house = House()
    house.play(2)
    slow = house.come(takes=False)
    for _ in range(30):
        house.play(1)
        slow.pending = max(0, slow.pending - 100)  # the kernel has taken some
        slow.paused = bool(slow.pending)
    house.reach(3)
    house.play(2)
    assert slow.state == "open"


def test_step_rings_keeps_a_gop_and_what_playlists_need_and_viewers_go_on():
    house = House()
    house.get("/live/news/index.m3u8").close()
    wire = house.come()
    house.play(8, size=40_000)
    house.asking = True
    house.play(40, size=40_000)
    before, listed = house.ring.stats().bytes, house.hls.stats("news").live.window.listed
    assert listed == 6
    house.reach(4)
    assert house.ring.stats().bytes < before / 2
    assert house.ring.last_key() is not None
    house.play(6, size=40_000)
    assert house.hls.stats("news").live.window.listed == 3  # three target durations (R10)
    assert wire.state == "open"
    assert house.audience.stats("news").skipped == 0
    house.taken = EASY
    house.play(4 * CALM + 8, size=40_000)
    assert house.ring.bounds == house.shedding.plan.ring
    assert house.ring.stats().bytes == before
    assert house.hls.stats("news").live.window.listed == listed


def test_step_jobs_tells_the_jobs_and_tells_them_the_end():
    house = House()
    house.reach(JOBS)
    assert house.jobs == [True]
    house.taken = EASY
    house.play(CALM + 2)
    assert house.jobs == [True, False]


def test_each_change_is_one_line():
    house = House()
    house.reach(JOBS)
    house.play(30)
    house.taken = EASY
    house.play(JOBS * CALM + 5)
    assert len(house.lines("memory_short")) == JOBS
    assert len(house.lines("memory_eased")) == JOBS
    first = house.lines("memory_short")[0]
    assert "step=refuse was=none by=anonymous" in first
    assert house.step() == "none"


def test_a_cgroup_that_is_nearly_full_counts_too():
    house = House()
    house.taken = Taken(anonymous=1, charged=(1 << 40) - 1, charged_limit=1 << 40)
    house.play(1)
    assert house.step() == "refuse"
    assert "by=cgroup" in house.lines("memory_short")[0]
    assert house.shedding.stats().charged_alarm == house.shedding.plan.alarm(1 << 40)


def test_without_a_known_limit_nothing_is_ever_shed():
    house = House(size=None)
    house.taken = SHORT
    house.play(20)
    assert house.step() == "none"
    assert house.ring.bounds == Bounds()
    assert house.shedding.stats().plan_limit is None


def test_containers_that_nobody_wants_hold_nothing():
    house = House()
    house.play(10)
    hubs = {kind: house.channel.hub(kind).ring.held for kind in ("ts", "flv", "mp4")}
    assert hubs["flv"] == hubs["mp4"] == 0
    house.channel.hub("ts").idle()
    assert house.budget.used == 0


def test_a_small_host_has_small_bounds_and_a_new_plan_moves_them():
    house = House(size=80 << 20)
    small = house.ring.bounds
    assert small.most < 16 << 20
    feed = house.hls._feeds["news"]
    assert feed._max_bytes < MAX_BYTES
    house.shedding.follow(plan(Settings(channels=(house.channel.settings,)), (Bound(4 << 30, "more"),)))
    assert house.ring.bounds == Bounds()
    assert feed._max_bytes == MAX_BYTES
    assert house.budget.limit == house.shedding.plan.room


def test_everything_comes_back_when_the_channel_is_closed():
    async def run():
        house = House()
        house.get("/live/news/index.m3u8").close()
        wires = [house.come(), house.come(takes=False)]
        house.play(30, size=20_000)
        assert used(house, "playlists") > 100_000
        assert used(house, "sockets") >= 200_000 or wires[1].state == "closed"
        await house.channel.close()
        house.play(STUCK)
        return house

    house = asyncio.run(run())
    accounts = house.budget.stats().accounts
    assert {name: account.used for name, account in accounts.items()} == dict.fromkeys(accounts, 0)
    assert accounts["rings"].owners == 0
