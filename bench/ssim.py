"""SSIM of a recorded output against the source, picture by picture, matched by the number that each picture carries.

The reference is the sample, decoded in full and scaled to 352x240 by swscale's Lanczos, a scaler that neither program
uses. The strip with the number is cut off on both sides.
"""

from __future__ import annotations

import itertools
import statistics
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import av.filter
import media
from faultsource import marker
from judge import LOOP, stamps
from record import arrived

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

WIDTH, HEIGHT = 352, 240
STRIP = 32  # rows cut off: the strip's 24 and what its edge spoils
MOST = 1500  # pictures compared; of more every second, third … is taken


class Picture(NamedTuple):
    """One picture of an output: when its last byte came (monotonic), its number, None where unreadable, its SSIM."""

    at: float
    number: int | None
    ssim: float | None


class Meter:
    """libavfilter's ssim, one pair at a time. Holds the sample's pictures by number, scaled once, 127 KB each."""

    def __init__(self) -> None:
        self._references = dict(_references())
        self._graph = graph = av.filter.Graph()
        compare, sink = graph.add("ssim"), graph.add("buffersink")
        self._inputs = []
        for n in range(2):
            shape = f"video_size={WIDTH}x{HEIGHT}:pix_fmt=yuv420p:time_base=1/1000:pixel_aspect=1/1"
            entry, crop = graph.add("buffer", shape), graph.add("crop", f"iw:ih-{STRIP}:0:{STRIP}")
            entry.link_to(crop)
            crop.link_to(compare, 0, n)
            self._inputs.append(entry)
        compare.link_to(sink)
        graph.configure()
        self._count = 0

    def __call__(self, made: Any, number: int) -> float:
        """SSIM over all planes (luma four parts of six), 0 to 1."""
        for given, entry in zip((made, self._references[number]), self._inputs, strict=True):
            frame = given.reformat(WIDTH, HEIGHT, format="yuv420p", threads=1)
            frame.pts, frame.time_base = self._count, Fraction(1, 1000)
            entry.push(frame)
        self._count += 1
        return float(self._graph.pull().metadata["lavfi.ssim.All"])


def _references() -> Iterable[tuple[int, Any]]:
    with av.open(str(media.sample("source"))) as container:
        container.streams.video[0].codec_context.thread_count = 2
        for frame in container.decode(video=0):
            number = marker.read(frame)
            if number is not None:
                yield number, frame.reformat(WIDTH, HEIGHT, format="yuv420p", interpolation="LANCZOS", threads=1)


def pictures(path: Path, arrivals: list[tuple[float, int]], meter: Meter) -> list[Picture]:
    """All pictures of a recorded transport stream, of at most MOST of them with their SSIM."""
    packets = stamps(path).get(0, [])
    place = {round(pts * 90000): position for _, pts, position in packets}
    every = len(packets) // MOST + 1
    found = []
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 2
        for n, frame in enumerate(container.decode(video=0)):
            number = marker.read(frame)
            number = number if number is not None and number < LOOP else None
            at = arrived(arrivals, place.get(round((frame.time or 0) * 90000), 0))
            found.append(Picture(at, number, meter(frame, number) if number is not None and n % every == 0 else None))
    return found


def summary(shown: Sequence[Picture], seconds: float) -> dict[str, Any]:
    """Over `seconds` of wall time: pictures a second, those of them that are new, and their SSIM."""
    values = sorted(picture.ssim for picture in shown if picture.ssim is not None)
    numbers = [picture.number for picture in shown if picture.number is not None]
    new = sum(b != a for a, b in itertools.pairwise(numbers)) + bool(numbers)
    return {
        "pictures": len(shown),
        "unreadable": len(shown) - len(numbers),
        "fps": len(shown) / seconds,
        "new_fps": new / seconds,
        "ssim": statistics.fmean(values) if values else None,
        "ssim_p5": values[len(values) // 20] if values else None,
    }
