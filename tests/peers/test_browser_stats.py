"""The pages of statistics in Chromium: nothing is blocked, nothing runs, they fit a phone, tokens open private ones."""

import subprocess
import sys
import time

import accesslogs
import ports
import pytest
from browsing import chromium, edge

pytestmark = pytest.mark.peer
SITES = """
[[site]]
id = 1
hosts = ["www.example.org"]
public = true
[[site]]
id = 2
hosts = ["private.example"]
"""
EVIL = '/<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module", name="browser")
def a_browser(request):
    with chromium(request.getfixturevalue("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module", name="url")
def a_running_edge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stats")
    now = int(time.time())
    requests = [*accesslogs.visits(4000, now - 90_000), accesslogs.request(now - 60, EVIL.replace('"', '\\"'))]
    (folder / "access.log").write_text(accesslogs.text(requests))
    with edge(folder, ports.free(), SITES) as url:
        verb = [sys.executable, "-m", "edge", "hits"]
        end = ["--config", folder / "edge.toml"]
        for site in ("1", "2"):
            subprocess.run([*verb, "import", folder / "access.log", "--site", site, *end], check=True, timeout=60)
        made = subprocess.run(
            [sys.executable, "-m", "edge", "token", "new", "--scope", "stats", *end],
            check=True, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        yield url, made.stdout.strip()


def opened(browser, url, **options):
    """A page, and what the browser complains of."""
    page = browser.new_context(**options).new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    return page, complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_a_page_is_whole_and_fits(browser, url, width, scheme):
    shape = {"width": width, "height": 800}
    page, complaints = opened(browser, f"{url[0]}/stats/1?days=30", viewport=shape, color_scheme=scheme)
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.scripts.length") == 0
    assert page.title() == "www.example.org"
    text = page.inner_text("body")
    assert "at least" in text
    assert "Google" in text
    bar = page.locator("rect.views[x]").last.bounding_box()
    assert bar["height"] > 20
    rows = page.evaluate("[...document.querySelectorAll('.list tbody rect')].map(r => r.getBoundingClientRect().width)")
    assert max(rows) > 50
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, colour[4:-1].split(","))) > 128) is (scheme == "light")


def test_names_do_nothing_and_links_lead_on(browser, url):
    page, complaints = opened(browser, f"{url[0]}/stats/1?show=page&lang=fr")
    assert complaints == []
    assert page.locator("bdi", has_text="<img").count() == 1
    assert page.locator("td img, th img").count() == 0
    page.click("text=Retour")
    page.click("text=30 jours")
    assert page.url.endswith("?days=30&lang=fr")
    page.click("summary:has-text('Autres dates')")
    page.click("text=Afficher")
    assert "from=" in page.url
    assert "lang=fr" in page.url
    page.click("summary:has-text('tableau')")
    assert page.locator(".numbers").is_visible()
    assert complaints == []


def test_a_token_opens_a_private_page_for_the_session(browser, url):
    address, token = url
    page, _ = opened(browser, f"{address}/stats/2?days=30")
    page.fill("input[type=password]", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector(".wrong")
    page.fill("input[type=password]", token)
    page.keyboard.press("Enter")
    page.wait_for_selector(".chart")
    assert page.url == f"{address}/stats/2?days=30"
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"], cookie["expires"]) == (True, "Strict", "/stats", -1)
    page.click("text=7 days")
    assert page.locator(".chart").is_visible()
    page.click("text=Forget the token")
    page.wait_for_url("**/stats")
    page.goto(f"{address}/stats/2")
    assert page.locator("input[type=password]").is_visible()
    assert page.context.cookies() == []
