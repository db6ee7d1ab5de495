"""Files that are either the old one, whole, or the new one, whole.

    write beside it -> flush to disk -> rename over it -> flush the folder

``os.replace`` swaps the name in one step, so whoever reads finds one of the two files and never a
half, whatever stopped the writer: a signal, a full disk, a power cut. The flush must come before
the rename: without it a file system may commit the new name before the new bytes.

Source: the Linux manual pages rename(2) ("there will be no point at which another process
attempting to access newpath will find it missing") and fsync(2) (a new name needs a flush of its
folder too).
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path

# A killed writer cannot clear up, so the next one does, but only what nobody has touched for this
# long: a live writer touches its file all the time, and process numbers cannot tell (containers
# that share a folder do not share those).
LITTER_SECONDS = 3600.0

# What file systems say that cannot flush a folder: their rename is as durable as they can make it.
_CANNOT_FLUSH = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES}


@contextmanager
def atomic_writer(path: str | os.PathLike[str]) -> Iterator[BufferedWriter]:
    """A binary file to write to, which takes the place of ``path`` when the block ends well.

    If the block raises anything, ``path`` keeps what it held and the new bytes are removed. The new
    file keeps the permissions of the old one; a first one gets those the user's umask gives. A
    symbolic link is replaced, not followed, so that the file it points to is never lost.

    Parameters
    ----------
    path : str or path-like        its folder must exist

    Yields
    ------
    file : binary file             write to it; do not close it

    Raises
    ------
    OSError                        what the system said; `why_not_written` turns it into a sentence
    """
    path = Path(path)
    mode = _mode_to_keep(path)
    _remove_litter(path)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    # O_EXCL: never write into a file, or through a link, that somebody else put there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(unfinished, flags, 0o666), "wb")
    try:
        yield file
        file.flush()
        if mode is not None:
            os.chmod(unfinished, mode)
        os.fsync(file.fileno())
        file.close()
        os.replace(unfinished, path)
    except BaseException:  # Ctrl-C as well: whatever stopped the write, leave no litter
        with suppress(OSError):
            file.close()  # flushes what is left, and may fail once more
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    _flush_folder(path.parent)


def write_bytes_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` so that it holds either all of it or what it held before."""
    with atomic_writer(path) as file:
        file.write(data)


def write_text_atomic(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, line ends untouched, as `write_bytes_atomic` does."""
    write_bytes_atomic(path, text.encode("utf-8"))


def why_not_written(error: OSError, path: str | os.PathLike[str]) -> str:
    """One sentence on why ``path`` was not written, and one on the cure."""
    folder = str(Path(path).parent)
    target = str(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = f"the disk or quota of {folder!r} is full. Free some space, or write elsewhere"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = (
            f"the folder {folder!r} does not allow writing ({error.strerror}). Choose another"
            " folder, or make this one writable"
        )
    elif error.errno == errno.ENOENT:
        reason = f"the folder {folder!r} does not exist. Create it first, or correct the path"
    elif error.errno == errno.ENOTDIR:
        reason = f"{folder!r} is not a folder. Correct the path"
    elif error.errno == errno.EISDIR:
        reason = f"{target!r} is a folder. Give the path of a file in it"
    elif error.errno == errno.ENAMETOOLONG:
        reason = "its name is too long. Choose a shorter one"
    elif error.errno == errno.EFBIG:
        reason = f"it is larger than the system allows a file in {folder!r} to be. Write elsewhere"
    else:
        reason = (
            f"the system said: {error.strerror or error}. Check the disk of {folder!r}, or write"
            " elsewhere"
        )
    return f"cannot write {target!r}: {reason}. No file was left half-written."


def _mode_to_keep(path: Path) -> int | None:
    """Permissions of the file to be replaced, or None if there is none; refuses what is no file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        # A rename would put an ordinary file in the place of /dev/null for everyone on the machine.
        raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, not a file", str(path))
    return stat.S_IMODE(mode)


def _remove_litter(path: Path) -> None:
    """Remove unfinished files that killed writers of the same path left behind."""
    oldest = time.time() - LITTER_SECONDS
    unfinished = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.tmp")
    with suppress(OSError), os.scandir(path.parent) as entries:  # litter never stops a write
        for entry in entries:
            if (
                unfinished.fullmatch(entry.name)
                and entry.stat(follow_symlinks=False).st_mtime < oldest
            ):
                os.unlink(entry.path)


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system can."""
    if os.name == "nt":  # Windows opens no folders; its file system logs the rename itself
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
