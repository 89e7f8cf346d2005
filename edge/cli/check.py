"""`edge check`: what a configuration means, or every mistake in it."""

from __future__ import annotations

import argparse

from edge.channel.settings import ChannelSettings
from edge.cli.memory import Rows, doubts, rows
from edge.config.advice import is_wildcard, warnings
from edge.config.load import load
from edge.config.memory import Planner
from edge.config.model import Settings
from edge.hits.settings import SiteSettings
from edge.host.datadir import trouble
from edge.http.settings import HttpSettings
from edge.log import origin
from edge.media.settings import AudioSettings, LadderSettings, VideoSettings
from edge.units import show_rate

HELP = "say what a configuration means, or everything that is wrong with it"
EXAMPLES = ("edge check --config edge.toml",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", help="the TOML file; without it, the demo is shown")


def run(args: argparse.Namespace) -> int:
    """Prints and exits with 0, or raises what `main` prints."""
    settings = load(args.config)
    plan = Planner.of_host(settings, own=None).plan()
    channels = (row for channel in settings.channels for row in _channel(channel))
    sites = (row for site in settings.sites for row in _site(site))
    for name, value in (*_whole(settings, args.config), *channels, *sites, *rows(plan, settings.http.max_connections)):
        print(f"{name:14} {value}".rstrip())
    for warning in (*warnings(settings), *doubts(plan)):
        print(f"warning: {warning}")
    return 0


def _whole(settings: Settings, file: str | None) -> Rows:
    yield "configuration", file or "none: the demo"
    why = trouble(settings.data_dir)
    yield "data_dir", f"{settings.data_dir} ({f'not writable: {why}' if why else 'writable'})"
    yield "log", f"{settings.log.level}, {settings.log.format}"
    yield from _http(settings.http)


def _http(http: HttpSettings) -> Rows:
    for address in http.listen:
        yield "listen", _url(address)
    for address in http.metrics_listen or http.listen[:1]:
        yield "metrics", _url(address, "metrics")
    yield "proxies", ", ".join(http.trusted_proxies) or "none is trusted"
    yield "line", show_rate(http.egress) if http.egress else "of unknown width"
    yield "traffic", f"{http.traffic_per_month / 1e9:.4g} GB a month" if http.traffic_per_month else "not limited"
    yield "viewers", f"at most {http.max_viewers}" if http.max_viewers else "not limited"
    yield "connections", f"at most {http.max_connections}, {http.max_connections_per_address} from one address"


def _url(address: str, path: str = "") -> str:
    return f"http://{address}/{path}" + (" (every address of this host)" if is_wildcard(address) else "")


def _channel(channel: ChannelSettings) -> Rows:
    yield "channel", channel.name
    yield "  source", _source(channel)
    yield "  video", _video(channel.video)
    yield "  audio", _audio(channel.audio)
    if channel.video.codec == "h264":
        yield "  ladder", _ladder(channel.ladder)
    yield "  viewers", f"at most {channel.max_viewers}" if channel.max_viewers else "not limited by the channel"
    access = "public" if channel.public else "with a token of scope view"
    yield "  access", f"{access}, {'started by the first viewer' if channel.on_demand else 'always on'}"


def _site(site: SiteSettings) -> Rows:
    yield "site", f"{site.id}, {site.name or site.hosts[0]}"
    yield "  hosts", ", ".join(site.hosts)
    yield "  days", f"of {site.timezone}, kept {site.keep_days} days, {site.keep_hours} of them by the hour"
    kept = ["pages", *(["titles"] if site.titles else []), *(["names of events"] if site.event_names else [])]
    kept += [f"?{name}" for name in site.query_allow] + list(site.dimensions.values())
    yield "  kept", f"{', '.join(kept)}; named once {site.min_visits} visits a day had them"
    honoured = [word for word, yes in (("DNT", site.dnt), ("Sec-GPC", site.gpc)) if yes]
    yield "  honoured", ", ".join((*honoured, "opt-out"))
    yield "  report", "public" if site.public else "with a token of scope stats"


def _source(channel: ChannelSettings) -> str:
    """Only names of secrets: a header's value may be one."""
    words = [origin(channel.source) if "://" in channel.source else channel.source]
    if channel.user_file:
        words.append(f"user and password from {channel.user_file} and {channel.password_file}")
    if channel.headers:
        words.append(f"headers {', '.join(channel.headers)}")
    if channel.program:
        words.append(f"program {channel.program}")
    if channel.audio_language:
        words.append(f"sound in {channel.audio_language}")
    return ", ".join(words)


def _video(video: VideoSettings) -> str:
    if video.codec != "h264":
        return {"copy": "copied as it is", "none": "none"}[video.codec]
    rate = f"at most {video.fps:g} frames/s, {show_rate(video.bitrate)}, preset {video.preset}"
    return f"h264, {_picture(video)}, {rate}"


def _picture(video: VideoSettings) -> str:
    if video.width and video.height:
        return f"{video.width}x{video.height} ({video.fit})"
    if video.width or video.height:
        return f"{'width' if video.width else 'height'} {video.width or video.height}, the other by aspect"
    return "the source's size"


def _ladder(ladder: LadderSettings) -> str:
    copy = "the source itself where the line bears it" if ladder.allow_copy else "never the source itself"
    return f"from {ladder.highest} down to {ladder.lowest} when the processor does not suffice, {copy}"


def _audio(audio: AudioSettings) -> str:
    if audio.codec in ("copy", "none"):
        return {"copy": "copied as it is", "none": "none"}[audio.codec]
    first = "aac" if audio.codec == "aac" else "copied where every output can carry it, else aac"
    rate = show_rate(audio.bitrate) if audio.bitrate else "bit rate by default"
    channels = {None: "channels of the source", 1: "mono", 2: "stereo"}[audio.channels]
    return f"{first}, {rate}, {channels}"
