"""The one error tree. The class says whose fault it is; the message what was expected, what came, what to do."""

from __future__ import annotations


class EdgeError(Exception):
    """Base of every error that edge raises on purpose; never raised itself."""

    owner = "edge"


class ConfigError(EdgeError):
    """The configuration asks for something impossible. The user mends the file."""

    owner = "configuration"


class SourceError(EdgeError):
    """The source failed. `reason` is a word from a fixed list (metric label); the channel tries again."""

    owner = "source"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class CodecError(EdgeError):
    """A codec cannot decode or encode what it was given."""

    owner = "codec"


class PeerError(EdgeError):
    """A client broke the protocol or asked for what is not there. `status` is the HTTP status it is told."""

    owner = "peer"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class StoreError(EdgeError):
    """The disk refused (full, read-only, damaged)."""

    owner = "store"


class OverloadError(EdgeError):
    """A bound of ours is reached. The client is told to come back after `retry_after` seconds."""

    owner = "overload"

    def __init__(self, message: str, retry_after: int = 10) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def where(error: BaseException) -> str:
    """The innermost line, as `file.py:12`: what may be logged of a defect, whose text may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
