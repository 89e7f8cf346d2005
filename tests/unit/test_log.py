"""One line an event, no secret, no forged line."""

from __future__ import annotations

import io
import json
import os
import threading

import pytest

from edge.log import LEVELS, Log, Throttle, chosen, origin, redact


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("no URL a@b?c=d", "no URL a@b?c=d"),
        ("http://host/path", "http://host/path"),
        ("http://user:pass@host/path", "http://host/path"),
        ("http://user:p@ss@host/path", "http://host/path"),
        ("rtsp://user@host", "rtsp://host"),
        ("http://h/?token=abc&b=c#f", "http://h/?token=…&b=…#…"),
        ("http://h/1.ts?SECRET", "http://h/1.ts?…"),
        ("http://h/1.ts?a=b&SECRET&&c=", "http://h/1.ts?a=…&…&&c=…"),
        ("http://h?SECRET/more", "http://h?…"),
        ("http://h?k=SECRET/more#x", "http://h?k=…#…"),
        ("http://h#SECRET", "http://h#…"),
        ("http://h/#SECRET?a=b", "http://h/#…"),
        ("http://u:p#q@h/x", "http://…/x"),
        ("http://u:p?q@h/x", "http://…/x"),
        ("http://h?token=a@b", "http://…"),
        (
            "rtmp://h/app/key and udp://@239.0.0.1:5?fifo_size=1 too",
            "rtmp://h/app/key and udp://239.0.0.1:5?fifo_size=… too",
        ),
        ("http://h/a@b", "http://h/a@b"),
        ("http://h/?q=a@b", "http://h/?q=…"),
        ("GET http://u:p@h/ then http://v:q@i/?k=v failed", "GET http://h/ then http://i/?k=… failed"),
    ],
)
def test_redact(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://host", "http://host"),
        ("https://host:8443/", "https://host:8443/"),
        ("http://u:p@h/live/user/pass/1.ts", "http://h/…"),
        ("rtmp://live.example/app/STREAMKEY", "rtmp://live.example/…"),
        ("http://h?SECRET", "http://h/…"),
        ("http://u:p#q@h/key", "http://…/…"),
        ("rtsp://[::1]:554/key", "rtsp://[::1]:554/…"),
    ],
)
def test_origin(url: str, shown: str) -> None:
    assert origin(url) == shown


def logged(level: str = "debug", /, event: str = "e", **fields: object) -> str:
    stream = io.StringIO()
    Log("debug", stream).__getattribute__(level)(event, **fields)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain-word", "plain-word"),
        ("two words", '"two words"'),
        ("", '""'),
        (3, "3"),
        (0.123456, "0.123"),
        (123456.7, "123457"),
        (None, "None"),
        ("http://u:p@h/?k=v", '"http://h/?k=…"'),
        ("a\nlevel=error event=forged", '"a\\x0alevel=error event=forged"'),
        ('quote"d', '"quote\\x22d"'),
        ("\x1b[31m", '"\\x1b[31m"'),
        ("back\\slash", '"back\\x5cslash"'),
    ],
)
def test_a_value_stays_one_word_on_one_line(value: object, shown: str) -> None:
    assert logged(field=value) == f"level=debug event=e field={shown}\n"


@pytest.mark.parametrize("least", LEVELS)
def test_only_what_is_at_least_as_grave_is_written(least: str) -> None:
    stream = io.StringIO()
    log = Log(least, stream)
    for write in (log.debug, log.info, log.warning, log.error):
        write("e")
    assert [line.split()[0][6:] for line in stream.getvalue().splitlines()] == list(LEVELS[LEVELS.index(least) :])


def test_without_a_stream_it_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Log().info("ready", at="http://127.0.0.1:8080/")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "level=info event=ready at=http://127.0.0.1:8080/\n")


def test_threads_do_not_mix_their_lines() -> None:
    stream = io.StringIO()
    log = Log("info", stream)
    threads = [threading.Thread(target=lambda: [log.info("e", x="y" * 50) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(stream.getvalue().splitlines()) == {f"level=info event=e x={'y' * 50}"}


def test_a_throttled_event_comes_once_an_interval_with_its_count() -> None:
    said: list[tuple[str, dict[str, object]]] = []
    throttle = Throttle(lambda event, **fields: said.append((event, fields)), "damaged", interval=10)
    for now in (0, 1, 2, 9.9, 10, 11, 30):
        throttle(now, count=2, channel="news")
    assert [(event, fields["count"], fields["channel"]) for event, fields in said] == [
        ("damaged", 2, "news"),
        ("damaged", 8, "news"),
        ("damaged", 4, "news"),
    ]


def test_the_end_of_a_burst_is_told_by_the_next_tick() -> None:
    said: list[tuple[int, str]] = []
    throttle = Throttle(lambda _event, count, why: said.append((count, why)), "failed", interval=10)
    throttle.flush(0)
    throttle(0, why="first")
    throttle(1, why="second")
    throttle(2, why="third")
    for now in (9.9, 10, 11, 100):
        throttle.flush(now)
    assert said == [(1, "first"), (2, "third")]


def written(form: str, level: str = "warning", **fields: object) -> str:
    stream = io.StringIO()
    getattr(Log("debug", stream, form), level)("source_away", **fields)
    return stream.getvalue()


def test_json_keeps_numbers_and_cuts_secrets_out() -> None:
    line = written("json", channel="a", n=3, share=0.123456, yes=True, none=None, url="http://u:p@h/?k=v")
    assert json.loads(line) == {
        "level": "warning", "event": "source_away", "channel": "a", "n": 3, "share": 0.123456, "yes": True,
        "none": None, "url": "http://h/?k=…",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a\nlevel=error", "\x1b[31m", "\x9b2J", "\u2028next", "\ud800", '"}\n{"level":"error"']
)
def test_json_stays_one_line_of_printable_characters(text: str) -> None:
    line = written("json", why=text)
    assert len(line.splitlines()) == 1
    assert line[:-1].isprintable()
    assert set(json.loads(line)) == {"level", "event", "why"}


@pytest.mark.parametrize(("level", "priority"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3)])
def test_the_journal_gets_priorities(level: str, priority: int) -> None:
    assert written("journal", level, x=1) == f"<{priority}>level={level} event=source_away x=1\n"


def test_the_journal_is_recognised_by_its_inode_and_not_by_the_variable_alone() -> None:
    reading, writing = os.pipe()
    try:
        found = os.fstat(writing)
        ours = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        inherited = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"}
        assert [chosen("auto", each, writing) for each in (ours, inherited, {})] == ["journal", "logfmt", "logfmt"]
        assert [chosen(each, ours, writing) for each in ("logfmt", "json", "journal")] == ["logfmt", "json", "journal"]
    finally:
        os.close(reading)
        os.close(writing)
    assert chosen("auto", ours, writing) == "logfmt"  # closed: there is nothing to compare with
