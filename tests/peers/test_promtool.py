"""Prometheus' own tool finds nothing to say about a scrape."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from edge.flow.stats import Histogram
from edge.observe.lag import BUCKETS
from edge.observe.metrics import Exporter
from edge.observe.snapshot import Build, ChannelSnapshot, Snapshot

pytestmark = pytest.mark.peer


def full() -> Snapshot:
    """Two channels with every field set."""
    lag = Histogram(BUCKETS)
    lag.observe(0.003)
    words = {"a": 1, "(other)": 2}
    channel = dict.fromkeys(("connections", "dropped", "viewers", "sent", "closed", "refused"), words)
    return Snapshot(
        Build("0.1.0", "3.11.7", "18.1.0", "8.1.2"),
        tuple(
            ChannelSnapshot(name, up=True, lag_seconds=1.0, last_frame=1.7e9, output_seconds=2.0, **channel)
            for name in ("news", "sport")
        ),
        loop_lag=lag.snapshot(),
        requests={"2xx": 1},
        traffic_month=3,
        ring_limit=4,
    )


def check(promtool: str, text: bytes) -> tuple[int, str]:
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("given", [full(), Snapshot(Build("0.1.0", "3.11.7"))], ids=["full", "empty"])
def test_a_scrape_is_clean(promtool: str, given: Snapshot) -> None:
    _, text = asyncio.run(Exporter(lambda: given).scrape(""))
    assert check(promtool, text) == (0, "")


def test_the_tool_would_say_it(promtool: str) -> None:
    code, said = check(promtool, b"# TYPE edge_x counter\nedge_x 1\n")
    assert code != 0
    assert "no help text" in said
