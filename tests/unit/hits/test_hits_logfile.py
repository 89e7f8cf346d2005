"""A log file by whole lines."""

import gzip

import pytest

from edge.errors import StoreError
from edge.hits.logfile import MAX_LINE, LogFile


def read(path, start=0):
    file = LogFile(str(path))
    try:
        return list(file.lines(start)), file.unfinished, file.cut
    finally:
        file.close()


@pytest.fixture(params=["plain", "packed"])
def written(request, tmp_path):
    def write(data):
        path = tmp_path / "access.log"
        path.write_bytes(gzip.compress(data) if request.param == "packed" else data)
        return path

    return write


def test_lines_with_the_offsets_behind_them(written):
    path = written("a\r\nbé\n\n".encode())
    assert read(path) == ([("a", 3), ("bé", 7), ("", 8)], False, "")
    assert read(path, 3)[0] == [("bé", 7), ("", 8)]
    assert read(path, 999)[0] == []


def test_a_line_without_an_end_is_left_for_the_next_time(written):
    assert read(written(b"a\nb")) == ([("a", 2)], True, "")
    assert read(written(b"")) == ([], False, "")


def test_a_long_line_is_skipped_whole(written):
    size = 3 * MAX_LINE
    path = written(b"a\n" + b"x" * size + b"\nb\n")
    assert read(path)[0] == [("a", 2), (None, size + 3), ("b", size + 5)]
    assert read(written(b"a\n" + b"x" * size)) == ([("a", 2)], True, "")


@pytest.mark.parametrize("more", [-2, -1, 0, 1])
def test_lines_near_the_bound(written, more):
    line = b"x" * (MAX_LINE - 1 + more)
    found = read(written(line + b"\nb\n"))[0]
    assert found[0] == (line.decode() if more <= 0 else None, MAX_LINE + more)
    assert found[1] == ("b", MAX_LINE + more + 2)


def test_bytes_that_are_no_text(written):
    assert read(written(b"\xff\xfe\0\n"))[0] == [("��\0", 4)]


def test_a_packed_file_that_ends_early(tmp_path):
    path = tmp_path / "access.log.gz"
    path.write_bytes(gzip.compress(b"".join(b"line %d\n" % n for n in range(50_000)))[:-100])
    lines, _, cut = read(path)
    assert len(lines) > 1000
    assert lines[0] == ("line 0", 7)
    assert cut


def test_a_packed_file_that_is_damaged(tmp_path):
    path = tmp_path / "access.log.gz"
    path.write_bytes(b"\x1f\x8b" + b"rubbish" * 100)
    assert read(path)[0] == []
    assert read(path)[2]


def test_no_file(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(StoreError, match="expected a log file that can be read"):
            LogFile(str(path))


def test_the_position_is_the_files(written):
    file = LogFile(str(written(b"abc\n" * 10)))
    list(file.lines())
    assert file.position == file.size > 0
    file.close()
