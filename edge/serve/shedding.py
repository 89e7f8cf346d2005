"""Keeps the process within its memory: gives the plan's bounds to rings and playlists, and sheds when it is short.

What each step does, and what ends when the step is taken back:

- refuse: no new viewers, and no request bodies but those of up to 2 kB that come with their head (503 with
  Retry-After). Viewers who are in, also those of HLS, go on.
- buffers: what may wait for each peer falls to 64 KiB in the kernel and 8 KiB with us.
- idle: viewers who take nothing are closed, the longest so first, as many as are needed, every second.
- rings: each ring falls to its last GOP, playlists list three segments.
- jobs: work that can wait, waits.

Kernel socket buffers are the largest share of what a slow viewer costs (256 KiB at most, 64 KiB in short supply). On
a small host they are the host's memory like any other, so they are asked for (SO_MEMINFO) and count; a cgroup of
version 2 is charged with them too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from edge.channel.channel import CONTAINERS
from edge.channel.registry import Registry
from edge.flow.budget import Budget
from edge.flow.plan import BudgetPlan
from edge.host.memory import Taken
from edge.http.server import Server
from edge.log import Log
from edge.serve.hls import Hls
from edge.serve.progressive import Audience
from edge.serve.shed import BUFFERS, IDLE, JOBS, REFUSE, RINGS, STEPS, Measure, State, shed, worst
from edge.units import show_bytes


class SheddingStats(msgspec.Struct, frozen=True):
    """`step` in force, and how often each was taken. `closed`: viewers, for want of memory. `plan_limit`: what the
    process may take in all, None: no limit is known; the others as `Taken` and as of the last tick."""

    step: str
    taken: dict[str, int]
    closed: int
    plan_limit: int | None
    anonymous: int | None
    anonymous_alarm: int | None
    charged: int | None
    charged_alarm: int | None


def _no_jobs(_wait: bool) -> None:
    """There are none yet."""


class Shedding:
    """`tick(now)` is due every second. `jobs(wait)` is told when jobs shall wait, and when no more."""

    def __init__(
        self,
        plan: BudgetPlan,
        budget: Budget,
        *,
        registry: Registry,
        audience: Audience,
        hls: Hls,
        servers: Sequence[Server],
        taken: Callable[[], Taken],
        log: Log,
        jobs: Callable[[bool], None] = _no_jobs,
    ) -> None:
        self.plan = plan
        self._budget, self._registry, self._audience, self._hls = budget, registry, audience, hls
        self._servers, self._taken, self._log, self._jobs = servers, taken, log, jobs
        self._state = State()
        self._counts = dict.fromkeys(STEPS[1:], 0)
        self._closed = 0
        self._told: dict[str, str] = {}
        self._measures = self._measure()
        for channel in registry.all():
            for container in CONTAINERS:
                channel.hub(container).ring.draw_on(budget.draw("rings"))
        self.follow(plan)
        if plan.missing:
            log.warning("memory_small", missing=show_bytes(plan.missing), do="edge check says what would help")

    @property
    def step(self) -> int:
        return self._state.step

    def follow(self, plan: BudgetPlan) -> None:
        """Another plan, as more is known of the sources."""
        self.plan = plan
        self._budget.limit = plan.room
        self._bound()
        self._say_plan()

    def _say_plan(self) -> None:
        """Once for each that tells people something new."""
        sizes = (self.plan.limit, self.plan.room)
        limit, room = ("unknown" if size is None else show_bytes(size) for size in sizes)
        told = {"limit": limit, "by": self.plan.source, "room": room, "verdict": self.plan.verdict}
        if told != self._told:
            self._told = told
            self._log.info("memory_plan", **told)

    def _bound(self) -> None:
        tight = self.step >= RINGS
        bounds = self.plan.ring.tight() if tight else self.plan.ring
        for channel in self._registry.all():
            for container in CONTAINERS:
                channel.hub(container).ring.bound(bounds)
        self._hls.bound(self.plan.playlists, tight=tight)

    def tick(self, now: float) -> None:
        self._measures = self._measure()
        before, self._state = self.step, shed(self._state, self._measures, now)
        if self.step != before:
            self._change(before)
        if self.step >= IDLE:
            self._closed += self._audience.shed(worst(self._measures).excess, now)

    def _measure(self) -> tuple[Measure, ...]:
        taken, plan = self._taken(), self.plan
        alarm = None if plan.limit is None else plan.alarm(plan.limit)
        charged = None if taken.charged_limit is None else plan.alarm(taken.charged_limit)
        return (
            Measure("budget", self._budget.used, self._budget.limit),
            Measure("anonymous", taken.anonymous, alarm),
            Measure("cgroup", taken.charged, charged),
        )

    def _change(self, before: int) -> None:
        step = self.step
        self._budget.closed = step >= REFUSE
        if BUFFERS in (before, step):
            for server in self._servers:
                server.set_send_buffers(short=step >= BUFFERS)
        if RINGS in (before, step):
            self._bound()
        if JOBS in (before, step):
            self._jobs(step >= JOBS)
        self._say(before)

    def _say(self, before: int) -> None:
        """A step up or down is one line."""
        most = worst(self._measures)
        if self.step > before:
            self._counts[STEPS[self.step]] += 1
        say, event = (self._log.warning, "memory_short") if self.step > before else (self._log.info, "memory_eased")
        used, limit = show_bytes(most.used or 0), show_bytes(most.limit or 0)
        say(event, step=STEPS[self.step], was=STEPS[before], by=most.name, used=used, of=limit)

    def stats(self) -> SheddingStats:
        _, anonymous, charged = self._measures
        return SheddingStats(
            step=STEPS[self.step],
            taken=dict(self._counts),
            closed=self._closed,
            plan_limit=self.plan.limit,
            anonymous=anonymous.used,
            anonymous_alarm=anonymous.limit,
            charged=charged.used,
            charged_alarm=charged.limit,
        )
