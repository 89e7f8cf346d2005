"""`edge bench`: what may be asked for, and what is said about what may not."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from edge.cli import bench
from edge.cli.main import main

CONFIG = """
[[channel]]
name = "news"
source = "http://ann@127.0.0.1:1/1034.ts"
[channel.video]
width = 640
[[channel]]
name = "demo"
source = "demo:"
"""


def options(*words: str) -> bench.Options:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return bench._options(parser.parse_args(words))


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> str:
    file = tmp_path / "edge.toml"
    file.write_text(CONFIG)
    return str(file)


def test_by_default_a_sample_is_made_for_the_rendition_of_the_readme() -> None:
    found = options()
    assert (found.plan.seconds, found.plan.source, found.plan.shape) == (120, None, (960, 540, 50))
    assert (found.plan.rendition.video.width, found.plan.rendition.video.fps) == (352, 15)
    assert (found.line, found.memory, found.cpu) == (None, None, None)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--line", "10M"], "line", 10_000_000),
        (["--memory", "64MiB"], "memory", 64 << 20),
        (["--cpu", "25%"], "cpu", 0.25),
        (["--cpu", "0.25"], "cpu", 0.25),
        (["--cpu", "150%"], "cpu", 1.5),
    ],
)
def test_quantities(words: list[str], name: str, value: float) -> None:
    assert getattr(options(*words), name) == value


def test_lengths() -> None:
    assert options("--quick").plan.seconds == 30
    assert options("--quick", "--seconds", "7").plan.seconds == 7
    assert options("--sample", "640x360@25").plan.shape == (640, 360, 25)


def test_a_channel_brings_its_source_and_rendition(config: str) -> None:
    found = options("--config", config, "--channel", "news")
    assert found.plan.source is found.channel
    assert (found.channel.name, found.plan.rendition.video.width) == ("news", 640)
    demo = options("--config", config, "--channel", "demo")
    assert (demo.plan.source, demo.plan.shape) == (None, (640, 360, 25))


def test_a_source_replaces_that_of_a_channel_and_its_secrets(config: str) -> None:
    found = options("--config", config, "--channel", "news", "--source", "/srv/film.ts")
    assert (found.plan.source.source, found.plan.access) == ("/srv/film.ts", None)
    assert options("--source", "/srv/film.ts").channel.name == "main"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--line", "ten"], '--line: expected a bit rate such as "256k" or "10M", got \'ten\''),
        (["--line", "0"], "--line: expected more than nothing, got '0'"),
        (["--memory", "64 cats"], '--memory: expected a size such as "64MiB"'),
        (["--cpu", "a lot"], "--cpu: expected a share of a core such as 25% or 0.25, got 'a lot'"),
        (["--cpu", "0"], "--cpu: expected a share"),
        (["--sample", "big"], "--sample: expected WxH@FPS"),
        (["--sample", "641x360@25"], "--sample: expected WxH@FPS"),
        (["--channel", "news"], "--channel: expected --config beside it"),
        (["--source", "file:///etc/passwd"], "expected a source by http"),
        (["--json", "/nowhere/a.json"], "/nowhere/a.json: expected a file that can be written"),
        (["--html", "/nowhere/a.html"], "/nowhere/a.html: expected a file that can be written"),
        (["--compare", "/nowhere/a.json"], "/nowhere/a.json: expected a report of `edge bench --json`"),
        (["--seconds", "nan"], "--seconds: expected 1 to 3600"),
    ],
)
def test_what_cannot_be_meant_is_said_at_once(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *words]) == 2
    assert said in capsys.readouterr().err


SITE = '[[site]]\nid = 1\nhosts = ["www.example.org"]\n'


def test_hits_are_measured_by_default_and_where_a_configuration_has_sites(config: str, tmp_path: Path) -> None:
    assert options().plan.skip == frozenset()
    assert options("--config", config, "--channel", "news").plan.skip == {"hits"}
    more = tmp_path / "more.toml"
    more.write_text(f'data_dir = "{tmp_path}/kept"\n[hits]\ndurability = "process"\n{CONFIG}{SITE}')
    found = options("--config", str(more), "--channel", "news")
    assert (found.plan.skip, found.channels) == (frozenset(), True)
    assert (found.plan.data_dir, found.plan.durability) == (f"{tmp_path}/kept", "process")


def test_a_configuration_with_sites_alone_measures_hits_alone(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(f'data_dir = "{tmp_path}"\n{SITE}')
    found = options("--config", str(file))
    assert "hits" not in found.plan.skip
    assert {"sample", "rungs", "together", "fanout", "lag"} == found.plan.skip
    assert found.channels is False
    with_source = options("--config", str(file), "--source", "/srv/film.ts")
    assert (with_source.plan.skip, with_source.channels, with_source.channel.source) == (
        frozenset(), True, "/srv/film.ts",
    )  # fmt: skip
    assert main(["bench", "--config", str(file), "--channel", "news"]) == 2


def test_which_channels_there_are_is_said(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--config", config]) == 2
    assert main(["bench", "--config", config, "--channel", "nwes"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "edge: --channel: expected one of news, demo, got none",
        "edge: --channel: expected one of news, demo, got 'nwes'",
    ]
