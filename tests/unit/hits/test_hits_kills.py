"""A few kills; `bench/kills.py` does two hundred."""

from __future__ import annotations

from pathlib import Path

import pytest
from hitsload import hits, judge
from killing import Killing
from ledgers import ledger


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    killing = Killing(tmp_path, seed=4)
    verdicts = [killing.round(longest=0.15) for _ in range(8)]
    assert [verdict for verdict in verdicts if verdict.bad] == []
    assert verdicts[-1]["acknowledged"] > 100


@pytest.mark.parametrize(
    ("kept", "told", "fault"),
    [([0, 1], [0, 1, 2], "lost"), ([0, 1, 1], [0, 1], "doubled"), ([0, 1, 2], [0, 1], "extra"), ([0, 1], [0, 1], "")],
)
def test_the_judge_sees_what_is_lost_and_doubled(tmp_path: Path, kept: list[int], told: list[int], fault: str) -> None:
    with ledger(tmp_path) as written:
        for n in kept:
            written.write(hits(n, 1))
    verdict = judge(tmp_path / "hits.db", told)
    assert {word for word in ("lost", "doubled", "extra", "integrity", "sums") if verdict[word]} == {fault} - {""}
    assert verdict.bad == (fault in {"lost", "doubled"})
