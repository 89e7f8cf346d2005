"""A response of a source, taken apart. No I/O: bytes in, pieces of the body out.

The head is read by us, lenient where old streaming servers are odd (ICY, bare LF); chunks are read by llhttp.
"""

from __future__ import annotations

import re

import httptools

from edge.errors import SourceError

MOST_HEAD = 16384
_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"(?:HTTP/1\.[0-9]|HTTP/1|ICY)[ \t]+([1-5][0-9][0-9])(?:[ \t].*)?")
_STARTS = (b"HTTP/", b"ICY ")
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Reply:
    """`feed` it all bytes of a connection. `status` is 0 until the final head is whole (1xx are skipped)."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}  # lower-case names
        self.broken = ""  # why what follows the last piece cannot be read
        self.done = False  # the end that was declared has come
        self._head = b""
        self._skipped = 0  # bytes of heads that were 1xx
        self._left: int | None = None  # of a Content-Length
        self._chunks: httptools.HttpResponseParser | None = None
        self._pieces: list[bytes] = []

    @property
    def declared(self) -> bool:
        """Whether the response says itself where it ends; else the close of the connection is the end."""
        return self._left is not None or self._chunks is not None

    def feed(self, data: bytes) -> bytes:
        """What of `data` is body. SourceError("protocol") for what is no HTTP; see `broken` for damaged chunks."""
        if self.status:
            return self._body(data)
        self._head += data
        while not self.status:
            rest = self._take_head()
            if rest is None:
                return b""
        return self._body(rest) if rest else b""

    def _take_head(self) -> bytes | None:
        """One head out of `_head`; what stands behind it, or None while it is incomplete."""
        if not any(self._head.startswith(start[: len(self._head)]) for start in _STARTS):
            raise SourceError("protocol", f"expected an HTTP response, got {_show(self._head)}")
        end = _END.search(self._head, 0, MOST_HEAD - self._skipped)
        if end is None:
            if len(self._head) + self._skipped >= MOST_HEAD:
                raise SourceError("protocol", f"expected a response head of at most {MOST_HEAD} bytes")
            return None
        rest = self._head[end.end() :]
        self._read_head(self._head[: end.start()])
        self._skipped += end.end()
        self._head = b"" if self.status else rest
        return rest

    def _read_head(self, head: bytes) -> None:
        first, *fields = head.replace(b"\r\n", b"\n").split(b"\n")
        match = _STATUS.fullmatch(first)
        if match is None:
            raise SourceError("protocol", f"expected a status line, got {_show(first)}")
        status = int(match[1])
        if status < 200:
            return
        self.headers = read_fields(fields)
        self.status = status
        self._read_framing()

    def _read_framing(self) -> None:
        coding = self.headers.get("transfer-encoding", "identity").lower()
        content = self.headers.get("content-encoding", "identity").lower()
        if coding not in ("identity", "chunked") or content not in ("identity", ""):
            raise SourceError("protocol", f"expected no content coding but chunked, got {coding}, {content}")
        if coding == "chunked":
            self._chunks = httptools.HttpResponseParser(self)
            self._chunks.feed_data(_CHUNKED)
        elif "content-length" in self.headers:
            lengths = {each.strip() for each in self.headers["content-length"].split(",")}
            length = lengths.pop()
            if lengths or not re.fullmatch(r"[0-9]{1,18}", length):
                raise SourceError("protocol", "expected Content-Length to be one number")
            self._left = int(length)
            self.done = self._left == 0

    def _body(self, data: bytes) -> bytes:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            self.done = self._left == 0
            return data
        if self._chunks is None:
            return data
        return self._unchunk(self._chunks, data)

    def _unchunk(self, parser: httptools.HttpResponseParser, data: bytes) -> bytes:
        if self.done:
            return b""
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self.done:  # what follows the last chunk is nobody's
                self.broken = f"expected chunks: {error}"
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    # Called by llhttp.

    def on_body(self, data: bytes) -> None:
        if not self.done:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        self.done = True


def read_fields(lines: list[bytes]) -> dict[str, str]:
    """The fields of a head; lines that are none are skipped, repeated ones joined."""
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        key = name.strip().lower()
        if colon and key:
            text = value.strip()
            fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return fields


def _show(data: bytes) -> str:
    return repr(data[:40])[1:]
