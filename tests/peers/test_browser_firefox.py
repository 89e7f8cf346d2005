"""The player page in Firefox ESR, which has no HLS of its own: Media Source Extensions, with Debian's libavcodec."""

import pytest
from browsing import LOOK, Firefox, channel, edge, until
from faultsource import Faults, FaultSource

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

CAN = """() => MediaSource.isTypeSupported('video/mp4; codecs="avc1.42c01e,mp4a.40.2"')"""


@pytest.fixture(name="fox")
def _fox(firefox, tmp_path):
    fox = Firefox(firefox, tmp_path / "profile")
    yield fox
    fox.close()


def test_it_plays_on_across_cuts_of_the_source(fox, tmp_path, free_port, source_sample):
    source = FaultSource(source_sample, Faults(cut=8, replay=2))
    with source as address, edge(tmp_path, free_port, channel("news", address)) as url:
        fox.goto(f"{url}/live/news")
        if not fox.evaluate(CAN):
            pytest.skip("this Firefox has no H.264: its libavcodec is missing")
        look = lambda: fox.evaluate(LOOK)  # noqa: E731
        before = until(look, lambda found: found["playing"] and found["width"])
        responses = source.responses
        found = until(look, lambda found: source.responses >= responses + 2 and found["now"] > before["now"] + 17, 60)
        assert found["mode"] == "mse"
        assert found["at"] - before["at"] >= 25 / 30 * (found["now"] - before["now"]), (before, found)
        source.down()
        until(look, lambda found: found["words"] == "The source is away; waiting for it", 45)
        source.up()
        until(look, lambda found: found["playing"] and found["state"] == "Live", 60)
