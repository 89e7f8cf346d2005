"""Encoded packets into the containers in use, each muxed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from edge.errors import CodecError
from edge.flow.ring import Chunk
from edge.media.encode import Encoded
from edge.media.events import Event, Init, Media, Unavailable
from edge.media.mux import Muxer
from edge.media.overlap import TICKS, VIDEO

PATIENCE = 2 * TICKS  # how long a declared stream may stay away before the others go without it
GOP_PACKETS = 1200  # what a newly wanted container starts with; a longer GOP waits for the next keyframe
GOP_BYTES = 4 << 20
FLV_HEADER = 13  # signature and first PreviousTagSize: once a file


class Output:
    """Muxers for the wanted containers. Starts when every expected stream has its template (or after PATIENCE)."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._expected: set[int] = set()
        self._templates: dict[int, Any] = {}
        self._carried: tuple[int, ...] = ()  # streams of the muxers under way
        self._muxers: dict[str, Muxer] = {}
        self._wanted: tuple[str, ...] = ()
        self._refused: set[str] = set()
        self._renewed: dict[str, bytes] = {}  # inits to insert at the next keyframe
        self._gop: list[Encoded] | None = []
        self._gop_bytes = 0
        self._first_at: int | None = None
        self.refused_packets = 0
        self.added = 0  # packets, since the start

    @property
    def started(self) -> bool:
        return bool(self._carried)

    def expect(self, streams: Iterable[int]) -> None:
        """The streams that the source declares."""
        self._expected |= set(streams)

    def want(self, containers: Iterable[str]) -> None:
        """The containers that have viewers. The others are closed."""
        self._wanted = tuple(containers)
        for name in [n for n in self._muxers if n not in self._wanted]:
            self._muxers.pop(name).close()
        if self.started:
            for name in self._wanted:
                if name not in self._muxers and name not in self._refused:
                    self._open(name)

    def template(self, stream: int, template: Any, *, compatible: bool) -> None:
        """The codec parameters of a stream from here on. `compatible`: viewers under way can go on in the same muxer
        (the same codec, parameters in-band); else every container starts anew."""
        self._templates[stream] = template
        if not self.started:
            return
        if compatible and stream in self._carried:
            self._renew()
        else:
            self._restart()

    def replace(self, stream: int, template: Any) -> None:
        """The same parameters from another hand: nobody need hear of it."""
        self._templates[stream] = template

    def _renew(self) -> None:
        for name in list(self._muxers):
            init = self._twin(name)
            if init:
                self._renewed[name] = init
                self._emit(Init(name, init))

    def _twin(self, name: str) -> bytes:
        twin = Muxer(name, self._templates)
        twin.close()
        return twin.init

    def _restart(self) -> None:
        for name in list(self._muxers):
            self._send(name, self._muxers.pop(name).close())
        self._refused.clear()
        self._renewed.clear()
        self._gop, self._gop_bytes = [], 0
        self._carried = tuple(sorted(self._templates))
        for name in self._wanted:
            self._open(name, reset=True)

    def _open(self, name: str, *, reset: bool = False) -> None:
        templates = {stream: self._templates[stream] for stream in self._carried}
        try:
            muxer = self._muxers[name] = Muxer(name, templates)
        except CodecError as error:
            self._refused.add(name)
            self._emit(Unavailable(name, str(error)))
            return
        self._emit(Init(name, muxer.init, reset))
        for encoded in self._gop or ():
            self._mux(name, muxer, encoded)

    def add(self, encoded: Encoded) -> None:
        """Takes a packet; per stream in order of dts."""
        self.added += 1
        self._remember(encoded)
        if not self.started:
            self._start(encoded.at)
            return
        if encoded.stream not in self._carried:
            if encoded.stream in self._templates:
                self._restart()  # a stream came late: the containers begin anew with it
            return
        for name, muxer in list(self._muxers.items()):
            self._mux(name, muxer, encoded)

    def _remember(self, encoded: Encoded) -> None:
        starts = encoded.key and (encoded.stream == VIDEO or VIDEO not in self._templates)
        if starts and (encoded.stream == VIDEO or self._gop is None or len(self._gop) > 100):
            self._gop, self._gop_bytes = [], 0
        if self._gop is None:
            return
        self._gop.append(encoded)
        self._gop_bytes += encoded.packet.size
        if len(self._gop) > GOP_PACKETS or self._gop_bytes > GOP_BYTES:
            self._gop = None

    def _start(self, at: int) -> None:
        if self._first_at is None:
            self._first_at = at
        if not self._expected <= set(self._templates) and at - self._first_at < PATIENCE:
            return
        self._carried = tuple(sorted(self._templates))
        if self._gop:
            self._gop.sort(key=lambda e: e.at)
        for name in self._wanted:
            self._open(name)

    def _mux(self, name: str, muxer: Muxer, encoded: Encoded) -> None:
        try:
            chunks = muxer.mux(encoded)
        except CodecError:
            self.refused_packets += 1
            return
        self._send(name, chunks)
        if name in self._renewed and encoded.key and encoded.stream == VIDEO:
            self._insert(name, self._renewed.pop(name))

    def _insert(self, name: str, init: bytes) -> None:
        """For viewers under way: the new parameters before the keyframe that the muxer still holds back."""
        self._emit(Media(name, [Chunk(init[FLV_HEADER:] if name == "flv" else init, key=False)]))

    def _send(self, name: str, chunks: list[Chunk]) -> None:
        if chunks:
            self._emit(Media(name, chunks))

    def close(self) -> None:
        for name, muxer in self._muxers.items():
            self._send(name, muxer.close())
        self._muxers.clear()
