"""How statistics are said: texts, numbers, days and durations in a language. Read once, before edge listens."""

from __future__ import annotations

from string import Template

import msgspec

from edge.flow.stats import OTHER
from edge.hits.period import to_date
from edge.http.html import WEB, read

# Characters that turn the direction of text around: in a name they are there to deceive, and are shown as such.
_TURNING = dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")
_DAY = 10  # characters of 2026-11-24


class Words(msgspec.Struct, frozen=True):
    """One language of web/stats.json."""

    thousands: str
    decimal: str
    percent: str  # the sign, with the space before it
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    texts: dict[str, str]
    names: dict[str, dict[str, str]] = {}  # of what the database holds as codes, by dimension

    def say(self, text: str, **values: object) -> str:
        found = self.texts[text]
        return Template(found).substitute({k: str(v) for k, v in values.items()}) if values else found

    # -- numbers

    def number(self, value: float, places: int = 0) -> str:
        """`12,345`."""
        whole = f"{value:,.{places}f}"
        return whole.translate({44: self.thousands, 46: self.decimal})

    def short(self, value: float) -> str:
        """At most four digits: `9,876`, `12.3k`, `4.5M`."""
        for least, sign in ((999_950_000, "G"), (999_950, "M"), (9_999.5, "k")):
            if value >= least:
                scaled = value / {"G": 1e9, "M": 1e6, "k": 1e3}[sign]
                return self.number(scaled, 1 if scaled < 99.95 else 0) + sign
        return self.number(value)

    def share(self, part: float) -> str:
        """A part of 1 in percent."""
        return f"{self.number(part * 100, 1 if 0 < part < 0.0995 else 0)}{self.percent}"

    def duration(self, seconds: float) -> str:
        """`1h 02m`, `3m 05s`, `42s`."""
        total = round(seconds)
        if total >= 3600:
            return f"{total // 3600}h {total % 3600 // 60:02}m"
        return f"{total // 60}m {total % 60:02}s" if total >= 60 else f"{total}s"

    def brief(self, seconds: float) -> str:
        """Of loading times: `120 ms`, `1.4 s`."""
        return f"{self.number(seconds * 1000)} ms" if seconds < 0.9995 else f"{self.number(seconds, 1)} s"

    # -- days, written as in a report: 2026-11-24, or 2026-11-24T13

    def day(self, at: str, *, year: bool = False) -> str:
        on = to_date(int(at[:_DAY].replace("-", "")))
        return f"{on.day} {self.months[on.month - 1]}{f' {on.year}' if year else ''}"

    def moment(self, at: str) -> str:
        """`Tue 24 Nov`, with the hour if it has one."""
        on = to_date(int(at[:_DAY].replace("-", "")))
        hour = f", {at[_DAY + 1 :]}:00" if len(at) > _DAY else ""
        return f"{self.weekdays[on.weekday()]} {self.day(at)}{hour}"

    def range(self, first: str, last: str) -> str:
        """`19 – 25 Nov 2026`, with no more of the first day than is needed."""
        if first == last:
            return self.day(first, year=True)
        if first[:7] == last[:7]:
            return f"{int(first[8:10])} – {self.day(last, year=True)}"
        return f"{self.day(first, year=first[:4] != last[:4])} – {self.day(last, year=True)}"

    def name(self, dimension: str, name: str) -> str:
        """What is shown for a name that the database holds."""
        if name == OTHER:
            return self.say("other")
        known = self.names.get(dimension, {}).get(name)
        return known or name.translate(_TURNING) or self.say("unknown")


def read_words(folder: str = WEB) -> dict[str, Words]:
    """By language, as in `http.html.LANGUAGES`."""
    return msgspec.json.decode(read(folder, "stats.json"), type=dict[str, Words])
