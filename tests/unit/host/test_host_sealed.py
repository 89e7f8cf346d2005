from __future__ import annotations

import fcntl
import os
import resource
from pathlib import Path

import pytest

from edge.host.sealed import SEALS, seal, unseal


@pytest.mark.parametrize("data", [b"", b"x", bytearray(b"some bytes"), os.urandom(100_000)])
def test_what_was_sealed_is_read(data: bytes | bytearray) -> None:
    descriptor = seal(data)
    assert unseal(descriptor, 100_000) == data
    assert unseal(descriptor, len(data)) == data  # again: the position has not moved
    os.close(descriptor)


def test_more_than_is_allowed_is_not_read() -> None:
    descriptor = seal(b"1234")
    assert unseal(descriptor, 3) is None
    os.close(descriptor)


def test_a_memfd_that_could_still_change_is_not_believed() -> None:
    descriptor = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(descriptor, b"1234")
    for each in (fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_GROW, fcntl.F_SEAL_WRITE):
        assert unseal(descriptor, 10) is None
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, each)
    assert unseal(descriptor, 10) is None
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    assert unseal(descriptor, 10) == b"1234"
    os.close(descriptor)


def test_other_descriptors_are_not_believed(tmp_path: Path) -> None:
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    ends = os.pipe()
    assert [unseal(each, 10) for each in (file, *ends, -1)] == [None] * 4
    for each in (file, *ends):
        os.close(each)


def test_without_room_for_a_descriptor_there_is_none() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        assert seal(b"x") is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_file_that_cannot_hold_it_is_closed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = sorted(Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        assert seal(bytes(1000)) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(Path("/proc/self/fd").iterdir()) == before
