"""The checker itself: a sequence that keeps the rules passes, each broken rule is found."""

from __future__ import annotations

import pytest
from hlscheck import Checker, Violation, parse


def playlist(msn=10, count=6, seconds="2.000", *, target=2, dsn=5, marks=(), gaps=(), extra="", version=None):
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{version or (8 if gaps else 3)}", f"#EXT-X-TARGETDURATION:{target}"]
    lines += [f"#EXT-X-MEDIA-SEQUENCE:{msn}", f"#EXT-X-DISCONTINUITY-SEQUENCE:{dsn}"] + ([extra] if extra else [])
    for n in range(msn, msn + count):
        lines += ["#EXT-X-DISCONTINUITY"] * (n in marks) + ["#EXT-X-GAP"] * (n in gaps)
        lines += [f"#EXTINF:{seconds},", f"{n}.ts"]
    return "\n".join([*lines, ""])


def test_a_correct_sequence_passes():
    check = Checker()
    check(0.0, playlist(10))
    check(1.0, playlist(10))
    check(2.0, playlist(11, marks=[16]))
    check(5.0, playlist(12, marks=[16], gaps=[17]))
    for n in range(13, 17):
        check(7.0 + 2 * (n - 13), playlist(n, marks=[16], gaps=[17]))
    check(15.0, playlist(17, dsn=6, gaps=[17]))
    check.finish(18.0)
    assert check.playlists == 9


def test_a_restart_may_leave_numbers_out_but_not_go_back():
    check = Checker()
    check(0.0, playlist(10))
    check.restarted()
    check(60.0, playlist(70, count=1, dsn=70))
    check.restarted()
    with pytest.raises(Violation, match="R8"):
        check(61.0, playlist(70, dsn=80))


@pytest.mark.parametrize(
    ("rule", "second", "now"),
    [
        ("R4", playlist(11, target=3), 2.0),
        ("R8", playlist(9), 2.0),
        ("R8", playlist(17), 2.0),
        ("R7", playlist(10, count=5), 1.0),
        ("R7", playlist(11, seconds="1.999"), 2.0),
        ("R7", playlist(11, marks=[12]), 2.0),
        ("R7", playlist(11, dsn=6), 2.0),
        ("R10", playlist(15, count=2), 2.0),
        ("R11", playlist(11), 3.1),
        ("R11", playlist(10), 3.1),
    ],
)
def test_each_broken_rule_of_a_sequence_is_found(rule, second, now):
    check = Checker()
    check(0.0, playlist(10))
    with pytest.raises(Violation, match=rule):
        check(now, second)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("R1", "\ufeff" + playlist()),
        ("R1", playlist().replace("\n", "\r\n")),
        ("R1", playlist().rstrip("\n")),
        ("R3", playlist(seconds="2.500")),
        ("R3", playlist(seconds="0.000")),
        ("R3", playlist().replace("#EXT-X-TARGETDURATION:2\n", "")),
        ("R5", playlist(seconds="1.5")),
        ("R5", playlist(gaps=[12], version=3)),
        ("R6", playlist(extra="#EXT-X-PLAYLIST-TYPE:EVENT")),
        ("R6", playlist(extra="#EXT-X-MEDIA-SEQUENCE:10")),
        ("R6", playlist() + "#EXT-X-MEDIA-SEQUENCE:10\n"),
        ("R6", playlist(count=0)),
        ("R6", playlist() + "#EXTINF:2.000,\n"),
    ],
)
def test_each_broken_rule_of_form_is_found(rule, text):
    with pytest.raises(Violation, match=rule):
        parse(text)


def test_an_overdue_end_is_found():
    check = Checker(slack=0.5)
    check(0.0, playlist(10))
    check.finish(3.5)
    with pytest.raises(Violation, match="R11"):
        check.finish(3.6)


def test_nothing_follows_the_end():
    check = Checker()
    check(0.0, playlist(10, extra="#EXT-X-ENDLIST"))
    check.finish(100.0)
    with pytest.raises(Violation, match="R13"):
        check(1.0, playlist(11))
