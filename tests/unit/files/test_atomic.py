"""A file is the old one, whole, or the new one, whole."""

import os
import stat

import pytest

from derivata.files import atomic
from derivata.files.atomic import atomic_writer, write_bytes_atomic, write_text_atomic

posix = pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX systems")


def test_the_file_appears_only_when_the_block_ends(tmp_path):
    path = tmp_path / "report.html"
    with atomic_writer(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_the_bytes_reach_the_disk_before_the_name_and_the_name_after(tmp_path, monkeypatch):
    seen = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        seen.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        assert seen[-1] == "folder" or os.fstat(descriptor).st_size == 3  # not in a buffer still
        fsync(descriptor)

    def watched_replace(source, target):
        seen.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    write_bytes_atomic(tmp_path / "a", b"new")
    assert seen == ["file", "rename", "folder"]


def test_text_is_written_as_utf8_with_its_line_ends_untouched(tmp_path):
    write_text_atomic(str(tmp_path / "a"), "größe\r\nα\n")
    assert (tmp_path / "a").read_bytes() == "größe\r\nα\n".encode()


def test_a_relative_path_in_this_folder_can_be_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bytes_atomic("model.derivata", b"new")
    assert (tmp_path / "model.derivata").read_bytes() == b"new"


@posix
def test_the_permissions_of_the_old_file_are_kept(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_bytes_atomic(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix
def test_a_first_file_has_the_permissions_any_program_would_give_it(tmp_path):
    (tmp_path / "ordinary").touch()
    write_bytes_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@posix
def test_a_link_is_replaced_and_the_file_it_points_to_is_kept(tmp_path):
    (tmp_path / "first").write_bytes(b"precious")
    (tmp_path / "latest").symlink_to("first")
    write_bytes_atomic(tmp_path / "latest", b"new")
    assert (tmp_path / "first").read_bytes() == b"precious"
    assert (tmp_path / "latest").read_bytes() == b"new"
    assert not (tmp_path / "latest").is_symlink()


@posix
def test_a_device_a_pipe_or_a_folder_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(os.devnull)
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="not a file"):
            write_bytes_atomic(tmp_path / name, b"new")
    with pytest.raises(IsADirectoryError):
        write_bytes_atomic(tmp_path, b"new")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "pipe"]


def test_litter_of_a_killed_writer_goes_once_it_is_old_and_nothing_else_does(tmp_path):
    old = [".a.01234567.tmp"]
    keep = [".a.89abcdef.tmp", ".b.01234567.tmp", "a.01234567.tmp", ".a.notes.tmp"]
    for name in old + keep:
        (tmp_path / name).touch()
        if name != ".a.89abcdef.tmp":
            long_ago = (tmp_path / name).stat().st_mtime - 2 * atomic.LITTER_SECONDS
            os.utime(tmp_path / name, (long_ago, long_ago))
    write_bytes_atomic(tmp_path / "a", b"new")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([*keep, "a"])
