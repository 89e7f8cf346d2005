"""What the probes answer."""

from __future__ import annotations

import pytest

from edge.observe.health import Freshness, Readiness, health, ready, ready_channels
from edge.release import RELEASE

UP = Readiness(configuration=True, store=True, listeners=True)


def test_health_is_that_it_answers() -> None:
    assert health() == (200, f"ok, edge {RELEASE}")


@pytest.mark.parametrize(
    ("state", "status", "body"),
    [
        (UP, 200, f"ready, edge {RELEASE}"),
        (Readiness(), 503, f"not ready, edge {RELEASE}: waits for configuration, store, listeners"),
        (Readiness(configuration=True, listeners=True), 503, f"not ready, edge {RELEASE}: waits for store"),
        (Readiness(True, True, True, draining=True), 503, f"not ready, edge {RELEASE}: stopping"),
    ],
)
def test_ready_names_what_is_missing(state: Readiness, status: int, body: str) -> None:
    assert ready(state) == (status, body)
    assert ready_channels(state, []) == (status, body)


@pytest.mark.parametrize(
    ("channels", "stale"),
    [
        ([Freshness("news", True, 0.0), Freshness("sport", True, 15.0)], ""),
        ([Freshness("news", True, 15.1), Freshness("sport", True, 1.0)], "news"),
        ([Freshness("news", True, None), Freshness("sport", True, 99.0)], "news, sport"),
        ([Freshness("rare", False, None), Freshness("seldom", False, 3600.0)], ""),
    ],
)
def test_ready_channels_names_those_without_a_frame(channels: list[Freshness], stale: str) -> None:
    status, body = ready_channels(UP, channels)
    assert status == (503 if stale else 200)
    assert body == (
        f"not ready, edge {RELEASE}: no frame in the last 15 s from {stale}" if stale else f"ready, edge {RELEASE}"
    )


def test_what_is_missing_is_said_before_the_channels() -> None:
    assert ready_channels(Readiness(), [Freshness("news", True, None)]) == ready(Readiness())
