"""A log file by whole lines: plain or gzip, as its first bytes say. Memory is bounded, whatever the file holds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import IO

from edge.errors import StoreError

MAX_LINE = 32_768  # bytes; a longer one is skipped whole
_GZIP = b"\x1f\x8b"


class LogFile:
    """Open until `close`. Offsets count bytes of the text, unpacked. StoreError: it cannot be read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.unfinished = False  # the last line has no end yet: it is left for the next time
        self.cut = ""  # why a packed file ended early
        try:
            self._raw: IO[bytes] = open(path, "rb")  # noqa: PTH123, SIM115 - closed by `close`
            packed = self._raw.read(2) == _GZIP
            self.size = self._raw.seek(0, 2)
            self._raw.seek(0)
        except OSError as error:
            raise StoreError(f"{path}: expected a log file that can be read, got: {error.strerror}") from None
        self._text: IO[bytes] = gzip.GzipFile(fileobj=self._raw) if packed else self._raw  # type: ignore[assignment]

    @property
    def position(self) -> int:
        """Bytes of the file as it is on the disk that are read, of `size`."""
        return self._raw.tell()

    def lines(self, start: int = 0) -> Iterator[tuple[str | None, int]]:
        """Each whole line from offset `start` on, or None for one that is too long, with the offset behind it."""
        self.unfinished = False
        try:
            offset = self._text.seek(start)
            while read := self._line():
                raw, size = read
                offset += size
                yield None if raw is None else raw.decode("utf-8", "replace").rstrip("\r\n"), offset
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.cut = str(error) or type(error).__name__
        except OSError as error:
            raise StoreError(f"{self.path}: could not be read: {error.strerror}") from None

    def _line(self) -> tuple[bytes | None, int] | None:
        """A line and its length; no line but a length: it is too long; None: the file ends."""
        raw = self._text.readline(MAX_LINE)
        if raw.endswith(b"\n"):
            return raw, len(raw)
        size, last = len(raw), raw
        while len(last) == MAX_LINE and not last.endswith(b"\n"):
            last = self._text.readline(MAX_LINE)
            size += len(last)
        if last.endswith(b"\n"):
            return None, size
        self.unfinished = size > 0
        return None

    def close(self) -> None:
        if self._text is not self._raw:
            self._text.close()
        self._raw.close()
