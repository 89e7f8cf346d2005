"""hls-parser (strict), m3u8 and our own sequence checker read every playlist of a run with cuts and an outage."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import hlscheck
import m3u8
import pytest
from browsing import channel, edge, node_modules, until
from faultsource import Faults, FaultSource

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

SLACK = 10.0  # seconds by which a busy host may be late; that segments are on time is shown where the clock is turned
PARSE = Path(__file__).parent / "node" / "parse.mjs"
GOOD = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2.00000,\n7.ts\n"


@pytest.fixture(scope="module")
def verdicts(node):
    node_modules()

    def run(playlists):
        done = subprocess.run(
            [node, PARSE], input="\0".join(playlists), capture_output=True, text=True, timeout=60, check=True
        )
        return json.loads(done.stdout)

    return run


def test_the_parser_refuses_what_breaks_a_rule(verdicts):
    bad = [GOOD.replace("EXTINF:2", "EXTINF:9"), GOOD.replace("#EXT-X-TARGETDURATION:2\n", ""), GOOD[1:], ""]
    assert [verdict is None for verdict in verdicts([GOOD, *bad])] == [True, False, False, False, False]


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        error.close()
        return ""


def test_every_playlist_of_a_run_is_accepted(verdicts, tmp_path, free_port, source_sample):
    source, playlists = FaultSource(source_sample, Faults(cut=4, replay=2, damage=0.001, patience=10)), []
    check = hlscheck.Checker(slack=SLACK)
    with source as address, edge(tmp_path, free_port, channel("news", address)) as url:
        playlist = f"{url}/live/news/index.m3u8"

        def listen():
            playlists.append(fetch(playlist))
            return check(time.monotonic(), playlists[-1])

        until(lambda: fetch(playlist), bool)
        first = listen()
        until(listen, lambda found: found.msn >= first.msn + 3 and source.responses >= 3)
        source.down()
        away = until(listen, lambda found: sum(entry.gap for entry in found.entries) >= 2)
        source.up()
        until(listen, lambda found: found.msn >= away.msn + 3 and not found.entries[-1].gap)
        check.finish(time.monotonic())
    assert {verdict for verdict in verdicts(playlists) if verdict} == set()
    lists = [m3u8.loads(text) for text in playlists]
    assert all(one.segments and one.target_duration == lists[0].target_duration for one in lists)
    segments = [segment for one in lists for segment in one.segments]
    assert any(segment.gap_tag for segment in segments)  # the outage was there
    assert any(segment.discontinuity for segment in segments)
    assert lists[-1].media_sequence >= lists[0].media_sequence + 6
