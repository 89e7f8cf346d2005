"""`edge backup` and `edge restore`: of a worker under hits, of damaged and hostile files."""

from __future__ import annotations

import io
import os
import sqlite3
import stat
import tarfile
import threading
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest
from running import running

from edge.cli.backupfile import FORMAT, MANIFEST, NAMES, Manifest
from edge.cli.main import main
from edge.hits.schema import VERSION

SITE = '[[site]]\nid = 1\nhosts = ["www.example.org"]\n'
HIT = "/matomo.php?idsite=1&rec=1&url=http://www.example.org/page"
AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def hits(database: Path) -> int:
    db = sqlite3.connect(database)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute("SELECT coalesce(sum(hits), 0) FROM totals").fetchone()[0]
    finally:
        db.close()


class Visitors(threading.Thread):
    """Send hits until they are told to stop, and know how many were acknowledged."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.acknowledged, self.leave = url, 0, threading.Event()

    def run(self) -> None:
        while not self.leave.is_set():
            with urllib.request.urlopen(urllib.request.Request(self.url + HIT, headers=AGENT), timeout=20) as answer:
                assert "X-Edge-Excluded" not in answer.headers
            self.acknowledged += 1


@pytest.fixture(scope="module", name="made")
def a_backup_of_a_busy_worker(tmp_path_factory):
    """The folder with `edge.toml` and `edge.tar.gz`, and the hits that were acknowledged before and after."""
    folder = tmp_path_factory.mktemp("backup")
    config = str(folder / "edge.toml")
    with running(folder, SITE) as worker:
        assert main(["token", "new", "--scope", "admin", "--config", config]) == 0
        visitors = Visitors(worker.url)
        visitors.start()
        try:
            worker.until(lambda: visitors.acknowledged >= 20, "hits")
            before = visitors.acknowledged
            assert main(["backup", "--config", config, "--output", str(folder / "edge.tar.gz")]) == 0
            after = visitors.acknowledged + 1  # one may be on its way
        finally:
            visitors.leave.set()
            visitors.join()
        assert main(["restore", str(folder / "edge.tar.gz"), "--force", "--config", config]) == 2  # it runs
        assert worker.get("/readyz")[0] == 200
    return folder, before, after


def restored(folder: Path, backup: Path, *more: str) -> int:
    (folder / "edge.toml").write_text(f'data_dir = "{folder}/data"\n{SITE}')
    return main(["restore", str(backup), "--config", str(folder / "edge.toml"), *more])


def test_what_was_acknowledged_before_is_in_it_and_nothing_else_than_what_is_kept(made, tmp_path):
    folder, before, after = made
    assert stat.S_IMODE((folder / "edge.tar.gz").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []  # no copy is left
    with tarfile.open(folder / "edge.tar.gz") as tar:
        assert tar.getnames() == [MANIFEST, *NAMES]
    assert restored(tmp_path, folder / "edge.tar.gz") == 0
    assert before <= hits(tmp_path / "data/hits.db") <= after
    for name in NAMES:
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert (tmp_path / "data/tokens.json").read_bytes() == (folder / "data/tokens.json").read_bytes()


def test_a_worker_goes_on_with_what_was_restored(made, tmp_path, capsys):
    folder, before, _ = made
    assert restored(tmp_path, folder / "edge.tar.gz") == 0
    with running(tmp_path, SITE) as worker:
        assert main(["hits", "report", "--format", "json", "--config", str(tmp_path / "edge.toml")]) == 0
        out = capsys.readouterr().out
        report = msgspec.json.decode(out[out.index("{") :])
        assert report["sums"]["hits"] >= before
        assert "database_set_aside" not in worker.log


def test_verbs_of_the_operator_need_no_secret_that_only_the_service_is_shown(made, tmp_path, capsys, monkeypatch):
    folder, *_ = made
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config = tmp_path / "edge.toml"
    secret = 'user_file = "$CREDENTIALS_DIRECTORY/user"\npassword_file = "/run/credentials/edge.service/news"\n'
    channel = f'[[channel]]\nname = "news"\nsource = "http://source.example/1.ts"\n{secret}'
    config.write_text(f'data_dir = "{tmp_path}/data"\n{SITE}{channel}')
    for words in (
        ["restore", str(folder / "edge.tar.gz")], ["token", "list"],
        ["backup", "--output", str(tmp_path / "again.tar")], ["hits", "export"],
        ["hits", "purge", "--before", "2020-01-01"],
    ):  # fmt: skip
        assert main([*words, "--config", str(config)]) == 0, words
    assert main(["check", "--config", str(config)]) == 2
    assert "LoadCredential=" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who acts for a service's user")
def test_below_a_directory_of_roots_alone_everything_is_the_services(made, tmp_path):
    """As systemd keeps the directory of a DynamicUser: /var/lib/edge leads to /var/lib/private/edge."""
    folder, before, _ = made
    service, private = 61_184, tmp_path / "private"
    (private / "edge").mkdir(parents=True)
    private.chmod(0o700)
    os.chown(private / "edge", service, service)
    (tmp_path / "data").symlink_to("private/edge")
    for _ in range(2):  # the second time into what the first has left
        assert restored(tmp_path, folder / "edge.tar.gz", "--force") == 0
        config = str(tmp_path / "edge.toml")
        assert main(["backup", "--config", config, "--output", str(tmp_path / f"{time.time_ns()}.tar")]) == 0
        assert main(["hits", "report", "--config", config]) == 0
        assert main(["hits", "purge", "--before", "2020-01-01", "--config", config]) == 0
        assert main(["token", "new", "--scope", "view", "--config", config]) == 0
        made_there = [path for path in private.rglob("*") if path != private]
        assert {"hits.db", "tokens.json", "state.json"} <= {path.name for path in made_there}
        assert [path for path in made_there if path.lstat().st_uid != service] == []
    assert hits(private / "edge" / "hits.db") >= before


@pytest.mark.parametrize("put", [lambda path, to: path.symlink_to(to), lambda path, _: os.mkfifo(path)])
def test_what_the_service_may_have_put_there_is_not_copied(tmp_path, capsys, put):
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").write_text("root's alone")
    put(tmp_path / "data" / "tokens.json", tmp_path / "secret")
    config = tmp_path / "edge.toml"
    config.write_text(f'data_dir = "{tmp_path / "data"}"\n{SITE}')
    assert main(["backup", "--config", str(config), "--output", str(tmp_path / "made.tar")]) != 0
    assert "expected a file of the worker's" in capsys.readouterr().err
    assert not (tmp_path / "made.tar").exists()


def test_what_stands_there_is_refused_or_kept_beside_with_its_log(made, tmp_path, capsys):
    backup = made[0] / "edge.tar.gz"
    (tmp_path / "data").mkdir()
    for name in ("hits.db", "hits.db-wal", "hits.db-shm"):
        (tmp_path / "data" / name).write_text("old")
    assert restored(tmp_path, backup) == 2
    assert "hits.db-wal" in capsys.readouterr().err
    assert (tmp_path / "data/hits.db").read_text() == "old"
    assert restored(tmp_path, backup, "--force") == 0
    (kept,) = (tmp_path / "data").glob("before-restore-*")
    assert sorted(path.name for path in kept.iterdir()) == ["hits.db", "hits.db-shm", "hits.db-wal"]
    assert not (tmp_path / "data/hits.db-wal").exists()
    assert hits(tmp_path / "data/hits.db") >= made[1]


def rewritten(backup: Path, target: Path, change) -> Path:
    """The backup with `change(name, data) -> (name, data)` on each member."""
    with tarfile.open(backup) as old, tarfile.open(target, "w") as new:
        for entry in old:
            name, data = change(entry.name, old.extractfile(entry).read())
            info = tarfile.TarInfo(name)
            info.size = len(data)
            new.addfile(info, io.BytesIO(data))
    return target


def manifest(**changes: object):
    """Changes the manifest alone."""

    def change(name, data):
        if name != MANIFEST:
            return name, data
        found = msgspec.json.decode(data, type=Manifest)
        return name, msgspec.json.encode(msgspec.structs.replace(found, **changes))

    return change


def flipped(name, data):
    return name, data[:-1] + bytes([data[-1] ^ 1]) if name == "state.json" else data


def renamed(name, data):
    return ("../../evil" if name == "state.json" else name), data


def escaping(name, data):
    found = msgspec.json.decode(data, type=dict[str, object]) if name == MANIFEST else {}
    for item in found.get("files", []):
        item["name"] = "../evil" if item["name"] == "state.json" else item["name"]
    return ("../evil" if name == "state.json" else name), msgspec.json.encode(found) if found else data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (manifest(format=FORMAT + 1), "format"),
        (manifest(database=VERSION + 1), "later edge"),
        (manifest(database=None), "expected files of edge"),
        (lambda name, data: (name, b"{" if name == MANIFEST else data), "damaged"),
        (lambda name, data: (f"x{name}", data), "begins with manifest.json"),
        (lambda name, data: (name, b"" if name == "hits.db" else data), "hits.db of"),
        (flipped, "SHA-256"),
        (renamed, "state.json"),
        (escaping, "expected files of edge"),
    ],
)
def test_a_backup_that_is_not_right_changes_nothing(made, tmp_path, capsys, change, said):
    bad = rewritten(made[0] / "edge.tar.gz", tmp_path / "bad.tar", change)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/state.json").write_text("{}")
    assert restored(tmp_path, bad, "--force") == 1
    assert said in capsys.readouterr().err
    left = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert left == ["edge.sock.lock", "state.json"]
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_backup_that_was_cut_off_is_refused(made, tmp_path, capsys, share):
    whole = (made[0] / "edge.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: int(len(whole) * share)])
    assert restored(tmp_path, tmp_path / "cut.tar.gz") == 1
    assert "cut.tar.gz" in capsys.readouterr().err
    assert not (tmp_path / "data/hits.db").exists()


def test_a_file_that_is_there_and_a_data_dir_that_is_not_are_refused(made, tmp_path, capsys):
    folder = made[0]
    config = ["--config", str(folder / "edge.toml")]
    assert main(["backup", *config, "--output", str(folder / "edge.tar.gz")]) == 2
    assert "there already" in capsys.readouterr().err
    (tmp_path / "edge.toml").write_text(f'data_dir = "{tmp_path}/none"\n')
    assert main(["backup", "--config", str(tmp_path / "edge.toml"), "--output", str(tmp_path / "x.tar")]) == 2
    (tmp_path / "none").mkdir()
    assert main(["backup", "--config", str(tmp_path / "edge.toml"), "--output", str(tmp_path / "x.tar")]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edge.toml", "none"]
