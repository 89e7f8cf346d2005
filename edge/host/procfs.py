"""What /proc says. Parsers are pure, take text that may be missing or damaged, and answer None where it is silent."""

from __future__ import annotations

import os

import msgspec

MAX_BYTES = 2**20  # of one file; the longest read here, mountinfo, has some 100 bytes a mount
UNLIMITED_PAGES = 2**31 - 1  # what OpenVZ writes for "none" on 32-bit kernels; 64-bit ones write 2**63 - 1
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # a second, in /proc/stat


class Files:
    """Reads below `root`, so that tests can make hosts by hand; meant for /proc and /sys, which are no disk."""

    def __init__(self, root: str = "/") -> None:
        self.root = root.rstrip("/")

    def read(self, path: str, limit: int = MAX_BYTES) -> str | None:
        """The first `limit` bytes; None if the file is not there or may not be read."""
        try:
            descriptor = os.open(self.root + path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError):  # ValueError: a zero byte in a path
            return None
        try:
            return _read(descriptor, limit).decode("utf-8", "surrogateescape")
        except OSError:  # the cgroup has gone (ENODEV), or it is a directory
            return None
        finally:
            os.close(descriptor)

    def exists(self, path: str) -> bool:
        try:
            return os.path.lexists(self.root + path)
        except ValueError:
            return False


def _read(descriptor: int, limit: int) -> bytes:
    """Most files come whole in the first read; another one costs 2 µs, so it is made only after a full one."""
    size = min(limit, 4096)
    data = piece = os.read(descriptor, size)
    while len(piece) == size and len(data) < limit:
        piece = os.read(descriptor, size)
        data += piece
    return data[:limit]


def number(word: str | None) -> int | None:
    """A decimal count of 64 bits."""
    if word and len(word) <= 20 and word.isascii() and word.isdigit():
        return int(word)
    return None


def table(text: str | None) -> dict[str, int]:
    """`name value` or `Name: value kB` lines (meminfo, status, memory.stat, cpu.stat, …); kB become bytes."""
    values: dict[str, int] = {}
    for line in (text or "").split("\n"):
        words = line.split()
        if len(words) < 2 or (value := number(words[1])) is None:
            continue
        values[words[0].rstrip(":")] = value * 1024 if words[2:] == ["kB"] else value
    return values


class Ticks(msgspec.Struct, frozen=True):
    """Processor time of the whole host, in seconds since boot."""

    total: float
    steal: float  # ready to run, but the hypervisor ran somebody else


def ticks(stat: str | None) -> Ticks | None:
    """The first line of /proc/stat; its 8th figure is steal. What guests used (9, 10) is in user and nice already."""
    words = (stat or "").split("\n", 1)[0].split()
    values = [number(word) for word in words[1:9]]
    known = [value for value in values if value is not None]
    if words[:1] != ["cpu"] or len(known) < 8:
        return None
    return Ticks(total=sum(known) / TICKS, steal=known[7] / TICKS)


class Stall(msgspec.Struct, frozen=True):
    """Pressure stall information: share of the last ten seconds in which some, or all, tasks waited (0 to 1)."""

    some: float
    full: float | None = None  # not known of the processor before Linux 5.13


def stall(text: str | None) -> Stall | None:
    """A file of /proc/pressure, or `*.pressure` of a cgroup."""
    shares = {}
    for line in (text or "").split("\n"):
        words = line.split()
        if len(words) > 1 and (share := _share(words[1])) is not None:
            shares[words[0]] = share
    return Stall(some=shares["some"], full=shares.get("full")) if "some" in shares else None


def _share(word: str) -> float | None:
    """`avg10=12.34` as 0.1234."""
    name, _, value = word.partition("=")
    whole, _, part = value.partition(".")
    if name != "avg10" or (percent := number(whole)) is None or (part and number(part) is None):
        return None
    return min((percent + (int(part) / 10 ** len(part) if part else 0)) / 100, 1.0)


class Own(msgspec.Struct, frozen=True):
    """This process's memory, in bytes."""

    resident: int
    anonymous: int  # resident less what files and shared memory back: what cannot be dropped and read again


def statm(text: str | None) -> Own | None:
    """/proc/self/statm: size resident shared text lib data dt, in pages."""
    words = (text or "").split()
    resident, shared = (number(word) for word in (words[1:3] if len(words) > 2 else ("", "")))
    if resident is None or shared is None:
        return None
    return Own(resident=resident * PAGE, anonymous=max(resident - shared, 0) * PAGE)


class Beancounter(msgspec.Struct, frozen=True):
    """A line of OpenVZ's accounting, in the units of its resource (pages, for those ending in `pages`)."""

    held: int
    barrier: int
    limit: int
    failures: int  # allocations refused since the container started


def beancounters(text: str | None) -> dict[str, Beancounter]:
    """/proc/user_beancounters, by resource. On a hardware node, where many are listed, the first one's."""
    found: dict[str, Beancounter] = {}
    for line in (text or "").split("\n"):
        words = line.split()[-6:]
        values = [value for word in words[1:] if (value := number(word)) is not None]
        if len(values) == 5:
            held, _, barrier, limit, failures = values
            found.setdefault(words[0], Beancounter(held, barrier, limit, failures))
    return found


def pages(counter: Beancounter | None, *, at_barrier: bool) -> int | None:
    """The bound in bytes; None if there is none."""
    if counter is None:
        return None
    bound = counter.barrier if at_barrier else counter.limit
    return None if bound >= UNLIMITED_PAGES else bound * PAGE
