"""The player page on a channel that begins with its viewer: Chromium refuses a playlist of one or two segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import LOOK, channel, chromium, edge, until
from faultsource import FaultSource

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

COUNT_ERRORS = "window.refusals = 0; addEventListener('error', () => (window.refusals += 1), true);"
LISTED = """async () => {
    const answer = await fetch("/live/news/index.m3u8", { cache: "no-store" });
    return (await answer.text()).split("#EXTINF:").length - 1;
}"""


@pytest.fixture(name="open_page")
def _open_page(request: pytest.FixtureRequest, free_port: int, small_sample: Path, tmp_path: Path) -> Any:
    with (
        chromium(request.getfixturevalue("chromium")) as browser,
        FaultSource(small_sample) as source,
        edge(tmp_path, free_port, channel("news", source, "on_demand = true")) as url,
    ):

        def open_page(query: str) -> Any:
            page = browser.new_page()
            page.add_init_script(COUNT_ERRORS)
            page.goto(f"{url}/live/news?{query}")
            return page

        yield open_page


def test_the_third_segment_is_waited_for_without_an_error(open_page: Any) -> None:
    page = open_page("mode=hls")
    found = until(lambda: page.evaluate(LOOK), lambda found: found["playing"] and found["width"], 60)
    assert found["mode"] == "hls"
    assert page.evaluate(LISTED) >= 3
    assert page.evaluate("window.refusals") == 0
