"""A run's folder: its files appear together or not at all.

    DIR/model.derivata   the model            DIR/summary.json   the findings, with the checksums
    DIR/report.html      the report                              of the other two

Commands that write other files than `derivata fit` name them.

The folder is locked before the work begins, so that a second process or a folder that cannot be
written is found at once and not after the fit. All bytes are on disk under other names before the
first file is renamed; the renames follow one another with signals held back, and are undone if one
fails. Only a power cut or ``kill -9`` between two of them can leave files of two runs, each of them
whole; then the checksums in ``summary.json`` do not fit.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from derivata.cli.exit_codes import CannotWrite
from derivata.errors import ModelFileError
from derivata.files.atomic import why_not_written, write_bytes_atomic
from derivata.files.run_lock import run_lock

MODEL, REPORT, SUMMARY = "model.derivata", "report.html", "summary.json"
FILES = (MODEL, REPORT, SUMMARY)


@dataclass(frozen=True)
class RunFolder:
    """A locked folder, made by `run_folder`, and the names of the files it is for."""

    path: Path
    files: tuple[str, ...] = FILES

    def write(
        self, save_model: Callable[[Path], None], report: str, summary: dict[str, Any]
    ) -> dict[str, Any]:
        """Write the three files; those of an older run are replaced together.

        Parameters
        ----------
        save_model : callable          writes the model to the path it is given
        report : str                   HTML
        summary : dict                 plain JSON types

        Returns
        -------
        summary : dict                 with the checksums of the other two files

        Raises
        ------
        CannotWrite                    says why; the older files are as they were
        """
        with self._staged() as staged:
            save_model(staged[MODEL])
            write_bytes_atomic(staged[REPORT], report.encode("utf-8", "replace"))
            sums = {name: _sha256(staged[name]) for name in (MODEL, REPORT)}
            summary = summary | {"files": sums}
            text = json.dumps(summary, indent=2, ensure_ascii=True, allow_nan=False)
            write_bytes_atomic(staged[SUMMARY], text.encode() + b"\n")
        return summary

    def write_texts(self, texts: Mapping[str, str]) -> None:
        """Write all files as text, each named by its key; those of an older run are replaced.

        Raises
        ------
        CannotWrite                    says why; the older files are as they were
        """
        with self._staged() as staged:
            for name, text in texts.items():
                write_bytes_atomic(staged[name], text.encode("utf-8", "replace"))

    @contextmanager
    def _staged(self) -> Iterator[dict[str, Path]]:
        """Where to write each file; all are put in place when the block ends well."""
        self._remove_staged()  # of a run that was killed: ours is the lock
        token = secrets.token_hex(4)
        staged = {name: self.path / f".{name}.{token}.new" for name in self.files}
        try:
            yield staged
            with _signals_held_back():
                self._put_in_place(staged)
        except OSError as error:
            raise CannotWrite(why_not_written(error, self.path / self.files[0])) from error
        except ModelFileError as error:
            raise CannotWrite(str(error)) from error
        finally:
            self._remove_staged()

    def _put_in_place(self, staged: dict[str, Path]) -> None:
        """Rename all files, or none: those of an older run are kept at hand until it is done."""
        older = {name: path.with_suffix(".old") for name, path in staged.items()}
        for name, kept in older.items():
            if (self.path / name).exists():
                shutil.copy2(self.path / name, kept)
        done = []
        try:
            for name in self.files:
                os.replace(staged[name], self.path / name)
                done.append(name)
        except OSError:
            for name in done:
                with suppress(OSError):
                    if older[name].exists():
                        os.replace(older[name], self.path / name)
                    else:
                        os.unlink(self.path / name)
            raise

    def _remove_staged(self) -> None:
        for name in self.files:
            half_written = self.path.glob(f"..{name}.????????.new.????????.tmp")
            for path in [*self.path.glob(f".{name}.????????.*"), *half_written]:
                with suppress(OSError):
                    path.unlink()


@contextmanager
def run_folder(
    path: str | os.PathLike[str], force: bool, files: tuple[str, ...] = FILES
) -> Iterator[RunFolder]:
    """Make a run's folder and hold its lock; a folder that gets no run is removed again.

    Parameters
    ----------
    path : path-like               made with its parents if it is not there
    force : bool                   a run that is there may be replaced
    files : tuple of str           names of the files that a run has

    Yields
    ------
    folder : RunFolder

    Raises
    ------
    CannotWrite                    if it cannot be made or written, another process holds it, or it
                                   holds a run and ``force`` is False
    """
    folder = Path(path)
    made = _make(folder)
    try:
        with ExitStack() as held:
            try:
                held.enter_context(run_lock(folder))
            except ModelFileError as error:
                raise CannotWrite(str(error)) from error
            _require_room(folder, force, files)
            yield RunFolder(folder, files)
    finally:
        for empty in made:  # the deepest first; one that holds something stays
            with suppress(OSError):
                empty.rmdir()


def _require_room(folder: Path, force: bool, files: tuple[str, ...]) -> None:
    there = [name for name in files if (folder / name).exists()]
    for name in there:
        if (folder / name).is_dir():
            raise CannotWrite(
                f"{str(folder / name)!r} is a folder, where a run has a file. Give another folder."
            )
    if there and not force:
        raise CannotWrite(
            f"the folder {str(folder)!r} holds a run already ({', '.join(there)}). Give another "
            "folder, or replace the run with `--force`."
        )


def _make(folder: Path) -> list[Path]:
    """Make a folder and its parents; those that were not there, the deepest first."""
    missing, at = [], folder
    while not at.exists() and at != at.parent:
        missing.append(at)
        at = at.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise CannotWrite(
            f"{str(folder)!r} is a file. Give a folder for the run with `--out`."
        ) from None
    except OSError as error:
        raise CannotWrite(why_not_written(error, folder)) from error
    return missing


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block ends, where the system can."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    held = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
