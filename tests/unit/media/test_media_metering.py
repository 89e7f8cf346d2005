"""Processor time and waiting, with clocks turned by hand; and once with the real ones."""

import threading
import time

import pytest
from mediacheck import Bytes

from edge.media.meter import EVERY, Meter, MeteredPipe, Metering


class Clock:
    def __init__(self):
        self.wall, self.used = 100.0, 5.0

    def work(self, seconds):
        self.wall += seconds
        self.used += seconds

    def metering(self):
        return Metering(lambda: self.wall, lambda: self.used)


def test_nothing_before_the_start():
    assert Clock().metering().read(0.0) == Meter()


def test_work_and_waiting_are_told_apart():
    clock = Clock()
    metering = clock.metering()
    metering.start()
    clock.work(2.0)
    with metering:
        clock.wall += 3.0
        inside = metering.read(1.0)
    clock.work(0.5)
    assert (inside.worked, inside.working_since) == (2.0, None)
    now = metering.read(1.5)
    assert (now.worked, now.waited, now.media, now.working_since) == (2.5, 3.0, 1.5, 105.0)
    assert now.processor == 2.0  # what came since is read at the next wait, or after EVERY
    assert metering.touch(clock.wall)
    assert metering.read(1.5).processor == 2.5
    clock.work(EVERY / 2)
    assert not metering.touch(clock.wall)
    assert metering.read(1.5).processor == 2.5


def test_a_thread_that_is_kept_from_the_processor_works_all_the_same():
    clock = Clock()
    metering = clock.metering()
    metering.start()
    clock.wall += 10.0
    clock.used += 1.0
    metering.touch(clock.wall)
    assert (metering.read(0.0).worked, metering.read(0.0).processor) == (10.0, 1.0)


def test_a_wait_that_is_known_afterwards():
    clock = Clock()
    metering = clock.metering()
    metering.start()
    clock.work(1.0)
    clock.wall += 4.0
    metering.waited(4.0, clock.wall)
    clock.work(1.0)
    now = metering.read(0.0)
    assert (now.worked, now.waited, now.working_since) == (2.0, 4.0, 105.0)


def test_between_two_responses_nothing_counts():
    clock = Clock()
    metering = clock.metering()
    metering.start()
    clock.work(1.0)
    metering.stop()
    clock.wall += 50.0
    clock.used += 50.0  # another channel's work in between does not count
    assert metering.read(0.0) == Meter(1.0, 1.0, 0.0, 0.0, None)
    metering.start()
    clock.work(1.0)
    metering.stop()
    assert metering.read(0.0) == Meter(2.0, 2.0, 0.0, 0.0, None)


def test_an_error_in_a_wait_ends_the_wait():
    clock = Clock()
    metering = clock.metering()
    metering.start()
    with pytest.raises(ZeroDivisionError), metering:
        clock.wall += 1.0 / 0
    clock.work(1.0)
    assert metering.read(0.0).worked == 1.0


def test_reading_a_pipe_is_waiting():
    metering = Metering()
    metering.start()
    pipe = MeteredPipe(Bytes(b"abc", "why"), metering)
    assert (pipe.read(2), pipe.error) == (b"ab", "why")
    pipe.error = None
    assert pipe.error is None
    now = metering.read(0.0)
    assert now.waited > 0
    assert now.working_since is not None


def test_only_the_threads_own_time_counts():
    """A thread that sleeps while another spins."""
    metering, done = Metering(), threading.Event()

    def spin():
        while not done.is_set():
            sum(range(1000))

    other = threading.Thread(target=spin)
    other.start()
    metering.start()
    time.sleep(0.3)
    metering.stop()
    done.set()
    other.join()
    assert metering.read(0.0).processor < 0.15
