"""A small simulated host for the governor: threads with queues of media, a capacity that is told or hidden, prices that
are learned. A fluid model: in each step the cores are shared out among the loads that have work."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from math import sin, tau

from edge.host.capacity import paces
from edge.host.effort import Gauge
from edge.host.governor import Change, LoadView, Pressure, State, decide
from edge.host.prices import Prices

# Processor seconds a media second, measured on the judged stream.
JUDGED = {
    "full": 0.055,
    "loop-noref": 0.050,
    "loop-none": 0.044,
    "skip-nonref": 0.038,
    "skip-b": 0.027,
    "fps-10": 0.025,
    "fps-7.5": 0.023,
    "gop-half": 0.018,
    "gop-quarter": 0.014,
    "key": 0.011,
    "audio": 0.010,
}
STEP = 0.05
SAMPLE = 0.25
NAMES = tuple(JUDGED)

Curve = Callable[[float], float]


@dataclass
class Meter:
    processor: float = 0.0
    worked: float = 0.0
    media: float = 0.0
    working_since: float | None = None


@dataclass
class Sim:
    """One load. `arrival(t)`: media seconds that its source brings a second; `content(t)`: times its true costs."""

    name: str
    true: dict[str, float]
    guess: dict[str, float]
    kind: str = "channel"
    arrival: Curve = lambda _t: 1.0
    content: Curve = lambda _t: 1.0
    running: Curve = lambda _t: True
    delay: float = 0.0  # seconds until a rung that was asked for is in effect
    queue: float = 0.0
    rung: str = ""
    asked: tuple[str, float] | None = None
    allowed: float | None = None
    meter: Meter = field(default_factory=Meter)

    def __post_init__(self):
        self.rung = self.rung or next(iter(self.true))
        top = next(iter(self.guess.values()))
        self.relative = [(name, guess / top) for name, guess in self.guess.items()]
        self.gauge, self.prices = Gauge(), Prices(self.relative, top)

    def cost(self, t: float) -> float:
        return self.true[self.rung] * self.content(t)

    def view(self, t: float) -> LoadView:
        running = bool(self.running(t))
        effort = self.gauge.note(self.meter, self.rung, t)
        if (bill := self.gauge.bill()) is not None:
            self.prices.observe(bill.rung, bill.processor, bill.media)
        index = [name for name, _ in self.relative].index(self.rung)
        return LoadView(
            self.name, self.kind, self.prices.rungs(), index, running,
            effort.behind, effort.speed, effort.share, effort.used,
        )  # fmt: skip

    def ask(self, rung: str, t: float) -> None:
        """In effect with the next keyframe: to ask again does not put it off."""
        self.asked = (rung, self.asked[1] if self.asked else t + self.delay)

    def arrive(self, t: float) -> None:
        if self.asked and t >= self.asked[1]:
            self.rung, self.asked = self.asked[0], None
        if self.running(t):
            self.queue += self.arrival(t) * STEP

    def wants(self, t: float) -> float:
        """Cores, this step, at most one and what it is allowed."""
        if not self.running(t):
            return 0.0
        return min(self.queue * self.cost(t) / STEP, 1.0, 1.0 if self.allowed is None else self.allowed)

    def work(self, t: float, cores: float, share: float) -> None:
        """`share` of a core is what its thread gets while it works."""
        made = min(cores * STEP / self.cost(t), self.queue) if self.running(t) else 0.0
        self.queue -= made
        used = made * self.cost(t)
        late = self.queue > 1e-9 and self.running(t)
        m = self.meter
        m.processor += used
        m.media += made
        m.worked += STEP if late else min(used / max(share, 1e-9), STEP)
        m.working_since = (t if m.working_since is None else m.working_since) if late else None


@dataclass
class Host:
    """`quota`: cores that are told (None: no quota), `hidden`: that nobody tells, `share`: of a core that a thread gets
    beside its neighbours; `other`: cores that the process uses beside its loads."""

    loads: list[Sim]
    cores: int = 2
    quota: Callable[[float], float | None] = lambda _t: None
    hidden: Callable[[float], float | None] = lambda _t: None
    share: Curve = lambda _t: 1.0
    other: Curve = lambda _t: 0.002
    late: Curve = lambda _t: 0.0  # seconds by which the next sample is late
    t: float = 1000.0
    state: State = field(default_factory=State)
    changes: list[tuple[float, Change]] = field(default_factory=list)
    seen: Callable[[Host, list[LoadView]], None] | None = None

    def __post_init__(self):
        self.next = self.t
        self.next_usage = self.t
        self.pressure = Pressure(self.cores)
        self.used = self.short = 0.0
        self.began = self.t

    def run(self, seconds: float) -> Host:
        until = self.t + seconds
        while self.t < until:
            self.step()
        return self

    def step(self) -> None:
        for load in self.loads:
            load.arrive(self.t)
        self._share_out()
        self.t += STEP
        if self.t >= self.next:
            self.next = self.t + SAMPLE + self.late(self.t)
            self._sample()

    def _share_out(self) -> None:
        bounds = [bound for bound in (self.quota(self.t), self.hidden(self.t), float(self.cores)) if bound is not None]
        left = max(min(bounds) - self.other(self.t), 0.0)
        share = self.share(self.t)
        wants = {load.name: min(load.wants(self.t), share) for load in self.loads}
        waiting = sorted(self.loads, key=lambda load: wants[load.name])
        self.used += self.other(self.t) * STEP
        for n, load in enumerate(waiting):
            got = min(wants[load.name], left / (len(waiting) - n))
            self.short = max(self.short, wants[load.name] - got)
            left -= got
            self.used += got * STEP
            load.work(self.t, got, share)

    def _sample(self) -> None:
        if self.t >= self.next_usage:
            seconds = self.t - self.next_usage + 1.0
            quota = self.quota(self.t)
            throttled = 1.0 if quota is not None and self.short > 1e-9 else 0.0
            self.pressure = Pressure(self.cores, quota, self.used / seconds, throttled)
            self.next_usage, self.used, self.short = self.t + 1.0, 0.0, 0.0
        views = [load.view(self.t) for load in self.loads]
        if self.seen:
            self.seen(self, views)
        self.state, changes = decide(self.state, views, self.pressure, self.t)
        by_name = {load.name: load for load in self.loads}
        for change in changes:
            self.changes.append((self.t - self.began, change))
            by_name[change.load].ask(change.rung, self.t)
        for name, cores in paces(views, self.pressure, self.state.other).items():
            by_name[name].allowed = cores


def judged(name: str = "live", **more) -> Sim:
    return Sim(name, dict(JUDGED), more.pop("guess", dict(JUDGED)), **more)


def wrong(rng: random.Random, factor: float = 2.0, costs: dict[str, float] = JUDGED) -> dict[str, float]:
    """Guesses up to `factor` too high or too low, each by itself, but in order."""
    guessed = sorted((cost * factor ** rng.uniform(-1, 1) for cost in costs.values()), reverse=True)
    return dict(zip(costs, guessed, strict=True))


def wave(rng: random.Random, depth: float, period: float = 40.0) -> Curve:
    """Content whose cost wanders by ± `depth`."""
    parts = [(rng.uniform(0.5, 2) * period, rng.uniform(0, tau)) for _ in range(3)]
    return lambda t: 1.0 + depth * sum(sin(tau * t / p + phase) for p, phase in parts) / 3
