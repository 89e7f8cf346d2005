"""Events on their way to the loop, media of one container taken together."""

from edge.flow.ring import Chunk
from edge.media.events import Discontinuity, Init, Media, gathered


def chunk(n: int) -> Chunk:
    return Chunk(bytes([n]), key=n == 0, time=float(n))


def test_media_of_a_container_come_together_in_their_order() -> None:
    events = [
        Media("ts", [chunk(0)]),
        Media("flv", [chunk(1)]),
        Media("ts", [chunk(2), chunk(3)]),
        Media("flv", [chunk(4)]),
    ]
    assert list(gathered(events)) == [
        Media("ts", [chunk(0), chunk(2), chunk(3)]),
        Media("flv", [chunk(1), chunk(4)]),
    ]
    assert events[0] == Media("ts", [chunk(0)])  # untouched


def test_media_stay_on_their_side_of_everything_else() -> None:
    events = [
        Init("ts", b""),
        Media("ts", [chunk(0)]),
        Media("ts", [chunk(1)]),
        Discontinuity(),
        Media("ts", [chunk(2)]),
        Init("flv", b"x", reset=True),
        Media("flv", [chunk(3)]),
    ]
    assert list(gathered(events)) == [
        Init("ts", b""),
        Media("ts", [chunk(0), chunk(1)]),
        Discontinuity(),
        Media("ts", [chunk(2)]),
        Init("flv", b"x", reset=True),
        Media("flv", [chunk(3)]),
    ]


def test_nothing_is_nothing() -> None:
    assert list(gathered([])) == []
    assert list(gathered([Discontinuity()])) == [Discontinuity()]
