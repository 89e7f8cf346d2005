"""hit.js in Chromium against a running edge: the counts of its report, and the choice made on edge's own page."""

import json

import pytest
from browsing import chromium, until
from collecting import AGENT, collector, report, table
from recording import LEFT, NOTHING, PAGE, STAY, pages

pytestmark = pytest.mark.peer

MORE = 'query_allow = ["page"]\n[site.goals]\n"3" = "Signed up"'


@pytest.fixture(name="address", scope="module")
def _address(tmp_path_factory):
    # localhost is another site than edge's in the eyes of a browser, 127.0.0.1 the same one
    sites = [table(number, "localhost", "127.0.0.1", more=MORE) for number in (1, 2, 3)]
    with collector(tmp_path_factory.mktemp("edge"), *sites) as address:
        yield address


@pytest.fixture(name="browser", scope="module")
def _browser(request):
    with chromium(request.getfixturevalue("chromium")) as browser:
        yield browser


def site(address, number):
    page = PAGE.replace("EDGE", address).replace('data-site="7"', f'data-site="{number}"').replace("=7&", f"={number}&")
    return pages({"/": page, "/other": page})


def settled(address, number, hits):
    """The report once it has that many hits."""
    return until(lambda: report(address, number), lambda found: found.told["sums"]["hits"] >= hits)


def test_a_visit_is_in_the_report(address, browser):
    context = browser.new_context(user_agent=AGENT, locale="fr-FR")
    tab = context.new_page()
    with site(address, 1) as port:
        tab.goto(f"http://localhost:{port}/?page=2&email=alice@example.com")
        tab.evaluate(STAY)
        settled(address, 1, 1)  # the page view goes when the page has loaded
        tab.evaluate("history.pushState(null, '', '/next?token=secret')")
        for link in ("#out", "#file"):
            tab.click(link)
        tab.evaluate("edge.event('video', 'play', 'secret', 2); edge.goal(3, 9.5)")
        found = settled(address, 1, 6)
        assert tab.evaluate(LEFT) == NOTHING
        assert context.cookies() == []
    words = ("hits", "pageviews", "visits", "outlinks", "downloads", "events", "goals", "revenue", "bounces")
    assert found.sums(*words) == {
        "hits": 6, "pageviews": 2, "visits": 1, "outlinks": 1, "downloads": 1, "events": 1, "goals": 1, "revenue": 9.5,
        "bounces": 0,
    }  # fmt: skip
    assert found.top("page") == {"/?page=2": 1, "/next": 1}
    assert found.top("download") == {"/files/manual.PDF": 1}
    assert found.top("goal") == {"Signed up": 1}
    assert found.top("event") == {"video / play": 1}
    assert found.top("browser").keys() == {"Chrome"}
    assert found.top("language").keys() == {"fr"}
    assert {timing["count"] for timing in found.told["timings"].values()} == {1}
    assert len(found.told["timings"]) == 6
    assert not [word for word in ("alice", "secret", "manual.PDF?") if word in json.dumps(found.told)]
    context.close()


def test_without_scripts_the_image_counts(address, browser):
    context = browser.new_context(user_agent=AGENT, java_script_enabled=False)
    with site(address, 2) as port:
        context.new_page().goto(f"http://localhost:{port}/other?page=1")
        found = settled(address, 2, 1)
    assert found.sums("pageviews", "visits") == {"pageviews": 1, "visits": 1}
    assert found.top("page") == {"/other?page=1": 1}
    context.close()


def test_wishes_that_only_the_server_sees_are_obeyed(address, browser):
    """An image sends what the browser says; the cookie of edge's own page comes along where browsers let it."""
    with site(address, 3) as port:
        for wish in ({"DNT": "1"}, {"Sec-GPC": "1"}):
            context = browser.new_context(user_agent=AGENT, java_script_enabled=False, extra_http_headers=wish)
            context.new_page().goto(f"http://localhost:{port}/")
            context.close()
        context = browser.new_context(user_agent=AGENT, java_script_enabled=False)
        tab = context.new_page()
        tab.goto(f"{address}/optout?lang=en")
        tab.click("button")
        assert "are not counted" in tab.inner_text("[role=status]")
        tab.goto(f"http://127.0.0.1:{port}/")
        context.close()
        found = until(lambda: report(address, 3), lambda each: sum(each.excluded.values()) >= 3)
    assert found.excluded == {"dnt": 1, "gpc": 1, "optout": 1}
    assert found.told["sums"]["hits"] == 0


def test_the_opt_out_page_looks_like_the_others_and_keeps_its_own_policy(address, browser):
    context = browser.new_context(locale="fr-FR")
    tab, errors = context.new_page(), []
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    tab.goto(f"{address}/optout")
    assert tab.evaluate("document.documentElement.lang") == "fr"
    assert tab.evaluate("getComputedStyle(document.querySelector('button')).borderRadius") == "8px"  # of style.css
    tab.click("button")
    assert "ne sont pas comptées" in tab.inner_text("[role=status]")
    assert errors == []
    context.close()
