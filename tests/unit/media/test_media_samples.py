"""Every file of public test suites through a pipeline, in a process of its own under limits of memory and time: each
ends in a result or a named error, never in a crash, a hang or growth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
SHARED_MEDIA = TESTS.parents[1] / "shared" / "media"
FILES = sorted(p.name for p in SHARED_MEDIA.glob("*.*")) if SHARED_MEDIA.is_dir() else ["none"]
MOST_RESIDENT = 120_000  # kB; 1080p MPEG-2 takes 70 000


def play(path: Path, way: str) -> dict[str, object]:
    run = subprocess.run(
        [sys.executable, str(TESTS / "playfile.py"), str(path), way],
        env={"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode(errors="replace")[-2000:]
    result: dict[str, object] = json.loads(run.stdout)
    return result


@pytest.mark.parametrize("way", ["path", "bytes", "copy"])
@pytest.mark.parametrize("name", FILES)
def test_a_result_or_a_named_error(shared_media: Path, name: str, way: str) -> None:
    result = play(shared_media / name, way)
    assert result["peak"] < MOST_RESIDENT
    made = sum(result["bytes"].values())
    assert made or result["error"] or result["video"] or result["audio"]
    if result["error"]:
        reason = str(result["error"]).partition(":")[0]
        assert reason in ("not_media", "no_streams", "no_frames", "unreachable", "codec")


PLAYABLE = {
    "ax-bbb_2500ms.ts": 57,
    "ax-bbb_960x540_60fps_vp9.webm": 60,
    "ax-sample_av1.mp4": 30,
    "ax-sample_h263.ts": 25,
    "ax-sample_h264_iframes_only.ts": 30,
    "ax-sample_h265.ts": 28,
    "ax-sample_mdat_too_long.mp4": 28,
    "ax-sample_vvc.mp4": 100,
    "ax-sample_with_invalid_nalu.mp4": 27,
    "mux-test-middle-pat-pmt.ts": 15,
    "vhs-bipbop0.ts": 150,
    "vhs-caption.ts": 9,
    "vhs-videoMaxOffset.ts": 2,
}


@pytest.mark.parametrize(("name", "pictures"), PLAYABLE.items())
def test_what_can_be_decoded_is(shared_media: Path, name: str, pictures: int) -> None:
    result = play(shared_media / name, "path")
    assert result["error"] == ""
    assert result["video"]["decoded"] + result["video"].get("dropped_undecoded", 0) >= pictures
    assert all(size > 0 for size in result["bytes"].values())


def test_sounds_alone(shared_media: Path) -> None:
    for name, frames in (("ax-sample_eac3.ts", 50), ("ax-sample_latm.ts", 5), ("ax-sample_with_id3.adts", 140)):
        result = play(shared_media / name, "path")
        assert result["error"] == ""
        assert max(result["audio"].get("decoded", 0), result["audio"]["encoded"]) >= frames
