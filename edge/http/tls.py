"""TLS of a client over a plain connection. The loop's own would load `ssl` (1.3 MB, and 3 of file pages) into
every process, whether it has an https source or not; here the first one that needs it does."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, cast

from edge.host.standins import importing

if TYPE_CHECKING:
    import ssl

_READ = 65_536


@functools.cache
def default_tls() -> ssl.SSLContext:
    """Certificates are verified. Made once: reading the host's authorities takes some 20 ms."""
    with importing:
        import ssl  # noqa: PLC0415 - only for https

    return ssl.create_default_context()


class Tls(asyncio.Protocol):
    """Speaks TLS below `protocol`, which is told of the connection when the handshake is over. `ready`: why it failed
    (ssl.SSLError is an OSError), or None. As a value: raised, it would hold the frames that it passed."""

    def __init__(self, protocol: asyncio.Protocol, context: ssl.SSLContext, host: str) -> None:
        with importing:
            import ssl  # noqa: PLC0415 - only for https

        self._wait_for: tuple[type[Exception], ...] = (ssl.SSLWantReadError,)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._protocol: asyncio.Protocol | None = protocol
        self._transport: asyncio.Transport | None = None
        self._told = self._paused = False
        self.ready: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()

    # -- from the plain connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._advance()

    def data_received(self, data: bytes) -> None:
        self._in.write(data)
        self._advance()

    def eof_received(self) -> bool:
        self._in.write_eof()
        self._advance()
        return True  # stays open until what came before has been taken: it is read to the end, and ended there

    def connection_lost(self, exc: Exception | None) -> None:
        protocol, self._protocol, self._transport = self._protocol, None, None
        if not self.ready.done():
            closed = ConnectionResetError("the connection was closed")
            self.ready.set_result(exc if isinstance(exc, OSError) else closed)
        elif protocol is not None and self._told:
            protocol.connection_lost(exc)

    # -- what TLS makes of it

    def _advance(self) -> None:
        try:
            if not self._told:
                self._object.do_handshake()
                self._tell()
            self._hand_on()
        except self._wait_for:
            self._send()
        except OSError as error:  # ssl.SSLError is one: a certificate, a protocol, an end in the middle of a record
            self._send()  # an alert, if there is one
            self._fail(error.with_traceback(None))

    def _tell(self) -> None:
        self._send()
        self._told = True
        if self._protocol is not None:
            self._protocol.connection_made(TlsTransport(self))
        if not self.ready.done():
            self.ready.set_result(None)

    def _hand_on(self) -> None:
        while not self._paused and self._protocol is not None:
            data = self._object.read(_READ)
            if not data:  # the other side has said that this is all
                self.abort()
                return
            self._protocol.data_received(data)

    def _fail(self, error: OSError) -> None:
        transport = self._transport
        self.connection_lost(error)
        if transport is not None:
            transport.abort()

    def _send(self) -> None:
        if self._transport is not None and (data := self._out.read()):
            self._transport.write(data)

    # -- from the protocol

    def write(self, data: bytes) -> None:
        """For requests: what cannot go out at once waits in memory."""
        self._object.write(data)
        self._send()

    def pause(self) -> None:
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        self._paused = False
        if self._transport is not None:
            self._transport.resume_reading()
            asyncio.get_running_loop().call_soon(self._advance)  # what is decrypted or waits to be

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def plain_info(self, name: str, default: Any) -> Any:
        return default if self._transport is None else self._transport.get_extra_info(name, default)


class TlsTransport(asyncio.Transport):
    """What the protocol above TLS sees of the connection: what a reader of responses uses."""

    def __init__(self, tls: Tls) -> None:
        super().__init__()
        self._tls = tls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._tls.write(bytes(data))

    def pause_reading(self) -> None:
        self._tls.pause()

    def resume_reading(self) -> None:
        self._tls.resume()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls.plain_info(name, default)

    def close(self) -> None:
        self._tls.abort()

    abort = close
