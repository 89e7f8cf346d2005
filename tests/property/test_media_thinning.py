"""Whatever is left out, and however the work changes: no picture is decoded that refers to one that is missing."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from edge.media.ladder import PATIENT, WORKS
from edge.media.overlap import TICKS
from edge.media.slices import B, I, P
from edge.media.thinning import Thinning

STEP = 3600
ENCODED = [work for work in WORKS.values() if work.video != "copy"]
USUAL = [*ENCODED, *[WORKS["skip-b"], WORKS["loop-none"]] * 5]  # where a wrong step is easily made


@dataclass
class Picture:
    kind: int
    idc: int
    at: int  # place in order of display
    refers: list[Picture] = field(default_factory=list)
    key: bool = False


def stream(gops: list[list[int]], *, pyramid: bool, referred: bool, opened: bool) -> list[Picture]:
    """In decoding order. Each GOP is a list of how many B pictures stand before each anchor; `pyramid`: the first of
    several is a reference; `referred`: P pictures use it too; `opened`: B pictures stand before a keyframe as well."""
    out: list[Picture] = []
    at, before, used = 0, None, None
    for gop in gops:
        key, between = True, (2 if opened and before is not None else 0)
        for bs in [between, *gop]:
            anchor = Picture(I if key else P, 2, at + bs, key=key)
            if not key:
                assert before is not None
                anchor.refers = [before] + ([used] if referred and used is not None else [])
            elif not opened:
                before = used = None
            out.append(anchor)
            group = [p for p in (before, anchor) if p is not None]
            middle = None
            for n in range(bs):
                picture = Picture(B, 1 if pyramid and n == 0 and bs > 1 else 0, at + n, list(group))
                if middle is not None:
                    picture.refers.append(middle)
                if picture.idc:
                    middle = picture
                out.append(picture)
            used = middle if not key else None
            at, before, key = at + bs + 1, anchor, False
    return out


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=2, max_size=8),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_nothing_spoilt_is_decoded(gops, pyramid, referred, opened, data):
    thinning = Thinning()
    thinning.know(b_referred=referred)
    decoder: set[int] = set()  # what it could refer to
    loop_filter, drained = "all", False
    for dts, picture in enumerate(stream(gops, pyramid=pyramid, referred=referred, opened=opened)):
        if data.draw(st.integers(0, 3)) == 0:
            thinning.take(data.draw(st.sampled_from(USUAL)))
        unshown = data.draw(st.booleans())
        verdict = thinning.decide(
            picture.idc, picture.kind, (picture.at + 2) * STEP, dts * STEP, key=picture.key, unshown=unshown
        )
        if picture.key and thinning.work.loop_filter != loop_filter:
            loop_filter, decoder = thinning.work.loop_filter, set()
        if verdict == "last":
            drained, decoder = True, set()
        if verdict != "decode":
            continue
        assert picture.key or not drained
        drained = False
        assert {id(p) for p in picture.refers} <= decoder
        decoder.add(id(picture))


@given(st.sampled_from(ENCODED), st.sampled_from(ENCODED), st.integers(0, 40))
def test_a_change_is_in_effect_after_the_next_keyframe_at_the_latest(first, then, when):
    pictures = stream([[2] * 8] * 4, pyramid=True, referred=False, opened=False)
    thinning = Thinning()
    thinning.take(first)
    asked = False
    for n, picture in enumerate(pictures):
        thinning.decide(picture.idc, picture.kind, (picture.at + 2) * STEP, n * STEP, key=picture.key)
        if n == when:
            thinning.take(then)
            asked = True
            assert thinning.work in (first, then)
            if then.depth > first.depth:
                assert thinning.work is then  # leaving out more needs no keyframe
        elif asked and picture.key:
            assert thinning.work is then
            break
    assert asked


@given(st.sampled_from(ENCODED))
def test_a_stream_that_loses_its_keyframes_is_decoded_again_on_a_rung_that_decodes_all(work):
    thinning = Thinning()
    thinning.decide(2, I, 0, 0, key=True)
    thinning.restart()
    thinning.take(work)
    verdicts = [thinning.decide(2, P, n * STEP, n * STEP, key=False) for n in range(1, 400)]
    first = verdicts.index("decode") if "decode" in verdicts else None
    if work.gop < 1:
        assert first is None
    else:
        assert first is not None
        assert first * STEP > (PATIENT - 1) * TICKS
