"""What is allowed in a configuration and still probably not meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from edge.channel.settings import ChannelSettings
from edge.config.model import Settings
from edge.hits.settings import HitsSettings
from edge.http.settings import HttpSettings
from edge.media.settings import RUNGS, AudioSettings, LadderSettings, VideoSettings


def warnings(settings: Settings) -> Iterator[str]:
    """One sentence for each doubtful setting, with the key it is about."""
    if not settings.channels and not settings.sites:
        yield "channel, site: there is none, nothing will be served"
    yield from _http(settings.http, settings.channels)
    for index, channel in enumerate(settings.channels):
        for warning in (*_channel(channel), *_video(channel.video), *_audio(channel.audio), *_ladder(channel)):
            yield f"channel[{index}].{warning}"
    yield from _sites(settings)


def _http(http: HttpSettings, channels: tuple[ChannelSettings, ...]) -> Iterator[str]:
    bounded = http.max_viewers or http.egress or (channels and all(channel.max_viewers for channel in channels))
    if any(is_wildcard(address) for address in http.listen) and not bounded:
        yield "http.listen: open to the world without max_viewers or egress, any number of viewers may fill the line"
    if any(is_wildcard(address) for address in http.metrics_listen):
        yield "http.metrics_listen: open to the world"
    if not http.metrics_listen and not all(channel.public for channel in channels):
        yield "http.metrics_listen: not set, so /metrics shows private channels only to a token of scope stats"
    if "0.0.0.0/0" in http.trusted_proxies or "::/0" in http.trusted_proxies:
        yield "http.trusted_proxies: everybody is trusted, any client can choose the address it is known by"


def is_wildcard(address: str) -> bool:
    """Whether `host:port` means every address of the host."""
    return address.rpartition(":")[0] in ("0.0.0.0", "[::]")  # noqa: S104 - recognised, not bound


def _channel(channel: ChannelSettings) -> Iterator[str]:
    if channel.source.startswith("http://") and (channel.user_file or "@" in channel.source.split("/")[2]):
        yield "source: the password crosses the network unencrypted; https if the source has it"
    if channel.headers and not channel.source.startswith(("http://", "https://")):
        yield "headers: have no effect on this kind of source"


def _sites(settings: Settings) -> Iterator[str]:
    if settings.hits != HitsSettings() and not settings.sites:
        yield "hits: has no effect without a [[site]]"
    if settings.hits.country_header and not settings.http.trusted_proxies:
        yield "hits.country_header: has no effect without http.trusted_proxies: only a trusted proxy is believed"
    for index, site in enumerate(settings.sites):
        if site.titles and site.min_visits == 1:
            yield f"site[{index}].titles: a title may name a person; min_visits = 3 hides what only one visit saw"


def _video(video: VideoSettings) -> Iterator[str]:
    defaults = VideoSettings()
    if video.codec != "h264":
        unused = [key for key in ("width", "height", "fps", "bitrate") if getattr(video, key) != getattr(defaults, key)]
        if unused:
            yield f'video: {", ".join(unused)} have no effect with codec = "{video.codec}"'
    elif video.fit != defaults.fit and not (video.width and video.height):
        yield "video.fit: has no effect unless width and height are both given"


def _audio(audio: AudioSettings) -> Iterator[str]:
    if audio.codec in ("copy", "none") and (audio.bitrate or audio.channels):
        yield f'audio: bitrate and channels have no effect with codec = "{audio.codec}"'


def _ladder(channel: ChannelSettings) -> Iterator[str]:
    ladder = channel.ladder
    if channel.video.codec != "h264" and (ladder.highest != "auto" or ladder.allow_copy):
        yield f'ladder: highest and allow_copy have no effect with video.codec = "{channel.video.codec}"'
    elif ladder.allow_copy and not _between(ladder, "copy"):
        yield "ladder.allow_copy: has no effect, the rung copy lies outside of highest and lowest"


def _between(ladder: LadderSettings, rung: str) -> bool:
    first = 0 if ladder.highest == "auto" else RUNGS.index(ladder.highest)
    return first <= RUNGS.index(rung) <= RUNGS.index(ladder.lowest)
