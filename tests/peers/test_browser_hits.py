"""hit.js, the opt-outs and the line without scripts in a real browser: what is sent, what is not, what stays behind."""

import pytest
from browsing import chromium, until
from recording import LEFT, NOTHING, PAGE, STAY, pages, recorder

pytestmark = pytest.mark.peer

TITLED = '<!doctype html><title>A title</title><script defer src="EDGE/hit.js" data-site=7 data-titles=on></script>'
ELSEWHERE = '<!doctype html><script defer src="EDGE/hit.js" data-site=7 data-endpoint="/a/path/matomo.php"></script>'
SLOW = '<!doctype html><script src="EDGE/hit.js" data-site="7"></script><img src="/never" alt="">'
CHOICE = """<!doctype html><html lang=fr><script defer src="EDGE/hit.js" data-site="7"></script>
<div id=edge-optout></div><script defer src="EDGE/optout.js"></script>"""
FRAME = '<!doctype html><script defer src="EDGE/hit.js" data-site=7></script><iframe src="EDGE/optout"></iframe>'
TIMINGS = {"pf_net", "pf_srv", "pf_tfr", "pf_dm1", "pf_dm2", "pf_onl"}


@pytest.fixture(name="browser", scope="module")
def _browser(request):
    with chromium(request.getfixturevalue("chromium")) as browser:
        yield browser


class Place:
    """edge, a site on another host, and a tab that looks at it."""

    def __init__(self, browser, edge, hits, port):
        self.edge, self.hits = edge, hits
        self.site = f"http://localhost:{port}"
        self.beside = f"http://127.0.0.1:{port}"  # the same site as edge in the eyes of browsers, on another port
        self.context = browser.new_context()
        self.tab = self.context.new_page()

    def came(self, count):
        """The hits, once there are `count` of them, and no more a moment later."""
        until(lambda: self.hits, lambda hits: len(hits) >= count)
        self.tab.wait_for_timeout(100)
        assert len(self.hits) == count, self.hits
        return [hit.fields for hit in self.hits]

    def open(self, path="/", count=1):
        self.tab.goto(self.site + path)
        self.tab.evaluate(STAY)
        return self.came(count)


@pytest.fixture(name="place")
def _place(browser):
    with recorder() as (edge, hits):
        made = {"/": PAGE, "/other": PAGE, "/titled": TITLED, "/slow": SLOW, "/choice": CHOICE, "/frame": FRAME}
        made |= {"/elsewhere": ELSEWHERE}
        with pages({path: page.replace("EDGE", edge) for path, page in made.items()}) as port:
            place = Place(browser, edge, hits, port)
            yield place
            place.context.close()


def test_a_page_view_is_one_request_with_what_is_used(place):
    (fields,) = place.open("/?page=2#fragment")
    assert set(fields) == {"idsite", "rec", "send_image", "url", "urlref", "res"} | TIMINGS
    assert fields["idsite"] == "7"
    assert fields["url"] == place.site + "/?page=2"
    assert (fields["rec"], fields["send_image"], fields["urlref"]) == ("1", "0", "")
    assert all(0 <= int(fields[name]) < 60_000 for name in TIMINGS)
    (hit,) = place.hits
    assert hit.method == "POST"
    assert hit.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert "cookie" not in hit.headers
    assert place.tab.evaluate(LEFT) == NOTHING
    assert place.context.cookies() == []


def test_a_title_is_sent_where_it_is_asked_for(place):
    (fields,) = place.open("/titled")
    assert fields["action_name"] == "A title"


def test_the_endpoint_may_be_another(place):
    place.open("/elsewhere")
    assert place.hits[0].path == "/a/path/matomo.php"


def test_a_click_on_no_element_is_none(place):
    errors = []
    place.tab.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - Playwright needs a function
    place.open()
    place.tab.evaluate("document.dispatchEvent(new MouseEvent('click'))")
    place.came(1)
    assert errors == []


def test_the_next_page_tells_where_it_was_come_from(place):
    place.open()
    place.tab.click("#in", no_wait_after=True)
    place.tab.goto(place.site + "/other", referer=place.site + "/")
    assert place.came(2)[1]["urlref"] == place.site + "/"


def test_pages_of_a_script_count_by_their_path(place):
    place.open()
    place.tab.evaluate("history.replaceState(null, '', '/?sort=up'); history.pushState(null, '', '#part')")
    place.came(1)
    place.tab.evaluate("history.pushState({}, '', '/a?b=c#d')")
    place.tab.evaluate("history.replaceState({}, '', '/b')")
    fields = place.came(3)
    assert [each["url"] for each in fields[1:]] == [place.site + "/a?b=c", place.site + "/b"]
    assert all(set(each) == {"idsite", "rec", "send_image", "url", "res"} for each in fields[1:])
    place.tab.evaluate("history.back()")  # to /?sort=up#part, which is another path
    assert place.came(4)[3]["url"] == place.site + "/?sort=up"
    assert place.tab.evaluate("history.state") is None


def test_outlinks_tell_the_host_alone(place):
    place.open()
    place.tab.click("#out")
    place.tab.click("#out", button="middle")
    fields = place.came(3)
    assert all(each["link"] == place.edge for each in fields[1:])
    assert "secret" not in str(fields)
    for link in ("#in", "#mail", "html"):
        place.tab.click(link)
    place.tab.click("#out", button="right")
    place.came(3)


def test_downloads_tell_the_path_alone(place):
    place.open()
    for link in ("#inner", "#named", "#far"):
        place.tab.click(link)
    fields = place.came(4)
    site, edge = place.site, place.edge
    assert [f["download"] for f in fields[1:]] == [
        f"{site}/files/manual.PDF",
        f"{site}/report",
        f"{edge}/files/tool.zip",
    ]
    assert "link" not in fields[3]
    assert "secret" not in str(fields)


def test_events_and_goals(place):
    place.open()
    place.tab.evaluate(
        "edge.event('video', 'play'); edge.event('video', 'end', 'name', 0); edge.goal(3); edge.goal(4, 9.5)"
    )
    kinds = [{k: v for k, v in f.items() if k.startswith(("e_", "idg", "rev"))} for f in place.came(5)[1:]]
    assert sorted(kinds, key=str) == sorted(
        [
            {"e_c": "video", "e_a": "play"},
            {"e_c": "video", "e_a": "end", "e_n": "name", "e_v": "0"},
            {"idgoal": "3"},
            {"idgoal": "4", "revenue": "9.5"},
        ],
        key=str,
    )


@pytest.mark.parametrize(
    "wish",
    [
        "Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })",
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })",
        "document.cookie = 'mtm_consent_removed=1700000000000'",
        "document.cookie = 'a=b'; document.cookie = 'matomo_ignore=x'",
        "localStorage.edge_optout = 1",
    ],
)
def test_who_wants_not_to_be_counted_sends_nothing(wish, place):
    place.tab.add_init_script(wish)
    place.open(count=0)
    place.tab.evaluate("edge.event('a', 'b'); edge.goal(1); history.pushState(null, '', '/x')")
    place.tab.click("#out")
    place.came(0)


def test_a_browser_that_forbids_storage_is_counted(place):
    place.tab.add_init_script(
        "for (const [o, n] of [[window, 'localStorage'], [Document.prototype, 'cookie']])"
        "Object.defineProperty(o, n, { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    place.open()


def test_the_choice_on_the_sites_own_page_holds(place):
    place.open("/choice")
    tab = place.tab
    assert tab.inner_text("#edge-optout button") == "Ne plus me compter"
    tab.click("#edge-optout button")
    assert tab.get_attribute("#edge-optout", "data-state") == "out"
    tab.evaluate("edge.event('a', 'b')")
    place.open("/", count=1)
    place.open("/choice", count=1)
    assert tab.evaluate("Object.keys(localStorage)") == ["edge_optout"]
    (cookie,) = place.context.cookies()
    assert (cookie["name"], cookie["value"]) == ("mtm_consent_removed", "1")
    tab.click("#edge-optout button")
    assert tab.get_attribute("#edge-optout", "data-state") == "in"
    assert tab.evaluate(LEFT) == NOTHING
    place.open("/", count=2)


def test_a_browser_that_keeps_no_choice_is_told(place):
    place.tab.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('no', 'QuotaExceededError') }"
    )
    place.tab.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } });"
        "Object.defineProperty(Document.prototype, 'cookie', { get: () => '', set() {} })"
    )
    place.open("/choice")
    place.tab.click("#edge-optout button")
    assert place.tab.get_attribute("#edge-optout", "data-state") == "in"
    assert "n’a pas gardé" in place.tab.inner_text("#edge-optout [role=status]")


def test_edges_own_page_is_obeyed_by_what_browsers_send_along(place):
    tab = place.tab
    tab.goto(f"{place.edge}/optout?lang=en")
    tab.click("button")
    assert "are not counted" in tab.inner_text("[role=status]")
    (cookie,) = place.context.cookies()
    assert (cookie["name"], cookie["value"], cookie["sameSite"]) == ("matomo_ignore", "1", "Lax")
    tab.goto(place.beside + "/")  # on this loopback both have one cookie jar: hit.js sees the cookie itself
    place.came(0)
    tab.goto(f"{place.edge}/optout?lang=en")
    tab.click("button")
    assert "are counted" in tab.inner_text("[role=status]")
    assert place.context.cookies() == []


def test_the_page_in_a_frame_of_another_site_says_when_nothing_was_kept(place):
    """Without HTTPS no browser keeps a cookie in another site's frame."""
    place.open("/frame")
    frame = place.tab.frame_locator("iframe")
    frame.locator("button").click()
    frame.get_by_text("did not keep your choice").wait_for()
    assert place.context.cookies() == []


@pytest.mark.parametrize(
    ("broken", "method", "credentials"),
    [
        ("delete Navigator.prototype.sendBeacon", "POST", True),
        ("Navigator.prototype.sendBeacon = () => false", "POST", True),
        ("Navigator.prototype.sendBeacon = () => false; window.fetch = async () => { throw 1 }", "GET", True),
    ],
)
def test_there_are_other_ways_than_a_beacon(broken, method, credentials, place):
    place.tab.add_init_script(broken)
    (fields,) = place.open()
    assert fields["url"] == place.site + "/"
    assert place.hits[0].method == method
    place.tab.evaluate("edge.event('a', 'b')")
    place.came(2)


def test_a_page_that_is_left_before_it_has_loaded_counts_once(place):
    place.tab.goto(place.site + "/slow", wait_until="commit")
    place.tab.wait_for_function("window.edge")
    place.came(0)
    place.tab.goto("about:blank")
    (fields,) = place.came(1)
    assert fields["url"] == place.site + "/slow"
    assert not TIMINGS & set(fields)


def test_a_page_that_is_only_prepared_is_no_view(place):
    place.tab.add_init_script(
        "Object.defineProperty(document, 'prerendering', { get: () => window.waiting !== false })"
    )
    place.open(count=0)
    place.tab.evaluate("waiting = false; document.dispatchEvent(new Event('prerenderingchange'))")
    (fields,) = place.came(1)
    assert set(fields) > TIMINGS


def test_a_strict_policy_is_kept(browser):
    with recorder() as (edge, hits):
        policy = f"default-src 'none'; script-src {edge}; connect-src {edge}; require-trusted-types-for 'script'"
        with pages({path: PAGE.replace("EDGE", edge) for path in ("/", "/other")}, policy) as port:
            place = Place(browser, edge, hits, port)
            place.tab.add_init_script(
                "v = []; addEventListener('securitypolicyviolation', (e) => v.push(e.effectiveDirective))"
            )
            place.open()
            place.tab.click("#file")
            place.tab.evaluate("history.pushState(null, '', '/a'); edge.event('a', 'b')")
            place.came(4)
            assert place.tab.evaluate("v") == []
            place.context.close()


def test_without_scripts_an_image_counts_the_page_that_shows_it(browser):
    with recorder() as (edge, hits), pages({"/deep/page": PAGE.replace("EDGE", edge)}) as port:
        context = browser.new_context(java_script_enabled=False)
        context.new_page().goto(f"http://localhost:{port}/deep/page")
        (hit,) = until(lambda: hits, lambda found: len(found) == 1)
        assert (hit.method, hit.fields) == ("GET", {"idsite": "7", "rec": "1"})
        assert hit.headers["referer"] == f"http://localhost:{port}/deep/page"
        context.close()
