"""What `edge check` says about memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.channel.settings import ChannelSettings
from edge.cli.main import main
from edge.cli.memory import doubts, rows
from edge.config.memory import Bound, plan
from edge.config.model import Settings

CHANNELS = tuple(ChannelSettings(name=name, source="http://h/x.ts") for name in ("one", "two"))


def said(limit: int | None, channels: int = 1, connections: int = 1000) -> tuple[list[tuple[str, str]], list[str]]:
    known = () if limit is None else (Bound(limit, "/sys/fs/cgroup/edge/memory.max"),)
    found = plan(Settings(channels=CHANNELS[:channels]), known)
    return list(rows(found, connections)), list(doubts(found))


def test_every_line_has_its_size_and_where_the_figure_is_from():
    table, warnings = said(1 << 30)
    assert table[0] == ("memory", "1.0 GiB, by /sys/fs/cgroup/edge/memory.max")
    assert ("  16.5 MiB", "interpreter and libraries: as measured elsewhere") in table
    assert any(line.startswith("one: decoder: reference frames of 960x540") for _, line in table)
    assert sum(line.startswith("two:") for _, line in table) == 0
    assert not warnings


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        (1 << 30, "fits, with room for as many viewers as there are connections"),
        (90 << 20, "fits, with room for about "),
        (58 << 20, "slow: "),
        (45 << 20, "does not fit: "),
        (None, "cannot be told without a limit"),
    ],
)
def test_the_verdict_is_in_words(limit, verdict):
    table, warnings = said(limit)
    words = dict(table)["  verdict"]
    assert words.startswith(verdict)
    assert bool(warnings) == verdict.startswith(("slow", "does not fit"))
    assert [line for name, line in table if name == "  would help"] == [] or warnings
    if limit is None:
        assert "nothing bounds it" in table[0][1]
        assert "left for rings" not in str(table)


def test_what_is_missing_is_in_the_warning_and_what_helps_in_the_table():
    table, (warning,) = said(45 << 20, channels=2)
    helps = [line for name, line in table if name == "  would help"]
    assert warning.startswith("memory: does not fit: ")
    assert " MiB are missing" in warning
    assert any(line.startswith("without channel two: ") for line in helps)


def test_compressed_swap_is_a_line_of_its_own():
    found = plan(Settings(channels=CHANNELS[:1]), (Bound(60 << 20, "memory.max", spared=1.0),), swap=4 << 20)
    table = list(rows(found, 1000))
    assert table[:2] == [
        ("memory", "60.0 MiB, by memory.max"),
        ("  +4.0 MiB", "compressed swap: 4.0 MiB that are rarely used may go there (zram)"),
    ]
    assert not any("compressed swap" in line for _, line in said(60 << 20)[0])


def test_check_tells_it_and_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = tmp_path / "edge.toml"
    config.write_text(
        f'data_dir = "{tmp_path}"\nmemory = "20MiB"\n[http]\nmax_viewers = 1\n'
        '[[channel]]\nname = "a"\nsource = "http://h/x.ts"\n'
    )
    assert main(["check", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "memory         20.0 MiB, by `memory` in the configuration\n" in out
    assert "\nwarning: memory: does not fit: " in out


@pytest.mark.parametrize("value", ['"1MiB"', "0", '"lots"', "-1", "true"])
def test_a_size_that_is_none_is_a_mistake(value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = tmp_path / "edge.toml"
    config.write_text(f"memory = {value}\n")
    assert main(["check", "--config", str(config)]) == 2
    assert capsys.readouterr().err.startswith(f'{config}:memory: expected "auto", or ')


def test_auto_is_what_is_not_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = tmp_path / "edge.toml"
    config.write_text(f'data_dir = "{tmp_path}"\nmemory = "auto"\n')
    assert main(["check", "--config", str(config)]) == 0
    assert "in the configuration" not in capsys.readouterr().out
