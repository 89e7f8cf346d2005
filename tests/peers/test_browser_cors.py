"""Whether a browser lets scripts of other sites report hits with cookies along, as matomo.js does."""

from __future__ import annotations

import pytest
from browsing import chromium as started
from httppeer import running
from recording import pages

from edge.hits.endpoint import MOST_BODY, Endpoint, Sorted
from edge.http.router import Router

pytestmark = pytest.mark.peer

ASK = """([url, type, body]) => new Promise((done) => {
    const asked = new XMLHttpRequest();
    asked.open("POST", url, true);
    asked.withCredentials = true;
    asked.setRequestHeader("Content-Type", type);
    asked.onload = () => done([asked.status, asked.responseText]);
    asked.onerror = () => done([0, ""]);
    asked.send(body);
})"""
BULK = '{"requests":["?idsite=1&rec=1"]}'


class Everything:
    def sort(self, items, address, headers, allowed, proxied):
        return Sorted(items)

    def keep(self, batch, done):
        done(None)


class NoTokens:
    def find(self, secret):
        return frozenset()


@pytest.fixture(name="ask")
def _ask(chromium):
    """A function that has a page of another site send a body."""
    router = Router()
    Endpoint(Everything(), NoTokens()).add_to(router)
    with running(router) as server, pages({"/": "<!doctype html><p>A page."}) as port, started(chromium) as browser:
        tab = browser.new_page()
        tab.goto(f"http://localhost:{port}/")
        url = f"http://127.0.0.1:{server.port}/matomo.php"
        yield lambda type_, body, query="": tab.evaluate(ASK, [url + query, type_, body])


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded; charset=UTF-8", "application/json"])
def test_a_script_may_send_hits_and_read_the_answer(ask, kind):
    """JSON by its own name needs a preflight, which "*" alone would not pass."""
    assert ask(kind, BULK) == [200, '{"status":"success","tracked":1,"invalid":0}']
    assert ask(kind, "", "?idsite=1&rec=1&send_image=0") == [204, ""]
    assert ask(kind, "idsite=1&rec=1&send_image=0") == [204, ""]


def test_a_script_is_told_that_its_body_is_too_long(ask):
    """And not of CORS, as it would be if it might not read the answer."""
    status, text = ask("application/json", BULK + " " * MOST_BODY)
    assert status == 413
    assert text
