"""Scales, deinterlaces, crops, pads and turns pictures; one plain scaler while nothing else is needed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.filter import Graph
from av.video.reformatter import VideoReformatter

from edge.media.geometry import Geometry, Picture, plan
from edge.media.overlap import TICKS
from edge.media.settings import VideoSettings

_TURNS = {90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}


class Scaler:
    """Frames of any size in, frames of the rendition (yuv420p) out. `geometry`: of the last; `interlaced`: one was."""

    def __init__(self, settings: VideoSettings) -> None:
        self._settings = settings
        self._key: object = None
        self._plain = VideoReformatter()
        self._graph: Graph | None = None
        self.interlaced = False
        self.geometry = Geometry(0, 0, Fraction(1), (0, 0))

    def scale(self, frame: Any, sar: Fraction | None) -> list[Any]:
        """`frame` as the viewers get it; nothing while a deinterlacer waits for its next frame."""
        self.interlaced = self.interlaced or frame.interlaced_frame
        key = (frame.width, frame.height, frame.format.name, sar, frame.rotation, self.interlaced)
        if key != self._key:
            self._key = key
            self._rebuild(frame, sar or Fraction(1))
        if self._graph is None:
            g = self.geometry
            return [self._plain.reformat(frame, g.width, g.height, "yuv420p", interpolation="BILINEAR", threads=1)]
        return self._filtered(frame)

    def flush(self) -> list[Any]:
        """What a deinterlacer still holds: no frame follows for a while."""
        if self._graph is None:
            return []
        graph, self._graph, self._key = self._graph, None, None
        graph.vpush(None)
        return _pulled(graph)

    def _rebuild(self, frame: Any, sar: Fraction) -> None:
        rotation = -frame.rotation % 360
        self.geometry = plan(self._settings, Picture(frame.width, frame.height, sar, rotation))
        g = self.geometry
        self._graph = None
        if self.interlaced or g.crop or g.padded or g.rotation:
            self._graph = self._build(frame, g)

    def _build(self, frame: Any, g: Geometry) -> Graph:
        steps = ["yadif=mode=send_frame:deint=interlaced"] if self.interlaced else []
        steps += _TURNS.get(g.rotation, [])
        if g.crop:
            steps.append("crop={}:{}:{}:{}".format(*g.crop))
        steps.append(f"scale={g.scale[0]}:{g.scale[1]}:flags=bilinear")
        if g.padded:
            steps.append(f"pad={g.width}:{g.height}:(ow-iw)/2:(oh-ih)/2")
        steps.append("format=yuv420p")
        graph = Graph()
        pixels = f"width={frame.width}:height={frame.height}:pix_fmt={frame.format.name}"
        nodes = [graph.add("buffer", f"{pixels}:time_base=1/{TICKS}:pixel_aspect=1/1")]
        nodes += [graph.add(*step.split("=", 1)) for step in steps]
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph

    def _filtered(self, frame: Any) -> list[Any]:
        assert self._graph is not None  # noqa: S101 - for the type checker
        self._graph.vpush(frame)
        return _pulled(self._graph)


def _pulled(graph: Graph) -> list[Any]:
    out: list[Any] = []
    while True:
        try:
            scaled: Any = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return out
        # a sink's time base is the filters' choice (a deinterlacer halves it)
        scaled.pts = round(scaled.pts * scaled.time_base * TICKS)
        out.append(scaled)
