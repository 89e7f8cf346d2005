"""`edge token`, as a user types it."""

import pytest

from edge.access.tokens import Tokens
from edge.cli.main import main


@pytest.fixture
def typed(tmp_path, capsys):
    def run(*words):
        code = main(["token", *words, "--data-dir", str(tmp_path / "data")])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_new_list_revoke(typed, tmp_path):
    code, secret, hint = typed("new", "--scope", "stats", "--scope", "view", "--note", "Prometheus at home")
    assert code == 0
    assert secret.count("\n") == 1
    assert secret.strip() not in hint
    tokens = Tokens(str(tmp_path / "data" / "tokens.json"))
    assert tokens.find(secret.strip()) == {"stats", "view"}
    code, listed, _ = typed("list")
    assert code == 0
    identity, day, scopes, note = listed.strip().split("  ")
    assert (len(identity), len(day), scopes, note) == (8, 10, "stats,view", "Prometheus at home")
    assert secret.strip() not in listed
    assert typed("revoke", identity) == (0, "", "")
    assert typed("list") == (0, "", "")
    assert Tokens(str(tmp_path / "data" / "tokens.json")).find(secret.strip()) == frozenset()


def test_revoke_what_is_not_there(typed):
    code, out, err = typed("revoke", "12345678")
    assert (code, out) == (1, "")
    assert 'no token "12345678"' in err


def test_mistakes_of_the_user(typed):
    with pytest.raises(SystemExit):
        typed("new")
    with pytest.raises(SystemExit):
        typed("new", "--scope", "root")
    code, out, err = typed("new", "--scope", "view", "--note", "a\nb")
    assert (code, out) == (2, "")
    assert "expected a note" in err


def test_damaged_file(typed, tmp_path):
    typed("new", "--scope", "view")
    (tmp_path / "data" / "tokens.json").write_text("{")
    code, out, err = typed("new", "--scope", "view")
    assert (code, out) == (1, "")
    assert "is damaged" in err


def test_directory_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["token", "list", "--data-dir", str(tmp_path / "file" / "data")]) == 1
    assert "Not a directory" in capsys.readouterr().err


def test_data_dir_of_a_configuration(tmp_path, capsys):
    config = tmp_path / "edge.toml"
    config.write_text(f'data_dir = "{tmp_path}/kept"\n[[channel]]\nname = "a"\nsource = "http://source.example/a.ts"\n')
    assert main(["token", "new", "--scope", "admin", "--config", str(config)]) == 0
    assert Tokens(str(tmp_path / "kept" / "tokens.json")).find(capsys.readouterr().out.strip())
    config.write_text("data_dir = 3\n")
    assert main(["token", "list", "--config", str(config)]) == 2
    assert "data_dir" in capsys.readouterr().err


def test_without_words_about_the_place_it_is_the_configuration_that_is_there(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edge.toml").write_text(f'data_dir = "{tmp_path}/kept"\n')
    assert main(["token", "new", "--scope", "admin"]) == 0
    assert Tokens(str(tmp_path / "kept" / "tokens.json")).find(capsys.readouterr().out.strip())
