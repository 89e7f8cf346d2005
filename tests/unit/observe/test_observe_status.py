"""The status: quantiles, rates of two readings, and the pages that show it."""

from __future__ import annotations

import re

import msgspec
import pytest
from routing import answered

from edge.access.tokens import Tokens
from edge.http.html import LANGUAGES, WEB, read
from edge.http.message import Request
from edge.http.router import Router
from edge.observe import statustext as say
from edge.observe.snapshot import Build
from edge.observe.status import (
    ChannelStatus,
    HitsStatus,
    LoopStatus,
    MemoryStatus,
    NetworkStatus,
    ProcessorStatus,
    SiteStatus,
    Status,
    of_loop,
    rates,
)
from edge.observe.statuspages import StatusPages

CHANNEL = ChannelStatus(
    "news", True, "live", 900.0, sent={"ts": 1000, "hls": 0}, output_seconds=10.0, processor_seconds=2.0
)
SITE = SiteStatus(1, "www.example.org", 100, 10, 9)
HITS = HitsStatus((SITE,), False, 0, 0, 5, 0, 3, 4096)
STATUS = Status(
    Build("1.2.3", "3.11", release="1.2.3-0a1b2c3d"), "ready", 1000.0, 100.0, (CHANNEL,),
    LoopStatus(240, 0.001, 0.004, 0.02),
    MemoryStatus(64 << 20, 30 << 20, None, 8 << 20, {"rings": 1 << 20}), ProcessorStatus(0.25, 0.1, 5.0, 1.0),
    NetworkStatus(3, {"2xx": 40}, 0, 7), HITS, 1 << 30, 1 << 29,
)  # fmt: skip


def later(seconds: float, **changes: object) -> Status:
    return msgspec.structs.replace(STATUS, time=STATUS.time + seconds, uptime=STATUS.uptime + seconds, **changes)


@pytest.mark.parametrize(
    ("lags", "found"),
    [
        ([], (0, 0.0, 0.0, 0.0)),
        ([0.3], (1, 0.3, 0.3, 0.3)),
        ([4, 1, 3, 2], (4, 2, 4, 4)),
        (list(range(1, 101)), (100, 50, 99, 100)),
        (list(range(1, 241)), (240, 120, 238, 240)),
    ],
)
def test_the_loops_quantiles_are_values_that_were_measured(lags, found):
    loop = of_loop(lags)
    assert (loop.samples, loop.p50, loop.p99, loop.worst) == found


def test_rates_are_made_of_two_readings():
    channel = msgspec.structs.replace(
        CHANNEL, sent={"ts": 2000, "hls": 250}, output_seconds=12.0, processor_seconds=2.5
    )
    site = msgspec.structs.replace(SITE, hits=106)
    now = later(
        2.0,
        channels=(channel,),
        hits=msgspec.structs.replace(HITS, sites=(site, SiteStatus(2, "new", 5, 1, None))),
        network=NetworkStatus(3, {"2xx": 44, "4xx": 2}),
        processor=ProcessorStatus(0.25, 0.1, 5.5, None),
    )
    found = rates(STATUS, now)
    assert found.seconds == 2.0
    assert (found.bits, found.cores, found.speed) == ({"news": 5000.0}, {"news": 0.25}, {"news": 1.0})
    assert (found.hits, found.requests, found.throttled, found.steal) == ({1: 3.0}, 3.0, 0.25, None)


def test_another_process_and_the_same_reading_have_no_rates():
    assert rates(None, STATUS) is None
    assert rates(STATUS, STATUS) is None
    assert rates(later(50.0), STATUS) is None


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (say.ago(-3), "0s"), (say.ago(59.6), "1m 00s"), (say.ago(7500), "2h 05m"), (say.ago(90_000), "1d 01h"),
        (say.each_second(0.0), "0"), (say.each_second(0.25), "0.25"), (say.each_second(3.21), "3.2"),
        (say.each_second(1240.4), "1240"), (say.each_second(None), "–"), (say.brief(0.0004), "0.4 ms"),
        (say.brief(0.12), "120 ms"), (say.brief(1.44), "1.4 s"), (say.share(0.256), "26 %"),
        (say.viewers({"ts": 3, "flv": 0, "hls": 9}), "12: ts 3, hls 9"), (say.viewers({"ts": 0}), "0"),
        (say.part(3, 2), 1.0), (say.part(1, 0), None), (say.part(None, 1), None),
    ],
)  # fmt: skip
def test_figures(shown, text):
    assert shown == text


# -- the pages


class Site:
    """The pages with their router, and tokens of two scopes."""

    def __init__(self, folder):
        tokens = Tokens(str(folder / "tokens.json"))
        self.admin, self.stats = tokens.new(["admin"]), tokens.new(["stats"])
        self.now = STATUS
        self.router = Router(tokens)
        StatusPages(lambda: self.now, self.router.refusal).add_to(self.router)

    def ask(self, path="/status", method="GET", body=b"", query=b"", **headers):
        request = Request(method, path, query, headers, "", headers.pop("scheme", "http"), "", body)
        return answered(self.router, request)


@pytest.fixture(name="site")
def a_site(tmp_path):
    return Site(tmp_path)


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def field(answer, name):
    return next((value for key, value in answer.headers if key == name), None)


def test_only_a_token_of_scope_admin_sees_the_state(site):
    for headers in ({}, bearer(site.stats), bearer("edge_nothing"), {"cookie": f"edge_status={site.stats}"}):
        page, values = site.ask(**headers), site.ask("/api/v1/status", **headers)
        assert page.status == 401
        assert values.status in (401, 403)
        assert b"news" not in page.body + values.body
        assert b"1.2.3" not in page.body + values.body
    assert site.ask(**bearer(site.admin)).status == 200
    found = site.ask("/api/v1/status", **bearer(site.admin))
    assert msgspec.json.decode(found.body, type=Status) == STATUS
    assert field(found, "Cache-Control") == "no-store"


def test_the_form_makes_a_cookie_that_opens_the_page_and_an_empty_one_forgets_it(site):
    wrong = site.ask(method="POST", body=b"token=edge_wrong")
    assert wrong.status == 401
    assert b'role="alert"' in wrong.body
    given = site.ask(method="POST", body=f"token={site.admin}".encode(), scheme="https")
    assert (given.status, field(given, "Location")) == (303, "/status")
    cookie = field(given, "Set-Cookie")
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/status"} <= {each.strip() for each in cookie.split(";")}
    assert site.ask(cookie=cookie.partition(";")[0]).status == 200
    assert "Max-Age=0" in field(site.ask(method="POST", body=b"token="), "Set-Cookie")


def test_rates_come_with_the_second_look_and_stay_for_a_third_that_is_too_soon(site):
    assert b"3.0</td>" not in site.ask(**bearer(site.admin)).body
    hits = msgspec.structs.replace(HITS, sites=(msgspec.structs.replace(SITE, hits=109),))
    site.now = later(3.0, hits=hits)
    assert b">3.0</td>" in site.ask(**bearer(site.admin)).body
    site.now = later(3.5, hits=hits)
    assert b">3.0</td>" in site.ask(**bearer(site.admin)).body
    site.now = later(500.0, hits=hits)
    assert b">3.0</td>" not in site.ask(**bearer(site.admin)).body


def test_what_stands_on_the_page_is_escaped_and_only_our_script_runs(site):
    site.now = later(0, channels=(msgspec.structs.replace(CHANNEL, name="<b>x", reason='"<i>'),))
    answer = site.ask(**bearer(site.admin))
    assert b"<b>x" not in answer.body
    assert b"&lt;b&gt;x" in answer.body
    assert b"<i>" not in answer.body
    policy = field(answer, "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    script = re.search(rb'src="(/status/status\.js)\?v=', answer.body)[1].decode()
    assert site.ask(script).status == site.ask("/status/status.css").status == 200


def test_the_languages_say_the_same_and_are_kept(site):
    texts = msgspec.json.decode(read(WEB, "status.json"))
    assert set(texts) == set(LANGUAGES)
    assert len({frozenset(each) for each in texts.values()}) == 1
    french = site.ask(query=b"lang=fr", **bearer(site.admin)).body
    assert b'<html lang="fr">' in french
    assert b'action="/status?lang=fr"' in french
    assert "Mémoire".encode() in french
    assert b"$" not in french
