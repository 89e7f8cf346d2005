"""Access logs into hits: the same admission and scrubbing as for live hits, in the process that reads the log.

What is raw ends here: a `Batch` holds scrubbed hits alone, be it kept by this process or sent to the worker. Each day
has a secret for visit keys, which ends with the process. A file is known again by times, methods, statuses and sizes
of its first lines, which tell nothing of a person: one that was imported, rotated, packed or grown counts once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from edge.hits.admit import Admit, Client
from edge.hits.batch import BATCH_BYTES, MARKS, Batch, encode
from edge.hits.calendar import Calendar
from edge.hits.hit import Counted, Dropped
from edge.hits.logformats import Line
from edge.hits.mask import mask
from edge.hits.rollup import Imported
from edge.hits.scrub import Scrubber
from edge.hits.settings import HitsSettings, SiteSettings
from edge.hits.visitor import WINDOW, Visitors
from edge.host.blake import blake2b

_SURE = MARKS.index(16)  # from so many lines on no other file has the same mark; a shorter file gets one mark only
_DAYS = 1000  # whose secrets are kept, at most until the end: logs of several servers tell of the same days
_DAY = 86_400
_UNUSUAL = (204, 205, 206)  # no page, or only a part of a file

# What Matomo's log import takes for downloads, and what pages are made of: facts about file names.
DOWNLOADS = frozenset(
    "7z aac apk arc arj asc asf asx avi azw3 bin bz bz2 csv deb dmg doc docx epub exe flac flv gz gzip hqx ibooks jar "  # noqa: SIM905
    "md5 mobi mov movie mp2 mp3 mp4 mpeg mpg msi msp odb odf odg odp ods odt ogg ogv pdf phps ppt pptx qt qtm ra ram "
    "rar rm rpm rtf sea sig sit tar tbz tbz2 tgz torrent wav webm wma wmv wpd xls xlsx xsd xz z zip".split()
)
ASSETS = frozenset(
    "avif bmp class css cur eot gif ico jpeg jpg js json jsonld map mjs otf png svg svgz swf ttf txt wasm "  # noqa: SIM905
    "webmanifest webp woff woff2 xml".split()
)


class Summary(msgspec.Struct):
    """What became of a file's lines; `lines` is the sum of the others."""

    lines: int = 0
    pageviews: int = 0
    downloads: int = 0
    excluded: dict[str, int] = {}  # by reason, as live hits are; the site's table of what was excluded has them too
    skipped: dict[str, int] = {}  # no page view: method, status, asset, old, future
    unread: dict[str, int] = {}  # rubbish, long

    def skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


class DayKeys:
    """Visit keys by secrets of each day. They end with the process at the latest."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._secrets: dict[int, bytes] = {}

    def keys(self, address: str, agent: str, at: int) -> tuple[bytes, bytes | None]:
        """Today's key and, within half an hour after midnight, the one of the day before."""
        message = f"{len(agent)},{agent}".encode("utf-8", "surrogatepass") + mask(address)
        day, earlier = self._calendar.day(at), self._calendar.day(at - WINDOW)
        before = self._secrets.get(earlier) if earlier != day else None
        return self._key(self._secret(day), message), self._key(before, message) if before else None

    def _secret(self, day: int) -> bytes:
        found = self._secrets.get(day)
        if found is None:
            found = self._secrets[day] = os.urandom(32)
            if len(self._secrets) > _DAYS:
                del self._secrets[next(iter(self._secrets))]
        return found

    @staticmethod
    def _key(secret: bytes, message: bytes) -> bytes:
        return blake2b(message, key=secret, digest_size=8).digest()


class Importer:
    """Lines of one site's logs into items. `now`: the moment of the import, Unix second."""

    def __init__(self, site: SiteSettings, settings: HitsSettings, spam: frozenset[str], now: float) -> None:
        self._site = site
        self._admit = Admit([site], settings, spam)
        self._scrubber = Scrubber([site], settings)
        self._visitors = Visitors(settings.max_visits)
        self._keys = DayKeys(Calendar(site.timezone))
        self._host = _own_host(site.hosts)
        self.at = int(now)
        self._oldest, self._latest = now - site.keep_days * _DAY, now + _DAY
        self._arrived = 0
        self.summary = Summary()

    def take(self, line: Line) -> Counted | Dropped | None:
        """What is kept of a line; None: it is no page view."""
        self.summary.lines += 1
        kind = self._kind(line)
        if kind not in ("page", "download"):
            self.summary.skip(kind)
            return None
        fields = self._fields(line, kind)
        client = Client(line.address, line.agent, "", {})
        reason = self._admit.reason(self._site, fields, client)
        if reason is not None:
            self.summary.excluded[reason] = self.summary.excluded.get(reason, 0) + 1
            return Dropped(self._site.id, line.at, reason)
        return self._count(line, fields, kind)

    def _kind(self, line: Line) -> str:
        """`page`, `download`, or why the line is neither."""
        if line.method != "GET":
            return "method"
        if not (200 <= line.status < 300 or line.status == 304) or line.status in _UNUSUAL:
            return "status"
        if line.at < self._oldest:
            return "old"
        if line.at > self._latest:
            return "future"
        return kind_of(line.target)

    def _fields(self, line: Line, kind: str) -> dict[str, str]:
        """What a tracker would have sent."""
        target = line.target
        url = target if "://" in target[:8] else f"https://{line.host or self._host}{target}"
        fields = {"rec": "1", "url": url, "urlref": line.referrer}
        if kind == "download":
            fields["download"] = url
        return fields

    def _count(self, line: Line, fields: dict[str, str], kind: str) -> Counted:
        hit = self._scrubber.scrub(self._site, fields, line.agent, "", "", line.at)
        self._arrived = max(self._arrived, line.at)
        keys = self._keys.keys(line.address, line.agent, line.at)
        if kind == "page":
            self.summary.pageviews += 1
        else:
            self.summary.downloads += 1
        return hit, self._visitors.see(hit, keys, self._arrived)


def kind_of(target: str) -> str:
    """`page`, `download` or `asset`, by the end of the path."""
    path = target.partition("?")[0]
    _, dot, ending = path.rpartition("/")[2].rpartition(".")
    if "/.well-known/" in path:
        return "asset"
    ending = ending.lower() if dot else ""
    return "download" if ending in DOWNLOADS else "asset" if ending in ASSETS else "page"


def _own_host(hosts: Sequence[str]) -> str:
    """Of a log that does not name hosts: it holds the site's pages."""
    plain = [host for host in hosts if not host.startswith("*.")]
    return plain[0] if plain else f"www{hosts[0].removeprefix('*')}"


class Fingerprint:
    """Marks of a file's beginning. `digests` gets one more whenever the lines read so far are one of `MARKS`."""

    def __init__(self, site: int) -> None:
        self._hash = blake2b(f"site {site}".encode(), digest_size=16)
        self._lines = 0
        self.digests: list[str] = []

    def add(self, line: Line) -> None:
        if self._lines >= MARKS[-1]:
            return
        self._lines += 1
        self._hash.update(f"\n{line.at} {line.method} {line.status} {line.size}".encode())
        if self._lines in MARKS:
            self.digests.append(self._hash.hexdigest())


def batches(
    lines: Iterable[tuple[Line | None, int]], importer: Importer, marks: Fingerprint, done: int = 0
) -> Iterator[Batch]:
    """Batches that fit into a request, each ending behind a line. `lines` come with the offset behind them, None for
    one that was not read; those up to `done` are imported already and only mark the file."""
    counted: list[Counted] = []
    dropped: list[Dropped] = []
    size, end = 0, done
    for line, offset in lines:
        if line is not None:
            marks.add(line)
        if offset <= done:
            continue
        end = offset
        item = importer.take(line) if line is not None else None
        if item is not None:
            (counted if isinstance(item, tuple) else dropped).append(item)  # type: ignore[arg-type]
            size += len(encode(item)) + 8
        if size >= BATCH_BYTES:
            yield Batch(counted, dropped, _marks(marks.digests, end, importer.at))
            counted, dropped, size = [], [], 0
    if end > done and marks.digests:
        yield Batch(counted, dropped, _marks(marks.digests, end, importer.at))


def _marks(digests: Sequence[str], done: int, at: int) -> list[Imported]:
    """A file that is cut to 16 lines or more is known too."""
    return [Imported(digest, done, at) for digest in digests[_SURE:] or digests[-1:]]
