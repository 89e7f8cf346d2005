"""Kinds of source: which protocols and formats libavformat may use for each, and how their time behaves. Pure.

A URL from outside must never reach a file or another host's pipe: protocols and formats are lists of what is allowed,
never of what is not (libavformat's own default opens `concat:`, `subfile:` and plain paths).
"""

from __future__ import annotations

import msgspec

from edge.errors import ConfigError

NETWORK_FORMATS = "mpegts,flv,live_flv,hls,mov,matroska,webm,aac,mp3,ogg,ac3,eac3,loas"
FILE_FORMATS = f"{NETWORK_FORMATS},mpeg,h264,hevc,av1,ivf,wav,flac,avi,asf,mpegvideo"
BYTES_SILENT = 5.0  # seconds without a byte: hung
CONNECT = 10.0


class Kind(msgspec.Struct, frozen=True):
    """`lead`: seconds that media may run ahead of the wall clock before reading is slowed (None: never; a live source
    paces itself). `replays`: its responses may repeat what was sent. `silence`: seconds of read deadline."""

    name: str
    protocols: str
    formats: str
    lead: float | None = None
    replays: bool = True
    silence: float = BYTES_SILENT
    options: dict[str, str] = {}


PIPE = Kind("http", "", NETWORK_FORMATS, lead=10.0)
_HLS_SILENCE = 30.0  # nothing comes while a playlist has no new segment: longest usual target duration, three times
HLS = Kind(
    "hls", "http,https,tcp,tls,crypto", NETWORK_FORMATS, lead=0.5, silence=_HLS_SILENCE,
    options={
        "live_start_index": "-2", "max_reload": "10", "http_persistent": "0",
        # segments may be called anything (seg.php?x=1); what they may be is the whitelists' business
        "extension_picky": "0", "allowed_extensions": "ALL", "allowed_segment_extensions": "ALL",
    },
)  # fmt: skip
RTMP = Kind("rtmp", "rtmp,rtmps,tcp,tls", "flv,live_flv", lead=10.0)
RTSP = Kind("rtsp", "rtsp,rtp,udp,tcp,tls", "rtsp,rtp,mpegts", lead=10.0, options={"rtsp_flags": "prefer_tcp"})
UDP = Kind("udp", "udp,rtp", "mpegts,rtp", lead=10.0, options={"buffer_size": "262144", "fifo_size": "4096"})
FILE = Kind("file", "file", FILE_FORMATS, lead=0.0, replays=False)
DEMO = Kind("demo", "", "lavfi", lead=0.0, replays=False)

_SCHEMES = {
    "http": PIPE, "https": PIPE, "rtmp": RTMP, "rtmps": RTMP, "rtsp": RTSP, "rtsps": RTSP,
    "udp": UDP, "rtp": UDP, "demo": DEMO,
}  # fmt: skip


def scheme_of(source: str) -> str:
    """The lower-case scheme of a URL; "" for a path."""
    head, colon, _ = source.partition(":")
    return head.lower() if colon and head.isalnum() and not head.isdigit() else ""


def kind_of(source: str) -> Kind:
    """The kind of `source`. ConfigError for a scheme that edge does not pull from (`file:`, `concat:`, `data:`, …)."""
    scheme = scheme_of(source)
    if not scheme:
        return FILE
    if scheme not in _SCHEMES:
        raise ConfigError(f"expected a source by {', '.join(_SCHEMES)} or a path to a file, got {scheme!r}")
    return _SCHEMES[scheme]


DEMO_GRAPH = (
    "testsrc2=size=640x360:rate=25[out0];"
    "sine=frequency=440:beep_factor=4:sample_rate=48000:samples_per_frame=1024,volume=0.1[out1]"
)
