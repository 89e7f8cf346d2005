"""What a user can set about a channel."""

from __future__ import annotations

from typing import Annotated

import msgspec

from edge.media.settings import AudioSettings, LadderSettings, VideoSettings

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}$")]


class ChannelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[channel]]`. `user_file` and `password_file` name files, so that no secret stands in the configuration."""

    name: Name
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    headers: dict[str, str] = {}
    user_file: str | None = None
    password_file: str | None = None
    program: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    audio_language: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}$")] | None = None
    public: bool = True
    on_demand: bool = False
    max_viewers: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    video: VideoSettings = VideoSettings()
    audio: AudioSettings = AudioSettings()
    ladder: LadderSettings = LadderSettings()
