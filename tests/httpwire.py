"""One connection without a socket, for properties that need thousands of cases; the unit tests use real sockets."""

from __future__ import annotations

import io

from httppeer import usual_router

from edge.access.proxies import Proxies
from edge.clock import ManualClock
from edge.http.limits import Limits
from edge.http.protocol import Connection
from edge.http.table import Table
from edge.log import Log


class Wire:
    """A transport that keeps what is written, and hands what is fed to whoever is the protocol now."""

    def __init__(self, limits=None, router=None):
        self.clock = ManualClock()
        self.table = Table(
            router or usual_router(), limits or Limits(), Proxies(), Log(stream=io.StringIO()), self.clock
        )
        self.protocol = Connection(self.table)
        self.written = b""
        self.ended = False
        self.reading = True
        self.protocol.connection_made(self)

    def feed(self, data):
        if not self.ended:
            self.protocol.data_received(data)

    # What a transport does.

    def write(self, data):
        assert not self.ended, "written after the end"
        self.written += data

    def writelines(self, pieces):
        self.write(b"".join(pieces))

    def write_eof(self):
        self.ended = True

    close = abort = write_eof

    def set_protocol(self, protocol):
        self.protocol = protocol

    def get_extra_info(self, name):
        return ("192.0.2.1", 4711) if name == "peername" else None

    def get_write_buffer_size(self):
        return 0

    def set_write_buffer_limits(self, high):
        pass

    def is_reading(self):
        return self.reading

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


def said(*pieces, limits=None):
    """All that one connection answers to the pieces, and whether it closed."""
    wire = Wire(limits)
    for piece in pieces:
        wire.feed(piece)
    return wire.written, wire.ended
