"""Secrets that systemd hands to a unit: `$CREDENTIALS_DIRECTORY/NAME`."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config.load import load
from edge.config.mistake import Mistakes

CHANNEL = """
[[channel]]
name = "x"
source = "http://127.0.0.1/x.ts"
user_file = "$CREDENTIALS_DIRECTORY/user"
password_file = "{password}"
"""


def config(folder: Path, password: str) -> str:
    (folder / "edge.toml").write_text(CHANNEL.format(password=password))
    (folder / "user").write_text("anna\n")
    (folder / "password").write_text("s3cr3t\n")
    return str(folder / "edge.toml")


def test_they_are_read_from_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    found = load(config(tmp_path, "$CREDENTIALS_DIRECTORY/password")).credentials["x"]
    assert (found.user, found.password) == ("anna", "s3cr3t")
    found = load(config(tmp_path, f"{tmp_path}/password")).credentials["x"]
    assert (found.user, found.password) == ("anna", "s3cr3t")


def test_without_the_variable_the_mistake_says_who_sets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(Mistakes) as caught:
        load(config(tmp_path, f"{tmp_path}/password"))
    assert "channel[0].user_file" in str(caught.value)
    assert "LoadCredential=" in str(caught.value)
    assert "anna" not in str(caught.value)


def test_one_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(Mistakes, match=r"password_file: .*\$CREDENTIALS_DIRECTORY/none.*No such file"):
        load(config(tmp_path, "$CREDENTIALS_DIRECTORY/none"))


def test_who_wants_no_source_needs_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    found = load(config(tmp_path, "$CREDENTIALS_DIRECTORY/none"), secrets=False)
    assert (found.channels[0].name, found.credentials) == ("x", {})
