"""Whatever a kernel, a container or a sandbox shows instead of the files: unknown, never an error, never nonsense."""

from __future__ import annotations

import tempfile
from pathlib import Path

import hosts
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.host import cgroups, limits, procfs, rates
from edge.host.cgroups import Throttling

WORDS = st.sampled_from(
    """max -1 0 1 25000 100000 9223372036854771712 99999999999999999999999 - / /a \\040 \\777 . .. \0 ² kB MemTotal:
    cpu cpu0 some full avg10=1.5 avg10=nan avg10=-1 avg10=. avg10=1.² nr_periods nr_throttled throttled_usec oom_kill
    0::/ 0::/../.. 1:memory:/a 2:cpu: cgroup cgroup2 rw,memory,cpu privvmpages 101:""".split()  # noqa: SIM905
)
LINES = st.lists(WORDS, max_size=12).map(" ".join)
GARBAGE = st.one_of(st.none(), st.text(max_size=200), st.lists(LINES, max_size=8).map("\n".join))
FILES = st.dictionaries(
    st.sampled_from(sorted({*hosts.V2, *hosts.HYBRID, *hosts.OPENVZ})),
    GARBAGE.map(lambda text: text or ""),
    max_size=12,
)
HOSTS = st.sampled_from([{}, hosts.V2, hosts.HYBRID, hosts.DOCKER_V1, hosts.OPENVZ, hosts.PID_ONLY])


@given(GARBAGE, GARBAGE)
def test_no_text_is_an_error(text: str | None, other: str | None) -> None:
    assert all(value >= 0 for value in procfs.table(text).values())
    procfs.statm(text)
    procfs.beancounters(text)
    cgroups.throttling(text)
    ticks, stall, cores = procfs.ticks(text), procfs.stall(text), cgroups.quota(text)
    assert ticks is None or 0 <= ticks.steal <= ticks.total
    assert stall is None or 0 <= stall.some <= 1
    assert cores is None or cores > 0
    place = cgroups.locate("memory", text, other)
    if place:
        assert ".." not in place.path.split("/")
        assert all(level == place.mount or level.startswith(place.mount + "/") for level in place.levels())
        assert place.levels()[-1] == place.mount


@settings(max_examples=60, deadline=None)
@given(HOSTS, FILES)
def test_no_host_is_an_error(host: dict[str, str], damage: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = hosts.make(Path(place), {**host, **damage})
        found = limits.read(root)
        sampler = limits.Sampler(root)
        sampler.sample(0.0)
        usage = sampler.sample(1.0)
    assert found == usage.limits
    known = [size for size in (found.memory_max, found.memory_high, found.total) if size is not None]
    assert found.memory == min(known, default=None)
    assert (found.memory is None) == (found.memory_source is None)
    assert (found.quota is None) == (found.quota_source is None)
    assert usage.headroom is None or usage.headroom >= 0


LIMIT = st.one_of(st.just("max"), st.integers(0, 2**59).map(str))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(LIMIT, LIMIT), min_size=1, max_size=6))
def test_the_tightest_of_all_levels(levels: list[tuple[str, str]]) -> None:
    names = [f"/g{depth}" for depth in range(len(levels))]
    files = {"/proc/self/cgroup": f"0::{''.join(names)}\n", "/proc/self/mountinfo": hosts.V2["/proc/self/mountinfo"]}
    for depth, (hard, high) in enumerate(levels):
        group = "/sys/fs/cgroup" + "".join(names[: depth + 1])
        files |= {f"{group}/memory.max": hard, f"{group}/memory.high": high}
    with tempfile.TemporaryDirectory() as place:
        found = limits.read(hosts.make(Path(place), files))
    known = [int(value) for pair in levels for value in pair if value != "max"]
    assert found.memory == min(known, default=None)


COUNTS = st.builds(Throttling, st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 1e6))
TICKS = st.none() | st.tuples(st.floats(0, 1e9), st.floats(0, 1)).map(
    lambda pair: procfs.Ticks(pair[0], pair[0] * pair[1])
)
MOMENT = st.builds(
    rates.Counters,
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.just(0),
    st.dictionaries(st.sampled_from("ab"), COUNTS),
    TICKS,
)


@given(st.none() | MOMENT, MOMENT)
def test_rates_are_shares_and_never_negative(before: rates.Counters | None, after: rates.Counters) -> None:
    found = rates.rates(before, after)
    assert found.seconds >= 0
    assert found.cores is None or found.cores >= 0
    assert found.throttled is None or 0 <= found.throttled <= 1
    assert found.steal is None or 0 <= found.steal <= 1
    assert found.throttled_seconds >= 0
    assert found.steal_seconds >= 0
