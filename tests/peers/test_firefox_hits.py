"""hit.js in Firefox: another engine reads the script, sends the beacon, has the timings and its own Do Not Track."""

import pytest
from browsing import Firefox, until
from recording import PAGE, pages, recorder

pytestmark = pytest.mark.peer

ACTS = "() => { history.pushState(null, '', '/next'); edge.event('video', 'play'); edge.goal(2, 5); return true }"
LEFT = "() => [document.cookie, localStorage.length, sessionStorage.length]"


def test_a_visit_in_firefox(firefox, tmp_path):
    with recorder() as (edge, hits), pages({path: PAGE.replace("EDGE", edge) for path in ("/", "/other")}) as port:
        browser = Firefox(firefox, tmp_path / "profile")
        try:
            browser.goto(f"http://localhost:{port}/?page=1#part")
            until(lambda: hits, lambda found: len(found) == 1)
            browser.evaluate(ACTS)
            until(lambda: hits, lambda found: len(found) == 4)
            assert browser.evaluate(LEFT) == ["", 0, 0]
        finally:
            browser.close()
    first, second = hits[0].fields, {hit.fields.get("url") for hit in hits[1:]}
    assert first["url"] == f"http://localhost:{port}/?page=1"
    assert second == {f"http://localhost:{port}/next"}
    assert {"pf_net", "pf_srv", "pf_tfr", "pf_dm1", "pf_dm2", "pf_onl", "res"} < set(first)
    assert {hit.method for hit in hits} == {"POST"}
    assert not [hit for hit in hits if "cookie" in hit.headers]
