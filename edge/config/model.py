"""The whole configuration, composed from what each package lets a user set."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.channel.settings import ChannelSettings
from edge.hits.settings import HitsSettings, SiteSettings
from edge.http.settings import HttpSettings
from edge.units import Bytes


class MemorySize(Bytes):
    """What the process may take of the host's memory, in bytes; 0 is `"auto"`: as the host says."""

    expected = f'"auto", or {Bytes.expected}'

    @classmethod
    def read(cls, value: object) -> MemorySize:
        if value == "auto":
            return cls(0)
        try:
            return cls(Bytes.read(value) or 1)  # 0 is a size too small, not "auto"
        except ValueError:
            raise ValueError(cls.expected) from None


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written to standard error. `auto`: `journal` where that is the journal, else `logfmt`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "logfmt", "json", "journal"] = "auto"


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the TOML file says. Relative paths count from the working directory."""

    data_dir: str = "./edge-data"
    log: LogSettings = LogSettings()
    memory: MemorySize = MemorySize(0)
    http: HttpSettings = HttpSettings()
    channels: tuple[ChannelSettings, ...] = msgspec.field(name="channel", default=())
    hits: HitsSettings = HitsSettings()
    sites: tuple[SiteSettings, ...] = msgspec.field(name="site", default=())


class Credentials(msgspec.Struct, frozen=True):
    """What a source wants to see. Never shown: neither `repr` nor a traceback has them."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class Settings(Document, frozen=True):
    """A configuration without a mistake. `credentials` are those of the channels that have some, by name."""

    credentials: dict[str, Credentials] = {}

    def __repr__(self) -> str:
        """Without sources and headers, which may hold secrets."""
        names = ", ".join(channel.name for channel in self.channels)
        sites = ", ".join(str(site.id) for site in self.sites)
        return f"Settings(data_dir={self.data_dir!r}, listen={self.http.listen!r}, channels=[{names}], sites=[{sites}])"


def demo() -> Settings:
    """What runs without a configuration: one channel, made in the process."""
    return Settings(channels=(ChannelSettings(name="demo", source="demo:"),))
