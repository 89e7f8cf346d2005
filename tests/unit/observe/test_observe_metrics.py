"""One snapshot becomes one scrape, complete and in Prometheus' words."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from edge.clock import ManualClock
from edge.flow.stats import Histogram
from edge.observe.catalogue import METRICS
from edge.observe.metrics import Exporter
from edge.observe.sites import HitsSnapshot, SiteSnapshot
from edge.observe.snapshot import Build, ChannelSnapshot, Snapshot

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


def snapshot() -> Snapshot:
    """Every field set, so that every metric has a sample."""
    lag = Histogram((0.001, 0.1, 1.0))
    for seconds in (0.0005, 0.05, 0.05, 7.0):
        lag.observe(seconds)
    return Snapshot(
        Build("0.1.0", "3.11.7", "18.1.0", "8.1.2", "0.1.0-0a1b2c3d"),
        channels=(
            ChannelSnapshot(
                "news",
                up=True,
                connections={"end": 7, "silent": 1},
                replayed=100,
                damaged=2,
                decoded=1500,
                encoded=450,
                dropped={"late": 3},
                output_seconds=30.5,
                lag_seconds=0.25,
                processor_seconds=6.1,
                rung=3,
                rung_changes={"lag": 2, "room": 1},
                last_frame=1_700_000_000.5,
                discontinuities=1,
                viewers={"ts": 2, "hls": 1},
                sent={"ts": 1_000_000},
                skipped=4,
                closed={"stuck": 1},
                refused={"egress": 5},
                hls_gaps=6,
                hls_dropped={"early": 7},
            ),
            ChannelSnapshot("quiet", up=False),
        ),
        loop_lag=lag.snapshot(),
        memory_limit=45 * 2**20,
        memory_anonymous=30 * 2**20,
        memory_charged=40 * 2**20,
        memory_room=2 * 2**20,
        memory_drawn={"rings": 2**20},
        memory_refused=3,
        shed_step=1,
        shed={"refuse": 1},
        quota=0.25,
        throttled_seconds=1.5,
        steal_seconds=2.5,
        requests={"2xx": 10, "4xx": 1},
        connections=3,
        http_refused={"full": 8, "address": 9},
        http_expired={"head": 10},
        http_failures=11,
        traffic_month=10**9,
        ring_bytes=2**20,
        ring_limit=2**22,
        disk_size=2**33,
        disk_free=2**32,
        clock_steps=25,
        hits=HitsSnapshot(
            sites=(
                SiteSnapshot(1, public=True, hits={"pageview": 12}, visits=13, uniques=14.5, others=15),
                SiteSnapshot(2, hits={"event": 16}),
            ),
            excluded={"dnt": 17},
            rejected={"site": 18},
            scrubbed={"email": 19},
            misses={"page": 26},
            reports={"made": 27},
            commits=lag.snapshot(),
            failing=True,
            failed=20,
            waiting=21,
            under_way=22,
            evicted=23,
            database=24,
        ),
    )


def scrape(accept: str = "", given: Snapshot | None = None) -> tuple[str, str]:
    kind, text = asyncio.run(Exporter(lambda: given or snapshot()).scrape(accept))
    return kind, text.decode()


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def test_every_metric_of_the_catalogue_is_exported_with_help_and_kind() -> None:
    families = {family.name: family for family in parse_text(scrape()[1])}
    for metric in METRICS:
        name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name
        family = families[name]
        assert family.documentation == metric.help
        assert family.type == ("gauge" if metric.kind == "info" else metric.kind)
        assert family.samples
    ours = {name for name in families if name.startswith("edge_")}
    assert len(ours) == len(METRICS)


def test_media_made_by_a_second_of_processor_time() -> None:
    speed = "edge_channel_media_seconds_per_processor_second"
    found = samples(scrape()[1])
    assert found[speed, ("news",)] == 5.0
    assert (speed, ("quiet",)) not in found


def test_values_and_labels() -> None:
    found = samples(scrape()[1])
    expected = {
        ("edge_channel_up", ("news",)): 1,
        ("edge_channel_up", ("quiet",)): 0,
        ("edge_source_connections_total", ("news", "end")): 7,
        ("edge_source_connections_total", ("news", "silent")): 1,
        ("edge_source_replayed_packets_total", ("news",)): 100,
        ("edge_source_damaged_packets_total", ("news",)): 2,
        ("edge_frames_decoded_total", ("news",)): 1500,
        ("edge_frames_encoded_total", ("news",)): 450,
        ("edge_frames_dropped_total", ("news", "late")): 3,
        ("edge_channel_output_seconds_total", ("news",)): 30.5,
        ("edge_channel_lag_seconds", ("news",)): 0.25,
        ("edge_channel_last_frame_timestamp_seconds", ("news",)): 1_700_000_000.5,
        ("edge_channel_discontinuities_total", ("news",)): 1,
        ("edge_viewers", ("news", "ts")): 2,
        ("edge_viewers", ("news", "hls")): 1,
        ("edge_sent_bytes_total", ("news", "ts")): 1_000_000,
        ("edge_viewers_skipped_total", ("news",)): 4,
        ("edge_viewers_closed_total", ("news", "stuck")): 1,
        ("edge_viewers_refused_total", ("news", "egress")): 5,
        ("edge_http_requests_total", ("2xx",)): 10,
        ("edge_http_connections", ()): 3,
        ("edge_hls_gaps_total", ("news",)): 6,
        ("edge_hls_dropped_total", ("news", "early")): 7,
        ("edge_http_refused_total", ("full",)): 8,
        ("edge_http_refused_total", ("address",)): 9,
        ("edge_http_expired_total", ("head",)): 10,
        ("edge_http_failures_total", ()): 11,
        ("edge_traffic_month_bytes", ()): 10**9,
        ("edge_ring_bytes", ()): 2**20,
        ("edge_ring_limit_bytes", ()): 2**22,
        ("edge_event_loop_lag_seconds_bucket", ("0.001",)): 1,
        ("edge_event_loop_lag_seconds_bucket", ("0.1",)): 3,
        ("edge_event_loop_lag_seconds_bucket", ("1.0",)): 3,
        ("edge_event_loop_lag_seconds_bucket", ("+Inf",)): 4,
        ("edge_event_loop_lag_seconds_count", ()): 4,
        ("edge_event_loop_lag_seconds_sum", ()): pytest.approx(7.1005),
        ("edge_disk_size_bytes", ()): 2**33,
        ("edge_disk_free_bytes", ()): 2**32,
        ("edge_clock_steps_total", ()): 25,
        ("edge_hits_total", ("pageview", "1")): 12,
        ("edge_hits_total", ("event", "2")): 16,
        ("edge_visits_total", ("1",)): 13,
        ("edge_daily_visitors_estimate", ("1",)): 14.5,
        ("edge_hits_other_total", ("1",)): 15,
        ("edge_hits_excluded_total", ("dnt",)): 17,
        ("edge_hits_rejected_total", ("site",)): 18,
        ("edge_hits_scrubbed_total", ("email",)): 19,
        ("edge_hits_cache_misses_total", ("page",)): 26,
        ("edge_hits_reports_total", ("made",)): 27,
        ("edge_hits_failed_total", ()): 20,
        ("edge_hits_store_failing", ()): 1,
        ("edge_hits_waiting", ()): 21,
        ("edge_visits_under_way", ()): 22,
        ("edge_visits_evicted_total", ()): 23,
        ("edge_hits_database_bytes", ()): 24,
        ("edge_hits_commit_seconds_count", ()): 4,
        ("edge_build_info", ("8.1.2", "18.1.0", "3.11.7", "0.1.0-0a1b2c3d", "0.1.0")): 1,
    }
    assert {key: found[key] for key in expected} == expected


def test_a_private_site_is_nobodys_business() -> None:
    text = asyncio.run(Exporter(snapshot).scrape("", private=False))[1].decode()
    sites = {labels[1] for name, labels in samples(text) if name == "edge_hits_total"}
    assert sites == {"1"}


def test_what_is_not_known_is_not_exported() -> None:
    found = samples(scrape()[1])
    assert ("edge_channel_lag_seconds", ("quiet",)) not in found
    assert ("edge_channel_last_frame_timestamp_seconds", ("quiet",)) not in found
    empty = samples(scrape(given=Snapshot(Build("0.1.0", "3.11.7")))[1])
    assert {name for name, _ in empty if name.startswith("edge_")} == {
        "edge_build_info",
        "edge_clock_steps_total",
        "edge_http_connections",
        "edge_http_failures_total",
        "edge_memory_refused_total",
        "edge_memory_shed_step",
        "edge_ring_bytes",
    }


def test_the_process_is_there_and_created_series_are_not() -> None:
    text = scrape()[1]
    assert "\nprocess_resident_memory_bytes " in text
    assert "_created" not in text


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/plain;version=1.0.0;escaping=evil"])
def test_the_text_format_is_what_most_get(accept: str) -> None:
    kind, text = scrape(accept)
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert not text.endswith("# EOF\n")


@pytest.mark.parametrize("accept", [OPENMETRICS, "application/openmetrics-text;version=x;escaping=evil"])
def test_openmetrics_for_who_asks(accept: str) -> None:
    kind, text = scrape(accept)
    assert kind.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert "evil" not in kind
    assert text.endswith("# EOF\n")
    assert "_created" not in text
    assert {"edge_channel_up", "edge_build", "edge_frames_dropped"} <= {f.name for f in parse_openmetrics(text)}


def test_scrapes_within_a_second_share_one_rendering() -> None:
    clock = ManualClock()
    asked = []

    def ask() -> Snapshot:
        asked.append(clock.monotonic())
        return snapshot()

    async def run() -> None:
        exporter = Exporter(ask, clock.monotonic)
        first = await asyncio.gather(*(exporter.scrape("") for _ in range(5)))
        assert len(set(first)) == 1
        await exporter.scrape(OPENMETRICS)
        clock.advance(0.9)
        await exporter.scrape("")
        clock.advance(0.2)
        await exporter.scrape("")

    asyncio.run(run())
    assert asked == [0, 0, 1.1]


def test_the_snapshot_is_taken_on_the_loop() -> None:
    async def run() -> None:
        here = asyncio.get_running_loop()

        def ask() -> Snapshot:
            assert asyncio.get_running_loop() is here
            return snapshot()

        await Exporter(ask).scrape("")

    asyncio.run(run())


def test_two_exporters_do_not_collide() -> None:
    assert scrape()[1].count("# TYPE edge_channel_up") == scrape()[1].count("# TYPE edge_channel_up") == 1


def test_nothing_is_paid_before_the_first_scrape() -> None:
    code = "import sys, edge.observe.pages, edge.observe.lag; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


def test_names_follow_the_practices() -> None:
    for metric in METRICS:
        assert metric.name.startswith("edge_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
        assert not (set(metric.labels) - {"channel"}) & set(metric.name.split("_"))
    assert len({metric.name for metric in METRICS}) == len(METRICS)
