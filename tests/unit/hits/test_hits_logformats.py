"""Access logs, a line at a time."""

import accesslogs
import pytest
from accesslogs import FIREFOX, FORMATS, request

from edge.hits import logformats
from edge.hits.logformats import Line, caddy, combined, detect, nginx

AT = 1795608000
ONE = request(AT, "/a?b=c", referrer="https://news.example/x", size=77)
WHEN = "25/Nov/2026:12:00:00 +0000"


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_says_the_same(name):
    line = logformats.FORMATS[name](FORMATS[name](ONE))
    host = "www.example.org" if name == "Caddy JSON" else ""
    assert line == Line(AT, "198.51.100.7", "GET", "/a?b=c", 200, 77, "https://news.example/x", FIREFOX, host)


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_lines_tell_the_format(name):
    lines = ["", "# a comment", "{}", *(FORMATS[name](each) for each in accesslogs.visits(5, AT)), '{"x": 1}']
    assert detect(lines) == name


def test_no_format():
    assert detect([]) is None
    assert detect(["hello", "{", '{"request": {}}', "1 2 3 [4] 5"]) is None


def test_common_is_combined_without_an_agent():
    line = combined(accesslogs.common(ONE))
    assert (line.target, line.referrer, line.agent, line.size) == ("/a?b=c", "", "", 77)


@pytest.mark.parametrize(
    ("line", "target", "agent"),
    [
        (f'::1 - - [{WHEN}] "GET / HTTP/1.1" 200 -', "/", ""),
        (f'192.0.2.1 - jane doe [{WHEN}] "GET / HTTP/1.1" 200 5 "-" "a"', "/", "a"),
        (f'192.0.2.1 - - [{WHEN}] "GET /a b HTTP/1.1" 200 5 "-" "a"', "/a b", "a"),
        (f'192.0.2.1 - - [{WHEN}] "GET /" 200 5 "-" "a"', "/", "a"),
        (rf'192.0.2.1 - - [{WHEN}] "GET /\"q\" HTTP/1.1" 200 5 "x\\" "say \"hi\""', '/"q"', 'say "hi"'),
        (f'192.0.2.1 - - [{WHEN}] "GET /x22 HTTP/1.1" 200 5 "-" "a" "203.0.113.9" extra', "/x22", "a"),
        (f'192.0.2.1 - - [{WHEN}] "GET / HTTP/1.1" 200 5 "-" "cut', "/", "cut"),
    ],
)
def test_combined_as_servers_vary_it(line, target, agent):
    found = combined(line)
    assert (found.target, found.agent, found.at) == (target, agent, AT)


def test_a_host_before_the_address():
    found = combined(f'shop.example.org:443 192.0.2.1 - - [{WHEN}] "GET / HTTP/1.1" 200 5 "-" "a"')
    assert (found.host, found.address) == ("shop.example.org", "192.0.2.1")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "192.0.2.1 - -",
        f'192.0.2.1 - - [{WHEN}] "',
        f'192.0.2.1 - - [{WHEN}] "" 400 0 "-" "-"',
        f'192.0.2.1 - - [{WHEN}] "\\x16\\x03\\x01" 400 150 "-" "-"',
        f'192.0.2.1 - - [{WHEN}] "GET / HTTP/1.1" abc 5',
        f'192.0.2.1 - - [{WHEN}] "GET / HTTP/1.1" {"9" * 30} 5',
        '192.0.2.1 - - [99/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5',
        '192.0.2.1 - - [25/Foo/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5',
        '192.0.2.1 - - [25/Nov/2026:12:00:61 +0000] "GET / HTTP/1.1" 200 5',
        '192.0.2.1 - - [25/Nov/2026:12:00:00 0000] "GET / HTTP/1.1" 200 5',
        '192.0.2.1 - - [] "GET / HTTP/1.1" 200 5',
    ],
)
def test_what_is_no_line_of_combined(line):
    assert combined(line) is None


@pytest.mark.parametrize(
    ("when", "at"),
    [
        ("25/Nov/2026:12:00:00 +0000", AT),
        ("25/Nov/2026:13:30:00 +0130", AT),
        ("25/Nov/2026:04:00:00 -0800", AT),
        ("31/Dec/2016:23:59:60 +0000", 1483228800),  # a leap second
    ],
)
def test_times_of_combined(when, at):
    assert combined(f'192.0.2.1 - - [{when}] "GET / HTTP/1.1" 200 5').at == at


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ('"msec": "1795608000.500"', AT),
        ('"msec": 1795608000.5', AT),
        ('"time_iso8601": "2026-11-25T13:00:00+01:00"', AT),
        ('"@timestamp": "2026-11-25T12:00:00Z"', AT),
        (f'"time_local": "{WHEN}"', AT),
        ('"time": "2026-11-25T12:00:00"', AT),
    ],
)
def test_nginx_by_any_name(time, at):
    more = (
        '"request_method": "GET", "request_uri": "/a", "status": 200, "client_ip": "192.0.2.1", "host": "a.example:80"'
    )
    found = nginx(f"{{{time}, {more}}}")
    assert (found.at, found.target, found.address, found.host) == (at, "/a", "192.0.2.1", "a.example")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"msec": "nan", "request": "GET / HTTP/1.1", "status": 200}',
        '{"msec": "1e300", "request": "GET / HTTP/1.1", "status": 200}',
        '{"msec": true, "request": "GET / HTTP/1.1", "status": 200}',
        '{"msec": 1, "request": "GET / HTTP/1.1", "status": "²"}',
        '{"msec": 1, "request": [], "status": 200}',
        '{"msec": 1, "request": {"method": "GET"}, "status": 200}',
        '{"ts": 1, "request": {"method": 3, "uri": null, "headers": 7}, "status": 200}',
        '{"ts": [], "request": {"method": "GET", "uri": "/"}, "status": 200}',
        "{" + '"a":[' * 5000,
    ],
)
def test_json_that_is_no_request(line):
    assert nginx(line) is None
    assert caddy(line) is None


def test_an_old_caddy_and_headers_that_are_none():
    old = '{"ts": 1795608000, "request": {"remote_addr": "[2001:db8::1]:443", "method": "GET", "uri": "/", '
    found = caddy(old + '"headers": {"User-Agent": [], "Referer": 3}}, "status": 200}')
    assert (found.address, found.agent, found.referrer, found.at) == ("2001:db8::1", "", "", AT)
