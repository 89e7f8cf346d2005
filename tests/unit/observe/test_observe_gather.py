"""What is shown of a channel that has done nothing yet."""

from __future__ import annotations

from edge.channel.channel import Channel
from edge.channel.settings import ChannelSettings
from edge.clock import ManualClock
from edge.log import Log
from edge.observe.gather import of_channel
from edge.serve.hlsfeed import HlsFeedStats
from edge.serve.progressive import AudienceStats


def test_words_of_small_fixed_sets_are_there_before_they_occur() -> None:
    channel = Channel(ChannelSettings("news", "demo:"), ManualClock(), Log("error"))
    audience = AudienceStats({"hls": 1}, {"hls": 7}, 0, {"stuck": 2}, {"memory": 3})
    found = of_channel(channel, None, audience, HlsFeedStats(1, 0, 0, 4, 0, {}, None), 0.0)
    assert found.rung_changes == dict.fromkeys(("lag", "quota", "throttled", "steal", "room"), 0)
    assert found.sent == {"ts": 0, "flv": 0, "mp4": 0, "hls": 7}
    assert found.closed == {"stuck": 2, "format": 0, "end": 0, "failed": 0, "memory": 0, "traffic": 0}
    assert found.refused == {
        "viewers": 0, "channel_viewers": 0, "egress": 0, "memory": 3, "traffic": 0, "waiting": 4,
    }  # fmt: skip
