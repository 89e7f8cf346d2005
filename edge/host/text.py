"""Program text and constants that only the start needed are given back.

Loading libraries touches pages all over them, and the kernel maps sixteen for each that is touched: of the 31 MB that a
channel has mapped from files, it works in 19. What is dropped here is still in the page cache, or on disk, and comes
back by itself where it is needed; but it no longer counts as this process's, and is the first to go when memory is
short.
"""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import mmap
import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

_LOAD, _DYNAMIC = 1, 2  # p_type (ELF-64, figure 2-1 of the program loading chapter)
_WRITABLE = 2  # p_flags
_TEXTREL, _FLAGS, _DF_TEXTREL = 22, 30, 4  # d_tag, d_tag, bit of DT_FLAGS
_DONTNEED = 4  # MADV_DONTNEED
_PIN = os.RTLD_LAZY | os.RTLD_NOLOAD | os.RTLD_NODELETE


class _Elf(ctypes.Structure):
    """Elf64_Ehdr"""

    _fields_: ClassVar[Sequence[Any]] = (
        ("ident", ctypes.c_char * 16),
        ("type", ctypes.c_uint16),
        ("machine", ctypes.c_uint16),
        ("version", ctypes.c_uint32),
        ("entry", ctypes.c_uint64),
        ("headers", ctypes.c_uint64),
        ("sections", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("size", ctypes.c_uint16),
        ("header_size", ctypes.c_uint16),
        ("count", ctypes.c_uint16),
    )


class _Header(ctypes.Structure):
    """Elf64_Phdr"""

    _fields_: ClassVar[Sequence[Any]] = (
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("physical", ctypes.c_uint64),
        ("in_file", ctypes.c_uint64),
        ("in_memory", ctypes.c_uint64),
        ("align", ctypes.c_uint64),
    )


def give_back() -> int:
    """Bytes of the segments that were let go; 0 where the system has no such thing.

    Only what is never written: loadable segments without the writable flag (what the loader relocates lies in writable
    ones, also where it protects it afterwards), of objects without relocations in their text. Each is pinned first
    (RTLD_NODELETE), so none can go meanwhile. Not by dl_iterate_phdr: Python in its callback may lose the GIL to an
    import in another thread, which keeps it while it waits for the loader's lock, and both stand still for ever.
    """
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return 0
    given = 0
    with contextlib.suppress(OSError, AttributeError):  # another C library, no /proc
        madvise = ctypes.PyDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        bases = dict(_pinned())
        for path, start in _mapped().items():  # as it is now that nothing can go
            if path in bases:
                given += sum(n for at, n in _clean(bases[path], start) if madvise(at, n, _DONTNEED) == 0)
    return given


def _mapped() -> dict[str, int]:
    """Files of which the beginning is mapped, and where."""
    found: dict[str, int] = {}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123 - no pathlib here
        for line in lines:
            fields = line.rstrip("\n").split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith("/") and int(fields[2], 16) == 0:
                found.setdefault(fields[5], int(fields[0].partition("-")[0], 16))
    return found


def _pinned() -> Iterator[tuple[str, int]]:
    """Objects that are loaded, with what is added to the addresses in their files. They stay to the end from now on.

    What dlopen gives is glibc's `struct link_map` (link.h), whose first field that is.
    """
    program = os.readlink("/proc/self/exe")  # noqa: PTH115
    for path in _mapped():
        with contextlib.suppress(OSError):  # a file that is no library, or one that is not loaded
            handle = _ctypes.dlopen(None if path == program else path, _PIN)  # type: ignore[arg-type]
            yield path, ctypes.c_uint64.from_address(handle).value


def _clean(base: int, start: int) -> Iterator[tuple[int, int]]:
    """(address, size) of whole pages that are as they are in the file. `start`: where the file begins in memory."""
    elf = _Elf.from_address(start)
    if elf.ident[:5] != b"\x7fELF\x02":  # 64 bits
        return
    headers = (_Header * elf.count).from_address(start + elf.headers)
    if not any(h.type == _LOAD and h.offset == 0 and _page(base + h.address) == start for h in headers):
        return  # mapped by somebody else, to be read
    if any(_relocated(base + h.address, h.in_memory) for h in headers if h.type == _DYNAMIC):
        return
    for header in headers:
        if header.type == _LOAD and not header.flags & _WRITABLE:
            first, end = -_page(-(base + header.address)), _page(base + header.address + header.in_file)
            if end > first:
                yield first, end - first


def _page(address: int) -> int:
    return address // mmap.PAGESIZE * mmap.PAGESIZE


def _relocated(address: int, size: int) -> bool:
    """Whether a dynamic section (pairs of tag and value) says that the text itself is relocated."""
    entries = (ctypes.c_uint64 * (size // 8)).from_address(address)
    pairs = dict(zip(entries[::2], entries[1::2], strict=False))
    return _TEXTREL in pairs or bool(pairs.get(_FLAGS, 0) & _DF_TEXTREL)
