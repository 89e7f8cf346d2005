"""A file into settings, or every mistake in it, with line and column where it is not TOML."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from edge.channel.settings import ChannelSettings
from edge.config import load
from edge.config.mistake import Mistakes
from edge.config.model import Document
from edge.config.rules import RULES
from edge.config.walk import describe, walk
from edge.errors import ConfigError
from edge.units import BitRate, Bytes

EXAMPLE = """
data_dir = "/var/lib/edge"
log.level = "debug"
[http]
listen = ["0.0.0.0:8080"]
metrics_listen = ["127.0.0.1:9109"]
trusted_proxies = ["127.0.0.1/32"]
egress = "10M"
max_viewers = 100
traffic_per_month = "500G"
[[channel]]
name = "news"
source = "http://source.example/1034.ts"
headers = { User-Agent = "edge" }
program = 3
audio_language = "fre"
max_viewers = 10
[channel.video]
codec = "h264"
width = 352
height = 240
fit = "anamorphic"
fps = 15
bitrate = "256k"
[channel.audio]
codec = "auto"
bitrate = "64k"
channels = 1
"""


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "edge.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def messages(path: str) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        load.load(path)
    return [message.removeprefix(path) for message in caught.value.messages]


def test_the_example_of_the_issue(tmp_path: Path) -> None:
    settings = load.load(write(tmp_path, EXAMPLE))
    (channel,) = settings.channels
    assert (settings.data_dir, settings.log.level) == ("/var/lib/edge", "debug")
    assert settings.http.listen == ("0.0.0.0:8080",)
    assert (settings.http.egress, settings.http.traffic_per_month) == (10_000_000, 500 * 10**9)
    assert isinstance(settings.http.egress, BitRate)
    assert isinstance(settings.http.traffic_per_month, Bytes)
    assert (channel.name, channel.headers, channel.program) == ("news", {"User-Agent": "edge"}, 3)
    assert (channel.video.width, channel.video.height, channel.video.fps) == (352, 240, 15.0)
    assert (channel.audio.bitrate, channel.audio.channels) == (64_000, 1)
    assert settings.credentials == {}


def test_without_a_file_there_is_the_demo() -> None:
    settings = load.load(None)
    assert settings.channels == (ChannelSettings(name="demo", source="demo:"),)
    assert settings.http.listen == ("127.0.0.1:8080",)
    assert settings.data_dir == "./edge-data"


def test_an_empty_file_is_a_configuration_without_channels(tmp_path: Path) -> None:
    assert load.load(write(tmp_path, "")).channels == ()


def test_windows_line_ends(tmp_path: Path) -> None:
    assert load.load(write(tmp_path, EXAMPLE.replace("\n", "\r\n"))).channels[0].name == "news"


def test_every_mistake_is_reported_with_the_file(tmp_path: Path) -> None:
    wrong = EXAMPLE.replace("width", "widht").replace("352", "0").replace('"256k"', '"256x"').replace("/1034.ts", ":0/")
    wrong += '[[channel]]\nname = "news"\nsource = "concat:a"\n'
    path = write(tmp_path, wrong)
    with pytest.raises(Mistakes) as caught:
        load.load(path)
    assert [re.sub(r": expected .*, got .*", "", message) for message in caught.value.messages] == [
        f"{path}:channel[0].source",
        f"{path}:channel[0].video.widht",
        f"{path}:channel[0].video.bitrate",
        f"{path}:channel[1].source",
        f"{path}:channel[1].name",
    ]
    assert str(caught.value) == "\n".join(caught.value.messages)
    assert isinstance(caught.value, ConfigError)


@pytest.mark.parametrize("width", ["0", "15", "351", "100000", "-352", "352.0", '"352"', "true", "nan"])
def test_a_width_that_no_picture_has(tmp_path: Path, width: str) -> None:
    (message,) = messages(write(tmp_path, EXAMPLE.replace("width = 352", f"width = {width}")))
    assert message.startswith(
        ":channel[0].video.width: expected a whole number (at least 16, at most 4096, even), got "
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = \n", ":1:5"),
        ("x = 1\ny = = 2\n", ":2:5"),
        ('x = "abc\n', ":1:9"),
        ("x = 1\n[a", ":2:3"),
        ("x = 1\nx = 2\n", ":2:6"),
        ("\ndata_dir = '''open", ":2:19"),
    ],
)
def test_what_is_not_toml_is_named_by_line_and_column(tmp_path: Path, text: str, place: str) -> None:
    (message,) = messages(write(tmp_path, text))
    assert message.startswith(f"{place}: expected TOML, got: ")
    assert "(at " not in message


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    assert messages(write(tmp_path, b"# fine\nx = '\xff'\n")) == [":2: expected UTF-8 text, got the byte 0xff"]


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "x = " + "9" * 5000])
def test_toml_that_python_cannot_hold(tmp_path: Path, text: str) -> None:
    (message,) = messages(write(tmp_path, text))
    assert "expected TOML" in message
    assert len(message) < 300


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert messages(str(tmp_path / "none.toml")) == [": expected a readable TOML file, got: No such file or directory"]
    assert messages(str(tmp_path)) == [": expected a readable TOML file, got: Is a directory"]


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    full = "#" * (load.MAX_BYTES - 1) + "\n"
    assert load.load(write(tmp_path, full)).channels == ()
    assert messages(write(tmp_path, full + "\n")) == [": expected a file of at most 1 MiB, got a larger one"]


def test_the_number_of_messages_is_bounded(tmp_path: Path) -> None:
    lines = [f"x{i} = 1" for i in range(5000)]
    assert len(messages(write(tmp_path, "\n".join(lines[: load.MAX_MISTAKES])))) == load.MAX_MISTAKES
    many = messages(write(tmp_path, "\n".join(lines)))
    assert len(many) == load.MAX_MISTAKES + 1
    assert many[-1] == f": expected fewer mistakes, got more than {load.MAX_MISTAKES}"


def with_secrets(folder: Path, user: bytes, password: bytes) -> str:
    (folder / "user").write_bytes(user)
    (folder / "password").write_bytes(password)
    files = f'user_file = "{folder}/user"\npassword_file = "{folder}/password"\nprogram = 3'
    return write(folder, EXAMPLE.replace("program = 3", files))


def test_credentials_are_the_first_lines_of_their_files(tmp_path: Path) -> None:
    settings = load.load(with_secrets(tmp_path, b"  ann \nrest", "hünter2\r\n".encode()))
    assert (settings.credentials["news"].user, settings.credentials["news"].password) == ("ann", "hünter2")


def test_secrets_are_not_in_what_python_shows(tmp_path: Path) -> None:
    settings = load.load(with_secrets(tmp_path, b"zoe", b"hunter2"))
    shown = f"{settings} {settings!r} {settings.credentials} {settings.credentials['news']}"
    assert "zoe" not in shown
    assert "hunter2" not in shown
    assert "news" in shown


def test_a_secret_in_the_source_is_not_in_what_python_shows() -> None:
    settings = load.settle({"channel": [{"name": "a", "source": "http://u:hunter2@h/?k=topsecret"}]}, "f")
    assert "hunter2" not in repr(settings)
    assert "topsecret" not in repr(settings)


@pytest.mark.parametrize("content", [b"", b"\nsecond", b"  \n", b"\xff\n", b"a\0b\n", b"x" * 5000])
def test_a_file_without_a_secret_is_a_mistake_that_does_not_show_it(tmp_path: Path, content: bytes) -> None:
    (message,) = messages(with_secrets(tmp_path, b"ann", content))
    assert message.startswith(":channel[0].password_file: expected a file whose first line is the secret, got ")
    assert "xxx" not in message
    assert "second" not in message


def test_a_secret_in_the_place_of_its_file_is_not_shown() -> None:
    table = {"name": "a", "source": "https://h/", "user_file": "/zoe/file", "password_file": "hunter2"}
    with pytest.raises(Mistakes) as caught:
        load.settle({"channel": [table]}, "f")
    assert [message.rpartition("got ")[2] for message in caught.value.messages] == [
        '"/zoe/file": No such file or directory',
        "a name without a folder: No such file or directory",
    ]


def test_a_missing_secret_is_reported_beside_other_mistakes(tmp_path: Path) -> None:
    path = with_secrets(tmp_path, b"ann", b"x")
    (tmp_path / "user").unlink()
    Path(path).write_text(Path(path).read_text() + "fps = 0\n")
    assert [message.split(": ")[0] for message in messages(path)] == [
        ":channel[0].audio.fps",
        ":channel[0].user_file",
    ]


def test_the_walk_knows_every_type_of_the_settings() -> None:
    """A setting of a new type must be taught to the walk, not fail at a user's."""
    seen = []

    def visit(want: msgspec.inspect.Type) -> None:
        match want:
            case msgspec.inspect.UnionType():
                for inner in want.types:
                    visit(inner)
            case msgspec.inspect.StructType():
                for field in want.fields:
                    visit(field.type)
            case msgspec.inspect.VarTupleType():
                visit(want.item_type)
            case msgspec.inspect.DictType():
                visit(want.value_type)
            case msgspec.inspect.NoneType():
                return
        assert list(walk(object(), want, {}))
        assert describe(want)
        seen.append(want)

    visit(msgspec.inspect.type_info(Document))
    assert len(seen) > 20


def test_every_rule_judges_a_key_that_exists() -> None:
    known = set()

    def visit(want: msgspec.inspect.Type, path: str) -> None:
        known.add(path)
        match want:
            case msgspec.inspect.UnionType():
                for inner in want.types:
                    visit(inner, path)
            case msgspec.inspect.StructType():
                for field in want.fields:
                    visit(field.type, f"{path}.{field.encode_name}".lstrip("."))
            case msgspec.inspect.VarTupleType():
                visit(want.item_type, f"{path}[]")

    visit(msgspec.inspect.type_info(Document), "")
    assert set(RULES) <= known
