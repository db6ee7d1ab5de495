"""One writer a run folder: a lock file that names its owner and cannot outlive it.

The file ``.derivata.lock`` says which process on which machine writes here, for people and for the
error message. Whether that process still lives is asked of the kernel, through ``flock``: it drops
the lock the moment its owner dies, so a lock left by ``kill -9`` is known to be stale without
guessing, and of many that want to take it over exactly one gets it. Process numbers alone cannot do
this: they are reused, and two containers that share a folder each have a process 7.

Where there is no ``flock`` (Windows, some cluster file systems) creating the file is the lock, and
one left behind is taken over only if its process is gone from this same machine.

Source: the Linux manual pages flock(2) and open(2), O_EXCL.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from derivata.errors import ModelFileError
from derivata.files.atomic import why_not_written

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

LOCK_NAME = ".derivata.lock"


@contextmanager
def run_lock(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Hold a run folder while its files are written: ``with run_lock(folder): ...``.

    A lock whose owner is dead is taken over. The lock is advice between derivata processes; it
    stops nobody from reading, and files are written whole anyway (`derivata.files.atomic`): it is
    there so that a run's files belong together.

    Parameters
    ----------
    folder : str or path-like      the run folder; it must exist

    Yields
    ------
    path : Path                    the lock file, removed when the block ends

    Raises
    ------
    ModelFileError                 if another process holds the folder, or it cannot be written
    """
    path = Path(folder) / LOCK_NAME
    try:
        descriptor = _take(path)
    except OSError as error:
        raise ModelFileError(why_not_written(error, path)) from error
    try:
        yield path
    finally:
        if os.name == "nt":  # an open file cannot be removed there
            os.close(descriptor)
        # Elsewhere removed while still held: whoever waits for it then sees that its name is gone.
        with suppress(OSError):  # a folder that was removed meanwhile needs no unlocking
            os.unlink(path)
        if os.name != "nt":
            os.close(descriptor)


def _take(path: Path) -> int:
    """Take the lock and return its open descriptor."""
    while True:
        descriptor, created = _open(path)
        try:
            if not _is_free(descriptor, created):
                raise ModelFileError(_who_holds(path, _read_owner(descriptor)))
            if _is_still_there(descriptor, path):
                _write_owner(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed it while we took it: look again


def _open(path: Path) -> tuple[int, bool]:
    """The lock file, and whether this call created it."""
    while True:
        with suppress(FileExistsError):
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), True
        with suppress(FileNotFoundError):  # given back since: create it after all
            return os.open(path, os.O_RDWR), False


def _is_free(descriptor: int, created: bool) -> bool:
    """True if the lock is now ours."""
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # this file system has no flock: fall back
            pass
        else:
            return True
    owner = _read_owner(descriptor)
    return created or (owner.get("host") == socket.gethostname() and _is_gone(owner.get("pid")))


def _is_still_there(descriptor: int, path: Path) -> bool:
    """True if the open lock file is the one that the path names."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _is_gone(pid: Any) -> bool:
    """True if no process of this machine has this number."""
    if type(pid) is not int or pid <= 0 or os.name == "nt":  # there, os.kill would end it
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it lives and is somebody else's, or is no process number
        return False
    return False


def _write_owner(descriptor: int) -> None:
    """Say in the lock file who holds it; a dead owner's words are replaced."""
    owner = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}, sort_keys=True)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, owner.encode())


def _read_owner(descriptor: int) -> dict[str, Any]:
    """What the lock file says of its owner; empty if it says nothing that can be read."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        owner = json.loads(os.read(descriptor, 4096))
    except (ValueError, RecursionError):  # not written yet, or not by us
        return {}
    return owner if isinstance(owner, dict) else {}


def _who_holds(path: Path, owner: dict[str, Any]) -> str:
    """The sentence for whoever comes second."""
    if owner.get("pid") == os.getpid() and owner.get("host") == socket.gethostname():
        who = "this very process"
    elif owner:
        who = f"process {owner.get('pid')!r} on {owner.get('host')!r}"
    else:
        who = "another process"
    return (
        f"the run folder {str(path.parent)!r} is being written by {who}. Wait for it to end, or"
        f" give another folder. If you are sure that nothing writes there, remove {str(path)!r}."
    )
