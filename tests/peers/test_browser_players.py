"""hls.js and mpegts.js, the players of other sites, on pages of another origin: what edge sends must suit them."""

import pytest
from browsing import channel, chromium, edge, node_modules, site, through_cuts, until
from faultsource import Faults, FaultSource

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

PAGE = """<!doctype html><video id=video muted></video><script src="/{script}"></script><script>
const video = document.getElementById("video"), errors = [];
{start}
video.play();
</script>"""
HLS = """const hls = new Hls();
hls.on(Hls.Events.ERROR, (_, data) => errors.push([data.fatal, data.details]));
hls.loadSource("URL/live/news/index.m3u8"); hls.attachMedia(video);"""
FLV = """const player = mpegts.createPlayer({ type: "flv", isLive: true, url: "URL/live/news.flv" });
player.on(mpegts.Events.ERROR, (...what) => errors.push([true, ...what]));
player.on(mpegts.Events.MEDIA_INFO, (info) => (window.info = info));
player.attachMediaElement(video); player.load();"""
TS = FLV.replace('"flv"', '"mpegts"').replace(".flv", ".ts")
LOOK = """() => ({ at: video.currentTime, now: performance.now() / 1000, width: video.videoWidth, errors,
                  info: window.info && [info.width, info.height, info.hasAudio, info.audioSampleRate] })"""


@pytest.fixture(scope="module")
def modules(node):
    return node_modules()


@pytest.mark.parametrize(
    ("script", "start"),
    [("hls.js/dist/hls.min.js", HLS), ("mpegts.js/dist/mpegts.js", FLV), ("mpegts.js/dist/mpegts.js", TS)],
    ids=["hls.js", "mpegts.js-flv", "mpegts.js-ts"],
)
def test_it_plays_across_cuts(script, start, modules, request, tmp_path, free_port, source_sample):
    source = FaultSource(source_sample, Faults(cut=5, replay=2, patience=10))
    with source as address, edge(tmp_path, free_port, channel("news", address)) as url:
        page = PAGE.format(script=script, start=start.replace("URL", url))
        with site({"/": page}, modules) as other, chromium(request.getfixturevalue("chromium")) as browser:
            tab = browser.new_page()
            tab.goto(f"{other}/")
            look = lambda: tab.evaluate(LOOK)  # noqa: E731
            until(look, lambda found: found["at"] > 0 and found["width"])
            _, found = through_cuts(look, source)
            assert not [error for error in found["errors"] if error[0]], found["errors"]
            if found["info"]:
                assert found["info"] == [352, 240, True, 48000]
