"""The opt-out page in a frame of another site: its cookie goes along with the hits of that site."""

import pytest
from browsing import chromium, until
from recording import pages, recorder

from edge.hits.scripts import opted_out

pytestmark = pytest.mark.peer

FRAME = '<!doctype html><script defer src="EDGE/hit.js" data-site=7></script><iframe src="EDGE/optout"></iframe>'


def test_a_choice_in_a_frame_goes_along_with_the_hits_of_that_site(request):
    """As over HTTPS. Chromium's private windows, as these are, block other sites' cookies but for partitioned ones."""
    with (
        chromium(request.getfixturevalue("chromium")) as browser,
        recorder("localhost", "https") as (edge, hits),
        pages({"/": FRAME.replace("EDGE", edge)}) as port,
    ):
        tab = browser.new_page()
        tab.goto(f"http://127.0.0.1:{port}/")
        frame = tab.frame_locator("iframe")
        frame.locator("button").click()
        frame.get_by_text("are not counted").wait_for()
        tab.evaluate("edge.event('a', 'b')")
        until(lambda: hits, lambda found: len(found) == 2)
        assert ["cookie" in hit.headers for hit in hits] == [False, True]
        assert opted_out(hits[1].headers["cookie"])
