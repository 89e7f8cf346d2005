"""Request bodies, collected within a limit. Pure: fed any pieces, they take what is theirs and leave the rest."""

from __future__ import annotations

import re

from edge.errors import PeerError

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_LONGEST_LINE = 1024  # chunk size with its extension, or a trailer field


class LengthBody:
    """A body of a known length. `done` once it is whole."""

    __slots__ = ("_left", "_pieces")

    def __init__(self, length: int) -> None:
        self._left = length
        self._pieces: list[bytes] = []

    @property
    def done(self) -> bool:
        return self._left == 0

    def feed(self, data: bytes, start: int) -> int:
        """Takes from `data[start:]` what belongs to the body; returns where it stopped."""
        piece = data[start : start + self._left]
        self._pieces.append(piece)
        self._left -= len(piece)
        return start + len(piece)

    def whole(self) -> bytes:
        return b"".join(self._pieces)


class ChunkedBody:
    """A chunked body (RFC 9112 7.1). Extensions and trailers are read over, within bounds.

    `_budget` bounds what all of it may be on the wire: twice the body's limit, so that one-byte chunks or endless
    extensions end too.
    """

    __slots__ = ("_body", "_budget", "_left", "_limit", "_line", "_next", "done")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._budget = 2 * limit + _LONGEST_LINE
        self._body = bytearray()
        self._line = b""  # an incomplete line
        self._left = 0  # bytes of the current chunk still to come
        self._next = ChunkedBody._size_line
        self.done = False

    def feed(self, data: bytes, start: int) -> int:
        """Takes from `data[start:]` what belongs to the body; returns where it stopped. PeerError 400 or 413."""
        while start < len(data) and not self.done:
            if not self._budget:
                raise PeerError(413, f"expected a body of at most {self._limit} bytes")
            stop = min(len(data), start + self._budget)
            taken = self._take_data(data, start, stop) if self._left else self._take_line(data, start, stop)
            self._budget -= taken
            start += taken
        return start

    def whole(self) -> bytes:
        return bytes(self._body)

    def _take_data(self, data: bytes, start: int, stop: int) -> int:
        piece = data[start : min(stop, start + self._left)]
        self._body += piece
        self._left -= len(piece)
        return len(piece)

    def _take_line(self, data: bytes, start: int, stop: int) -> int:
        stop = min(stop, start + _LONGEST_LINE - len(self._line))
        end = data.find(b"\n", start, stop)
        piece = data[start : end + 1] if end >= 0 else data[start:stop]
        self._line += piece
        if end >= 0:
            line, self._line = self._line, b""
            self._next(self, line)
        elif len(self._line) >= _LONGEST_LINE:
            raise PeerError(400, f"expected chunk lines of at most {_LONGEST_LINE} bytes")
        return len(piece)

    def _size_line(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise PeerError(400, "expected a chunk size in hexadecimal and CR LF")
        self._left = int(match[1], 16)
        if len(self._body) + self._left > self._limit:
            raise PeerError(413, f"expected a body of at most {self._limit} bytes")
        self._next = ChunkedBody._data_end if self._left else ChunkedBody._trailer

    def _data_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise PeerError(400, "expected CR LF after a chunk")
        self._next = ChunkedBody._size_line

    def _trailer(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise PeerError(400, "expected trailers that end in CR LF")
        self.done = line == b"\r\n"
