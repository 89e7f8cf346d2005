"""An answer as bytes."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

from edge.http.message import Constant, Headers, Response

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}
_JOINED = 4096  # up to this, copying a body behind its head is cheaper than a second buffer
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def render_head(status: int, headers: Headers, date: str, length: int | None, connection: str) -> bytes:
    """The head. `length` None: no Content-Length; `connection`: the field's value, empty for none.

    ValueError when a field could forge another one (a line break in it).
    """
    text = f"{_LINES.get(status) or f'HTTP/1.1 {status} '}\r\nDate: {date}\r\n"
    for name, value in headers:
        text += f"{name}: {value}\r\n"
    lines = len(headers) + 3
    if length is not None:
        lines += 1
        text += f"Content-Length: {length}\r\n"
    if connection:
        lines += 1
        text += f"Connection: {connection}\r\n"
    text += "\r\n"
    if text.count("\n") != lines or text.count("\r") != lines:
        raise ValueError("a header field has a line break")
    return text.encode("latin-1")


def send(transport: asyncio.Transport, answer: Response, date: str, connection: str, head_only: bool) -> int:
    """Writes the answer, its body uncopied unless it is small. The bytes written. ValueError before any."""
    if type(answer) is Constant and not connection and not head_only:
        wire = answer.written.get(date) or _written(answer, date)
        transport.write(wire)
        return len(wire)
    status = answer.status
    if status in (204, 304):  # RFC 9110 6.4.1, and 8.6: no Content-Length either
        head = render_head(status, answer.headers, date, None, connection)
        transport.write(head)
        return len(head)
    body, length = answer.body, answer.length
    head = render_head(status, answer.headers, date, length, connection)
    if head_only or not length:
        transport.write(head)
        return len(head)
    if isinstance(body, bytes) and length <= _JOINED:
        transport.write(head + body)
    else:
        transport.writelines((head, body) if isinstance(body, bytes) else (head, *body))
    return len(head) + length


def _written(answer: Constant, date: str) -> bytes:
    length = None if answer.status in (204, 304) else answer.length
    head = render_head(answer.status, answer.headers, date, length, "")
    body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
    answer.written.clear()
    answer.written[date] = head + body
    return head + body


def http_date(wall: float) -> str:
    """`wall` (seconds since 1970) as in `Sun, 06 Nov 1994 08:49:37 GMT`, in no locale's words."""
    at = time.gmtime(wall)
    day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
    return f"{day}, {at.tm_mday:02} {month} {at.tm_year} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"
