"""One output timeline over many responses of a source that cuts, replays, jumps and loses packets. Pure.

Packets are seen as `Mark`s; an opaque `item` rides along. A mark's own time, shifted as its response needs, is *raw*;
`raw + offset` is its place on the output timeline, which only rises.

A new response, and any step back within one, is first probed (see `overlap`): a replay is dropped packet by packet, a
seamless continuation goes on in the same decoder, after a gap video waits for a keyframe, another clock goes on right
behind the last packet and is marked as a discontinuity.

Gaps up to `HOLD` keep their length (the picture stands). Longer ones close up: a player that has waited through an
outage must not wait through a hole in the timestamps again.
"""

from __future__ import annotations

from collections import Counter
from typing import Generic, TypeVar

import msgspec

from edge.media.overlap import AUDIO, HELD, JUMP, TICKS, VIDEO, History, Mark, Probe, Verdict

WRAP = 1 << 33  # MPEG-TS counts modulo 2^33 (ISO/IEC 13818-1, 2.4.3.7)
START = 10 * TICKS  # AAC's priming and PCR (dts - 0.2 s) stay positive
HOLD = TICKS  # 1 s
STRAY = TICKS // 2  # this little behind its own stream is late, not a step back
OLD_CLOCK = 2 * TICKS  # packets of the clock before a jump that come after it
EARLY_AUDIO = 5 * TICKS  # audio goes without a first picture after this

Item = TypeVar("Item")


class Placed(msgspec.Struct, Generic[Item], gc=False):
    """A packet's place on the output timeline. `fresh`: it does not refer to what came before (flush the decoder);
    `discontinuity`: a new clock or a closed gap starts here."""

    item: Item
    stream: int
    dts: int
    pts: int
    fresh: bool = False
    discontinuity: bool = False


def near(time: int, reference: int | None) -> int:
    """`time` in the turn of the 33-bit clock that is nearest to `reference`."""
    if reference is None or abs(reference - time) < WRAP // 2:
        return time
    return time + round((reference - time) / WRAP) * WRAP


def _lead(mark: Mark) -> int:
    """By how much a picture is shown later than decoded, as far as that can be believed."""
    return min(max(mark.pts - mark.dts, 0), HOLD)


class Timeline(Generic[Item]):
    """One for the life of a channel. `counts` by word: replayed, damaged_copy, waiting_key, late, gap, discontinuity,
    continued, overlap."""

    def __init__(self, *, has_video: bool = True) -> None:
        self.has_video = has_video
        self.counts: Counter[str] = Counter()
        self._steps = [TICKS // 25, TICKS // 47]
        self._out = [START - 1, START - 1]  # last dts placed, by stream
        self._shown = START - 1  # latest pts of a picture placed
        self._lead = 0  # of the last keyframe
        self._shift = 0
        self._held: list[tuple[Mark, Item]] = []
        self._probe: Probe | None = None
        self._catching_up = [False, False]
        self._touched = [False, False]  # the last packet before the response came again in it
        self._news = self._replayed = 0  # of this response
        self._only_replays = False
        self._old_clock: tuple[int, int] | None = None  # offset, last raw
        self._new_clock()

    def _new_clock(self) -> None:
        self._offset: int | None = None
        self._history = (History(), History())
        self._wait_key = self.has_video
        self._fresh = True
        self._discontinuity = False
        self._first_audio: int | None = None

    def _last(self) -> int | None:
        """The newest raw time of any stream. (Asked several times a packet: no generator.)"""
        video, audio = self._history[VIDEO].last, self._history[AUDIO].last
        if video is None or audio is None:
            return audio if video is None else video
        return max(video, audio)

    # -- responses

    def connect(self, now: float, *, replays: bool = True) -> None:
        """A response begins at monotonic second `now`. `replays=False`: it is known to be news (a file looped)."""
        self._shift = self._news = self._replayed = 0
        self._old_clock = None
        self._held.clear()
        self._probe = None
        if self._last() is None:
            return
        if replays and not self._only_replays:
            self._probe = Probe(self._history, now)
        else:
            self._rebase()
            self._old_clock = None

    def end(self, *, clean: bool) -> None:
        """The response is over. A whole one (`clean`) of nothing but replays is a file: its next round is played."""
        self._only_replays = clean and not self._news and (self._replayed > 0 or self._probe is not None)
        self._held.clear()
        self._probe = None

    # -- packets

    def push(self, mark: Mark, item: Item, now: float) -> list[Placed[Item]]:
        """Where `item` stands, or several that were held until now, in order; empty when it is dropped or held."""
        last = self._last()
        mark = self._moved(mark, near(mark.dts, None if last is None else last - self._shift) - mark.dts)
        if self._probe is None and self._steps_back(mark):
            self._shift = 0
            self._probe = Probe(self._history, now, only=mark.stream)
        if self._probe is not None:
            return self._probed(self._probe, mark, item, now)
        placed = self._place(mark, item)
        return [] if placed is None else [placed]

    def _moved(self, mark: Mark, by: int) -> Mark:
        return msgspec.structs.replace(mark, dts=mark.dts + by, pts=mark.pts + by) if by else mark

    def _probed(self, probe: Probe, mark: Mark, item: Item, now: float) -> list[Placed[Item]]:
        self._held.append((mark, item))
        verdict = probe.push(mark, now)
        if verdict is None:
            del self._held[: max(0, len(self._held) - HELD)]
            return []
        held, self._held, self._probe = self._held, [], None
        self._judge(verdict)
        return [p for m, i in held if (p := self._place(m, i)) is not None]

    def _judge(self, verdict: Verdict) -> None:
        if verdict.kind == "other":
            self._rebase()
            return
        self._shift = verdict.distance
        self._catching_up, self._touched = [True, True], [False, False]
        if verdict.kind == "doubt":
            self._gap()
        elif verdict.kind == "overlap":
            self.counts["overlap"] += 1

    def _gap(self) -> None:
        """Pictures are missing: what comes next refers to them, so wait for a keyframe."""
        if not self._wait_key or not self.has_video:
            self.counts["gap"] += 1
        self._wait_key = self._fresh = self.has_video

    def _rebase(self) -> None:
        """Another clock from here on: the next packet is placed right behind the last one."""
        last = self._last()
        old = None if self._offset is None or last is None else (self._offset, last)
        self._new_clock()
        self._old_clock = old
        self._shift = 0
        self._catching_up = [False, False]
        self._discontinuity = True
        self.counts["discontinuity"] += 1

    def _steps_back(self, mark: Mark) -> bool:
        last = self._history[mark.stream].last
        if last is None or self._catching_up[mark.stream] or self._straggles(mark) is not None:
            return False
        return mark.dts + self._shift < last - STRAY

    # -- placing

    def _place(self, mark: Mark, item: Item) -> Placed[Item] | None:
        raw = mark.dts + self._shift
        if (straggler := self._straggles(mark)) is not None:
            return self._emit(mark, item, straggler, straggles=True)
        if self._offset is None and not self._anchor(mark, raw):
            self.counts["waiting_key"] += 1
            return None
        history = self._history[mark.stream]
        if history.last is not None and raw <= history.last:
            self._seen(mark, raw)
            return None
        if not self._fits(raw, history.last):
            self._rebase()
            return self._place(self._moved(mark, raw - mark.dts), item)
        self._joint(mark.stream, raw, history.last)
        history.add(raw, mark.digest)
        self._news += 1
        if mark.stream == VIDEO and self._wait_key and not mark.key:
            self.counts["waiting_key"] += 1
            return None
        assert self._offset is not None  # noqa: S101 - _anchor() has set it
        return self._emit(mark, item, raw + self._offset)

    def _joint(self, stream: int, raw: int, own: int | None) -> None:
        """The first new packet of a stream in a response: does it follow on, or is something missing between?"""
        if not self._catching_up[stream]:
            return
        self._catching_up[stream] = False
        if stream == VIDEO and own is not None:
            if not self._touched[VIDEO] and raw - own > self._steps[VIDEO] * 3 // 2:
                self._gap()
            else:
                self.counts["continued"] += 1

    def _anchor(self, mark: Mark, raw: int) -> bool:
        """Ties the clock to the output at the first keyframe, or at audio that has been alone for long."""
        if mark.stream == AUDIO and self.has_video:
            self._first_audio = raw if self._first_audio is None else self._first_audio
            if raw - self._first_audio < EARLY_AUDIO:
                return False
        elif not mark.key:
            return False
        behind = max(*self._out, self._shown - _lead(mark))
        self._offset = behind + (1 if behind < START else self._steps[mark.stream]) - raw
        return True

    def _fits(self, raw: int, own: int | None) -> bool:
        """Whether `raw` belongs to the clock in force; closes a gap longer than HOLD on the way."""
        last = self._last()
        if last is None:
            return True
        ahead = raw - last
        if ahead > JUMP and (own is None or raw - own > JUMP):
            return False
        if ahead > HOLD and self._offset is not None:
            unshown = max(0, self._shown - self._lead - (last + self._offset))
            self._offset -= ahead - self._steps[VIDEO] - unshown
            self._gap()
            self._discontinuity = True
        return True

    def _seen(self, mark: Mark, raw: int) -> None:
        """Not newer than the last of its stream: a replayed copy, or a late packet."""
        if not self._catching_up[mark.stream]:
            self.counts["late"] += 1
            return
        self._replayed += 1
        self.counts["replayed"] += 1
        self._touched[mark.stream] = raw == self._history[mark.stream].last
        if self._history[mark.stream].at(raw) not in (mark.digest, None):
            self.counts["damaged_copy"] += 1

    def _straggles(self, mark: Mark) -> int | None:
        """The output time of a packet of the clock before the last jump, else None. A stream that has begun on the new
        clock has left the old one, though its times may come by there again."""
        if self._old_clock is None or self._history[mark.stream].last is not None:
            return None
        last = self._last()
        if last is None:
            return None
        offset, old_last = self._old_clock
        old = near(mark.dts, old_last)
        if abs(old - old_last) > OLD_CLOCK or abs(mark.dts - last) <= abs(old - old_last):
            return None
        return old + offset

    def _emit(self, mark: Mark, item: Item, out: int, *, straggles: bool = False) -> Placed[Item] | None:
        stream = mark.stream
        if out <= self._out[stream] or (straggles and stream == VIDEO):
            self.counts["late"] += 1  # a picture of the old clock refers to a decoder that is to be flushed
            return None
        self._learn_step(stream, out - self._out[stream])
        self._out[stream] = out
        placed = Placed(item, stream, out, out + mark.pts - mark.dts)
        if not straggles:
            placed.discontinuity, self._discontinuity = self._discontinuity, False
        if stream == VIDEO:
            placed.fresh, self._fresh, self._wait_key = self._fresh, False, False
            self._note_shown(mark, out)
        return placed

    def _note_shown(self, mark: Mark, out: int) -> None:
        """After a break the next keyframe must be shown after all of these, which may be reordered more than it is."""
        self._shown = max(self._shown, out + _lead(mark))
        if mark.key:
            self._lead = _lead(mark)

    def _learn_step(self, stream: int, step: int) -> None:
        """Follows the usual distance between packets (a moving average; a jump counts little)."""
        usual = self._steps[stream]
        self._steps[stream] = usual + (min(step, 2 * usual) - usual) // 8
