"""Access logs as servers write them, from the same requests in each format."""

from __future__ import annotations

import json
import random
import time

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PATHS = ("/", "/about", "/blog/", "/blog/first", "/pricing", "/docs/start?ref=1")


def request(at, path="/", *, address="198.51.100.7", method="GET", status=200, size=1234, referrer="", agent=FIREFOX):
    return {
        "at": at, "path": path, "address": address, "method": method, "status": status, "size": size,
        "referrer": referrer, "agent": agent,
    }  # fmt: skip


def visits(count, start, seed=1):
    """`count` requests, one every 20 s from Unix second `start` on, from some twenty addresses."""
    pick = random.Random(seed)
    return [
        request(
            start + 20 * n, pick.choice(PATHS), address=f"{pick.randrange(20, 40)}.9.8.7", size=pick.randrange(9000),
            referrer=pick.choice(["", "https://www.google.com/search?q=secret", "https://news.example/item/4"]),
            agent=pick.choice([FIREFOX, SAFARI]),
        )
        for n in range(count)
    ]  # fmt: skip


def combined(r):
    return f'{common(r)} "{r["referrer"] or "-"}" "{r["agent"]}"'


def common(r):
    when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(r["at"]))
    return f'{r["address"]} - - [{when}] "{r["method"]} {r["path"]} HTTP/1.1" {r["status"]} {r["size"]}'


def nginx(r):
    when = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(r["at"]))
    return json.dumps({
        "time_iso8601": when, "remote_addr": r["address"], "request": f"{r['method']} {r['path']} HTTP/2.0",
        "status": str(r["status"]), "body_bytes_sent": str(r["size"]), "http_referer": r["referrer"],
        "http_user_agent": r["agent"],
    })  # fmt: skip


def caddy(r):
    headers = {"User-Agent": [r["agent"]], "Accept": ["*/*"]} | ({"Referer": [r["referrer"]]} if r["referrer"] else {})
    return json.dumps({
        "level": "info", "ts": r["at"] + 0.25, "logger": "http.log.access", "msg": "handled request",
        "request": {
            "remote_ip": r["address"], "client_ip": r["address"], "proto": "HTTP/2.0", "method": r["method"],
            "host": "www.example.org", "uri": r["path"], "headers": headers,
        },
        "duration": 0.001, "size": r["size"], "status": r["status"], "resp_headers": {},
    })  # fmt: skip


FORMATS = {"combined": combined, "nginx JSON": nginx, "Caddy JSON": caddy}


def text(requests, write=combined):
    return "".join(f"{write(each)}\n" for each in requests)
