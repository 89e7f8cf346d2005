"""Both bridges with real threads and a real loop: full, overflowing, draining, closing, from either side."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import pytest

from edge.errors import SourceError
from edge.flow.bridge import SLACK, Outbox, Pipe

DEADLINE = 60.0


@pytest.fixture
def loop():
    """A loop turning in a thread of its own; the test is the other thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(DEADLINE)
    loop.close()


def on_loop(loop, call, *args):
    async def run():
        return call(*args)

    return asyncio.run_coroutine_threadsafe(run(), loop).result(DEADLINE)


def until(condition):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.001)


def start(call, *args):
    result = []
    thread = threading.Thread(target=lambda: result.append(call(*args)))
    thread.start()

    def join():
        thread.join(DEADLINE)
        assert not thread.is_alive()
        return result[0]

    return join


def drain_of(calls):
    return lambda: calls.append(threading.get_ident())


# --- Pipe


def test_read_gives_what_is_there_and_no_more_than_asked(loop):
    pipe = Pipe(loop, 1000, list)
    whole = b"abcdefgh"
    pipe.feed(whole)
    pipe.feed(b"ij")
    assert [pipe.read(3), pipe.read(3), pipe.read(3), pipe.read(9)] == [b"abc", b"def", b"gh", b"ij"]
    pipe.feed(whole)
    assert pipe.read(8) is whole  # not copied
    assert pipe.received == 18


def test_a_reader_that_waits_is_woken_by_the_loop(loop):
    pipe = Pipe(loop, 1000, list)
    join = start(pipe.read, 100)
    on_loop(loop, pipe.feed, b"late")
    assert join() == b"late"


@pytest.mark.parametrize("error", [None, SourceError("reset", "it went")])
def test_finish_ends_after_what_was_fed(loop, error):
    pipe = Pipe(loop, 1000, list)
    pipe.feed(b"last")
    pipe.finish(error)
    pipe.finish(SourceError("other", "too late"))
    assert not pipe.feed(b"more")
    assert [pipe.read(10), pipe.read(10), pipe.read(10)] == [b"last", b"", b""]
    assert pipe.error is error


def test_cancel_wakes_a_reader_and_drops_what_is_kept(loop):
    pipe = Pipe(loop, 1000, list)
    join = start(pipe.read, 100)
    pipe.cancel()
    assert join() == b""
    full = Pipe(loop, 10, list)
    full.feed(b"x" * 10)
    full.cancel()
    assert full.read(5) == b""
    assert full.stats().buffered == 0
    assert not full.feed(b"y")
    assert full.error is None


def test_silence_ends_it_with_a_reason(loop):
    pipe = Pipe(loop, 1000, list)
    pipe.silence = 0.05
    assert pipe.read(10) == b""
    assert isinstance(pipe.error, SourceError)
    assert pipe.error.reason == "silent"
    assert not pipe.feed(b"too late")


def test_the_silence_deadline_holds_against_empty_wake_ups(loop):
    """A wake-up without a byte (here: empty feeds) does not start the deadline again."""
    pipe = Pipe(loop, 1000, list)
    pipe.silence = 0.2
    stop = threading.Event()

    def poke():
        while not stop.is_set():
            pipe.feed(b"")
            with pipe._ready:
                pipe._ready.notify_all()
            stop.wait(0.01)

    join = start(poke)
    assert pipe.read(10) == b""
    stop.set()
    join()
    assert pipe.error is not None


def test_a_full_pipe_says_so_and_drains_on_the_loop(loop):
    drains = []
    pipe = Pipe(loop, 100, drain_of(drains))
    assert pipe.feed(b"a" * 60)
    assert not pipe.feed(b"b" * 60)
    assert not pipe.feed(b"c")  # still kept
    pipe.read(60)
    on_loop(loop, list)  # whatever was called there before has run
    assert drains == []
    pipe.read(60)
    until(lambda: drains)
    assert drains == [on_loop(loop, threading.get_ident)]
    assert pipe.feed(b"d")
    assert pipe.read(10) + pipe.read(10) == b"cd"
    stats = pipe.stats()
    assert (stats.peak, stats.filled, stats.buffered) == (121, 1, 0)


def test_after_the_end_nobody_is_asked_for_more(loop):
    drains = []
    pipe = Pipe(loop, 100, drain_of(drains))
    pipe.feed(b"a" * 100)
    pipe.finish()
    assert pipe.read(100) == b"a" * 100
    on_loop(loop, list)
    assert drains == []


def test_a_feeder_that_never_stops_is_told_it_is_wrong(loop):
    pipe = Pipe(loop, 100, list)
    pipe.feed(bytes(SLACK))
    with pytest.raises(BufferError):
        pipe.feed(bytes(101))
    assert pipe.stats().buffered == SLACK


def test_a_pipe_whose_loop_is_closed_still_reads():
    loop = asyncio.new_event_loop()
    pipe = Pipe(loop, 10, lambda: pytest.fail("the loop is closed"))
    pipe.feed(b"x" * 10)
    loop.close()
    assert pipe.read(10) == b"x" * 10


def test_tail_keeps_the_last_bytes_read(loop):
    pipe = Pipe(loop, 1000, list, keep=5)
    assert pipe.tail() == b""
    for part in (b"abc", b"defg", b"h", b"unread"):
        pipe.feed(part)
    pipe.finish()
    pipe.read(3)
    assert pipe.tail() == b"abc"
    pipe.read(2)
    pipe.read(9)
    pipe.read(9)
    assert pipe.tail() == b"defgh"
    pipe.cancel()
    assert pipe.tail() == b"defgh"
    assert Pipe(loop, 1000, list).tail() == b""


def test_racing_sides_lose_nothing_and_stay_within_the_bound(loop):
    rng = random.Random(7)
    sent = b"".join(rng.randbytes(rng.randrange(1, 400)) for _ in range(2000))
    room = asyncio.Event()
    pipe = Pipe(loop, 1000, room.set)

    async def feed():
        at = 0
        while at < len(sent):
            step = rng.randrange(1, 400)
            room.clear()
            if not pipe.feed(sent[at : at + step]):
                await room.wait()
            at += step
            if rng.random() < 0.1:
                await asyncio.sleep(0)
        pipe.finish()

    done = asyncio.run_coroutine_threadsafe(feed(), loop)
    got = []
    while data := pipe.read(rng.randrange(1, 600)):
        got.append(data)
    done.result(DEADLINE)
    assert b"".join(got) == sent
    assert pipe.error is None
    assert pipe.stats().peak < 1400
    assert pipe.stats().filled > 10


# --- Outbox


class Taker:
    """The loop's side: keeps batches; can be made to block the loop, as a slow delivery does."""

    def __init__(self):
        self.batches = []
        self.threads = set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def __call__(self, items):
        self.threads.add(threading.get_ident())
        self.entered.set()
        self.gate.wait(DEADLINE)
        self.batches.append(items)

    @property
    def items(self):
        return [item for batch in self.batches for item in batch]


def test_items_arrive_on_the_loop_in_order_in_batches(loop):
    taker = Taker()
    taker.gate.clear()
    box = Outbox(loop, taker, 10_000)
    box.put(0, 1)
    assert taker.entered.wait(DEADLINE)
    for n in range(1, 100):
        assert box.put(n, 1)
    taker.gate.set()
    until(lambda: len(taker.items) == 100)
    assert taker.items == list(range(100))
    assert [len(batch) for batch in taker.batches] == [1, 99]
    assert taker.threads == {on_loop(loop, threading.get_ident)}
    until(lambda: box.stats().buffered == 0)
    stats = box.stats()
    assert (stats.delivered, stats.wakeups, stats.peak, stats.dropped) == (100, 2, 100, 0)


def test_a_full_outbox_holds_the_thread_until_the_loop_has_taken(loop):
    taker = Taker()
    taker.gate.clear()
    box = Outbox(loop, taker, 10)
    assert box.put("a", 6)
    assert taker.entered.wait(DEADLINE)
    assert not box.put("b", 6, timeout=0.02)
    join = start(box.put, "c", 6)
    taker.gate.set()
    assert join()
    until(lambda: taker.items == ["a", "c"])
    assert box.stats().dropped == 1
    assert box.stats().peak == 6


PATIENCE = 3600.0  # nothing in these tests lasts so long


def test_with_patience_items_wait_for_the_flush_and_come_in_one_batch(loop):
    taker = Taker()
    box = Outbox(loop, taker, 10_000, PATIENCE)
    box.flush()  # nothing is there: nobody is woken
    for n in range(10):
        assert box.put(n, 1)
    on_loop(loop, list)
    assert taker.batches == []
    assert box.stats().buffered == 10
    box.flush()
    box.flush()
    until(lambda: taker.batches == [list(range(10))])
    until(lambda: box.stats().buffered == 0)
    assert (box.stats().wakeups, box.stats().delivered) == (1, 10)


def test_patience_ends(loop):
    taker = Taker()
    box = Outbox(loop, taker, 10_000, patience=1e-9)
    assert box.put("a", 1)
    assert box.put("b", 1)
    until(lambda: taker.items == ["a", "b"])


def test_patience_gives_way_to_a_bound_that_is_reached(loop):
    taker = Taker()
    box = Outbox(loop, taker, 10, PATIENCE)
    assert box.put("a", 6)
    assert box.put("b", 6, timeout=DEADLINE)
    until(lambda: taker.items == ["a"])
    assert box.stats().peak == 6


def test_closing_delivers_what_patience_kept(loop):
    taker = Taker()
    box = Outbox(loop, taker, 10, PATIENCE)
    assert box.put("a", 1)
    box.close()
    until(lambda: taker.items == ["a"])
    assert not box.put("b", 1)
    box.flush()
    on_loop(loop, list)
    assert taker.items == ["a"]


def test_patience_under_a_loop_that_closes_keeps_nothing():
    loop = asyncio.new_event_loop()
    box = Outbox(loop, list, 10, PATIENCE)
    assert box.put("a", 1)
    loop.close()
    box.flush()
    assert (box.stats().buffered, box.stats().dropped) == (0, 1)
    assert not box.put("b", 1)


def test_an_item_over_the_bound_passes_alone(loop):
    taker = Taker()
    box = Outbox(loop, taker, 10)
    assert box.put("big", 100)
    assert box.put("next", 1)
    until(lambda: taker.items == ["big", "next"])


def test_close_wakes_a_waiting_thread_and_delivers_what_was_accepted(loop):
    taker = Taker()
    taker.gate.clear()
    box = Outbox(loop, taker, 10)
    box.put("a", 10)
    assert taker.entered.wait(DEADLINE)
    join = start(box.put, "b", 10)
    until(lambda: box._room._waiters)
    box.close()
    assert not join()
    taker.gate.set()
    until(lambda: taker.items == ["a"])
    assert not box.put("c", 1)
    assert box.stats().dropped == 2


def test_close_and_discard_drops_what_waits(loop):
    taker = Taker()
    taker.gate.clear()
    box = Outbox(loop, taker, 10)
    box.put("a", 1)
    assert taker.entered.wait(DEADLINE)
    box.put("b", 1)
    box.close(discard=True)
    taker.gate.set()
    until(lambda: box.stats().buffered == 0)
    on_loop(loop, list)
    assert taker.items == ["a"]
    assert box.stats().dropped == 1


def test_a_delivery_that_raises_frees_its_bytes(loop):
    seen = []
    on_loop(loop, loop.set_exception_handler, lambda _loop, context: seen.append(str(context["exception"])))

    def fail(items):
        raise RuntimeError("no")

    box = Outbox(loop, fail, 10)
    assert box.put("a", 10)
    assert box.put("b", 10)
    until(lambda: seen == ["no", "no"])
    until(lambda: box.stats().buffered == 0)


def test_an_outbox_whose_loop_is_closed_refuses_at_once():
    loop = asyncio.new_event_loop()
    box = Outbox(loop, list, 10)
    loop.close()
    assert not box.put("a", 1)
    assert not box.put("b", 1)
    assert (box.stats().buffered, box.stats().dropped) == (0, 2)


def test_a_loop_that_closes_under_a_full_outbox_ends_the_waiting():
    loop = asyncio.new_event_loop()
    box = Outbox(loop, list, 10)
    assert box.put("a", 10)
    join = start(lambda: [box.put("b", 10, timeout=0.1), box.put("c", 10, timeout=DEADLINE * 2)])
    until(lambda: box._room._waiters)
    loop.close()
    assert join() == [False, False]
    assert box.stats().dropped == 3


def test_racing_threads_lose_nothing_and_stay_within_the_bound(loop):
    taken, peak = [], []

    def deliver(items):
        peak.append(sum(size for _, _, size in items))
        taken.extend(items)

    box = Outbox(loop, deliver, 200)

    def produce(who):
        rng = random.Random(who)
        return all(box.put((who, n, size), size) for n in range(1000) for size in [rng.randrange(1, 50)])

    joins = [start(produce, who) for who in range(3)]
    assert all(join() for join in joins)
    until(lambda: len(taken) == 3000)
    for who in range(3):
        assert [n for w, n, _ in taken if w == who] == list(range(1000))
    assert max(peak) <= 200
    assert box.stats().peak <= 200
