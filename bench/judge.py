"""Judging a recorded output: timestamps by ffprobe, pictures by the numbers they carry."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING, Any

import av
from common import need
from faultsource import marker

if TYPE_CHECKING:
    from pathlib import Path

LOOP = 960  # pictures in the sample "source"


def stamps(path: Path) -> dict[int, list[tuple[float, float, int]]]:
    """(dts, pts, byte position) of each packet by stream, as ffprobe sees them."""
    entries = "packet=stream_index,dts_time,pts_time,pos"
    command = [need("ffprobe"), "-v", "quiet", "-show_entries", entries, "-of", "csv=p=0", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[int, list[tuple[float, float, int]]] = {}
    for line in done.stdout.splitlines():
        stream, pts, dts, pos = (line.split(",") + ["N/A"] * 3)[:4]
        if stream and "N/A" not in (pts, dts):
            found.setdefault(int(stream), []).append((float(dts), float(pts), int(pos) if pos != "N/A" else -1))
    return found


def numbers(path: Path) -> tuple[list[float], list[int], int]:
    """Time and number, unwrapped, of all decoded pictures, and how many were unreadable (damage in the strip)."""
    times, found, unread = [], [], 0
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 2
        for frame in container.decode(video=0):
            number = marker.read(frame)
            if number is None or number >= LOOP:
                unread += 1
            else:
                found.append(number)
                times.append(frame.time)
    return times, marker.unwrap(found, LOOP), unread


def judge(path: Path) -> dict[str, Any]:
    """What a strict player would say about a recorded transport stream."""
    by_stream = stamps(path)
    steps = [b[0] - a[0] for packets in by_stream.values() for a, b in itertools.pairwise(packets)]
    times, shown, unread = numbers(path)
    moves = [b - a for a, b in itertools.pairwise(shown)]
    video = by_stream.get(0, [])
    return {
        "packets": sum(map(len, by_stream.values())),
        "dts_not_rising": sum(step <= 0 for step in steps),
        "longest_step": max(steps, default=0.0),
        "media_seconds": max(p[1] for p in video) - min(p[1] for p in video) + 1 / 15 if video else 0.0,
        "pictures": len(shown) + unread,
        "unreadable": unread,
        "shown_again": sum(move == 0 for move in moves),
        "went_back": sum(move < 0 for move in moves),
        "odd": [(round(t, 3), a, b) for t, a, b in zip(times[1:], shown, shown[1:], strict=False) if b <= a][:100],
        "distinct": len(set(shown)),
        "longest_jump": max(moves, default=0) / 50,
        "source_seconds": (max(shown) - min(shown)) / 50 if shown else 0.0,
    }
