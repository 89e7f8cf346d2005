"""Which schemes are pulled from, and by what; what libavformat's errors are called."""

import av
import pytest

from edge.errors import ConfigError, SourceError
from edge.media import kinds
from edge.media.kinds import kind_of, scheme_of
from edge.media.source import REASONS, classify, open_url


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("http://source.example/1034.ts", kinds.PIPE),
        ("HTTPS://source.example/1034.ts", kinds.PIPE),
        ("rtmp://source.example/live/a", kinds.RTMP),
        ("rtsp://source.example/a", kinds.RTSP),
        ("udp://239.1.1.1:5000", kinds.UDP),
        ("rtp://127.0.0.1:5000", kinds.UDP),
        ("/srv/film.mp4", kinds.FILE),
        ("film.mp4", kinds.FILE),
        ("./a:b.mp4", kinds.FILE),
        ("demo:", kinds.DEMO),
    ],
)
def test_kind_by_scheme(source: str, kind: kinds.Kind) -> None:
    assert kind_of(source) is kind


REFUSED = [
    "file:/etc/passwd",
    "file:///etc/passwd",
    "concat:/etc/passwd|/etc/hosts",
    "subfile:,,start,0,end,0,,:/etc/passwd",
    "data:video/mp2t;base64,AAAA",
    "pipe:0",
    "FILE:/etc/passwd",
    "cache:/etc/passwd",
    "crypto:/etc/passwd",
    "async:/etc/passwd",
    "tee:/tmp/a",
    "fd:0",
    "unix:/run/a.sock",
    "lavfi:testsrc",
    "ftp://host/a",
    "gopher://host/a",
    "md5:/tmp/a",
    "mmsh://host/a",
    "concatf:/tmp/a",
    "ffrtmphttp://a/b",
    "srt://a:1",
]


@pytest.mark.parametrize("source", REFUSED)
def test_other_schemes_are_refused(source: str) -> None:
    with pytest.raises(ConfigError, match=scheme_of(source)):
        kind_of(source)


@pytest.mark.parametrize("source", ["hls+http://host/a", "1:a", "subfile,,start,0,end,0,,:/etc/passwd", "a b:c"])
def test_a_name_with_a_colon_that_is_no_scheme_is_a_path(source: str) -> None:
    """Only the file protocol is open to it."""
    assert kind_of(source) is kinds.FILE
    with pytest.raises(SourceError):
        open_url(source, kinds.FILE)


@pytest.mark.parametrize("source", ["file:{}", "concat:{}", "subfile:,,start,0,end,100,,:{}", "async:{}", "cache:{}"])
@pytest.mark.parametrize("kind", [kinds.HLS, kinds.RTMP, kinds.RTSP, kinds.UDP], ids=lambda k: k.name)
def test_no_kind_of_url_reaches_a_file(source: str, kind: kinds.Kind, small_sample) -> None:
    """The whitelists hold even if a name slips through: a playlist or a redirect must not open a file of ours."""
    with pytest.raises(SourceError):
        open_url(source.format(small_sample), kind)


def test_no_whitelist_of_a_url_names_a_local_protocol() -> None:
    local = {"file", "concat", "concatf", "subfile", "data", "pipe", "fd", "cache", "async", "unix", "tee", "md5"}
    for kind in (kinds.PIPE, kinds.HLS, kinds.RTMP, kinds.RTSP, kinds.UDP, kinds.DEMO):
        assert not local & set(kind.protocols.split(","))


def test_a_playlist_on_disk_does_not_open_its_segments_by_url(tmp_path) -> None:
    playlist = tmp_path / "a.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError):
        open_url(str(playlist), kinds.FILE)


@pytest.mark.parametrize(
    ("error", "opening", "reason"),
    [
        (ConnectionRefusedError(111, "refused"), True, "refused"),
        (ConnectionResetError(104, "reset"), False, "reset"),
        (BrokenPipeError(32, "pipe"), False, "reset"),
        (TimeoutError(110, "time"), False, "silent"),
        (av.ExitError(1, "exit"), True, "silent"),
        (av.HTTPNotFoundError(1, "404"), True, "http_4xx"),
        (av.HTTPServerError(1, "503"), True, "http_5xx"),
        (av.InvalidDataError(1, "junk"), True, "not_media"),
        (ValueError("no"), True, "not_media"),
        (FileNotFoundError(2, "none"), True, "io"),
        (PermissionError(13, "no"), True, "io"),
        (OSError(5, "io"), True, "unreachable"),
        (OSError(5, "io"), False, "ended"),
    ],
)
def test_errors_get_a_word_from_the_list(error: Exception, opening: bool, reason: str) -> None:
    found = classify(error, opening=opening)
    assert found.reason == reason
    assert found.reason in REASONS


def test_an_error_says_nothing_of_the_url() -> None:
    """PyAV appends the file name, which may hold credentials."""
    with pytest.raises(SourceError) as caught:
        open_url("rtmp://user:secret@127.0.0.1:9/live", kinds.RTMP)
    assert caught.value.reason == "refused"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("name", "reason"), [("missing.ts", "io"), ("", "io")])
def test_a_file_that_cannot_be_read(tmp_path, name: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_url(str(tmp_path / name), kinds.FILE)
    assert caught.value.reason == reason
