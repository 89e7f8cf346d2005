"""A ring under changing bounds: what it draws is what it holds, what it holds is within its bounds, nothing is lost
that need not be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.flow.bounds import Bounds
from edge.flow.budget import Budget
from edge.flow.ring import OVERHEAD, Chunk, Ring

CHUNK = st.tuples(st.just("append"), st.integers(0, 5000), st.booleans())
BOUNDS = st.tuples(st.just("bound"), st.integers(0, 40_000), st.booleans())
CLEAR = st.tuples(st.just("clear"), st.just(0), st.just(False))


@given(st.lists(CHUNK | BOUNDS | CLEAR, max_size=120))
def test_draws_and_bounds_hold_whatever_happens(actions):
    budget = Budget()
    ring = Ring(Bounds.flat(20_000), budget.draw("rings"))
    time = 0.0
    for what, size, flag in actions:
        if what == "append":
            ring.append(Chunk(b"x" * size, flag, time))
            time += 0.1
        elif what == "bound":
            bounds = Bounds(least=size // 4, usual=size // 2, most=size, seconds=2.0)
            ring.bound(bounds.tight() if flag else bounds)
        else:
            ring.clear()
        chunks = ring.chunks(ring.tail)
        assert ring.held == budget.used == sum(len(chunk.data) + OVERHEAD for chunk in chunks)
        assert ring.held <= ring.bounds.most or len(chunks) == 1
        key = ring.last_key()
        assert key is None or ring.chunks(key)[0].key
        if any(chunk.key for chunk in chunks):
            assert key is not None
    ring.close()
    assert budget.used == 0
