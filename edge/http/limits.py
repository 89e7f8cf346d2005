"""Every bound of the HTTP server in one place. Seconds and bytes."""

from __future__ import annotations

import msgspec

from edge.http.settings import HttpSettings


class Limits(msgspec.Struct, frozen=True):
    """What one server allows. Deadlines are absolute (bytes that arrive do not move them) unless said otherwise."""

    # What a request may be.
    head: int = 8192
    request_line: int = 4096
    fields: int = 64
    body: int = 524_288  # what an endpoint may ask for at most; none by default
    requests: int = 1000  # per connection, then it is closed

    # How long it may take.
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    handler_seconds: float = 30.0
    idle_seconds: float = 15.0  # kept alive without a request
    stall_seconds: float = 20.0  # what is sent makes no progress at all
    answer_seconds: float = 300.0  # one answer with an end, whatever the progress
    linger_seconds: float = 2.0  # reading what the peer still sends after a last answer, see protocol.py
    sweep_seconds: float = 0.5  # how late a deadline may be noticed

    # How many at once.
    connections: int = 1000
    connections_per_address: int = 256  # an IPv6 /64 counts as one address
    lingering: int = 64  # refused connections that still get their 503; above it they are just closed
    linger_bytes: int = 262_144
    ignored_bytes: int = 65536  # what a viewer of a stream may send before it is closed

    # Memory in user space (write_high) and in the kernel, where viewers' buffers are the largest of all.
    write_high: int = 32768
    receive_buffer: int = 32768
    send_buffer: int = 131_072  # the kernel doubles it
    # Where memory is short, for all connections. A peer 100 ms away still gets 2.6 Mb/s.
    short_send_buffer: int = 32768  # 64 KiB as the kernel counts
    short_write_high: int = 8192
    not_sent_low: int = (
        16384  # TCP_NOTSENT_LOWAT: what is not sent yet waits with us, shared by all viewers, not copied
    )

    # What a connection counts on the process's budget: its objects here (0.6 kB) and in the kernel (4 kB).
    connection_bytes: int = 5120
    connections_kept: int = 64  # besides streams, so many are let in even where memory is short: probes, scrapes, HLS
    late_seconds: float = 10.0  # an answer that takes longer may hold bytes that nobody else does any more

    # A peer that vanished without a word.
    keepalive_seconds: int = 15
    user_timeout_seconds: int = 30

    @classmethod
    def of(cls, settings: HttpSettings) -> Limits:
        return cls(connections=settings.max_connections, connections_per_address=settings.max_connections_per_address)
