"""Tokens: made, found, revoked, and what happens to the file they live in."""

import os
import stat
import threading

import pytest

from edge.access.scopes import SCOPES, granted
from edge.access.tokens import CHECK_SECONDS, MOST_TOKENS, Tokens, TokenStats
from edge.errors import ConfigError, StoreError


class Time:
    now = 0.0

    def __call__(self):
        return self.now


def made(path, *more, **options):
    return Tokens(str(path), *more, **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


def test_new_is_found_with_its_scopes_and_others_are_not(path):
    tokens = made(path)
    secret = tokens.new(["stats", "view"], "Prometheus")
    assert secret.startswith("edge_")
    assert len(secret) == len("edge_") + 32  # 160 bits in base32
    assert tokens.find(secret) == {"stats", "view"}
    for wrong in ("", secret[:-1], secret + "a", secret.upper(), "edge_", "\udcff", "x" * 100_000):
        assert tokens.find(wrong) == frozenset()


def test_no_two_secrets_are_alike(path):
    tokens = made(path)
    assert len({tokens.new(["view"]) for _ in range(50)}) == 50
    assert len({token.id for token in tokens.list()}) == 50


def test_nothing_is_granted_before_a_token_exists(path):
    assert made(path).find("") == frozenset()
    assert not path.exists()


def test_admin_includes_the_others(path):
    tokens = made(path)
    assert tokens.find(tokens.new(["admin"])) == set(SCOPES)
    assert granted(["stats"]) == {"stats"}
    assert granted(["of a later version"]) == frozenset()


def test_secret_is_nowhere_in_the_file_which_is_its_owners_alone(path):
    secret = made(path).new(["view"], "note")
    raw = path.read_text()
    assert secret not in raw
    assert secret.removeprefix("edge_") not in raw
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "note" in raw


def test_list_and_revoke(path):
    tokens = made(path)
    secret = tokens.new(["view"], "first", now=1_700_000_000)
    tokens.new(["stats"], "second")
    first, second = tokens.list()
    assert (first.scopes, first.note, first.created) == (("view",), "first", 1_700_000_000)
    assert tokens.revoke(first.id)
    assert not tokens.revoke(first.id)
    assert tokens.find(secret) == frozenset()
    assert tokens.list() == [second]


def test_running_worker_sees_what_another_process_did_within_two_seconds(path):
    time = Time()
    worker, command = made(path, monotonic=time), made(path)
    secret = command.new(["view"])
    assert worker.find(secret) == frozenset()
    time.now += CHECK_SECONDS
    assert worker.find(secret) == {"view"}
    command.revoke(command.list()[0].id)
    time.now += CHECK_SECONDS - 0.1
    assert worker.find(secret) == {"view"}
    time.now += 0.1
    assert worker.find(secret) == frozenset()


def test_find_leaves_reading_to_the_background(path):
    time, work = Time(), []
    worker, command = made(path, work.append, time), made(path)
    secret = command.new(["view"])
    time.now += CHECK_SECONDS
    assert worker.find(secret) == frozenset()
    assert len(work) == 1
    thread = threading.Thread(target=work.pop())
    thread.start()
    thread.join()
    assert worker.find(secret) == {"view"}
    time.now += CHECK_SECONDS
    worker.find(secret)
    assert work == []  # unchanged: not read again


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"tokens": [{}]}',
        '{"tokens": [{"id": "a", "hash": "zz", "scopes": ["admin"], "note": "", "created": 1}]}',
        '{"tokens": []}' + " " * 1_048_576,
        b'{"tokens": [{"id": "\xff\xfe"}]}',
        b"\xff",
        '{"tokens": [], "x": ' + "[" * 500_000 + "]" * 500_000 + "}",
    ],
    ids=range(9),
)
def test_damaged_file_means_no_tokens_and_says_what_to_do(path, content):
    time = Time()
    tokens = made(path, monotonic=time)
    secret = tokens.new(["admin"])
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(raw)
    time.now += CHECK_SECONDS
    assert tokens.find(secret) == frozenset()
    assert made(path).stats() == TokenStats(tokens=0, readable=False)  # a worker starts all the same
    assert tokens.stats().readable is False
    with pytest.raises(StoreError, match=r"tokens\.json"):
        tokens.list()
    with pytest.raises(StoreError):
        tokens.new(["view"])
    assert path.read_bytes() == raw  # not overwritten


def test_removed_file_revokes_all(path):
    time = Time()
    tokens = made(path, monotonic=time)
    secret = tokens.new(["admin"])
    path.unlink()
    time.now += CHECK_SECONDS
    assert tokens.find(secret) == frozenset()


def test_full(path, monkeypatch):
    monkeypatch.setattr("edge.access.tokens.MOST_TOKENS", 3)
    tokens = made(path)
    for _ in range(3):
        tokens.new(["view"])
    with pytest.raises(StoreError, match="revoke some"):
        tokens.new(["view"])
    tokens.revoke(tokens.list()[0].id)
    assert tokens.new(["view"])
    assert tokens.stats().tokens == 3
    assert MOST_TOKENS == 1000


@pytest.mark.parametrize("scopes", [[], ["root"], ["view", "root"]])
def test_unknown_scopes(path, scopes):
    with pytest.raises(ConfigError, match="expected scopes out of view, publish, stats, admin"):
        made(path).new(scopes)


@pytest.mark.parametrize("note", ["a" * 201, "a\nb", "\x1b[31m"])
def test_notes_that_would_spoil_a_list(path, note):
    with pytest.raises(ConfigError, match="expected a note"):
        made(path).new(["view"], note)


def test_many_at_once_lose_nothing(path):
    def make():
        mine = made(path)
        for _ in range(5):
            mine.new(["view"])

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made(path).list()) == 30


def test_leftovers_of_a_crash_do_not_matter(path):
    path.with_suffix(".json.new").write_text("half a fi")
    secret = made(path).new(["view"])
    assert made(path).find(secret) == {"view"}


def test_link_in_the_way_is_not_followed(path, tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")
    path.with_suffix(".json.new").symlink_to(target)
    with pytest.raises(StoreError, match="cannot write"):
        made(path).new(["view"])
    assert target.read_text() == "precious"


def test_directory_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"cannot write .*: No such file"):
        Tokens(str(tmp_path / "gone" / "tokens.json")).new(["view"])


def test_root_gives_the_files_to_the_directorys_owner(path, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(tmp_path, 12345, 12346)
    made(path).new(["view"])
    for file in (path, path.with_suffix(".json.lock")):
        status = file.stat()
        assert (status.st_uid, status.st_gid) == (12345, 12346)


def test_a_link_that_the_service_has_put_there_is_not_followed(path, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("root's")
    before = precious.stat()
    path.with_suffix(".json.lock").symlink_to(precious)
    with pytest.raises(StoreError):
        made(path).new(["view"])
    assert (precious.stat().st_uid, precious.read_text()) == (before.st_uid, "root's")
