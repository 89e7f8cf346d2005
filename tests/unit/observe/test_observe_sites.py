"""Sites as metrics: few series, and none of the hits lost."""

from __future__ import annotations

from typing import get_args

from edge.hits.hit import Kind
from edge.observe.sites import HITS_METRICS, HitsSnapshot, SiteSnapshot


def test_rare_kinds_of_hits_are_told_together() -> None:
    counts = {kind: 2**n for n, kind in enumerate(get_args(Kind))}
    metric = next(each for each in HITS_METRICS if each.name == "edge_hits_total")
    told = dict(metric.read(HitsSnapshot(sites=(SiteSnapshot(7, hits=counts),))))
    assert set(told) == {("7", word) for word in ("pageview", "event", "goal", "other")}
    assert told["7", "goal"] == counts["goal"]
    assert sum(told.values()) == sum(counts.values())  # type: ignore[arg-type]
