"""Hits for a real worker: one that does nothing else, and one that transcodes the sample in real time beside."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from edge.bench.model import Alone, Beside, Sent
from edge.bench.processes import NotMeasuredError, Processes, Worker
from edge.bench.snippet import site_toml, worker_toml
from edge.bench.tasks import SendFound, SendPhase, SendTask
from edge.bench.watching import Look, Scene, rest, worker_playing

SITE, HOST = 1, "www.example.org"
FEW, MANY = 32, 200  # connections
SLOW, STEADY = 20.0, 200.0  # hits a second, at which waits are measured
LEAST_PHASE, FULL = 0.3, 1.2  # seconds: least of a phase, and from which on all four are done
START = 0.3  # of the time: for the worker and the sender to start, and to spare
TELLING = 3.0  # seconds, from which on a speed is told: /metrics is a second old at most
STALE = 3.0  # seconds, after which /metrics tells of everything
PATIENCE = 12.0  # seconds that a sender may take besides, on a slow host


class HitScene(msgspec.Struct, frozen=True):
    """`scene`: the folder, on the disk to be measured, the channel for `beside`, and the seconds for all of it."""

    scene: Scene
    durability: str


def phases(seconds: float, *, beside: bool) -> tuple[SendPhase, ...]:
    """What to send in so many seconds. Saturation comes last: beside a channel it makes the governor lower it."""
    wanted: list[tuple[int, float | None]] = [(FEW, SLOW), (FEW, STEADY), (FEW, None), (MANY, None)]
    if seconds < len(wanted) * FULL:
        wanted = [(FEW, STEADY), (MANY if beside else FEW, None)]
    if seconds < len(wanted) * LEAST_PHASE:
        wanted = wanted[-1:]
    each = seconds / len(wanted)
    if each < LEAST_PHASE:
        raise NotMeasuredError("no time was left")
    return tuple(SendPhase(connections, rate, each) for connections, rate in wanted)


def alone(what: HitScene, processes: Processes) -> Alone:
    """A worker without channels."""
    scene = what.scene
    end = time.monotonic() + scene.seconds
    phases(scene.seconds * (1 - START), beside=False)
    config = worker_toml(None, str(scene.folder / "alone"), MANY, site_toml(SITE, HOST, what.durability))
    with processes.worker(scene.folder, config, scene.seconds * 0.75) as worker:
        todo = phases((end - time.monotonic()) * (1 - START / 2), beside=False)
        before = worker.memory().get("RssAnon")
        sent = _send(worker, processes, todo)
        memory = worker.memory()
        _check(worker, processes, sent)
        return Alone(sent, before, memory.get("RssAnon"), memory.get("VmHWM"))


def beside(what: HitScene, processes: Processes) -> Beside:
    """A worker that transcodes for a viewer, too."""
    more = site_toml(SITE, HOST, what.durability)
    scene = msgspec.structs.replace(what.scene, more=more, data="beside")
    with worker_playing(scene, processes, MANY) as (worker, _, left):
        end = time.monotonic() + left
        rest(worker, processes, left / 4)
        todo = phases((end - time.monotonic()) * (1 - START), beside=True)
        paced = _send(worker, processes, tuple(phase for phase in todo if phase.rate is not None))
        first = Look(worker, processes)
        full = _send(worker, processes, tuple(phase for phase in todo if phase.rate is None))
        last = Look(worker, processes)
        seconds = last.at - first.at
        rungs = tuple(dict.fromkeys(look.rung for look in (first, last) if look.rung))
        speed = (last.media - first.media) / seconds if seconds >= TELLING else None
        _check(worker, processes, (*paced, *full))
        return Beside((*paced, *(_uncosted(each) for each in full)), speed, seconds, rungs)


def _uncosted(sent: Sent) -> Sent:
    """The channel's work is in it."""
    return msgspec.structs.replace(sent, cost=None)


def _send(worker: Worker, processes: Processes, todo: tuple[SendPhase, ...]) -> tuple[Sent, ...]:
    """From outside the cage: visitors are other machines."""
    if not todo:
        return ()
    task = SendTask(int(worker.url.rpartition(":")[2]), worker.pid, SITE, HOST, todo)
    patience = sum(phase.seconds for phase in todo) + PATIENCE
    found: SendFound = processes.run("send", task, patience, SendFound, free=True)
    return found.sent


def _check(worker: Worker, processes: Processes, sent: Sequence[Sent]) -> None:
    """NotMeasuredError: the worker, which has seen no others, counted fewer hits than it answered."""
    answered = sum(each.answered for each in sent)
    if not answered:
        raise NotMeasuredError(f"no hit was answered: {sum(each.refused for each in sent)} were refused")
    end = time.monotonic() + STALE
    while (kept := counted(worker.metrics())) < answered:
        if time.monotonic() > end:
            raise NotMeasuredError(f"the worker answered {answered} hits and counted {kept:.0f}")
        processes.pause(0.1)


def counted(metrics: dict[str, float]) -> float:
    """Hits that are kept, by the worker's own count."""
    return sum(value for name, value in metrics.items() if name.startswith("edge_hits_total{"))
