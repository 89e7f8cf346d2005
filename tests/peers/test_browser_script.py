"""The script's pure decisions, run by node: names of codecs, the init segment's end, where to be in the buffer."""

import io
import json
import subprocess
from pathlib import Path

import av
import pytest

from edge.serve.pages import WEB

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def call(node, tmp_path_factory):
    """Calls an exported function of mse.js with JSON values; {"file": …} stands for that file's bytes."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "mse.mjs").write_bytes((Path(WEB) / "mse.js").read_bytes())
    (folder / "call.mjs").write_text("""
        import { readFileSync } from "node:fs";
        import * as mse from "./mse.mjs";
        const [name, args] = JSON.parse(readFileSync(0, "utf8"));
        const bytes = (value) => (value?.file ? new Uint8Array(readFileSync(value.file)) : value);
        try { console.log(JSON.stringify(mse[name](...args.map(bytes)) ?? null)); }
        catch (error) { console.log(JSON.stringify({ thrown: error.message })); }
    """)

    def run(name, *args):
        data = json.dumps([name, args])
        done = subprocess.run(
            [node, folder / "call.mjs"], input=data, capture_output=True, text=True, timeout=30, check=True
        )
        return json.loads(done.stdout)

    return run


def fragmented(path: Path, video: str | None, audio: str | None, options=None, audio_format="fltp"):
    """A fragmented MP4 without a picture in it: its init segment is all that is wanted."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as out:
        if video:
            stream = out.add_stream(video, rate=25, options=options or {})
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        if audio:
            sound = out.add_stream(audio, rate=48000)
            sound.format, sound.layout = audio_format, "stereo"
        out.start_encoding()
        path.write_bytes(data.getvalue())
    return {"file": str(path)}


@pytest.mark.parametrize(
    ("video", "audio", "options", "expected"),
    [
        ("libx264", "aac", {"preset": "ultrafast", "level": "3"}, ["avc1.42c01e", "mp4a.40.2"]),
        ("libx264", None, {"profile": "high", "level": "4.1"}, ["avc1.640029"]),
        ("libx265", "aac", {"x265-params": "log-level=none"}, ["hvc1.1.6.L60.90", "mp4a.40.2"]),
        (None, "libmp3lame", None, ["mp4a.6b"]),
        (None, "aac", None, ["mp4a.40.2"]),
        (None, "libopus", None, ["opus"]),
    ],
)
def test_codecs_are_named_as_media_source_wants_them(call, tmp_path, video, audio, options, expected):
    sample_format = {"libmp3lame": "fltp", "libopus": "flt"}.get(audio, "fltp")
    assert call("codecs", fragmented(tmp_path / "init.mp4", video, audio, options, sample_format)) == expected


def test_the_init_segment_ends_with_its_moov(call, tmp_path):
    given = fragmented(tmp_path / "whole.mp4", "libx264", "aac")
    init = Path(given["file"]).read_bytes()
    end = init.index(b"moov") - 4 + int.from_bytes(init[init.index(b"moov") - 4 : init.index(b"moov")], "big")
    for cut, expected in ((0, 0), (7, 0), (40, 0), (end - 1, 0), (end, end)):
        (tmp_path / "cut.mp4").write_bytes(init[:cut])
        assert call("initLength", {"file": str(tmp_path / "cut.mp4")}) == expected, cut
    (tmp_path / "more.mp4").write_bytes(init[:end] + bytes(500))
    assert call("initLength", {"file": str(tmp_path / "more.mp4")}) == end


@pytest.mark.parametrize(
    "data",
    [b"<!doctype html><html>", bytes(16), b"\0\0\0\7moov", b"\x7f\0\0\0ftypisom", bytes(3) + b"\x01mdat" + bytes(8)],
)
def test_what_is_not_a_fragmented_mp4_is_refused_and_not_waited_for(call, tmp_path, data):
    (tmp_path / "bad").write_bytes(data)
    assert call("initLength", {"file": str(tmp_path / "bad")}) == {"thrown": "not a fragmented MP4"}


@pytest.mark.parametrize(
    ("at", "ranges", "target", "rate", "expected"),
    [
        (9.2, [[0, 10]], 0.8, 1, {"rate": 1}),  # where it wants to be
        (8.5, [[0, 10]], 0.8, 1, {"rate": 1.08}),  # a little late: catches up
        (9.0, [[0, 10]], 0.8, 1.08, {"rate": 1.08}),  # goes on catching up
        (9.15, [[0, 10]], 0.8, 1.08, {"rate": 1}),  # until it is there
        (3.0, [[0, 10]], 0.8, 1, {"seek": 9.2}),  # too late to catch up
        (4.95, [[0, 5], [7, 8]], 0.8, 1, {"seek": 7.2}),  # a hole
        (4.95, [[0, 5], [7, 7.3]], 0.8, 1, {"seek": 7}),  # never before the data
        (6.0, [[0, 5], [7, 9]], 0.8, 1, {"seek": 8.2}),  # in the hole
        (5.0, [[0, 5]], 0.8, 1, {"rate": 1}),  # all played: wait
        (500.0, [[0, 5]], 0.8, 1, {"seek": 4.2}),  # the timeline began anew
        (1.0, [[9, 10]], 0.8, 1, {"seek": 9.2}),  # what it was at is gone
    ],
)
def test_the_place_in_the_buffer(call, at, ranges, target, rate, expected):
    assert call("steer", at, ranges, target, rate) == expected


def test_a_burst_at_the_start_is_jumped(call):
    assert call("steer", 8, [[7, 10]], 0.8, 1, 1.4) == {"seek": 9.2}
