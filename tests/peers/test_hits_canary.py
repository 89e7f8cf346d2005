"""The attacker's test: every place of a tracking request carries a canary, one after the other, in every form of
request; afterwards none is in a file, a log, a metric, a report, an answer, or in the process's memory."""

import http.client
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from canaries import HOST, NEEDLES, PAGE, WORD, bodies, headers, hits
from collecting import AGENT, table
from memoryscan import WIPING, held
from running import running

pytestmark = pytest.mark.peer

# Everything that can be kept is kept, so that only the masks stand between.
KEEPING = """titles = true
event_names = true
query_allow = ["page"]
[site.goals]
"1" = "Signed up"
[site.dimensions]
"1" = "Plan"
"""
SOON = "import edge.hits.visitor\nedge.hits.visitor.WINDOW = 1\n"
# What the test must find: titles that are kept as they came, and a list that holds on to what was asked.
LEAKS = """
import edge.hits.collector, edge.hits.scrub
edge.hits.scrub.clean = lambda text: text
take, held = edge.hits.collector.Collector.collect, []
edge.hits.collector.Collector.collect = lambda self, items, *more: held.extend(items) or take(self, items, *more)
"""
ADDRESS = b"203.0.113.77"  # of a visitor behind a trusted proxy
SAID = b"198.51.100.88"  # the address that a server with a token reports
KEPT = b"zkept-page"  # shows that what is there is found
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Attack:
    """Sends, and keeps what was answered."""

    def __init__(self, url, token=""):
        self._to = url.removeprefix("http://")
        self._token = token
        self.answers = []

    def send(self, method, path, body=None, fields=None):
        connection = http.client.HTTPConnection(self._to, timeout=60)
        connection.request(
            method, path, body, {"X-Forwarded-For": ADDRESS.decode()} | (fields or {"User-Agent": AGENT})
        )
        answer = connection.getresponse()
        head = {name: value for name, value in answer.getheaders() if name != "Access-Control-Allow-Origin"}
        self.answers.append((answer.status, repr(head).encode() + answer.read()))
        connection.close()

    def all(self):
        self.send("GET", f"/matomo.php?{urlencode({'idsite': 1, 'rec': 1, 'url': f'https://{HOST}/{KEPT.decode()}'})}")
        for hit in hits():
            query = urlencode(hit)
            self.send("GET", f"/matomo.php?{query}")
            self.send("POST", f"/piwik.php?{query}", b"", FORM | {"User-Agent": AGENT})
            self.send("POST", "/matomo.php", query.encode(), FORM | {"User-Agent": AGENT})
        for fields in headers(AGENT):
            self.send("GET", f"/matomo.php?{urlencode({'idsite': 1, 'rec': 1, 'url': PAGE})}", fields=fields)
            self.send("GET", "/matomo.php?idsite=1&rec=1", fields=fields)  # the page is the Referer
            self.send("POST", f"/matomo.php?{urlencode({'idsite': 1, 'rec': 1, 'url': PAGE})}", b"", fields)
        for body in bodies():
            self.send("POST", "/matomo.php", body)
        for path in (f"/{WORD}81", f"/matomo.php/{WORD}82", f"/optout?lang={WORD}83", f"/stats/1?show={WORD}84"):
            self.send("GET", path)
        self.send("POST", "/optout", f"choice={WORD}85".encode())

    def as_a_server(self):
        """With a token, which lets the hit say where the visitor is."""
        usual = {"idsite": 1, "rec": 1, "url": PAGE, "cip": SAID.decode(), "token_auth": self._token}
        for number, name in enumerate(("country", "region", "city", "lat", "long", "cdt", "uid")):
            query = urlencode(usual | {name: f"{WORD}{number + 90}"})
            self.send("GET", f"/matomo.php?{query}")
            self.send("POST", "/matomo.php", query.encode(), FORM)
            self.send(
                "POST", "/matomo.php", json.dumps({"requests": [f"?{query}"], "token_auth": self._token}).encode()
            )

    def overwrite(self):
        """What the loop reads next lies where the last requests lay."""
        for _ in range(4):
            self.send("POST", "/matomo.php", b"x" * 400_000)


def found_in(text, more=()):
    return [text[max(0, text.find(n) - 60) : text.find(n) + 60] for n in (*NEEDLES, ADDRESS, SAID, *more) if n in text]


def files(folder):
    """Everything that the worker may have written, its log too."""
    return {path.name: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file() and path.suffix != ".py"}


@contextmanager
def worker(folder, monkeypatch, code=SOON):
    (folder / "sooner").mkdir()
    (folder / "sooner" / "sitecustomize.py").write_text(code)
    for name, value in (WIPING | {"PYTHONPATH": str(folder / "sooner")}).items():
        monkeypatch.setenv(name, value)
    with running(folder, table(1, HOST, more=KEEPING), 'trusted_proxies = ["127.0.0.0/8"]') as worker:
        yield worker


def verb(folder, *words):
    command = [sys.executable, "-m", "edge", *words, "--config", str(folder / "edge.toml")]
    return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout


def shown(edge, folder):
    """Everything that edge tells of what it counted."""
    paths = ("/metrics", "/stats/1", "/stats/1?show=page", "/api/v1/sites/1/stats")
    verbs = ("report --format json", "report --format csv", "report", "export", "export --format csv")
    told = {path: edge.get(path)[1] for path in paths} | {
        words: verb(folder, "hits", *words.split()) for words in verbs
    }
    return told | {f"{name}, running": content for name, content in files(folder).items()}


def test_no_canary_is_found_anywhere(tmp_path, monkeypatch):
    with worker(tmp_path, monkeypatch) as edge:
        token = verb(tmp_path, "token", "new", "--scope", "publish").strip()
        edge.until(lambda: edge.get("/api/v1/channels", token.decode())[0] == 403, "the token to be known")
        attack = Attack(edge.url, token.decode())
        attack.all()
        attack.as_a_server()
        assert {status for status, _ in attack.answers} <= {200, 204, 400, 403, 404}
        assert [found for _, answer in attack.answers if (found := found_in(answer, [token]))] == []
        everything = [KEPT, *NEEDLES, ADDRESS, SAID, token]
        # A visit lasts a second, and is swept out within another.
        edge.until(lambda: attack.overwrite() or held(edge.process.pid, everything) == {KEPT}, "no word to be held")
        told = shown(edge, tmp_path)
        assert edge.stop() == 0
    told |= files(tmp_path)
    assert {where: found for where, content in told.items() if (found := found_in(content, [token]))} == {}
    for where in ("hits.db", "hits.db-wal, running", "/stats/1?show=page", "/api/v1/sites/1/stats", "export"):
        assert KEPT in told[where], where
    assert {"log", "log, running", "state.json", "tokens.json"} < set(told)


def test_a_leak_would_be_found(tmp_path, monkeypatch):
    with worker(tmp_path, monkeypatch, SOON + LEAKS) as edge:
        attack = Attack(edge.url)
        for hit in hits():
            attack.send("GET", f"/matomo.php?{urlencode(hit)}")
        attack.overwrite()
        assert held(edge.process.pid, NEEDLES) == set(NEEDLES)
        assert edge.stop() == 0
        assert {needle for needle in NEEDLES if needle in files(tmp_path)["hits.db"]} == set(NEEDLES)
