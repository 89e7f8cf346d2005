"""A media thread yields to the loop without touching other threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from edge.host import threads


def in_thread(work: Callable[[], Any]) -> Any:
    """Priorities stay with the thread that took them, so each test spends one."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def refuse(*_args: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="needs Linux")
def test_only_the_calling_thread_becomes_a_batch_job() -> None:
    before = os.sched_getscheduler(0)
    did, policy = in_thread(lambda: (threads.settle(), os.sched_getscheduler(0)))
    assert did in ("batch", "nice 1")  # a container may forbid the first
    assert policy == (os.SCHED_BATCH if did == "batch" else before)
    assert os.sched_getscheduler(0) == before


def test_where_batch_is_forbidden_the_thread_becomes_nicer_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    before = nice()
    did, after = in_thread(lambda: (threads.settle(), nice()))
    assert after == max(before, 0) + 1
    assert did == f"nice {after}"
    assert nice() == before


def test_a_host_that_knows_no_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setscheduler")
    assert in_thread(threads.settle).startswith("nice ")


def test_it_never_goes_beyond_nice_5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    did, after = in_thread(lambda: ([threads.settle() for _ in range(8)], nice()))
    assert after == threads.MAX_NICE
    assert did[-1] == "unchanged"


def test_a_host_that_forbids_everything_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    assert in_thread(threads.settle) == "unchanged"
