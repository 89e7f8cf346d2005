"""Two servers for tests of hit.js: one in edge's place, which serves its scripts and writes down hits, and a site."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from routing import answered

from edge.hits.scripts import Scripts
from edge.http.message import Request, Response
from edge.http.router import Router

PAGE = """<!doctype html><html lang=en><title>A title</title>
<script defer src="EDGE/hit.js" data-site="7"></script>
<a id=out href="EDGE/elsewhere?token=secret#x">away</a> <a id=in href="/other">here</a>
<a id=mail href="mailto:a@b.c">m</a> <a id=named href="/report?id=5" download>report</a>
<a id=file href="/files/manual.PDF?token=secret"><b id=inner>manual</b></a>
<a id=far href="EDGE/files/tool.zip?token=secret">tool</a>
<noscript><img src="EDGE/matomo.php?idsite=7&amp;rec=1" width=1 height=1 alt=""
  referrerpolicy="no-referrer-when-downgrade"></noscript>"""
# A click stays on the page.
STAY = "document.addEventListener('click', (event) => event.preventDefault())"
# What a page left in the browser.
LEFT = """async () => ({
  cookie: document.cookie, local: Object.keys(localStorage), session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length })"""
NOTHING = {"cookie": "", "local": [], "session": [], "databases": 0, "caches": 0}


class Hit:
    """One request to matomo.php: its parameters, and how they came."""

    def __init__(self, method: str, path: str, fields: dict[str, str], headers: dict[str, str]) -> None:
        self.method = method
        self.path = path
        self.fields = fields
        self.headers = headers

    def __repr__(self) -> str:
        return f"{self.method} {self.fields}"


class Recorder(BaseHTTPRequestHandler):
    """edge's scripts by their own handlers; instead of the collector, a list."""

    router: Router
    hits: list[Hit]
    scheme = "http"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if parts.path.endswith("/matomo.php"):
            fields = dict(parse_qsl(f"{parts.query}&{body.decode()}", keep_blank_values=True))
            self.hits.append(Hit(self.command, parts.path, fields, headers))
            cors = [("Access-Control-Allow-Origin", headers.get("origin", "*"))]
            return self._send(Response(204, (*cors, ("Access-Control-Allow-Credentials", "true"))))
        host = headers.get("host", "")
        request = Request(self.command, parts.path, parts.query.encode(), headers, "127.0.0.1", self.scheme, host, body)
        answer = answered(self.router, request)
        assert isinstance(answer, Response)
        return self._send(answer)

    def _send(self, answer: Response) -> None:
        assert isinstance(answer.body, bytes)
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Browsers that end leave connections as they are; everything else a test finds by what is missing."""


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def recorder(name: str = "127.0.0.1", scheme: str = "http") -> Iterator[tuple[str, list[Hit]]]:
    """Its address, and what came there. `scheme`: what edge takes it for; browsers trust localhost like HTTPS."""
    router = Router()
    Scripts().add_to(router)
    hits: list[Hit] = []
    with _serving(type("Recording", (Recorder,), {"router": router, "hits": hits, "scheme": scheme})) as port:
        yield f"http://{name}:{port}", hits


@contextmanager
def pages(made: dict[str, str], policy: str = "") -> Iterator[int]:
    """A site on a port of the loopback: `made` by path, under a Content-Security-Policy. `/never` does not end."""
    released = threading.Event()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/never":
                released.wait(60)
            page = made.get(path, "").encode()
            self.send_response(200 if page else 404)
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with _serving(Site) as port:
        try:
            yield port
        finally:
            released.set()
