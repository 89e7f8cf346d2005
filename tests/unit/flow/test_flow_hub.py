from __future__ import annotations

from edge.flow.hub import Hub
from edge.flow.ring import Bounds, Chunk, Cursor


class Ear:
    def __init__(self):
        self.heard = []

    def on_data(self):
        self.heard.append("data")

    def on_reset(self):
        self.heard.append("reset")

    def on_gap(self):
        self.heard.append("gap")

    def on_discontinuity(self):
        self.heard.append("discontinuity")

    def on_end(self):
        self.heard.append("end")


class Breaking(Ear):
    def on_data(self):
        raise RuntimeError("broken")


class Leaving(Ear):
    def __init__(self, hub):
        super().__init__()
        self.hub = hub

    def on_data(self):
        super().on_data()
        self.hub.unsubscribe(self)


def chunk(text="x", key=False):
    return Chunk(text.encode(), key)


def test_listeners_are_told_once_a_batch():
    hub, ear = Hub("ts", Bounds.flat(1000)), Ear()
    hub.subscribe(ear)
    hub.subscribe(ear)
    hub.publish([chunk("a", True), chunk("b")])
    hub.gap()
    hub.discontinuity()
    hub.reset(b"init")
    assert ear.heard == ["data", "gap", "discontinuity", "reset"]
    assert (hub.init, hub.generation, hub.ring.head - hub.ring.tail) == (b"init", 1, 0)
    assert hub.listeners == 1


def test_interest_is_told_for_the_first_and_the_last_only():
    told = []
    hub = Hub("flv", Bounds.flat(1000), lambda hub, wanted: told.append((hub.name, wanted)))
    a, b = Ear(), Ear()
    hub.unsubscribe(a)
    hub.subscribe(a)
    hub.subscribe(b)
    hub.unsubscribe(a)
    assert told == [("flv", True)]
    hub.unsubscribe(b)
    hub.unsubscribe(b)
    assert told == [("flv", True), ("flv", False)]


def test_a_listener_that_raises_is_thrown_out_and_the_others_go_on():
    failures = []
    hub = Hub("ts", Bounds.flat(1000), on_failure=lambda listener, error: failures.append((listener, str(error))))
    bad, good = Breaking(), Ear()
    hub.subscribe(bad)
    hub.subscribe(good)
    hub.publish([chunk()])
    hub.publish([chunk()])
    assert good.heard == ["data", "data"]
    assert failures == [(bad, "broken")]
    assert hub.stats().failed == 1
    assert hub.listeners == 1


def test_a_listener_may_leave_while_it_is_told():
    hub = Hub("ts", Bounds.flat(1000))
    leaving, staying = Leaving(hub), Ear()
    hub.subscribe(leaving)
    hub.subscribe(staying)
    hub.publish([chunk()])
    hub.publish([chunk()])
    assert leaving.heard == ["data"]
    assert staying.heard == ["data", "data"]


def test_close_tells_the_end_once_and_asks_for_nothing():
    told = []
    hub, ear, late = Hub("ts", Bounds.flat(1000), lambda _, wanted: told.append(wanted)), Ear(), Ear()
    hub.subscribe(ear)
    hub.close()
    hub.close()
    hub.publish([chunk()])
    hub.subscribe(late)
    assert ear.heard == ["end"]
    assert late.heard == ["end"]
    assert told == [True]
    assert hub.stats().ring.chunks == 0


def test_idle_leaves_nothing_stale_for_the_next_viewer():
    hub = Hub("mp4", Bounds.flat(1000))
    hub.set_init(b"moov")
    hub.publish([chunk("old", True)])
    hub.idle()
    assert hub.init == b""
    cursor, ear = Cursor(hub.ring), Ear()
    hub.subscribe(ear)
    hub.publish([chunk("on its way", True)])  # muxed before the thread heard of it
    assert cursor.take(100) == ()
    assert ear.heard == []
    hub.set_init(b"moov 2")
    hub.publish([chunk("tail"), chunk("new", True)])
    assert cursor.take(100) == (b"new",)


def test_a_new_format_opens_an_idle_hub_too():
    hub = Hub("ts", Bounds.flat(1000))
    hub.idle()
    hub.reset(b"")
    hub.publish([chunk("new", True)])
    assert Cursor(hub.ring).take(100) == (b"new",)


def test_a_listener_that_fails_by_itself_is_thrown_out_and_counted_as_others():
    failures = []
    hub, ear = (
        Hub("ts", Bounds.flat(1000), on_failure=lambda listener, error: failures.append((listener, str(error)))),
        Ear(),
    )
    hub.subscribe(ear)
    hub.fail(ear, RuntimeError("timer"))
    assert failures == [(ear, "timer")]
    assert (hub.stats().failed, hub.listeners) == (1, 0)


def test_the_ring_bounds_what_a_flood_of_tiny_or_empty_chunks_costs():
    hub = Hub("ts", Bounds.flat(10_000))
    hub.publish([chunk("") for _ in range(10_000)])
    assert hub.stats().ring.chunks == 0
    hub.publish([chunk("x") for _ in range(10_000)])
    stats = hub.stats().ring
    assert stats.bytes <= 10_000
    assert stats.appended == stats.appended_bytes == 10_000
