"""`edge hits`, as a user types it: with the database alone, and through a worker's socket."""

import argparse
import asyncio
import csv
import gzip
import io
import json
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import accesslogs
import msgspec
import pytest
from accesslogs import FORMATS, ROBOT, request
from httppeer import running

from edge.cli import hits
from edge.cli.hitsimport import take
from edge.cli.hitslocal import Operator
from edge.clock import SystemClock
from edge.config.model import Settings
from edge.errors import ConfigError, StoreError
from edge.hits.hit import Flags, Hit
from edge.hits.ledger import Ledger
from edge.hits.localroutes import LocalRoutes
from edge.hits.report import Report
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.store import Store
from edge.http.router import Router
from edge.http.unix import SOCKET
from edge.log import Log

CONFIG = """
data_dir = "data"
[[site]]
id = 1
hosts = ["www.example.org"]
[[site]]
id = 2
hosts = ["other.example"]
"""
SITES = (SiteSettings(1, ("www.example.org",)), SiteSettings(2, ("other.example",)))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    Path("edge.toml").write_text(CONFIG)
    Path("data").mkdir(mode=0o700)
    return tmp_path


@contextmanager
def database():
    yield


@contextmanager
def worker():
    """What the app makes of it: a store, and its routes on a socket."""
    router = Router()
    with running(router) as server:

        async def begin():
            store = Store("data/hits.db", SITES, HitsSettings(), Log(stream=io.StringIO()))
            await store.start()
            LocalRoutes(SITES, store, SystemClock()).add_to(router)
            await server.server.start([f"unix:data/{SOCKET}"])
            return store

        store = server.run(begin())
        try:
            yield
        finally:
            server.run(store.close())


@pytest.fixture(params=[database, worker], ids=["database", "worker"])
def typed(request, place, capsys):
    def run(*words):
        parser = argparse.ArgumentParser()
        hits.add_arguments(parser)
        code = hits.run(parser.parse_args([words[0], "--site", "1", *words[1:]]))
        out, err = capsys.readouterr()
        return code, out, err

    with request.param():
        yield run


def at(days=0):
    return int(time.time()) // 86_400 * 86_400 - days * 86_400


def report(typed, *words):
    code, out, _ = typed("report", "--format", "json", *words)
    assert code == 0
    return msgspec.json.decode(out, type=Report)


def write(name, requests, form="combined"):
    Path(name).write_text(accesslogs.text(requests, FORMATS[form]))


@pytest.mark.parametrize("form", FORMATS)
def test_a_log_counts_once(typed, form):
    write("access.log", [*accesslogs.visits(400, at(2)), request(at(2), "/a.pdf"), request(at(2), agent=ROBOT)], form)
    code, out, err = typed("import", "access.log")
    assert (code, err) == (0, "")
    assert f"{form}, 402 new lines" in out
    assert "400 page views, 1 downloads" in out
    assert "1 robots" in out
    for _ in range(2):
        assert "0 page views, 0 downloads" in typed("import", "access.log")[1]
    found = report(typed)
    assert (found.sums.pageviews, found.sums.downloads, found.excluded) == (400, 1, {"bot": 1})
    assert sum(row.hits for row in found.top["page"]) == 400
    assert {row.name for row in found.top["referrer"]} == {"Google", "news.example"}


def test_a_log_that_grows_is_rotated_and_packed(typed):
    requests = accesslogs.visits(700, at(2))
    for count in (1, 3, 100, 300, 300, 699):
        write("access.log", requests[:count])
        assert typed("import", "access.log")[0] == 0
        assert report(typed).sums.pageviews == count
    text = accesslogs.text(requests).encode()
    Path("access.log.1").write_bytes(text)
    Path("access.log.2.gz").write_bytes(gzip.compress(text))
    assert "1 page views" in typed("import", "access.log.1", "access.log.2.gz")[1]
    assert report(typed).sums.pageviews == 700


def test_a_log_that_is_written_to(typed):
    text = accesslogs.text(accesslogs.visits(20, at(1)))
    Path("access.log").write_text(text[:-30])
    code, out, _ = typed("import", "access.log")
    assert (code, report(typed).sums.pageviews) == (0, 19)
    assert "the last line has no end yet" in out
    Path("access.log").write_text(text)
    typed("import", "access.log")
    assert report(typed).sums.pageviews == 20


def test_a_log_that_was_cut(typed):
    write("access.log", accesslogs.visits(50, at(1)))
    typed("import", "access.log")
    write("access.log", accesslogs.visits(50, at(1))[:20])
    assert "0 page views" in typed("import", "access.log")[1]
    assert report(typed).sums.pageviews == 50


def test_two_logs_of_one_beginning_that_is_not_the_same(typed):
    write("a.log", accesslogs.visits(20, at(1)))
    write("b.log", accesslogs.visits(20, at(1), seed=2))
    typed("import", "a.log", "b.log")
    assert report(typed).sums.pageviews == 40


def test_rubbish_and_long_lines(typed):
    lines = accesslogs.text(accesslogs.visits(10, at(1))).splitlines(keepends=True)
    Path("access.log").write_text(
        "rubbish\n" + "".join(lines[:5]) + "x" * 200_000 + "\n\n" + "".join(lines[5:]) + "\0\n"
    )
    _, out, _ = typed("import", "access.log")
    assert "10 page views" in out
    assert "2 not of the log's format" in out
    assert "1 longer than 32 KiB" in out
    assert ": combined, 0 new lines" in typed("import", "access.log")[1]
    assert report(typed).sums.pageviews == 10


def test_a_file_that_is_no_log(typed):
    Path("x.log").write_text("hello\nworld\n")
    write("access.log", accesslogs.visits(3, at(1)))
    Path("empty.log").write_text("")
    code, out, err = typed("import", "x.log", "missing.log", "empty.log", "access.log")
    assert code == 1
    assert "x.log: expected a log in combined" in err
    assert "missing.log: expected a log file that can be read" in err
    assert "hello" not in err
    assert "3 page views" in out


def test_the_common_format_says_what_it_lacks(typed):
    Path("access.log").write_text(accesslogs.text(accesslogs.visits(3, at(1)), accesslogs.common))
    out = typed("import", "access.log")[1]
    assert "access.log: common, 3 new lines" in out
    assert "no agents" in out


def test_sites_are_apart(typed):
    write("access.log", accesslogs.visits(5, at(1)))
    typed("import", "access.log", "--site", "2")
    assert report(typed).sums.pageviews == 0
    assert report(typed, "--site", "2").sums.pageviews == 5
    assert "5 page views" in typed("import", "access.log")[1]


def test_a_table_for_people(typed):
    write("access.log", accesslogs.visits(90, at(2)))
    typed("import", "access.log")
    code, out, _ = typed("report", "--days", "5", "--top", "2")
    assert code == 0
    assert out.startswith("www.example.org, ")
    assert "at least" in out
    assert "█" in out
    assert "\033" not in out
    pages = out[out.index("\nPages") :].split("\n\n")[0].splitlines()[2:]
    assert pages[-1].strip().startswith("(other)")
    assert len(pages) == 3


def test_csv(typed):
    write("access.log", accesslogs.visits(90, at(2)))
    typed("import", "access.log")
    rows = list(csv.DictReader(io.StringIO(typed("report", "--format", "csv")[1])))
    assert sum(int(row["pageviews"]) for row in rows if row["table"] == "day") == 90
    assert sum(int(row["hits"]) for row in rows if row["table"] == "page") == 90


def test_everything_is_exported(typed):
    write("access.log", accesslogs.visits(5000, at(2)))  # over midnight
    typed("import", "access.log")
    records = [json.loads(line) for line in typed("export")[1].splitlines()]
    assert records[0] == {
        "table": "edge hits", "format": 1, "site": 1, "name": "www.example.org", "timezone": "UTC",
    }  # fmt: skip
    days = [each for each in records if each["table"] == "day"]
    assert len(days) == 2
    assert sum(each["pageviews"] for each in days) == 5000
    assert sum(each["pageviews"] for each in records if each["table"] == "hour") == 5000
    pages = [each for each in records if each["table"] == "name" and each["dimension"] == "page"]
    assert sum(each["hits"] for each in pages) == 5000
    rows = list(csv.DictReader(io.StringIO(typed("export", "--format", "csv")[1])))
    assert len(rows) == len(records) - 1
    assert sum(int(row["pageviews"]) for row in rows if row["table"] == "day") == 5000


def test_purge_and_forget(typed):
    write("access.log", [request(at(3), "/old"), request(at(1), "/secret"), request(at(1), "/kept")])
    typed("import", "access.log")
    assert typed("purge", "--before", time.strftime("%Y-%m-%d", time.gmtime(at(2))))[:2] == (0, "days dropped: 1\n")
    code, out, _ = typed("forget", "/secret")
    assert (code, out.splitlines()) == (
        0,
        [
            "page       /secret  (days: 1, hits: 1)",
            "entry      /secret  (days: 1, hits: 1)",
            'dropped; what they counted is part of "(other)" now',
        ],
    )
    again = typed("forget", "/secret")
    assert (again[0], again[1]) == (1, "")
    assert "no page, entry page or download of that name" in again[2]
    assert typed("forget", "--list", "outlink", "b.example")[0] == 1
    found = report(typed)
    assert found.sums.pageviews == 2
    assert [(row.name, row.hits) for row in found.top["page"]] == [("/kept", 1), ("(other)", 1)]
    for path in Path("data").iterdir():
        assert path.is_socket() or b"/secret" not in path.read_bytes()


def test_a_site_that_left_the_configuration_can_be_purged(typed):
    write("access.log", [request(at(3), "/old")])
    typed("import", "access.log")
    Path("edge.toml").write_text(CONFIG.replace("id = 1", "id = 3"))
    assert typed("purge", "--before", time.strftime("%Y-%m-%d", time.gmtime(at())))[:2] == (0, "days dropped: 1\n")
    with pytest.raises(ConfigError, match="expected one of 3, 2; got 1"):
        typed("report")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("report", "--days", "0"), "days: expected"),
        (("report", "--from", "yesterday"), "expected a day such as"),
        (("report", "--top", "0"), "--top: expected"),
        (("report", "--site", "3"), "--site: expected one of 1, 2; got 3"),
        (("purge", "--before", "2026"), "--before: expected a day"),
        (("purge", "--before", "2126-01-01"), "--before: expected a day up to tomorrow, got 2126-01-01"),
        (("report", "--days", "3", "--from", "2026-11-01"), "expected --days, or --from and --to, got both"),
        (("forget", "x"), "begins with /"),
        (("report", "--config", "missing.toml"), "missing.toml"),
    ],
)
def test_mistakes_of_the_user(typed, words, why):
    write("access.log", [request(at(1))])
    typed("import", "access.log")
    with pytest.raises(ConfigError, match=why):
        typed(*words)


def test_without_a_database(place, capsys):
    parser = argparse.ArgumentParser()
    hits.add_arguments(parser)
    with pytest.raises(StoreError, match="nothing was counted here yet"):
        hits.run(parser.parse_args(["report", "--site", "1"]))
    with pytest.raises(ConfigError, match="got nothing"):
        hits.run(parser.parse_args(["report"]))
    Path("edge.toml").unlink()
    with pytest.raises(ConfigError, match="expected --config"):
        hits.run(parser.parse_args(["report"]))


def test_names_of_strangers_do_nothing(place, capsys):
    """To a terminal, to a table program."""
    ledger = Ledger("data/hits.db", SITES, "process", Log("error"))
    names = ("/\033[31mred\x07", "/\u202egpj.exe", "=cmd|' /C calc'!A0", "/" + "漢" * 60, "-1+1")
    ledger.write([(Hit(1, at(1), "pageview", page=name), Flags()) for name in names])
    ledger.close()
    parser = argparse.ArgumentParser()
    hits.add_arguments(parser)
    for form in ("table", "csv"):
        hits.run(parser.parse_args(["report", "--site", "1", "--format", form]))
    out = capsys.readouterr().out
    table, _, table_program = out.partition("table,name,")
    assert "\033" not in table
    assert "\u202e" not in table
    assert "漢" * 20 in table
    assert "漢" * 40 not in table
    cells = [row[1] for row in csv.reader(io.StringIO(table_program))]
    assert "'=cmd|' /C calc'!A0" in cells
    assert "'-1+1" in cells


def test_an_import_goes_on_through_a_worker_that_starts(place, capsys):
    """Half of it by the database, half by the worker; once each."""
    write("access.log", accesslogs.visits(50, at(1)))
    write("more.log", accesslogs.visits(40, at(2), seed=3))
    parser = argparse.ArgumentParser()
    hits.add_arguments(parser)
    hits.run(parser.parse_args(["import", "--site", "1", "access.log"]))
    with worker():
        hits.run(parser.parse_args(["import", "--site", "1", "access.log", "more.log"]))
        hits.run(parser.parse_args(["report", "--site", "1", "--format", "json"]))
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{") :])["sums"]["pageviews"] == 90


def test_a_worker_that_is_not_ours_to_talk_to(place, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    with worker():
        parser = argparse.ArgumentParser()
        hits.add_arguments(parser)
        args = parser.parse_args(["report", "--site", "1"])
        Path(place).chmod(0o755)
        Path("data").chmod(0o755)
        done = []

        def other():
            """Only this thread's connect is of interest, but the kernel's call is the process's."""
            os.seteuid(65534)
            try:
                hits.run(args)
            except StoreError as error:
                done.append(str(error))
            finally:
                os.seteuid(0)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
    if not done:
        pytest.skip("the directory of the tests is closed to others")
    assert "be the user that runs edge" in done[0]


def test_a_worker_that_has_too_much_to_do_is_waited_for(place, capsys, monkeypatch):
    monkeypatch.setattr("edge.cli.hitslocal.time.sleep", lambda _seconds: None)
    write("access.log", accesslogs.visits(5, at(1)))
    parser = argparse.ArgumentParser()
    hits.add_arguments(parser)
    with worker():
        refused = []
        keep = Store.submit

        def submit(self, batch, done):
            if len(refused) < 3:
                refused.append(1)
                asyncio.get_running_loop()
                from edge.errors import OverloadError  # noqa: PLC0415

                raise OverloadError("busy")
            keep(self, batch, done)

        monkeypatch.setattr(Store, "submit", submit)
        hits.run(parser.parse_args(["import", "--site", "1", "access.log"]))
        hits.run(parser.parse_args(["report", "--site", "1", "--format", "json"]))
    out = capsys.readouterr().out
    assert len(refused) == 3
    assert json.loads(out[out.index("{") :])["sums"]["pageviews"] == 5


def test_a_disk_that_refuses_is_told_and_nothing_counts_twice(place, capsys, monkeypatch):
    write("access.log", accesslogs.visits(5, at(1)))
    parser = argparse.ArgumentParser()
    hits.add_arguments(parser)
    args = parser.parse_args(["import", "--site", "1", "access.log"])
    with worker():
        with monkeypatch.context() as patched:
            patched.setattr(Store, "submit", lambda _self, _batch, done: done(StoreError("hits.db: disk full")))
            assert hits.run(args) == 1
        assert "hits.db: disk full" in capsys.readouterr().err
        assert hits.run(args) == 0
        assert "5 page views" in capsys.readouterr().out


def test_a_site_that_the_worker_does_not_know(place):
    Path("edge.toml").write_text(CONFIG + '[[site]]\nid = 3\nhosts = ["new.example"]\n')
    write("access.log", accesslogs.visits(5, at(1)))
    parser = argparse.ArgumentParser()
    hits.add_arguments(parser)
    with worker(), pytest.raises(StoreError, match="no such site: start it again"):
        hits.run(parser.parse_args(["report", "--site", "3"]))


def test_nothing_raw_is_left_of_an_import(typed):
    """Of address, agent, query, referrer's path and e-mail in a path: in no file, in nothing that is said."""
    canary = request(
        at(1), "/u/canary.mail@example.org?sid=canarysid", address="203.0.113.77",
        agent=f"{accesslogs.FIREFOX} canaryua", referrer="https://x.example/canaryref?q=canaryq",
    )  # fmt: skip
    write("access.log", [canary] * 20)
    said = "".join(typed(*words)[1] for words in (["import", "access.log"], ["report"], ["export"]))
    left = [path.read_bytes() for path in Path("data").iterdir() if path.is_file()]
    assert report(typed).sums.pageviews == 20
    for text in (said.encode(), *left):
        assert b"canary" not in text
        assert b"203.0.113" not in text


def test_a_damaged_database_is_said_with_what_to_do(place):
    settings = Settings(data_dir="data", sites=SITES)
    write("access.log", accesslogs.visits(50, at(1)))
    assert take(["access.log"], SITES[0], Operator(settings)) == 0
    path = Path("data/hits.db")
    content = path.read_bytes()
    damaged = content[:4096] + b"\xaa" * (len(content) - 4096)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"it is damaged .*edge restore"):
        list(Operator(settings).export(SITES[0]))
    for verb in (
        lambda: Operator(settings).forget(SITES[0], "/"),
        lambda: Operator(settings).purge(SITES[0], 20260101),
    ):
        with pytest.raises(StoreError, match=r"it is damaged .*edge restore"):
            verb()
    assert path.read_bytes() == damaged  # who reads changes nothing
