"""The player page in Firefox ESR, which has no HLS of its own: Media Source Extensions, with Debian's libavcodec."""

import pytest
from browsing import LOOK, SOONER, Firefox, channel, edge, through_cuts, until
from faultsource import Faults, FaultSource
from running import altered

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

CAN = """() => MediaSource.isTypeSupported('video/mp4; codecs="avc1.42c01e,mp4a.40.2"')"""


@pytest.fixture(name="fox")
def _fox(firefox, tmp_path):
    fox = Firefox(firefox, tmp_path / "profile")
    yield fox
    fox.close()


def test_it_plays_on_across_cuts_of_the_source(fox, tmp_path, free_port, source_sample, monkeypatch):
    altered(tmp_path, SOONER, monkeypatch)
    source = FaultSource(source_sample, Faults(cut=5, replay=2, patience=10))
    with source as address, edge(tmp_path, free_port, channel("news", address)) as url:
        fox.goto(f"{url}/live/news")
        if not fox.evaluate(CAN):
            pytest.skip("this Firefox has no H.264: its libavcodec is missing")
        look = lambda: fox.evaluate(LOOK)  # noqa: E731
        until(look, lambda found: found["playing"] and found["width"])
        _, found = through_cuts(look, source)
        assert found["mode"] == "mse"
        source.down()
        until(look, lambda found: found["words"] == "The source is away; waiting for it")
        source.up()
        until(look, lambda found: found["playing"] and found["state"] == "Live")
