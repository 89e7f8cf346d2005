"""edge's pipeline alone on a file, as fast as it goes, output thrown away: `python offlinechild.py FILE aac|copy`."""

from __future__ import annotations

import sys

import msgspec

from edge.media import kinds
from edge.media.pipeline import Pipeline
from edge.media.settings import AudioSettings, VideoSettings
from edge.media.source import open_url
from edge.units import BitRate


def main() -> None:
    path, codec = sys.argv[1:3]
    video = VideoSettings(width=352, height=240, fps=15.0, bitrate=BitRate(256_000))
    audio = AudioSettings(codec=codec, bitrate=BitRate(64_000), channels=1)  # type: ignore[arg-type]
    pipeline = Pipeline(video, audio, lambda _: None)
    pipeline.want({"ts"})
    pipeline.play(open_url(path, msgspec.structs.replace(kinds.FILE, lead=None)))
    made = pipeline.stats().output_seconds
    pipeline.close()
    print(made)


if __name__ == "__main__":
    main()
