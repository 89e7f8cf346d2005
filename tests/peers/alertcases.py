"""A row for each alert and severity of `edge.rules.yml`."""

from __future__ import annotations

from alerts import (
    CHANNEL,
    DAY,
    NEWS,
    Case,
    commits,
    descriptors,
    disk,
    frame,
    lag,
    memory,
    refused,
    rung,
    series,
    three,
    versions,
)

HTTPS = 'job="edge-https", instance="tv1"'
CERTIFICATE = {"job": "edge-https", "instance": "tv1"}

WORKER = (
    Case(
        "EdgeDown", "critical", 5,
        "edge on a:9100 does not answer.",
        "Prometheus has had no scrape of a:9100 for five minutes.",
        **three("up", 0, 1, 1),
    ),
    Case(
        "EdgeAbsent", "warning", 10,
        "Prometheus looks at no edge at all.",
        "No target has the job edge; if hosts run it, their entries in the scrape configuration are gone.",
        series("up", "_"), (series("up", 0.0),), series("up", 1.0),
        labels={"job": "edge"},
    ),
    Case(
        "EdgeRestarting", "critical", 0,
        "edge on a:9100 keeps restarting.",
        "It started 4 times in the last 15 minutes.",
        series("process_start_time_seconds", (1000.0, 60.0)),
        (series("process_start_time_seconds", "1x3 2x3 3x3 4x40"),),
        series("process_start_time_seconds", 5000.0),
        since=4, calm=16,
    ),
    Case(
        "EdgeCpuThrottled", "warning", 15,
        "A processor quota stops edge on a:9100.",
        "It stood still for 20% of the last minutes, as its quota was used up.",
        **three("edge_throttled_seconds_total", 12, 5.9, 0),
        since=3, counter=True, calm=6,
    ),
    Case(
        "EdgeLoopLagHigh", "warning", 10,
        "The event loop of edge on a:9100 is late.",
        "One call in a hundred came 175ms late or more; viewers notice from a second on.",
        lag(0.25, 98), (lag(0.1),), lag(0.001),
        since=1, counter=True, calm=6,
    ),
    Case(
        "EdgeLoopLagHigh", "critical", 10,
        "The event loop of edge on a:9100 is late by seconds.",
        "One call in a hundred came a second late or more.",
        lag(float("inf"), 98), (lag(1.0),), lag(0.001),
        since=1, counter=True, calm=6,
        also=(
            "The event loop of edge on a:9100 is late.",
            "One call in a hundred came 1s late or more; viewers notice from a second on.",
        ),
    ),
    Case(
        "EdgeMemoryNearLimit", "warning", 15,
        "edge on a:9100 has little memory left.",
        "It holds 96% of what its plan allows.",
        memory(960), (memory(950),), memory(500),
    ),
    Case(  # without a control group there is no charge
        "EdgeMemoryNearLimit", "warning", 15,
        "edge on a:9100 has little memory left.",
        "It holds 96% of what its plan allows.",
        *(memory(960, "edge_memory_anonymous_bytes"), (memory(950, "edge_memory_anonymous_bytes"),)),
        memory(500, "edge_memory_anonymous_bytes"),
    ),
    Case(
        "EdgeMemoryPressure", "warning", 15,
        "edge on a:9100 turns viewers away for want of memory.",
        "It has been letting go for 15 minutes; it is at step 1 of 5.",
        **three("edge_memory_shed_step", 1, 0, 0),
    ),
    Case(
        "EdgeMemoryPressure", "critical", 5,
        "edge on a:9100 closes viewers for want of memory.",
        "It is at step 3 of 5.",
        **three("edge_memory_shed_step", 3, 2, 0),
    ),
    Case(
        "EdgeDescriptorsNearLimit", "warning", 10,
        "edge on a:9100 runs out of file descriptors.",
        "90% of them are open.",
        descriptors(900), (descriptors(800),), descriptors(100),
    ),
    Case(
        "EdgeDescriptorsNearLimit", "critical", 5,
        "edge on a:9100 has next to no file descriptors left.",
        "96% of them are open; viewers and hits are about to be refused.",
        descriptors(960), (descriptors(950),), descriptors(100),
    ),
    Case(
        "EdgeClockStep", "warning", 0,
        "The clock of a:9100 was set.",
        "It was set by a second or more in the last 15 minutes; days of visits and the month's traffic depend on it.",
        series("edge_clock_steps_total", 1.0), (series("edge_clock_steps_total", "5x40"),),
        series("edge_clock_steps_total", 0.0),
        since=1, counter=True, calm=16,
    ),
    Case(  # 0.2 a minute are 288 a day; 0.1 are 144
        "EdgeDiskFilling", "warning", 60,
        "The disk of a:9100 is filling.",
        "At this rate the file system of data_dir is full within a day.",
        disk((190.0, -0.2)), (disk((190.0, -0.1)), disk((230.0, -0.2)), disk(190.0)), disk(500.0),
        since=1,
    ),
    Case(
        "EdgeDiskFilling", "critical", 10,
        "The disk of a:9100 is nearly full.",
        "2.9% of the file system of data_dir is free; without room hits are refused.",
        disk(29.0), (disk(30.0),), disk(500.0),
    ),
    Case(
        "EdgeCertificateExpiry", "warning", 60,
        "The certificate of tv1 expires soon.",
        "It is valid for another 5d 23h 0m 0s.",
        **three("probe_ssl_earliest_cert_expiry", 6 * DAY, 7 * DAY + 7200, 60 * DAY, HTTPS),
        labels=CERTIFICATE,
    ),
    Case(
        "EdgeCertificateExpiry", "critical", 10,
        "The certificate of tv1 expires within a day, or has expired.",
        "What is left of it is 11h 50m 0s.",
        **three("probe_ssl_earliest_cert_expiry", DAY / 2, DAY + 7200, 60 * DAY, HTTPS),
        labels=CERTIFICATE,
    ),
    Case(  # it expired meanwhile, of which the exporter tells nothing but that the probe failed
        "EdgeCertificateExpiry", "critical", 10,
        "The certificate of tv1 expires within a day, or has expired.",
        "What is left of it is -9m 0s.",
        series("probe_ssl_earliest_cert_expiry", "60x1 _x9 5184000x9", HTTPS),
        (series("probe_ssl_earliest_cert_expiry", DAY + 7200, HTTPS),),
        series("probe_ssl_earliest_cert_expiry", 60 * DAY, HTTPS),
        labels=CERTIFICATE,
    ),
    Case(
        "EdgeVersionSkew", "warning", 1440,
        "Hosts run different versions of edge.",
        "There have been 2 versions at work for a day.",
        versions("2"), (versions("1"),), versions("2", "_"),
        labels={"job": "edge"}, calm=60, step=60,
    ),
)  # fmt: skip

CHANNELS = (
    Case(
        "EdgeSourceDown", "warning", 10,
        "Channel news on a:9100 has no source.",
        "Its source has brought nothing for ten minutes.",
        **three("edge_channel_up", 0, 1, 1, NEWS),
        labels=CHANNEL,
    ),
    Case(
        "EdgeSourceDown", "critical", 60,
        "Channel news on a:9100 has had no source for an hour.",
        "Its source has brought nothing for an hour.",
        **three("edge_channel_up", 0, 1, 1, NEWS),
        labels=CHANNEL,
        also=("Channel news on a:9100 has no source.", "Its source has brought nothing for ten minutes."),
    ),
    Case(  # the play's clock begins at 0
        "EdgeInputStale", "critical", 2,
        "Channel news on a:9100 says that it is live, and stands still.",
        "Its last frame is 4m 0s old.",
        frame(0.0), (frame((-60.0, 60.0)), frame(0.0, up=0.0)), frame(1e6),
        since=2, labels=CHANNEL,
    ),
    Case(
        "EdgeLadderLow", "warning", 30,
        "Channel news on a:9100 moves in jerks.",
        "The processor has not sufficed for 30 minutes; the channel is on rung 7 of its ladder.",
        rung(7), (rung(6), rung(9)), rung(0),
        labels=CHANNEL,
    ),
    Case(
        "EdgeLadderLow", "critical", 30,
        "Channel news on a:9100 shows little more than stills.",
        "The processor has not sufficed for 30 minutes; the channel is on rung 10 of its ladder.",
        rung(10), (rung(8), rung(9)), rung(0),
        labels=CHANNEL,
        also=(
            "Channel news on a:9100 moves in jerks.",
            "The processor has not sufficed for 30 minutes; the channel is on rung 10 of its ladder.",
        ),
    ),
    Case(
        "EdgeThreadHung", "warning", 0,
        "A thread of channel news on a:9100 hung and was replaced.",
        "A library did not return. Two such threads are replaced; at a third the watchdog restarts edge.",
        series("edge_channel_threads_abandoned_total", 1.0, NEWS),
        (series("edge_channel_threads_abandoned_total", "1x99", NEWS),),
        series("edge_channel_threads_abandoned_total", 0.0, NEWS),
        since=1, labels=CHANNEL, counter=True, calm=61,
    ),
)  # fmt: skip

_REFUSED = "1 a second are for no site here, malformed, or ask for what needs a token."
HITS = (
    Case(
        "EdgeHitsNotCommitted", "critical", 5,
        "edge on a:9100 cannot keep hits.",
        "It refuses 2 hits a second with 503, as the store does not take them.",
        **three("edge_hits_failed_total", 120, 0, 0),
        since=1, counter=True, calm=6,
    ),
    Case(
        "EdgeHitsRefused", "warning", 30,
        "edge on a:9100 refuses hits.",
        _REFUSED,
        refused(60, 500), (refused(60, 700), refused(2.9, 0)), refused(0, 500),
        since=1, counter=True, calm=6,
    ),
    Case(  # none counted, as those of private sites are for a scrape without a token
        "EdgeHitsRefused", "warning", 30,
        "edge on a:9100 refuses hits.",
        _REFUSED,
        refused(60, None), (refused(2.9, None),), refused(0, None),
        since=1, counter=True, calm=6,
    ),
    Case(
        "EdgeCommitsSlow", "warning", 15,
        "The disk of a:9100 is slow to keep hits.",
        "One commit in a hundred takes a second or more; whoever sent the hit waits for it.",
        commits(float("inf"), 98), (commits(1.0),), commits(0.001),
        since=1, counter=True, calm=11,
    ),
    Case(
        "EdgeDatabaseErrors", "critical", 1,
        "The database of hits on a:9100 fails.",
        "The disk is full, read-only or broken; the log of edge says which.",
        **three("edge_hits_store_failing", 1, 0, 0),
    ),
)  # fmt: skip

CASES = (*WORKER, *CHANNELS, *HITS)
