"""The status page in Chromium: the token opens it, it renews itself, it fits a phone, it says when edge has gone."""

import subprocess
import sys

import pytest
from browsing import chromium, edge, until

pytestmark = pytest.mark.peer
SITE = '[[site]]\nid = 1\nhosts = ["www.example.org"]\n'


@pytest.fixture(scope="module", name="browser")
def a_browser(request):
    with chromium(request.getfixturevalue("chromium")) as browser:
        yield browser


def test_the_page_opens_renews_itself_and_says_when_edge_has_gone(browser, tmp_path, free_port):
    with edge(tmp_path, free_port, SITE) as url:
        made = subprocess.run(
            [sys.executable, "-m", "edge", "token", "new", "--scope", "admin", "--config", tmp_path / "edge.toml"],
            check=True, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        page = browser.new_context(viewport={"width": 360, "height": 800}, locale="fr", color_scheme="dark").new_page()
        page.goto(f"{url}/status")
        assert "admin" in page.inner_text("main")
        until(lambda: entered(page, made.stdout.strip()), bool)
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert "www.example.org" in page.inner_text("table")
        assert "Mémoire" in page.inner_text("dl")
        assert made.stdout.strip() not in page.url
        assert page.evaluate("document.cookie") == ""  # out of scripts' reach
        before = page.inner_text("dl dd b >> nth=0")
        page.evaluate("document.querySelector('h1').dataset.old = 'yes'")
        until(lambda: page.inner_text("dl dd b >> nth=0"), lambda now: now != before)
        assert page.get_attribute("h1", "data-old") == "yes"  # only the state was put in place
        assert complaints == []
        assert page.is_hidden("#gone")
    until(lambda: page.is_visible("#gone"), bool)
    assert "www.example.org" in page.inner_text("table")


def entered(page, token):
    """A new token is known within two seconds."""
    page.fill("#token", token)
    page.click("main button")
    return page.query_selector("table") is not None
