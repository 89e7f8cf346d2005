"""The player page in Debian's Chromium, on a running edge whose source fails on purpose."""

import subprocess
import sys
import urllib.request

import media
import ports
import pytest
from browsing import LOOK, SOONER, channel, chromium, edge, site, through_cuts, until
from faultsource import Faults, FaultSource
from running import altered

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

COUNT_SEEKS = "window.seeks = 0; addEventListener('seeking', () => (window.seeks += 1), true);"
BOX = """() => {
    const box = document.getElementById("stage").getBoundingClientRect();
    return [box.width, box.height];
}"""
SHAPE = "() => { const box = document.getElementById('video').getBoundingClientRect(); return box.width / box.height; }"
WORDS = "The source is away; waiting for it"


@pytest.fixture(scope="module", name="browser")
def _browser(request):
    with chromium(request.getfixturevalue("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def steady(small_sample, tmp_path_factory):
    """An edge with a channel that works, a private one and its token, one whose source is not there."""
    folder = tmp_path_factory.mktemp("steady")
    with FaultSource(small_sample) as dead:
        pass
    with FaultSource(small_sample) as live:
        shut, secret = channel("shut", live, "public = false"), token(folder / "data")
        with edge(folder, ports.free(), channel("news", live), shut, channel("dead", dead)) as url:
            yield url, secret


@pytest.fixture
def url(steady):
    return steady[0]


@pytest.fixture
def tab(browser):
    """Opens pages. At the end none may have broken its policy, thrown an error or left the loopback."""
    contexts, complaints = [], []

    def note(text, *, wanted=False):
        if "Security Policy" in text and not wanted:
            complaints.append(text)

    def asked(url):
        if not url.startswith(("http://127.0.0.1:", "http://localhost:", "blob:", "data:")):
            complaints.append(url)

    def open_page(url, script="", *, refusals=False, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: note(said.text, wanted=refusals))
        page.on("request", lambda request: asked(request.url))
        if script:
            page.add_init_script(script)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def look(page):
    return lambda: page.evaluate(LOOK) | {"seeks": page.evaluate("window.seeks")}


# By MSE it plays through the cuts and does not jump over them, near the live edge; the browser's own HLS is its affair.
PLAYS = {
    "hls": lambda *_: True,
    "mse": lambda before, after: before["seeks"] == after["seeks"] and after["ahead"] < 5,
}


def playing(found):
    return found["playing"] and found["width"]


def test_both_ways_play_on_across_cuts_of_the_source(tab, tmp_path, free_port, source_sample):
    source = FaultSource(source_sample, Faults(cut=5, replay=2, patience=10))
    with source as address, edge(tmp_path, free_port, channel("news", address)) as url:
        pages = {mode: tab(f"{url}/live/news?mode={mode}", COUNT_SEEKS) for mode in ("hls", "mse")}
        began = {mode: until(look(page), playing)["at"] for mode, page in pages.items()}
        for mode, page in pages.items():
            _, found = through_cuts(look(page), source, PLAYS[mode])
            assert (found["mode"], found["state"]) == (mode, "Live")
        found = until(look(pages["mse"]), lambda found: found["at"] > began["mse"] + 26)
        assert found["kept"] < 25  # the buffer is trimmed


@pytest.mark.parametrize("mode", ["hls", "mse", "mp4"])
def test_a_source_that_is_away_is_said_in_words_and_plays_by_itself_when_it_is_back(
    mode, tab, tmp_path, free_port, small_sample, monkeypatch
):
    altered(tmp_path, SOONER, monkeypatch)
    source = FaultSource(small_sample)
    with source as address, edge(tmp_path, free_port, channel("news", address)) as url:
        page = tab(f"{url}/live/news?mode={mode}")
        until(look(page), playing)
        source.down()
        found = until(look(page), lambda found: found["words"] == WORDS)
        assert (found["state"], found["status"], found["playing"]) == (WORDS, "away", False)
        source.up()
        found = until(look(page), playing)
        assert found["words"] == ""
        until(look(page), lambda found: found["state"] == "Live")


@pytest.mark.parametrize("mode", ["hls", "mse"])
def test_a_new_size_in_the_middle_plays_on(mode, tab, tmp_path, free_port, small_sample):
    source = FaultSource(small_sample, Faults(switch=((2, str(media.sample("other_size"))),)))
    with (
        source as address,
        edge(tmp_path, free_port, channel("news", address, video="")) as url,
    ):
        page = tab(f"{url}/live/news?mode={mode}")
        first = until(look(page), playing)
        source.cut()
        found = until(look(page), lambda found: found["width"] not in (0, first["width"]))
        until(look(page), lambda later: playing(later) and later["at"] > found["at"] + 2)
        shape = until(lambda: page.evaluate(SHAPE), lambda shape: abs(shape - 4 / 3) < 0.02)
        assert shape


@pytest.mark.parametrize("mode", ["hls", "mse"])
def test_a_server_that_starts_anew_is_found_again(mode, tab, tmp_path, free_port, small_sample):
    with FaultSource(small_sample) as address:
        with edge(tmp_path, free_port, channel("news", address)) as url:
            page = tab(f"{url}/live/news?mode={mode}")
            until(look(page), playing)
        until(look(page), lambda found: found["words"] == "No connection to the server; trying again")
        with edge(tmp_path, free_port, channel("news", address)):
            until(look(page), playing)


def test_the_picture_has_its_shape_though_its_pixels_are_not_square(tab, url):
    page = tab(f"{url}/live/news?mode=mse", viewport={"width": 390, "height": 844})
    until(look(page), playing)
    until(lambda: page.evaluate(SHAPE), lambda shape: abs(shape - 16 / 9) < 0.02)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390  # nothing sticks out on a phone


def test_a_page_that_may_not_make_a_sound_plays_muted_until_it_is_asked(tab, url):
    page = tab("about:blank", "addEventListener('volumechange', () => console.log('volume'), true)")
    with page.expect_console_message(lambda said: said.text == "volume"):  # to ask a page counts as a click on it
        page.goto(f"{url}/live/news?mode=mse")
    assert until(look(page), playing)["muted"]
    page.get_by_text("Turn the sound on").click()
    found = until(look(page), playing)
    assert (found["muted"], page.is_visible("#sound")) == (False, False)


def test_a_paused_page_takes_nothing_and_goes_on_at_the_live_edge(tab, url):
    page = tab(f"{url}/live/news?mode=mse")
    before = until(look(page), playing)
    page.keyboard.press("k")
    until(lambda: viewers(url), lambda count: count == 0)
    page.wait_for_timeout(5000)
    page.keyboard.press("k")
    found = until(look(page), playing)
    assert found["at"] - before["at"] >= 3.5  # not where it was paused
    assert found["ahead"] < 4


def viewers(url):
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    counts = [line.rpartition(" ")[2] for line in lines if line.startswith("edge_viewers{") and '"mp4"' in line]
    assert counts
    return sum(map(float, counts))


def test_a_browser_whose_hls_fails_and_that_has_only_managed_media_source_takes_the_next_way(tab, url):
    page = tab("about:blank", "window.ManagedMediaSource = window.MediaSource; delete window.MediaSource;")
    page.route("**/index.m3u8", lambda route: route.fulfill(body="?", content_type="application/vnd.apple.mpegurl"))
    page.goto(f"{url}/live/news")
    assert page.evaluate("document.createElement('video').canPlayType('application/vnd.apple.mpegurl')")
    assert until(look(page), playing)["mode"] == "mse"


def test_a_private_channel_asks_for_a_token_and_keeps_it_in_the_page_only(tab, steady):
    url, secret = steady
    page = tab(f"{url}/live/shut")
    page.wait_for_selector("#token", state="visible")
    assert not page.is_visible("#wrong")
    page.fill("#secret", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#wrong", state="visible")
    page.fill("#secret", secret)
    page.keyboard.press("Enter")
    assert until(look(page), playing)["mode"] == "mse"
    assert not page.is_visible("#token")
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert secret not in page.content() + page.url
    page.reload()
    page.wait_for_selector("#token", state="visible")


def token(data_dir):
    command = [sys.executable, "-m", "edge", "token", "new", "--scope", "view", "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split()[0]


def test_only_the_embedded_picture_stands_in_another_sites_frame(tab, url):
    frame = '<iframe src="{}" width=640 height=360 frameborder=0 allow="autoplay"></iframe>'
    with site({"/": frame.format(f"{url}/live/news?embed"), "/whole": frame.format(f"{url}/live/news")}) as other:
        inner = tab(f"{other}/").frames[1]
        until(lambda: inner.evaluate(LOOK), playing)
        assert not inner.is_visible("header")
        assert inner.evaluate(BOX) == [640, 360]
        page = tab("about:blank", refusals=True)
        with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            page.goto(f"{other}/whole")
        assert not page.frames[1].query_selector("#video")


def test_a_french_browser_reads_french(tab, url):
    page = tab(f"{url}/live/news?mode=mse", locale="fr-FR")
    until(look(page), lambda found: playing(found) and found["state"] == "En direct")
    assert page.inner_text("summary") == "Ouvrir dans VLC ou un autre lecteur"
    english = tab(f"{url}/live/news?mode=mse&lang=en", locale="fr-FR")
    assert english.inner_text("summary") == "Open in VLC or another player"


def test_addresses_are_whole_and_can_be_copied(tab, url):
    page = tab(f"{url}/live/news", permissions=["clipboard-read", "clipboard-write"])
    values = page.evaluate("[...document.querySelectorAll('.address input')].map((field) => field.value)")
    others = [f"{url}/live/news.{kind}" for kind in ("ts", "flv", "mp4")]
    assert values[:4] == [f"{url}/live/news/index.m3u8", *others]
    assert f'<iframe src="{url}/live/news?embed"' in values[4]
    page.locator(".copy").nth(1).click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{url}/live/news.ts"


def test_the_list_shows_each_public_channel_with_its_state_and_picture(tab, url):
    page = tab(f"{url}/")
    until(lambda: page.inner_text("li[data-name=news] .state"), lambda text: text == "Live")
    until(lambda: page.evaluate("document.querySelector('li[data-name=news] img').naturalWidth"), bool)
    until(lambda: page.inner_text("li[data-name=dead] .state"), lambda text: text == WORDS)
    assert page.locator("li").count() == 2
    page.click("li[data-name=news] a")
    until(look(page), playing)


def test_a_source_that_was_never_there_is_not_a_spinner_for_ever(tab, url):
    page = tab(f"{url}/live/dead")
    until(look(page), lambda found: found["words"] == WORDS)


def test_a_page_without_scripts_has_the_browsers_own_player(tab, url):
    page = tab(f"{url}/live/news", java_script_enabled=False)
    video = page.locator("noscript video")
    assert video.get_attribute("src") == "/live/news.mp4"
    assert video.is_visible()
    assert not page.is_visible("#stage")
