"""One connection that reads requests and answers them, in order, one at a time.

    HEAD ──> BODY ──> BUSY ──> FLUSH ──> HEAD     a request is read, handled, its answer sent
    BUSY ──> GONE                                 the answer has no end: a StreamOutlet takes the transport
    any  ──> GONE                                 after the last answer or a deadline: Leaving takes the transport

A deadline is set when a state begins, and bytes do not move it. What a peer sends while it is not its turn waits in
`_inbox`, and above a head's size in the kernel. After a bad request there is one answer and then a close.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import cast

from edge.errors import PeerError
from edge.http.head import Head
from edge.http.inbox import Inbox
from edge.http.leaving import Leaving
from edge.http.limits import Limits
from edge.http.message import Answer, Headers, Later, Request, Response, Stream, text
from edge.http.outlet import StreamOutlet
from edge.http.progress import Progress
from edge.http.render import CONTINUE, render_head, send
from edge.http.router import Endpoint
from edge.http.sockets import queued, set_send_buffers
from edge.http.table import NEVER, Table
from edge.http.target import Target

HEAD, BODY, BUSY, FLUSH, GONE = range(5)
_NO_REQUEST = Head("GET", Target("/", b""), old=False, keep_alive=True)
_EMPTY = Inbox(Limits())  # of connections that are gone


class Connection(asyncio.Protocol):
    """See the module. `deadline` is a monotonic second that the table's sweep compares."""

    __slots__ = (
        "_endpoint",
        "_eof",
        "_head",
        "_held",
        "_inbox",
        "_paused",
        "_peer",
        "_progress",
        "_reading",
        "_request",
        "_served",
        "_state",
        "_table",
        "_task",
        "_timed",
        "_transport",
        "_trusted",
        "deadline",
    )
    _transport: asyncio.Transport
    _progress: Progress  # of FLUSH
    _endpoint: Endpoint | Response  # of the request under way: who answers it, or the answer

    def __init__(self, table: Table) -> None:
        self._table = table
        self._state = HEAD
        self._head = _NO_REQUEST
        self._inbox = Inbox(table.limits)
        self._held = 0  # of the inbox, as the budget knows it
        self._request: Request | None = None  # whose body is not whole yet
        self._task: asyncio.Future[Answer] | Later | None = None  # the answer that is waited for
        self._served = 0
        self._timed = True  # the head's deadline runs
        self._reading = True
        self._paused = False  # the transport holds more than it should
        self._eof = False  # the peer will send no more
        self.deadline = NEVER

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        table = self._table
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        self._trusted = table.proxies.trusts(self._peer)
        if table.admit(self, self._peer, self._trusted):
            self._turn_away()
            return
        if table.short:
            self.set_send_buffers(short=True)
        else:
            self._transport.set_write_buffer_limits(high=table.limits.write_high)
        self.deadline = table.now + table.limits.head_seconds

    def data_received(self, data: bytes) -> None:
        self._inbox.feed(data)
        if self._state <= BODY:
            self._read()
        else:
            self._hold()

    def eof_received(self) -> bool:
        """A peer that has said all it wants to say still gets what it asked for (True keeps our side open)."""
        self._eof = True
        return self._state in (BUSY, FLUSH)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._state == FLUSH:
            self._ready()
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it went does not matter
        self._state = GONE
        self.deadline = NEVER
        self._forget_inbox()
        self._table.remove(self)
        self._cancel()

    # What the table tells.

    def expire(self, now: float) -> None:
        expired = self._table.counters.expired
        if self._state == HEAD and not self._inbox.waiting:
            expired["idle" if self._served else "head"] += 1
            self._close()
        elif self._state <= BODY:
            expired["head" if self._state == HEAD else "body"] += 1
            self._reject(PeerError(408, "The request did not arrive in time."))
        elif self._state == BUSY:
            expired["handler"] += 1
            self._cancel()
            self._last(self._own(503, "The answer took too long.", (("Retry-After", "10"),)))
        elif self._progress.moved(self._transport.get_write_buffer_size(), now):
            self.deadline = self._progress.deadline
        else:
            expired["stall"] += 1
            self.abort()

    def weigh(self, now: float) -> tuple[int, int]:
        if self._state != FLUSH:
            return 0, 0
        return self._progress.weight(self._transport.get_write_buffer_size(), now), queued(self._transport)

    def set_send_buffers(self, *, short: bool) -> None:
        set_send_buffers(self._transport, self._table.limits, short=short)

    def drain(self) -> None:
        """Requests under way are answered; `Table.draining` makes that answer the last."""
        if self._state == HEAD and not self._inbox.waiting and (self._served or not self._table.welcoming):
            self._close()

    def abort(self) -> None:
        self._transport.abort()

    # Reading.

    def _read(self) -> None:
        """Serves what has arrived, one request after the other, while it is the peer's turn."""
        try:
            while self._state <= BODY:
                request = self._take()
                if request is None:
                    break
                self._serve(request)
        except PeerError as error:
            self._reject(error)
        if self._state <= BODY:
            self._await_more()
            self._count()
        elif self._held or self._inbox.held:
            self._hold()

    def _count(self) -> None:
        """What is kept of requests counts on the budget. Mostly that is nothing: they come whole and are answered."""
        held = self._inbox.held
        if held != self._held:
            self._table.requests.add(held - self._held)
            self._held = held

    def _forget_inbox(self) -> None:
        self._inbox = _EMPTY
        self._request = None
        self._count()

    def _take(self) -> Request | None:
        """The next whole request, whose head is then `_head`; None when there is none to serve yet."""
        inbox = self._inbox
        if inbox.body is not None:
            return self._finish(inbox.take_body())
        head = inbox.take_head()
        if head is None:
            return None
        self._head = head
        request = self._read_request(head)
        self._endpoint = endpoint = self._table.router.endpoint(request)
        if not head.length and not head.chunked:
            return request
        body = inbox.take_small(head, endpoint.body) if isinstance(endpoint, Endpoint) else None
        if body is None:
            if not self._may_have_body(endpoint):
                return None
            body = inbox.take_whole(head)
        if body is not None:
            request.body = body
            return request
        inbox.begin(head)
        self._request = request
        return self._finish(inbox.take_body())

    def _finish(self, body: bytes | None) -> Request | None:
        if body is None or self._request is None:
            return None
        request, self._request = self._request, None
        request.body = body
        return request

    def _may_have_body(self, endpoint: Endpoint | Response) -> bool:
        """Whether the body is to be read. If not the answer is the last: what follows the head is not a request."""
        if isinstance(endpoint, Response):
            self._served += 1
            self._last(endpoint)
            return False
        self._inbox.allow(self._head, endpoint.body)
        if not self._table.budget.admits(self._inbox.reserved):
            self._table.refuse("memory")
            self._served += 1
            self._last(self._own(503, "There is no memory for this now.", (("Retry-After", "10"),)))
            return False
        return True

    def _await_more(self) -> None:
        """The deadlines of a head and of a body begin with what has arrived of it."""
        inbox, table = self._inbox, self._table
        if inbox.body is not None:
            if self._state == HEAD:
                self._state = BODY
                self.deadline = table.now + table.limits.body_seconds
                if inbox.wants_continue:
                    self._transport.write(CONTINUE)
        elif inbox.waiting and not self._timed:
            self._timed = True
            self.deadline = table.now + table.limits.head_seconds

    def _hold(self) -> None:
        """Not the peer's turn: at most a head and one read wait here, the rest in the kernel."""
        self._count()
        if self._reading and self._inbox.waiting > self._table.limits.head:
            self._reading = False
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """It is the peer's turn again."""
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()
        self._read()
        if self._eof and self._state <= BODY:
            self._close()

    # Answering.

    def _serve(self, request: Request) -> None:
        self._state = BUSY
        self._served += 1
        answer: Answer | None
        try:
            endpoint = self._endpoint
            found = endpoint.handler(request) if isinstance(endpoint, Endpoint) else endpoint
            if isinstance(found, Later):  # asked for first: isinstance is slow to say no
                answer = self._wait(found)
            elif isinstance(found, (Response, Stream)):
                answer = found
            else:
                answer = self._run(found)
        except Exception as error:  # noqa: BLE001 - the one place where a handler's mistake ends
            answer = self._apology(error)
        if answer is not None:
            self._respond(answer)

    def _read_request(self, head: Head) -> Request:
        headers, target = head.headers, head.target
        peer, scheme, host = self._peer, "http", headers.get("host", "")
        if self._trusted:
            peer, scheme, host = self._table.proxies.client(peer, headers)
        host = target.authority or host
        return Request(head.method, target.path, target.query, headers, peer, scheme, host, proxied=self._trusted)

    def _wait(self, answer: Later) -> Answer | None:
        """None, or the answer, when it is there already."""
        self.deadline = self._table.now + self._table.limits.handler_seconds
        self._task = answer
        return answer.then(self._answered)

    def _run(self, answer: Awaitable[Answer]) -> Answer | None:
        self.deadline = self._table.now + self._table.limits.handler_seconds
        self._task = asyncio.ensure_future(answer)
        self._task.add_done_callback(self._done)
        return None

    def _done(self, task: asyncio.Future[Answer]) -> None:
        if task is not self._task:  # cancelled by us
            return
        try:
            answer = task.result()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - as in _serve
            answer = self._apology(error)
        self._answered(answer)

    def _answered(self, answer: Answer) -> None:
        self._respond(answer)
        if self._state == HEAD and (self._inbox.waiting or self._eof or not self._reading):
            self._go_on()

    def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def _respond(self, answer: Answer) -> None:
        self._task = None
        limits = self._table.limits
        if isinstance(answer, Stream):
            self._stream(answer)
        elif not self._head.keep_alive or self._served >= limits.requests or self._table.draining:
            self._last(answer)
        else:
            self._send(answer, "keep-alive" if self._head.old else "")
            self._sent()

    def _send(self, answer: Response, connection: str) -> None:
        head_only = self._head.method == "HEAD"
        counters, date = self._table.counters, self._table.date
        try:
            counters.sent += send(self._transport, answer, date, connection, head_only)
        except ValueError as error:
            answer = self._table.apology(error)
            counters.sent += send(self._transport, answer, date, connection, head_only)
        counters.classes[answer.status // 100] += 1

    def _sent(self) -> None:
        """An answer is with the transport. Is the next request's turn, or has the peer to read first?"""
        if not self._paused:
            self._ready()
            return
        self._state = FLUSH
        table = self._table
        pending = self._transport.get_write_buffer_size()
        self._progress = Progress(pending, table.now, table.limits, table.now + table.limits.answer_seconds)
        self.deadline = self._progress.deadline

    def _ready(self) -> None:
        self._state = HEAD
        self._head = _NO_REQUEST  # an idle connection keeps nothing
        if self._inbox.reserved:
            self._inbox.reserved = 0
            self._count()
        self._timed = False
        self.deadline = self._table.now + self._table.limits.idle_seconds

    # Ending: another protocol takes the transport over.

    def _last(self, answer: Response) -> None:
        self._send(answer, "close")
        self._leave().linger()

    def _reject(self, error: PeerError) -> None:
        errors = self._table.counters.errors
        errors[error.status] = errors.get(error.status, 0) + 1
        self._last(self._own(error.status, str(error)))

    def _own(self, status: int, message: str, headers: Headers = ()) -> Response:
        """What is answered in the place of a handler."""
        return text(status, message, (*headers, *self._table.router.cors(self._head)))

    def _apology(self, error: BaseException) -> Response:
        """For a handler that failed."""
        told = self._table.apology(error)
        return Response(told.status, (*told.headers, *self._table.router.cors(self._head)), told.body)

    def _turn_away(self) -> None:
        """503 to a connection that there is no room for, without reading what it wants."""
        if self._table.linger(self):
            self._last(text(503, "Too many connections.", (("Retry-After", "10"),)))
        else:
            self._leave().abort()

    def _close(self) -> None:
        self._leave().close()

    def _leave(self) -> Leaving:
        leaving = Leaving(self._table, self._transport)
        self._hand_over(leaving)
        return leaving

    def _stream(self, answer: Stream) -> None:
        try:
            head = render_head(answer.status, answer.headers, self._table.date, None, "close")
        except ValueError as error:
            self._last(self._table.apology(error))
            return
        self._transport.write(head)
        self._table.counters.sent += len(head)
        self._table.counters.classes[answer.status // 100] += 1
        if self._head.method == "HEAD":
            self._leave().linger()
            return
        outlet = StreamOutlet(self._table, self._transport, self._peer, self._paused)
        self._hand_over(outlet)
        outlet.open(answer.open, ended=self._eof)

    def _hand_over(self, heir: Leaving | StreamOutlet) -> None:
        self._state = GONE
        self.deadline = NEVER
        self._forget_inbox()
        self._table.replace(self, heir)
        self._transport.set_protocol(heir)
