"""An answer as bytes."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

from edge.http.message import Headers, Response

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_JOINED = 4096  # up to this, copying a body behind its head is cheaper than a second buffer
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def render_head(status: int, headers: Headers, date: str, length: int | None, connection: str) -> bytes:
    """The head. `length` None: no Content-Length; `connection`: the field's value, empty for none.

    ValueError when a field could forge another one (a line break in it).
    """
    line = _LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    parts = [line, "Date: ", date, "\r\n"]
    for name, value in headers:
        parts += (name, ": ", value, "\r\n")
    if length is not None:
        parts += ("Content-Length: ", str(length), "\r\n")
    if connection:
        parts += ("Connection: ", connection, "\r\n")
    parts.append("\r\n")
    text = "".join(parts)
    if text.count("\n") != len(headers) + 3 + (length is not None) + bool(connection) or text.count("\r") != text.count(
        "\n"
    ):
        raise ValueError("a header field has a line break")
    return text.encode("latin-1")


def send(transport: asyncio.Transport, answer: Response, date: str, connection: str, head_only: bool) -> int:
    """Writes the answer, its body uncopied unless it is small. The bytes written. ValueError before any."""
    body, length = answer.body, answer.length
    bodiless = answer.status in (204, 304)  # RFC 9110 6.4.1, and 8.6: no Content-Length either
    head = render_head(answer.status, answer.headers, date, None if bodiless else length, connection)
    if bodiless or head_only or not length:
        transport.write(head)
        return len(head)
    if isinstance(body, bytes) and length <= _JOINED:
        transport.write(head + body)
    else:
        transport.writelines((head, body) if isinstance(body, bytes) else (head, *body))
    return len(head) + length


def http_date(wall: float) -> str:
    """`wall` (seconds since 1970) as in `Sun, 06 Nov 1994 08:49:37 GMT`, in no locale's words."""
    at = time.gmtime(wall)
    day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
    return f"{day}, {at.tm_mday:02} {month} {at.tm_year} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"
