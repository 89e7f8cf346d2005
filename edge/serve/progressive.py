"""All viewers of all channels: who may come in, what they cost, and what there is to count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from edge.channel.channel import Channel
from edge.channel.settings import ChannelSettings
from edge.clock import Clock
from edge.errors import OverloadError
from edge.flow.budget import Budget, Draw
from edge.flow.stats import Tally
from edge.http.message import Outlet
from edge.log import Log, Throttle
from edge.serve.admission import Admission, Load, Reached
from edge.serve.viewer import NEWCOMER, OBJECTS, Later, Room, call_later
from edge.units import show_bytes

__all__ = ["Admission", "Audience", "AudienceStats"]

_AUDIO_RATE = 128_000  # of a channel that does not say
_OVERHEAD = 1.1  # of the container
_PRESENT = 160  # bytes by which an HLS viewer is remembered

_WHY = {
    "viewers": "There are as many viewers as this server takes (max_viewers).",
    "channel_viewers": "There are as many viewers as this channel takes (max_viewers).",
    "egress": "One more viewer would be more than this server's line carries (egress).",
    "memory": "One more viewer would be more than this server has memory for now.",
    "traffic": "This month's traffic is used up (traffic_per_month).",
}
REFUSED = tuple(_WHY)  # viewers, by the bound that was reached
CLOSED = ("stuck", "format", "end", "failed", "memory", "traffic")  # viewers, by reason
_THEN: dict[Reached, str] = {
    "near": "at 100 % viewers are sent away",
    "used_up": "viewers are sent away until the month ends",
}


class AudienceStats(msgspec.Struct, frozen=True):
    """One channel's viewers: now and bytes sent, by output (ts, flv, mp4, hls); `hls` viewers asked
    a moment ago. `closed` by the words of CLOSED, `refused` by those of REFUSED, as far as they occurred.
    """

    viewers: dict[str, int]
    sent: dict[str, int]
    skipped: int
    closed: dict[str, int]
    refused: dict[str, int]


class _Hall:
    """What is kept of one channel."""

    __slots__ = ("expected", "hls_rate", "hls_sent", "hls_viewers", "present", "refused", "rooms")

    def __init__(self, present: Draw) -> None:
        self.present = present
        self.rooms: dict[str, Room] = {}
        self.refused = Tally()
        self.expected = 0.0  # `rate` when a viewer last came
        self.hls_viewers = 0
        self.hls_rate = 0.0
        self.hls_sent = 0

    def viewers(self) -> int:
        return self.hls_viewers + sum(len(room.viewers) for room in self.rooms.values())

    def sent(self) -> int:
        return self.hls_sent + sum(room.sent for room in self.rooms.values())

    def rate(self, settings: ChannelSettings) -> float:
        """Bits per second of one viewer: as measured, else as the settings say (what is copied counts as nothing)."""
        measured = max((room.rate for room in self.rooms.values()), default=0.0)
        return max(measured, self.hls_rate) or _nominal(settings)


class Audience:
    """Bounded by `admission`. `sweep(now)` is due every second. HLS, which has no viewers to hold, tells its share."""

    def __init__(
        self, admission: Admission, clock: Clock, log: Log, later: Later = call_later, *, budget: Budget | None = None
    ) -> None:
        self.admission = admission
        self._budget = budget or Budget()
        self._clock = clock
        self._log = log
        self._later = later
        self._halls: dict[str, _Hall] = {}  # one per channel of the configuration
        self._counted = 0
        self._say_failed = Throttle(log.error, "viewer_failed")
        self._refusals = 0

    def admit(self, channel: Channel, container: str) -> Callable[[Outlet], None]:
        """What opens the stream of a new viewer. OverloadError when there is no room."""
        self.check(channel)
        return partial(self._open, channel, container)

    def check(self, channel: Channel) -> None:
        """OverloadError, counted, when one more viewer of the channel would break a bound."""
        hall = self._hall(channel.settings.name)
        hall.expected = hall.rate(channel.settings)
        load = Load(
            sum(each.viewers() for each in self._halls.values()),
            sum(each.viewers() * each.expected for each in self._halls.values()),
            hall.viewers(),
            channel.settings.max_viewers,
        )
        reason = self.admission.refusal(load, hall.expected, self._clock.wall())
        if not reason and not self._budget.admits(OBJECTS + NEWCOMER):
            reason = "memory"
        if reason:
            raise self._refusal(hall, reason)

    def bears(self, name: str, rate: float) -> bool:
        """Whether the line carries channel `name` at `rate` bits per second a viewer, besides the others."""
        others = sum(hall.viewers() * hall.expected for other, hall in self._halls.items() if other != name)
        hall = self._halls.get(name)
        return self.admission.bears(others + (hall.viewers() * rate if hall else 0.0))

    def check_traffic(self, channel: Channel) -> None:
        """OverloadError, counted, when the month's traffic is used up."""
        if self.admission.used_up(self._clock.wall()):
            raise self._refusal(self._hall(channel.settings.name), "traffic")

    def _refusal(self, hall: _Hall, reason: str) -> OverloadError:
        hall.refused.add(reason)
        self._refusals += 1
        # Spread, so that those who were sent away together do not come back together.
        wait = 3600 if reason == "traffic" else 10 + self._refusals % 10
        return OverloadError(_WHY[reason], retry_after=wait)

    def _hall(self, name: str) -> _Hall:
        hall = self._halls.get(name)
        if hall is None:
            hall = self._halls[name] = _Hall(self._budget.draw("viewers"))
        return hall

    def _rooms(self) -> Iterator[Room]:
        return (room for hall in self._halls.values() for room in hall.rooms.values())

    def _open(self, channel: Channel, container: str, outlet: Outlet) -> None:
        self._room(channel, container).enter(outlet)

    def _room(self, channel: Channel, container: str) -> Room:
        rooms = self._hall(channel.settings.name).rooms
        if container not in rooms:
            hub = channel.hub(container)
            rooms[container] = Room(
                hub, container, self._clock.monotonic, self._failed, self._later, budget=self._budget
            )
        return rooms[container]

    def _failed(self, error: Exception) -> None:
        self._say_failed(self._clock.monotonic(), error=f"{type(error).__name__}: {error}")

    # HLS

    def note_hls(self, name: str, viewers: int, rate: float) -> None:
        """So many viewers of channel `name` follow its playlist now, at `rate` bits per second each."""
        hall = self._hall(name)
        hall.hls_viewers = viewers
        hall.present.set(viewers * _PRESENT)
        hall.hls_rate = rate

    def sent_hls(self, name: str, n: int) -> None:
        """`n` bytes of playlist or segments were sent."""
        self._hall(name).hls_sent += n

    # what is due by time

    def sweep(self, now: float) -> None:
        """Closes the stuck ones, adds up the month's traffic; once that is used up it closes all. Monotonic seconds."""
        for room in self._rooms():
            room.sweep(now)
        self.settle()
        if self.admission.used_up(self._clock.wall()):
            for room in self._rooms():
                room.close_all("traffic")
        self._say_failed.flush(now)

    def shed(self, need: int, now: float) -> int:
        """Closes viewers who take nothing, the longest so first, until they have given back `need` bytes or there are
        no more. How many."""
        idle = [(seconds, viewer, room) for room in self._rooms() for seconds, viewer in room.idle(now)]
        closed = 0
        for _, viewer, room in sorted(idle, key=lambda found: -found[0]):
            if need <= 0:
                break
            need -= viewer.here + viewer.kernel
            room.close(viewer, "memory", abort=True)
            closed += 1
        return closed

    def settle(self) -> None:
        """Counts what was sent since the last time as this month's traffic."""
        sent = sum(hall.sent() for hall in self._halls.values())
        new, self._counted = sent - self._counted, sent
        wall = self._clock.wall()
        if reached := self.admission.count(new, wall):
            used, most = self.admission.traffic(wall), self.admission.traffic_max or 0
            self._log.warning("traffic", used=show_bytes(used), of=show_bytes(most), then=_THEN[reached])

    # what is asked

    @property
    def viewers(self) -> int:
        return sum(hall.viewers() for hall in self._halls.values())

    def stats(self, name: str) -> AudienceStats:
        """Of channel `name`."""
        hall = self._hall(name)
        closed = Tally()
        for room in hall.rooms.values():
            for reason, n in room.closed.snapshot().items():
                closed.add(reason, n)
        return AudienceStats(
            {kind: len(room.viewers) for kind, room in hall.rooms.items()} | {"hls": hall.hls_viewers},
            {kind: room.sent for kind, room in hall.rooms.items()} | {"hls": hall.hls_sent},
            sum(room.skipped for room in hall.rooms.values()),
            closed.snapshot(),
            hall.refused.snapshot(),
        )


def _nominal(settings: ChannelSettings) -> float:
    video = settings.video.bitrate if settings.video.codec == "h264" else 0
    audio = settings.audio.bitrate or _AUDIO_RATE
    return (video + (audio if settings.audio.codec != "none" else 0)) * _OVERHEAD
