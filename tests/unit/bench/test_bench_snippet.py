"""What is printed for the configuration is taken by the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from benching import report
from hypothesis import given
from hypothesis import strategies as st

from edge.bench.runner import Plan
from edge.bench.session import PLACEHOLDER, Options, snippet
from edge.bench.snippet import channel_toml, worker_toml
from edge.bench.tasks import Rendition
from edge.channel.settings import ChannelSettings
from edge.cli.bench import RENDITION
from edge.cli.main import main
from edge.config.load import parse, settle
from edge.media.settings import RUNGS, AudioSettings, LadderSettings, VideoSettings
from edge.units import BitRate

sides = st.none() | st.integers(8, 1000).map(lambda n: 2 * n)
videos = st.builds(
    VideoSettings, width=sides, height=sides, fit=st.sampled_from(["anamorphic", "pad"]),
    fps=st.sampled_from([5.0, 7.5, 12.5, 15.0, 25.0, 29.97, 60.0]),
    bitrate=st.integers(16_000, 4_000_000).map(BitRate), preset=st.sampled_from(["ultrafast", "veryfast"]),
)  # fmt: skip
audios = st.builds(
    AudioSettings, codec=st.sampled_from(["auto", "aac"]),
    bitrate=st.none() | st.sampled_from([64_000, 96_001]).map(BitRate), channels=st.sampled_from([None, 1, 2]),
)  # fmt: skip
ladders = st.sampled_from(RUNGS).flatmap(
    lambda low: st.builds(LadderSettings, lowest=st.just(low), allow_copy=st.booleans())
)
channels = st.builds(
    ChannelSettings, name=st.sampled_from(["main", "news-1"]),
    source=st.sampled_from(['http://source.example/1034.ts?a="b"', "/srv/a film.ts", "demo:"]),
    headers=st.sampled_from([{}, {"X-One": 'a "b" \\ c'}]), public=st.booleans(),
    max_viewers=st.none() | st.integers(1, 99),
    video=videos, audio=audios, ladder=ladders,
)  # fmt: skip


@given(channels)
def test_a_channel_is_read_as_it_was_written(channel: ChannelSettings) -> None:
    read = settle(parse(worker_toml(channel, "/tmp/x y", 3), "f"), "f")
    assert read.channels == (channel,)
    assert read.data_dir == "/tmp/x y"


def test_only_what_differs_is_written() -> None:
    assert channel_toml(ChannelSettings("a", "demo:")) == '[[channel]]\nname = "a"\nsource = "demo:"\n'
    assert 'bitrate = "256k"' in channel_toml(RENDITION)
    assert "fps = 15\n" in channel_toml(RENDITION)


def options(**changes: object) -> Options:
    return Options(Plan(30.0, Rendition(RENDITION.video, RENDITION.audio, RENDITION.ladder)), RENDITION, **changes)


@pytest.mark.parametrize("source", [PLACEHOLDER, "http://127.0.0.1:8000/a.ts"])
def test_edge_check_takes_the_snippet(tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(f'data_dir = "{tmp_path}"\n' + snippet(options(line=10_000_000), report().verdict, source))
    assert main(["check", "--config", str(file)]) == 0
    out = capsys.readouterr().out
    assert "h264, 352x240 (anamorphic), at most 15 frames/s, 256 kb/s" in out
    assert "at most 26" in out
    assert f"{source.rpartition('/')[0]}/…" in out


def test_the_snippet_says_where_it_would_rest() -> None:
    text = snippet(options(line=10_000_000), report().verdict, PLACEHOLDER)
    assert "# On this host it would rest on the rung full.\n# source: put yours in its place.\n" in text
    assert '# [http] egress = "10M"' in text
