"""A terminal that is drawn on: its other screen, keys without a return, its size; as it was before at any end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any, Self

from edge.errors import ConfigError

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[?25h\x1b[?1049l"  # the alternate screen, without a cursor
_DISABLED = b"\0"  # _POSIX_VDISABLE of Linux


class Ended(BaseException):
    """SIGTERM or SIGHUP: leaves through every `finally`."""


class Terminal:
    """Standard output and input. ConfigError: they are none."""

    def __enter__(self) -> Self:
        if not (sys.stdout.isatty() and sys.stdin.isatty()):
            raise ConfigError("expected a terminal; for scripts: edge top --once, or --json")
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._before = termios.tcgetattr(self._in)
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        self._handlers: dict[int, Any] = {}
        try:
            for number, handler in ((signal.SIGWINCH, self._resized), (signal.SIGTERM, _end), (signal.SIGHUP, _end)):
                self._handlers[number] = signal.signal(number, handler)
            self._begin()
        except BaseException:
            self._restore()
            raise
        return self

    def _begin(self) -> None:
        tty.setcbreak(self._in)
        mode = termios.tcgetattr(self._in)
        mode[6][termios.VSUSP] = _DISABLED  # a stop would leave the shell on this screen
        termios.tcsetattr(self._in, termios.TCSANOW, mode)
        self._write(_ENTER)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._restore()
        return kind is not None and issubclass(kind, KeyboardInterrupt | Ended)

    def _restore(self) -> None:
        try:
            self._write(_LEAVE)
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)
        except (OSError, termios.error):
            pass  # the terminal has gone
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._wake)
        os.close(self._woken)

    def _resized(self, _number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):  # it is known already
            os.write(self._woken, b"w")

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            size = os.get_terminal_size(self._out)
        except OSError:
            return 80, 24
        return size.columns or 80, size.lines or 24

    def show(self, lines: Sequence[str]) -> None:
        """In place of what stood there: nothing is cleared first, so nothing flickers."""
        self._write("\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")

    def wait(self, seconds: float) -> str:
        """The key that was pressed; empty: the time is over, or the size is another."""
        ready, _, _ = select.select([self._in, self._wake], [], [], seconds)
        if self._wake in ready:
            os.read(self._wake, 64)
        if self._in not in ready:
            return ""
        key = os.read(self._in, 1)
        if not key:
            raise Ended
        return key.decode("ascii", "replace")

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._out, data) :]


def _end(_number: int, _frame: FrameType | None) -> None:
    raise Ended
