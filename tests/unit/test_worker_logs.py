"""What a worker writes: lines of the chosen form, events that the README lists, nobody's address, no secret."""

import json
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path

from running import channel, running

README = Path(__file__).resolve().parents[2] / "README.md"
VISITOR, SECRET = "203.0.113.77", "s3cr3tw0rd"
SITE = '[[site]]\nid = 1\nhosts = ["www.example.org"]\n'
HTTP = 'trusted_proxies = ["127.0.0.1/32"]\nmax_connections_per_address = 2\nmax_connections = 4\n'


def ask(worker, path):
    headers = {"X-Forwarded-For": VISITOR, "Authorization": f"Bearer {SECRET}", "User-Agent": "Firefox/140.0"}
    try:
        with urllib.request.urlopen(urllib.request.Request(worker.url + path, headers=headers), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def full(worker):
    """All connections are taken, so that the next ones are turned away."""
    host, port = worker.url.removeprefix("http://").split(":")
    held = [socket.create_connection((host, int(port))) for _ in range(8)]
    worker.until(lambda: "connections_refused" in worker.log, "the refusal in the log")
    for each in held:
        each.close()


def test_every_line_is_json_with_a_listed_event_and_nobody_in_it(tmp_path, free_port):
    gone = channel("gone", f"http://user:{SECRET}@127.0.0.1:{free_port}/x.ts?key={SECRET}")
    with running(tmp_path, gone + SITE, HTTP, 'log.format = "json"\nlog.level = "debug"\n') as worker:
        for path in (
            f"/matomo.php?idsite=1&rec=1&url=http://www.example.org/{SECRET}&uid={SECRET}",
            f"/matomo.php?idsite=9&rec=1&token_auth={SECRET}", f"/status?token={SECRET}", "/api/v1/status", "/stats/1",
            f"/live/gone.ts?token={SECRET}", "/nothing",
        ):  # fmt: skip
            ask(worker, path)
        full(worker)
        worker.until(lambda: "source_failed" in worker.log, "the source to fail")
        assert worker.stop() == 0
        lines = [json.loads(line) for line in worker.log.splitlines()]
        assert {"ready", "source_failed", "connections_refused", "stopped"} <= {line["event"] for line in lines}
        listed = README.read_text().split("\n## Log events\n", 1)[1]
        assert {line["event"] for line in lines} <= set(re.findall(r"`([a-z_]+)`", listed))
        assert VISITOR not in worker.log
        assert SECRET not in worker.log


def test_a_pipe_is_no_journal_even_with_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")  # as inherited from a service
    with running(tmp_path, SITE) as worker:
        assert all(line.startswith("level=") for line in worker.log.splitlines())
    place = (tmp_path / "log").stat()
    monkeypatch.setenv("JOURNAL_STREAM", f"{place.st_dev}:{place.st_ino}")  # `running` writes the same file again
    with running(tmp_path, SITE) as worker:
        lines = worker.log.splitlines()
        assert lines
        assert all(re.match(r"<[3467]>level=", line) for line in lines)
