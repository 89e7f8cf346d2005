"""The video of a channel on its ladder: encoded, or for a while passed on, in the same containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge.media.encode import Encoded
from edge.media.ladder import FULL, StreamFacts, Work
from edge.media.passing import CopiedRun
from edge.media.references import Pyramid
from edge.media.settings import VideoSettings
from edge.media.slices import UNKNOWN, P, length_size, look, sets_of_record
from edge.media.structure import Structure
from edge.media.timeline import Placed
from edge.media.video import VideoTrack

_PICTURES = ("wrapped_avframe", "rawvideo", "mjpeg")  # each stands alone, though not all packets say so


class VideoLadder:
    """Same interface as VideoTrack. `on_template(template, geometry or stream, copied)`; `on_facts` when `facts` may
    have changed."""

    def __init__(
        self,
        settings: VideoSettings,
        emit: Callable[[Encoded], None],
        on_template: Callable[[Any, Any, bool], None],
        on_poster: Callable[[bytes], None],
        on_facts: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_template, self._on_poster, self._on_facts = on_template, on_poster, on_facts
        self._emit_packet = emit
        self._track = VideoTrack(settings, emit, self._encoded_template, on_poster)
        self._copied: CopiedRun | None = None
        self._old: CopiedRun | None = None  # until the encoder has its template
        self._structure = Structure()
        self._pyramid = Pyramid()
        self._stream: Any = None
        self._length = 0
        self._codec = ""
        self._wanted = FULL

    @property
    def counts(self) -> Any:
        return self._track.counts

    @property
    def damaged(self) -> int:
        return self._track.damaged + (self._copied.damaged if self._copied else 0)

    @property
    def last_pts(self) -> int:
        return self._track.last_pts if self._copied is None else self._copied.last_pts

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures decoded last; (0, 0): none yet."""
        return self._track.size

    @property
    def work(self) -> Work:
        """In effect."""
        return self._track.work if self._copied is None else self._wanted

    def take(self, work: Work) -> None:
        """Works so as soon as the stream permits."""
        self._wanted = work
        if self._copied is None and work.video != "copy":
            self._track.take(work)

    def follow(self, stream: Any) -> None:
        """The stream of a new response. CodecError when it cannot be decoded."""
        codec = str(stream.codec_context.name)
        if codec != self._codec:
            self._codec, self._structure, self._pyramid = codec, Structure(), Pyramid()
        self._stream = stream
        if codec == "h264":
            self._follow_sets(bytes(stream.codec_context.extradata or b""))
        if self._copied is None:
            self._track.follow(stream)
        elif codec == "h264":
            self._copied.follow(stream)
        else:
            self._encode()

    def _follow_sets(self, extradata: bytes) -> None:
        self._length = length_size(extradata)
        self._pyramid.sets(sets_of_record(extradata) if self._length else extradata)

    @property
    def _b_referred(self) -> bool | None:
        """Whether P pictures refer to B pictures. Where no B picture is a reference, none can."""
        return False if self._structure.b_references == 0 else self._pyramid.referred

    def facts(self) -> StreamFacts:
        """What is known of the video now."""
        s = self._structure
        return StreamFacts(
            video=self._codec, nonref=s.nonref, b=s.b, b_referred=self._b_referred,
            key_interval=s.key_interval, fps=s.fps,
            shrinks=self._track.shrinks, deblocks=self._track.deblocks, copyable=self._codec == "h264",
        )  # fmt: skip

    def push(self, placed: Placed[Any]) -> None:
        packet = placed.item
        picture = look(packet, self._length) if self._codec == "h264" else UNKNOWN
        # A recovery point may be a P picture, from which the picture is whole only after a while.
        key = (bool(packet.is_keyframe) and picture[1] != P) or self._codec in _PICTURES
        if self._structure.note(*picture, placed.dts, key=key):
            self._on_facts()
        if picture[0] > 0:
            self._look_at_pyramid(packet, key=key)
        if key:
            self._switch()
        if self._copied is not None:
            self._copied.push(placed)
        else:
            self._track.push(placed, picture, key=key)

    def _look_at_pyramid(self, packet: Any, *, key: bool) -> None:
        if self._structure.b_references == 0:
            referred: bool | None = False
        else:
            if key:
                work = self._track.work
                self._pyramid.key(in_use=work.decode == "anchors" and work.gop > 0)
            self._pyramid.note(packet, self._length)
            referred = self._pyramid.referred
        self._track.thinning.know(b_referred=referred is not False)

    def _switch(self) -> None:
        """Between encoding and passing on; before a keyframe."""
        if self._copied is None and self._wanted.video == "copy":
            self._copy()
        elif self._copied is not None and self._wanted.video != "copy":
            self._encode()

    def _copy(self) -> None:
        self._track.suspend()
        self._copied = CopiedRun(
            self._emit_packet, lambda t, s: self._on_template(t, s, True), self._on_poster, self._track.last_pts
        )
        self._copied.counts = self._track.counts
        self._copied.follow(self._stream)
        self._close_old()  # a run that no picture has followed

    def _encode(self) -> None:
        copied, self._copied = self._copied, None
        if copied is not None:
            self._track.resume(copied.last_pts)
            self._old = copied
        self._track.take(self._wanted)
        self._track.follow(self._stream)

    def _encoded_template(self, template: Any, geometry: Any) -> None:
        self._on_template(template, geometry, False)
        self._close_old()

    def _close_old(self) -> None:
        if self._old is not None:
            self._old.close()
            self._old = None

    def hold_until(self, pts: int) -> None:
        """Nothing new until `pts` ticks while sound goes on: the last picture again, where it is ours."""
        if self._copied is None:
            self._track.hold_until(pts)

    def close(self) -> None:
        self._track.close()
        self._close_old()
        if self._copied is not None:
            self._copied.close()
