"""Comparison: what is worse is found, what is noise is not called worse, and files of another kind are refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from benching import FANOUT, FULL, HITS, LAGS, RUNGS, STEADY, TOGETHER, report
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.compare import Row, compare, doubts, load, sized, turned, worse
from edge.bench.model import SCHEMA, Figure, Report
from edge.bench.tables import compared
from edge.errors import ConfigError

figures = st.lists(st.floats(0.001, 10), min_size=3, max_size=3).map(sorted).map(lambda f: Figure(f[1], f[0], f[2]))


@given(figures, figures)
def test_worse_and_better_are_mirrored(old: Figure, new: Figure) -> None:
    words = {"worse": "better", "better": "worse", "same": "same", "noise": "noise"}
    assert turned("x", new, old, "s").judged == words[turned("x", old, new, "s").judged]


@given(figures, st.floats(1.2, 5))
def test_a_clear_loss_is_worse_and_a_run_equals_itself(old: Figure, factor: float) -> None:
    assert turned("x", old, old, "s").judged == "same"
    new = Figure(old.value * factor, old.high * factor, old.high * factor * 2)
    assert turned("x", old, new, "s").judged == "worse"


@pytest.mark.parametrize(
    ("old", "new", "judged"),
    [
        (Figure(1, 0.95, 1.05), Figure(1.09, 1.08, 1.1), "same"),
        (Figure(1, 0.95, 1.05), Figure(1.2, 1.15, 1.25), "worse"),
        (Figure(1, 0.8, 1.3), Figure(1.2, 1.15, 1.25), "noise"),
        (Figure(1), Figure(1.2), "worse"),
        (Figure(1, 0.95, 1.05), Figure(0.8, 0.75, 0.85), "better"),
        (Figure(0), Figure(0), "same"),
    ],
)
def test_turns_decide_what_is_noise(old: Figure, new: Figure, judged: str) -> None:
    assert turned("x", old, new, "s").judged == judged


@pytest.mark.parametrize(
    ("old", "new", "judged"),
    [(10, 12, "worse"), (10, 10, "same"), (12, 10, "better"), (1.0, 1.5, "same"), (30, 32, "same")],
)
def test_memory_has_a_slack_of_a_mebibyte(old: float, new: float, judged: str) -> None:
    assert sized("x", int(old * 2**20), int(new * 2**20)).judged == judged


def slower(factor: float) -> Report:
    rungs = tuple(
        msgspec.structs.replace(r, cost=Figure(*(v and v * factor for v in msgspec.structs.astuple(r.cost))))
        for r in RUNGS
    )
    return report(rungs=rungs)


def test_a_slower_rung_makes_a_run_worse() -> None:
    assert not worse(compare(report(), report()))
    assert not worse(compare(report(), slower(1.05)))
    assert worse(compare(report(), slower(1.2)))
    assert not worse(compare(slower(1.2), report()))
    names = [row.name for row in compare(report(), slower(1.2)) if row.judged == "worse"]
    assert names == [
        "rung full: processor a media second",
        "rung key: processor a media second",
    ]  # the third is a guess


def test_only_what_both_have_is_compared() -> None:
    bare = report(rungs=(), fanout=None, together=None, lags=(), hits=None)
    assert compare(report(), bare) == compare(bare, report()) == ()
    other_rung = report(together=msgspec.structs.replace(TOGETHER, rungs=("key",), cost=1.0))
    assert not worse(compare(report(), other_rung))


def test_other_figures_are_judged_too() -> None:
    assert worse(compare(report(), report(together=msgspec.structs.replace(TOGETHER, cost=0.07))))
    dear = msgspec.structs.replace(FANOUT, processor=Figure(0.0001, 0.00009, 0.00011))
    assert worse(compare(report(), report(fanout=dear)))
    late = (LAGS[0], msgspec.structs.replace(LAGS[1], p99=0.03))
    assert worse(compare(report(), report(lags=late)))
    assert not worse(compare(report(), report(lags=(msgspec.structs.replace(LAGS[0], p99=0.008), LAGS[1]))))


def hits_alone(**changes: object) -> Report:
    """What came alone at saturation, or steadily, was another."""
    full = msgspec.structs.replace(FULL, **{k: v for k, v in changes.items() if k == "cost"})
    steady = msgspec.structs.replace(STEADY, **{k: v for k, v in changes.items() if k == "p99"})
    return report(hits=msgspec.structs.replace(HITS, alone=msgspec.structs.replace(HITS.alone, sent=(steady, full))))


def test_hits_are_judged_by_processor_time_and_by_waits_that_grew_much() -> None:
    def names(new: Report) -> list[str]:
        return [row.name for row in compare(report(), new) if row.judged == "worse"]

    assert names(hits_alone()) == []
    dear = hits_alone(cost=Figure(0.0002, 0.00019, 0.00021))
    assert names(dear) == ["hits alone: processor of a hit, 32 connections"]
    assert names(hits_alone(cost=Figure(0.0002, 0.0001, 0.0003))) == []  # noise
    assert names(hits_alone(p99=0.02)) == ["hits alone: p99 at 200 a second"]
    assert names(hits_alone(p99=0.012)) == []
    other = msgspec.structs.replace(HITS, durability="process")
    assert not any("hits" in row.name for row in compare(report(), report(hits=other)))


def test_a_file_from_before_there_were_hits_is_read(tmp_path: Path) -> None:
    whole = msgspec.to_builtins(report())
    del whole["hits"], whole["verdict"]["hits"]
    file = tmp_path / "a.json"
    file.write_bytes(msgspec.json.encode(whole))
    assert load(str(file)).hits is None
    assert not worse(compare(load(str(file)), report()))


def test_the_table_tells_ratios_and_doubts() -> None:
    host = msgspec.structs.replace(report().host, processor="Xeon L5520")
    other = report(host=host, complete=False)
    table = compared(compare(report(), slower(1.2)), tuple(doubts(report(), other)))
    assert table.rows[0] == ("rung full: processor a media second", "50 ms", "60 ms", "1.20", "worse")
    assert "another processor: AMD EPYC then, Xeon L5520 now; one of the runs was interrupted" in table.note
    assert list(doubts(report(), report())) == []
    assert Row("x", 0, 1, "s", "same").ratio is None


def test_a_report_survives_its_file(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(msgspec.json.encode(report()))
    assert load(str(file)) == report()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"{}", "missing required field `schema`"),
        (b"[1]", "Expected `object`"),
        (b"not json", "JSON is malformed"),
        (b'{"schema": 99}', f"expected a report of schema {SCHEMA}, got 99"),
        (b'{"schema": 1}', "missing required field"),
        (b" " * (4 << 20) + b"{}", "more than 4 MiB"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "a.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as raised:
        load(str(file))
    assert str(raised.value).startswith(str(file))
