"""`edge check`: what it understood, or every mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.cli.main import main

EXAMPLE = """
data_dir = "{folder}"
[http]
listen = ["0.0.0.0:8080"]
metrics_listen = ["127.0.0.1:9109"]
trusted_proxies = ["127.0.0.1/32"]
egress = "10M"
traffic_per_month = "500G"
[[channel]]
name = "news"
source = "http://ann:hunter2@source.example/1034.ts?key=topsecret"
headers = {{ Authorization = "Bearer topsecret" }}
program = 3
audio_language = "fre"
[channel.video]
width = 352
height = 240
fps = 15
bitrate = "256k"
[channel.audio]
bitrate = "64k"
channels = 1
[[channel]]
name = "copy"
source = "/srv/film.ts"
public = false
on_demand = true
max_viewers = 3
video = {{ codec = "copy", width = 352 }}
audio = {{ codec = "none" }}
[[channel]]
name = "wide"
source = "demo:"
video = {{ width = 640 }}
audio = {{ codec = "aac", channels = 2 }}
"""
UNDERSTOOD = """\
configuration  {file}
data_dir       {folder} (writable)
log            info, auto
listen         http://0.0.0.0:8080/ (every address of this host)
metrics        http://127.0.0.1:9109/metrics
proxies        127.0.0.1/32
line           10 Mb/s
traffic        500 GB a month
viewers        not limited
connections    at most 1000, 256 from one address
channel        news
  source       http://source.example/…, headers Authorization, program 3, sound in fre
  video        h264, 352x240 (anamorphic), at most 15 frames/s, 256 kb/s, preset ultrafast
  audio        copied where every output can carry it, else aac, 64 kb/s, mono
  ladder       from auto down to audio-copy when the processor does not suffice, never the source itself
  viewers      not limited by the channel
  access       public, always on
channel        copy
  source       /srv/film.ts
  video        copied as it is
  audio        none
  viewers      at most 3
  access       with a token of scope view, started by the first viewer
channel        wide
  source       demo:
  video        h264, width 640, the other by aspect, at most 25 frames/s, 500 kb/s, preset ultrafast
  audio        aac, bit rate by default, stereo
  ladder       from auto down to audio-copy when the processor does not suffice, never the source itself
  viewers      not limited by the channel
  access       public, always on
warning: channel[0].source: the password crosses the network unencrypted; https if the source has it
warning: channel[1].video: width have no effect with codec = "copy"
"""


def without_memory(text: str) -> str:
    """The rows about the host's memory are the host's."""
    before, rest = text.split("memory  ", 1)
    lines = rest.splitlines(keepends=True)
    after = [line for line in lines if line.startswith("warning: ") and "memory: " not in line]
    return before + "".join(after)


def write(folder: Path, text: str) -> str:
    path = folder / "edge.toml"
    path.write_text(text)
    return str(path)


def test_it_says_what_it_understood_without_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, EXAMPLE.format(folder=tmp_path))
    assert main(["check", "--config", file]) == 0
    said = capsys.readouterr()
    assert without_memory(said.out) == UNDERSTOOD.format(file=file, folder=tmp_path)
    assert said.err == ""
    for secret in ("ann", "hunter2", "topsecret"):
        assert secret not in said.out.replace("channel", "")


def test_credentials_are_named_by_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "user").write_text("zoe")
    (tmp_path / "password").write_text("hunter2")
    files = f'user_file = "{tmp_path}/user"\npassword_file = "{tmp_path}/password"\n'
    file = write(tmp_path, '[[channel]]\nname = "a"\nsource = "https://h/"\n' + files)
    assert main(["check", "--config", file]) == 0
    said = capsys.readouterr().out
    assert f"https://h/, user and password from {tmp_path}/user and {tmp_path}/password\n" in said
    assert "zoe" not in said
    assert "hunter2" not in said


def test_every_mistake_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, EXAMPLE.format(folder=tmp_path).replace("352", "351").replace("10M", "x"))
    assert main(["check", "--config", file]) == 2
    said = capsys.readouterr()
    width = "expected a whole number (at least 16, at most 4096, even), got 351"
    assert said.out == ""
    assert said.err.splitlines() == [
        f'{file}:http.egress: expected a bit rate such as "256k" or "10M", got "x"',
        f"{file}:channel[0].video.width: {width}",
        f"{file}:channel[1].video.width: {width}",
    ]


def test_a_data_dir_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    file = write(tmp_path, f'data_dir = "{tmp_path}/file/data"\n')
    assert main(["check", "--config", file]) == 0
    said = capsys.readouterr().out
    assert f"data_dir       {tmp_path}/file/data (not writable: {tmp_path}/file is not a directory)\n" in said
    assert "warning: channel, site: there is none, nothing will be served\n" in said


def test_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("configuration  none: the demo\n")
    assert "metrics        http://127.0.0.1:8080/metrics\n" in said
    assert not os.path.exists("edge-data") or os.path.isdir("edge-data")  # noqa: PTH110, PTH112


def test_nothing_is_made(tmp_path: Path) -> None:
    assert main(["check", "--config", write(tmp_path, f'data_dir = "{tmp_path}/data"\n')]) == 0
    assert not (tmp_path / "data").exists()
