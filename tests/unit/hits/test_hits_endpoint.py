"""The table of Matomo's answers, to the byte, from a real server. The collector behind it is a table of answers too."""

from __future__ import annotations

import base64
import contextlib
import json
import threading

import pytest
from httppeer import answers, read_all, read_until, running

from edge.errors import OverloadError, StoreError
from edge.hits.answer import refused
from edge.hits.endpoint import MOST_BODY, Endpoint, Sorted
from edge.hits.request import MOST_ITEMS
from edge.hits.settings import SiteSettings
from edge.hits.timing import Refusal
from edge.http.router import Router

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
HIT = "/matomo.php?idsite=1&rec=1&url=https%3A%2F%2Fwww.example.org%2F"
SITE = "https://www.example.org"
ORIGIN = f"Origin: {SITE}\r\n"
CORS = {"access-control-allow-origin": SITE, "access-control-allow-credentials": "true"}
ANYONE = CORS | {"access-control-allow-origin": "*"}
IMAGE = {"content-type": "image/gif"}
NO_STORE = {"cache-control": "no-store"}
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}


class Known:
    """A collector that knows sites 1 and 2, excludes what says why, and refuses what its fields say."""

    def __init__(self):
        self.asked = []
        self.waiting = []
        self.mode = "kept"  # or "store", "overload", "later", "raises store", "raises overload"
        self.busy = threading.Event()
        self.proxied = None

    def sort(self, items, address, headers, allowed, proxied):
        self.asked.append((items, address, headers, allowed))
        self.proxied = proxied
        tracked = [item for item in items if item.get("idsite") in ("1", "2")]
        invalid = [place for place, item in enumerate(items) if item not in tracked]
        reason = "site" if invalid else items[-1].get("because", "") if items else ""
        return Sorted(tracked, invalid, reason)

    def keep(self, batch, done):
        assert batch
        if self.mode.startswith("raises"):
            raise refusal(self.mode.split()[1])
        if self.mode == "later":
            self.waiting.append(done)
            self.busy.set()
        else:
            done(refusal(self.mode))


def refusal(word):
    return {"kept": None, "store": StoreError("full"), "overload": OverloadError("too many", 7)}[word]


class Tokens:
    def __init__(self):
        self.looked_up = []

    def find(self, secret):
        self.looked_up.append(secret)
        return {"publisher": frozenset(["publish"]), "viewer": frozenset(["view"])}.get(secret, frozenset())


class Peer:
    def __init__(self, server, known, tokens, endpoint):
        self.server, self.known, self.tokens, self.endpoint = server, known, tokens, endpoint

    def ask(self, method, target, head="", body=b""):
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        raw = f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{length}{head}\r\n".encode() + body
        (answer,) = answers(self.server.ask(raw), heads=(0,) if method == "HEAD" else ())
        fields = {name: value for name, value in answer.headers.items() if name not in ("date", "connection")}
        return answer.status, fields, answer.body

    def stats(self):
        return self.server.call(self.endpoint.stats)


@contextlib.contextmanager
def served(**more):
    router, known, tokens = Router(), Known(), Tokens()
    endpoint = Endpoint(known, tokens, [SiteSettings(1, ("www.example.org", "*.example.net"))])
    endpoint.add_to(router)
    with running(router, **more) as server:
        yield Peer(server, known, tokens, endpoint)


@pytest.fixture
def peer():
    with served() as one:
        yield one


def sized(fields, body):
    return {**fields, "content-length": str(len(body))}


@pytest.mark.parametrize("path", ["/matomo.php", "/piwik.php"])
@pytest.mark.parametrize(
    ("method", "head", "fields"),
    [("GET", "", NO_STORE), ("GET", ORIGIN, NO_STORE), ("POST", ORIGIN, CORS), ("POST", "", ANYONE)],
)
def test_a_hit(peer, path, method, head, fields):
    target = HIT.replace("/matomo.php", path)
    assert peer.ask(method, target, head) == (200, sized(IMAGE | fields, GIF), GIF)
    assert peer.ask(method, f"{target}&send_image=0", head) == (204, fields, b"")
    assert len(GIF) == 43
    assert len(peer.known.asked) == 2
    assert peer.known.asked[0][0] == [{"idsite": "1", "rec": "1", "url": "https://www.example.org/"}]
    assert peer.known.asked[0][1] == "127.0.0.1"
    assert peer.known.asked[0][3] is False


@pytest.mark.parametrize(
    "origin", [SITE, SITE.replace("https", "http"), "https://a.example.net", "https://evil.example"]
)
def test_an_answer_that_was_written_before_is_as_good(peer, origin):
    """Those to the site's own pages are kept as bytes; on a connection that closes they are written anew."""
    head = f"POST {HIT} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nOrigin: {origin}\r\n"
    kept, closing = f"{head}\r\n".encode(), f"{head}Connection: close\r\n\r\n".encode()
    *same, last = answers(peer.server.ask(kept * 3 + closing))
    assert [(each.status, each.body) for each in (*same, last)] == [(200, GIF)] * 4
    assert same[0].headers == same[1].headers == same[2].headers
    assert last.headers == same[0].headers | {"connection": "close", "date": last.headers["date"]}
    assert last.headers["access-control-allow-origin"] == origin


def test_head_is_answered_as_get(peer):
    assert peer.ask("HEAD", HIT) == (200, sized(IMAGE | NO_STORE, GIF), b"")
    assert peer.ask("HEAD", "/matomo.php")[0] == 200


def test_the_referer_reaches_the_collector(peer):
    peer.ask("GET", "/matomo.php?idsite=1&rec=1", "Referer: https://www.example.org/here\r\n")
    (item,), _, headers, _ = peer.known.asked[0]
    assert item["url"] == headers["referer"] == "https://www.example.org/here"


@pytest.mark.parametrize("reason", ["bot", "gpc", "optout", "spam", "prefetch", "norec", "network", "foreign_host"])
def test_an_excluded_hit_succeeds_and_says_why(peer, reason):
    told = {"x-edge-excluded": reason}
    assert peer.ask("GET", f"{HIT}&because={reason}") == (200, sized(IMAGE | NO_STORE | told, GIF), GIF)
    assert peer.ask("GET", f"{HIT}&because={reason}&send_image=0") == (204, NO_STORE | told, b"")
    assert peer.ask("POST", f"{HIT}&because={reason}", ORIGIN) == (200, sized(IMAGE | CORS | told, GIF), GIF)


def test_dnt_is_answered_with_its_own_header_too(peer):
    told = {"x-edge-excluded": "dnt", "tk": "N"}
    assert peer.ask("GET", f"{HIT}&because=dnt") == (200, sized(IMAGE | NO_STORE | told, GIF), GIF)


def test_get_without_parameters_is_a_page(peer):
    status, fields, body = peer.ask("GET", "/matomo.php")
    assert (status, fields) == (200, sized(HTML, body))
    assert body.startswith(b"<!DOCTYPE html>")
    assert peer.ask("GET", "/matomo.php?")[0] == 200
    assert peer.known.asked == []


@pytest.mark.parametrize("body", [b"", b"&&"])
def test_post_without_parameters_is_a_mistake(peer, body):
    status, fields, page = peer.ask("POST", "/matomo.php", ORIGIN, body)
    assert (status, fields) == (400, sized(HTML | CORS, page))
    assert b"idsite" in page
    assert peer.stats().rejected["empty"] == 1


@pytest.mark.parametrize(("method", "head", "fields"), [("GET", "", NO_STORE), ("POST", ORIGIN, CORS)])
def test_an_unknown_site_is_refused(peer, method, head, fields):
    """The image comes with the status: what shows it shows nothing broken. Behind it, the reason."""
    status, got, body = peer.ask(method, HIT.replace("idsite=1", "idsite=99"), head)
    assert (status, got) == (400, sized(IMAGE | fields, body))
    assert body[:43] == GIF
    assert b"Expected idsite to be a site" in body
    status, got, page = peer.ask(method, HIT.replace("idsite=1", "idsite=99") + "&send_image=0", head)
    assert (status, got, page) == (400, sized(HTML | fields, page), body[43:])


def test_every_refusal_has_its_sentence():
    pages = {reason: refused((), silent=True, reason=reason)[2] for reason in Refusal.__args__}
    assert all(b"Expected " in page for page in pages.values())
    assert len(set(pages.values())) == 4


def test_too_many_parameters(peer):
    status, fields, body = peer.ask("GET", "/matomo.php?secret" + "&" * 1000)
    assert (status, fields) == (400, sized(IMAGE | NO_STORE, body))
    assert b"at most 1000 parameters" in body
    assert b"secret" not in body
    assert peer.stats().rejected["malformed"] == 1


def bulk(*requests, **more):
    return json.dumps({"requests": requests, **more}).encode()


GOOD, BAD = "?idsite=1&rec=1&url=https://www.example.org/", "?idsite=99&rec=1"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "text/plain", ""])
def test_a_bulk_of_any_type(peer, kind):
    head = f"Content-Type: {kind}\r\n" if kind else ""
    body = b'{"status":"success","tracked":2,"invalid":0}'
    assert peer.ask("POST", "/matomo.php", head + ORIGIN, bulk(GOOD, {"idsite": 1, "rec": 1})) == (
        200,
        sized(JSON | CORS, body),
        body,
    )


def test_the_test_vector_of_matomo(peer):
    """Three good ones and three bad ones. Which they are is told to who has a token."""
    requests = (GOOD, GOOD, BAD, GOOD, BAD, {"idsite": "x"})
    body = b'{"status":"success","tracked":3,"invalid":3,"invalid_indices":[2,4,5]}'
    got = peer.ask("POST", "/piwik.php", "", bulk(*requests, token_auth="publisher"))
    assert got == (200, sized(JSON | ANYONE, body), body)
    body = b'{"status":"success","tracked":3,"invalid":3}'
    for token in ("viewer", "nobody", ""):
        assert peer.ask("POST", "/matomo.php", "", bulk(*requests, token_auth=token))[2] == body


@pytest.mark.parametrize("silence", [0, "0", ""])
def test_a_silent_bulk(peer, silence):
    got = peer.ask("POST", "/matomo.php", ORIGIN, bulk(GOOD, BAD, send_image=silence))
    assert got == (204, JSON | CORS, b"")


def test_entries_that_are_no_hits_are_dropped_and_counted(peer):
    body = b'{"status":"success","tracked":1,"invalid":0}'
    assert peer.ask("POST", "/matomo.php", "", bulk("no question mark", GOOD, 5))[2] == body
    assert peer.stats().rejected["entry"] == 2


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b'{"requests":', 400, "expected a bulk such as"),
        (bulk(*["?a=1"] * (MOST_ITEMS + 1)), 413, "at most 500 hits"),
    ],
)
def test_a_bulk_that_cannot_be_read(peer, body, status, word):
    got, fields, answer = peer.ask("POST", "/matomo.php", ORIGIN, body)
    assert (got, fields) == (status, sized(JSON | CORS, answer))
    said = json.loads(answer)
    assert (said["status"], said["tracked"], said["invalid"]) == ("error", 0, 0)
    assert word in said["message"]
    assert peer.known.asked == []


def test_the_largest_bulk_and_one_byte_more(peer):
    body = bulk(GOOD)
    assert peer.ask("POST", "/matomo.php", "", body + b" " * (MOST_BODY - len(body)))[0] == 200
    raw = f"POST /matomo.php HTTP/1.1\r\nHost: a\r\n{ORIGIN}Content-Length: {MOST_BODY + 1}\r\n\r\n".encode()
    (answer,) = answers(peer.server.ask(raw))
    assert answer.status == 413
    assert answer.headers.items() >= CORS.items()  # else a browser tells its script of CORS, and not of the size
    assert len(peer.known.asked) == 1


def test_what_the_server_answers_itself_can_be_read_where_the_tracker_is_posted_to_and_nowhere_else(peer):
    chunk = b"Transfer-Encoding: chunked\r\n\r\n80001\r\n" + b" " * (MOST_BODY + 1) + b"\r\n0\r\n\r\n"
    for path, body, status, fields in (
        ("/piwik.php", chunk, 413, CORS),
        ("/piwik.php", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, CORS),
        ("/stats", b"Content-Length: 9999999\r\n\r\n", 404, {}),
    ):
        (answer,) = answers(peer.server.ask(f"POST {path} HTTP/1.1\r\nHost: a\r\n{ORIGIN}".encode() + body))
        assert (answer.status, readable(answer)) == (status, fields)


def readable(answer):
    return {name: value for name, value in answer.headers.items() if "control-allow" in name}


def test_a_body_that_comes_too_late(peer):
    head = f"POST /matomo.php HTTP/1.1\r\nHost: a\r\n{ORIGIN}Content-Length: 7\r\nExpect: 100-continue\r\n\r\n"
    with peer.server.connect() as sock:
        sock.sendall(head.encode())
        read_until(sock, b"100 Continue\r\n\r\n")
        peer.server.later(3600)
        (answer,) = answers(read_all(sock))
    assert (answer.status, readable(answer)) == (408, CORS)


def test_what_a_proxy_says_is_believed_of_a_trusted_one_alone(peer):
    peer.ask("GET", HIT)
    assert peer.known.proxied is False
    with served(proxies=["127.0.0.1"]) as other:
        other.ask("GET", HIT)
        assert other.known.proxied is True


@pytest.mark.parametrize(("token", "allowed"), [("publisher", True), ("viewer", False), ("nobody", False), ("", False)])
def test_a_token_that_may_publish_allows_more(peer, token, allowed):
    for body in (f"token_auth={token}&idsite=1".encode(), bulk({"idsite": 1, "token_auth": token})):
        peer.ask("POST", "/matomo.php", "", body)
        items, _, _, got = peer.known.asked.pop()
        assert got is allowed
        assert items == [{"idsite": "1"}]  # the token stays behind
    assert peer.tokens.looked_up == ([token] * 2 if token else [])
    assert token == "" or token not in peer.server.log.getvalue()


@pytest.mark.parametrize(("mode", "retry"), [("store", "10"), ("overload", "7")])
@pytest.mark.parametrize("when", ["", "raises "])
def test_a_store_that_refuses(peer, mode, retry, when):
    peer.known.mode = when + mode
    told = {"retry-after": retry}
    assert peer.ask("GET", HIT) == (503, sized(IMAGE | NO_STORE | told, GIF), GIF)
    assert peer.ask("POST", HIT + "&send_image=0", ORIGIN) == (503, sized(CORS | told, b""), b"")
    status, fields, body = peer.ask("POST", "/matomo.php", ORIGIN, bulk(GOOD, send_image=0))
    assert (status, fields) == (503, sized(JSON | CORS | told, body))
    assert json.loads(body)["status"] == "error"
    assert peer.server.log.getvalue() == ""


def test_an_answer_waits_for_the_commit(peer):
    peer.known.mode = "later"
    with peer.server.connect() as sock:
        sock.sendall(f"GET {HIT} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert peer.known.busy.wait(20)
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(20)
        peer.server.call(peer.known.waiting.pop(), None)
        assert read_until(sock, b";").startswith(b"HTTP/1.1 200 OK")


def test_a_client_that_does_not_wait_for_the_commit(peer):
    peer.known.mode = "later"
    with peer.server.connect() as sock:
        sock.sendall(f"GET {HIT} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert peer.known.busy.wait(20)
    peer.server.call(peer.known.waiting.pop(), StoreError("full"))
    peer.server.until_open(0)
    peer.known.mode = "kept"
    assert peer.ask("GET", HIT)[0] == 200
    assert peer.server.stats().failures == 0


def test_preflights(peer):
    methods = {"access-control-allow-methods": "GET, POST"}
    anyone = {"access-control-allow-origin": "*", "access-control-allow-headers": "*"}
    assert peer.ask("OPTIONS", "/matomo.php") == (204, methods | anyone, b"")
    wanted = f"{ORIGIN}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n"
    named = {"access-control-allow-headers": "*, Content-Type"}
    assert peer.ask("OPTIONS", "/piwik.php", wanted) == (204, methods | named | CORS, b"")


def test_other_methods_are_not_for_here(peer):
    status, fields, _ = peer.ask("DELETE", "/matomo.php")
    assert (status, fields["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("origin", ["null", "https://x.example\x0bSet-Cookie: a=b", "é", '"><script>'])
def test_an_origin_is_echoed_or_the_request_refused(peer, origin):
    """It is in no page and can forge no other field."""
    raw = f"POST {HIT} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\nOrigin: {origin}\r\n\r\n"
    (answer,) = answers(peer.server.ask(raw.encode("latin-1")))
    if answer.status == 200:
        assert answer.headers["access-control-allow-origin"] == origin
    assert "set-cookie" not in answer.headers
