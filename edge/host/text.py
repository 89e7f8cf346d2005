"""Program text and constants that only the start needed are given back.

Loading libraries touches pages all over them, and the kernel maps sixteen for each that is touched: of the 31 MB that a
channel has mapped from files, it works in 19. What is dropped here is still in the page cache, or on disk, and comes
back by itself where it is needed; but it no longer counts as this process's, and is the first to go when memory is
short.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

_LOAD, _DYNAMIC = 1, 2  # p_type (ELF-64, figure 2-1 of the program loading chapter)
_WRITABLE = 2  # p_flags
_TEXTREL, _FLAGS, _DF_TEXTREL = 22, 30, 4  # d_tag, d_tag, bit of DT_FLAGS
_DONTNEED = 4  # MADV_DONTNEED


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


class _Object(ctypes.Structure):
    """The beginning of dl_phdr_info"""

    _fields_: ClassVar[Sequence[Any]] = (
        ("base", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.POINTER(_Header)),
        ("count", ctypes.c_uint16),
    )


def give_back() -> int:
    """Bytes of the segments that were let go; 0 where the system has no such thing.

    Only what is never written: loadable segments without the writable flag (what the loader relocates lies in writable
    ones, also where it protects it afterwards), of objects without relocations in their text. The dynamic loader's lock
    is held meanwhile, so no object comes or goes; and the GIL (PyDLL), because an import in another thread holds it
    while it waits for that lock.
    """
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return 0
    given = 0

    def visit(found: ctypes._Pointer[_Object], _size: int, _data: int | None) -> int:
        nonlocal given
        given += sum(size for start, size in _clean(found.contents) if madvise(start, size, _DONTNEED) == 0)
        return 0

    with contextlib.suppress(OSError, AttributeError):  # another C library
        libc = ctypes.PyDLL(None)
        madvise = libc.madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        callback = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Object), ctypes.c_size_t, ctypes.c_void_p)
        libc.dl_iterate_phdr.argtypes = (callback, ctypes.c_void_p)
        libc.dl_iterate_phdr(callback(visit), None)
    return given


def _clean(found: _Object) -> Iterator[tuple[int, int]]:
    """(address, size) of whole pages that are as they are in the file."""
    name = found.name or b""
    if name and b"/" not in name:  # the kernel's vdso is in no file; the program itself has no name
        return
    headers = [found.headers[n] for n in range(found.count)]
    if any(_relocated(found.base + h.address, h.in_memory) for h in headers if h.type == _DYNAMIC):
        return
    for header in headers:
        if header.type == _LOAD and not header.flags & _WRITABLE:
            start = -(-(found.base + header.address) // mmap.PAGESIZE) * mmap.PAGESIZE
            end = (found.base + header.address + header.in_file) // mmap.PAGESIZE * mmap.PAGESIZE
            if end > start:
                yield start, end - start


def _relocated(address: int, size: int) -> bool:
    """Whether a dynamic section (pairs of tag and value) says that the text itself is relocated."""
    entries = (ctypes.c_uint64 * (size // 8)).from_address(address)
    pairs = dict(zip(entries[::2], entries[1::2], strict=False))
    return _TEXTREL in pairs or bool(pairs.get(_FLAGS, 0) & _DF_TEXTREL)
