"""What one would write without thinking of the loop: a uvloop server, and a thread that transcodes a file flat out.

`python lagpeer.py PORT FILE`. It answers every request with 204; the same decoding, scaling and encoding as edge's.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from fractions import Fraction
from typing import Any

import av
import uvloop


class Answer(asyncio.Protocol):
    """204 to whatever comes."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        del data
        self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def transcode(path: str) -> None:
    """For ever, without a pause."""
    with av.open(os.devnull, "w", format="null") as output:
        stream = output.add_stream("libx264", rate=15, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 352, 240, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90000)
        stream.codec_context.thread_count = 1
        made = 0
        while True:
            with av.open(path) as source:
                source.streams.video[0].codec_context.thread_count = 1
                for count, frame in enumerate(source.decode(video=0)):
                    if count * 3 % 10 < 3:  # 15 of 50 frames a second
                        small = frame.reformat(352, 240, format="yuv420p", threads=1)
                        small.pts, small.time_base, small.pict_type = made * 6000, Fraction(1, 90000), 0
                        made += 1
                        output.mux(stream.encode(small))


async def main() -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Answer, "127.0.0.1", int(sys.argv[1]))
    threading.Thread(target=transcode, args=(sys.argv[2],), daemon=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
