"""What an import hands on: to the worker over its socket, or to the database."""

from __future__ import annotations

import msgspec

from edge.hits.hit import Counted, Dropped
from edge.hits.rollup import Imported, Item

MARKS = tuple(2**n for n in range(9))  # lines after which a file is marked: the longest one that is known counts
BATCH_BYTES = 57_344  # of what is sent at once; a request may have 64 KiB


class Batch(msgspec.Struct, frozen=True):
    """What is kept in one transaction, with how far the file is imported by it."""

    counted: list[Counted]
    dropped: list[Dropped]
    marks: list[Imported]

    def items(self) -> list[Item]:
        return [*self.counted, *self.dropped, *self.marks]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def encode(value: Batch | Counted | Dropped) -> bytes:
    """A batch, or one item to learn its size."""
    return _encoder.encode(value)


def decode(data: bytes) -> Batch:
    """msgspec.MsgspecError for what is no batch."""
    return _decoder.decode(data)
