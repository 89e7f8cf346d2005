"""The pages of statistics: who sees what, under which headers, made from what strangers sent; with a real database."""

import asyncio
import io
import re
from html.parser import HTMLParser

import msgspec
import pytest
from reporting import NOON, TODAY
from routing import answered

from edge.clock import ManualClock
from edge.errors import OverloadError
from edge.hits.hit import Dropped, Flags, Hit
from edge.hits.report import Report
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.statspages import COOKIE, Statistics
from edge.hits.store import Store
from edge.http.message import Request
from edge.http.router import Router
from edge.log import Log

SITES = (
    SiteSettings(1, ("www.example.org",), name="Shop <&> Co", public=True, timezone="Europe/Paris"),
    SiteSettings(2, ("private.example",)),
)
EVIL = (
    '/"><script>alert(1)</script>',
    "/\u202egpj.exe",
    "javascript:alert(1)",
    "//evil.example/",
    "/ok",
    "/" + "x" * 500,
)
VOID = {"meta", "link", "input", "img", "rect", "line", "br"}


class Tokens:
    def find(self, secret):
        return {"good": frozenset({"stats"}), "weak": frozenset({"view"})}.get(secret, frozenset())


class Page(HTMLParser):
    """Every tag with its attributes and the text in it, and whether all that is opened is closed."""

    def __init__(self, body):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(body.decode())
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


class Served:
    def __init__(self, loop, tmp_path):
        self.loop, self.clock, self.router = loop, ManualClock(wall=NOON), Router(Tokens())
        self.store = Store(str(tmp_path / "hits.db"), SITES, HitsSettings(), Log(stream=io.StringIO()))
        self.asked = 0
        loop.run_until_complete(self.store.start())
        self.pages = Statistics(SITES, self.ask, self.clock, self.router.refusal)
        self.pages.add_to(self.router)

    async def ask(self, work):
        self.asked += 1
        return await self.store.ask(work)

    def count(self, *items):
        async def keep():
            done = asyncio.get_running_loop().create_future()
            self.store.submit(list(items), done.set_result)
            assert await done is None

        self.loop.run_until_complete(keep())

    def view(self, page="/", at=NOON - 3600, site=1, **more):
        self.count((Hit(site, int(at), "pageview", page=page, **more), Flags(True, 1, 0, (1, 1))))

    def get(self, path, query="", method="GET", body=b"", scheme="http", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, query.encode(), named, "127.0.0.1", scheme, "localhost", body)
        found = answered(self.router, request)
        return found if hasattr(found, "status") else self.loop.run_until_complete(found)

    def burst(self, count, path, *queries):
        async def all_of_them():
            asked = [Request("GET", path, q.encode(), {}, "", "http", "") for q in queries for _ in range(count)]
            return await asyncio.gather(*(answered(self.router, each) for each in asked), return_exceptions=True)

        return self.loop.run_until_complete(all_of_them())


@pytest.fixture
def served(tmp_path):
    loop = asyncio.new_event_loop()
    made = Served(loop, tmp_path)
    yield made
    loop.run_until_complete(made.store.close())
    loop.close()


def head(answer):
    return dict(answer.headers)


def test_a_public_page_for_everybody(served):
    served.view("/blog", country="FR", event="video / play", value=2.5)
    served.count(Dropped(1, int(NOON), "dnt"))
    answer = served.get("/stats/1")
    assert answer.status == 200
    text = answer.body.decode()
    page = Page(answer.body)
    assert page.all("html")[0]["lang"] == "en"
    assert ("bdi", "/blog") in page.texts
    assert ("title", "Shop <&> Co") in page.texts
    assert "at least" in text
    assert "Do Not Track" in text
    assert "1 of 2 hits that came were not counted." in text
    assert "video / play" in text
    assert page.all("script") == page.all("style") == []
    assert not [attrs for _, attrs in page.tags if any(name == "style" or name.startswith("on") for name in attrs)]


def test_visits_are_told_only_of_what_they_had(served):
    served.view("/blog", goal="Signed up", revenue=2.5)
    text = served.get("/stats/1").body.decode()
    heads = {
        table.partition("</caption>")[0]: re.findall("<th>([^<]+)</th>", table.partition("</thead>")[0])
        for table in text.split("<caption>")[1:]
    }
    assert heads["Pages"] == ["Name", "Hits", "Visits"]
    assert heads["Goals"] == ["Name", "Hits", "Value"]


def test_headers_keep_it_safe_and_short(served):
    headers = head(served.get("/stats/1"))
    policy = headers["Content-Security-Policy"]
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "public, max-age=10"
    assert not [name for name in headers if name.startswith("Access-Control")]


def test_what_strangers_sent_is_text(served):
    for name in EVIL:
        served.view(name, title=name, referrer=name, country=name[:2], event=name, outlink=name)
    for query in ("", "show=page", "show=event"):
        answer = served.get("/stats/1", query)
        assert b"<script" not in answer.body
        assert "\u202e".encode() not in answer.body
        page = Page(answer.body)
        links = [attrs.get("href", "") for attrs in page.all("a")]
        assert all(re.match(r"$|[?/](?!/)|https://www\.example\.org/(?!/)", link) for link in links), links
        assert all("nofollow" in attrs["rel"] for attrs in page.all("a") if attrs["href"].startswith("https:"))
        names = [(tag, text) for tag, text in page.texts if "gpj" in text or "alert" in text]
        assert names
        assert {tag for tag, _ in names} == {"bdi"}


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("days=1", 200, "Today"),
        ("days=30", 200, "27 Oct – 25 Nov 2026"),
        ("from=2026-11-01&to=2026-11-03", 200, "1 – 3 Nov 2026"),
        ("from=2026-11-24&by=hour", 200, "24 – 25 Nov 2026"),
        ("days=365&lang=fr", 200, "Pages vues"),
        ("show=browser", 200, "Back to the overview"),
        ("days=x", 400, "days: expected"),
        ("from=2026-11-03&to=2026-11-01", 400, "not after the last one"),
        ("by=week", 400, "by: expected"),
        ("show=address", 400, "show: expected"),
    ],
)
def test_periods(served, query, status, text):
    answer = served.get("/stats/1", query)
    assert answer.status == status
    assert text in answer.body.decode()


def test_the_period_under_way_is_marked_and_carried_on(served):
    served.view(at=NOON - 86_400)
    page = Page(served.get("/stats/1", "days=30&lang=fr").body)
    (here,) = [attrs for attrs in page.all("a") if attrs.get("aria-current") == "page"]
    assert here["href"] == "?days=30&lang=fr"
    steps = [attrs["href"] for attrs in page.all("a") if attrs.get("class") == "step"]
    assert steps == ["?from=2026-09-27&to=2026-10-26&lang=fr"]  # none to what is to come


def test_a_private_page_is_a_form_and_nothing_else(served):
    served.view("/secret", site=2)
    for headers in ({}, {"cookie": f"{COOKIE}=weak"}, {"cookie": f"{COOKIE}=x"}, {"authorization": "Bearer bad"}):
        answer = served.get("/stats/2", **headers)
        assert answer.status == 401
        assert b"secret" not in answer.body
        assert head(answer)["Cache-Control"] == "no-store"
        assert Page(answer.body).all("input")[0]["type"] == "password"
        assert served.get("/api/v1/sites/2/stats", **headers).status == 401
    assert served.asked == 0


def test_a_token_opens_it_and_stays_out_of_addresses_and_pages(served):
    served.view("/secret", site=2)
    wrong = served.get("/stats/2", method="POST", body=b"token=bad")
    assert wrong.status == 401
    assert b"does not open" in wrong.body
    entered = served.get("/stats/2", "days=30", method="POST", body=b"token=good", scheme="https")
    assert (entered.status, head(entered)["Location"]) == (303, "/stats/2?days=30")
    cookie = head(entered)["Set-Cookie"]
    assert cookie == f"{COOKIE}=good; Path=/stats; HttpOnly; SameSite=Strict; Secure"
    answer = served.get("/stats/2", "days=30", cookie=f"a=b; {COOKIE}=good; c=d")
    assert answer.status == 200
    assert b"/secret" in answer.body
    assert b"good" not in answer.body.replace(b'class="change good"', b"")
    assert head(answer)["Cache-Control"] == "private, no-cache"
    assert served.get("/stats/2", authorization="Bearer good").status == 200
    left = served.get("/stats/2", method="POST", body=b"token=")
    assert (left.status, "Max-Age=0" in head(left)["Set-Cookie"]) == (303, True)


@pytest.mark.parametrize("token", ["good; Path=/", "good\r\nX: y", "g\xf6\xf6d", "good\0"])
def test_tokens_that_would_forge_a_header(served, token):
    body = b"token=" + "".join(f"%{byte:02x}" for byte in token.encode()).encode()
    assert served.get("/stats/2", method="POST", body=body).status == 401


def test_the_list_of_sites(served):
    assert [attrs["href"] for attrs in Page(served.get("/stats").body).all("a")][1] == "/stats/1"
    assert b"/stats/2" not in served.get("/stats").body
    assert b"/stats/2" in served.get("/stats", cookie=f"{COOKIE}=good").body
    assert "private" in head(served.get("/stats", cookie=f"{COOKIE}=good"))["Cache-Control"]


def test_unknown_sites(served):
    for path in ("/stats/3", "/stats/x", "/api/v1/sites/3/stats"):
        assert served.get(path).status == 404
    assert served.get("/stats/9", method="POST", body=b"token=good").status == 404


def test_json(served):
    served.view("/a", at=NOON - 86_400)
    served.view("/b")
    answer = served.get("/api/v1/sites/1/stats", "from=2026-11-20&to=2026-11-25&by=day")
    report = msgspec.json.decode(answer.body, type=Report)
    assert (report.site, report.first, report.last, report.by) == (1, "2026-11-20", "2026-11-25", "day")
    assert [p.pageviews for p in report.series] == [0, 0, 0, 0, 1, 1]
    assert {row.name for row in report.top["page"]} == {"/a", "/b"}
    assert head(answer)["Content-Type"] == "application/json"
    assert served.get("/api/v1/sites/1/stats", "by=x").status == 400
    assert served.get("/api/v1/sites/2/stats", authorization="Bearer good").status == 200
    assert served.get("/api/v1/sites/2/stats", authorization="Bearer weak").status == 403


def test_languages(served):
    french = served.get("/stats/1", accept_language="fr-FR,fr;q=0.9")
    assert Page(french.body).all("html")[0]["lang"] == "fr"
    assert "Visiteurs par jour" in french.body.decode()
    assert "Accept-Language" in [value for name, value in french.headers if name == "Vary"]
    assert Page(served.get("/stats/1", "lang=en", accept_language="fr").body).all("html")[0]["lang"] == "en"


def test_a_burst_asks_the_store_once(served):
    served.view()
    pages = served.burst(50, "/stats/1", "days=7")
    assert {page.status for page in pages} == {200}
    once = served.asked
    assert once <= 30
    served.get("/stats/1", "days=7")
    assert served.asked == once
    served.clock.advance(11)
    served.get("/stats/1", "days=7")
    assert served.asked == 2 * once


def test_many_different_pages_at_once_are_refused(served):
    found = served.burst(1, "/stats/1", *(f"days={n}" for n in range(10, 40)))
    refused = [each for each in found if isinstance(each, OverloadError)]
    assert len(refused) == 26
    assert served.get("/stats/1", "days=40").status == 200
    assert served.pages.stats().refused == 26


def test_a_browser_that_has_the_page_is_told_so(served):
    first = served.get("/stats/1", accept_encoding="gzip")
    assert head(first)["Content-Encoding"] == "gzip"
    again = served.get("/stats/1", accept_encoding="gzip", if_none_match=head(first)["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_the_style_sheet(served):
    address = Page(served.get("/stats/1").body).all("link")[1]["href"]
    path, _, query = address.partition("?")
    answer = served.get(path, query)
    assert head(answer)["Content-Type"].startswith("text/css")
    assert "immutable" in head(answer)["Cache-Control"]


def test_nothing_counted_yet(served):
    answer = served.get("/stats/1")
    assert "Nothing was counted in this period." in answer.body.decode()
    assert str(TODAY)[:4] in answer.body.decode()


def test_a_database_that_cannot_be_read_is_said_without_its_name(served, tmp_path):
    served.loop.run_until_complete(served.store.close())
    path = tmp_path / "hits.db"
    path.write_bytes(b"")
    served.store = Store(str(tmp_path), SITES, HitsSettings(), Log(stream=io.StringIO()))  # a folder
    served.loop.run_until_complete(served.store.start())
    for asked in ("/stats/1", "/api/v1/sites/1/stats"):
        answer = served.get(asked)
        assert (answer.status, head(answer)["Retry-After"]) == (503, "60")
        assert str(tmp_path).encode() not in answer.body
