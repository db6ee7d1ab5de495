"""What a command says while it works: coded warnings, and progress where a person looks on.

Both go to the standard error; the standard output is for results alone.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from derivata.errors import DerivataWarning
from derivata.plain_text import clean

LONGEST = 2000


@contextmanager
def heard_warnings() -> Iterator[list[tuple[str, str]]]:
    """Print each of derivata's warnings once, as one line, and remember it.

    Those of other packages are for their developers: shown only with DERIVATA_DEBUG.

    Yields
    ------
    heard : list of (code, message)    grows while the block runs
    """
    heard: list[tuple[str, str]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", DerivataWarning)
        shown = warnings.showwarning

        def hear(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if isinstance(message, DerivataWarning):
                said = (message.code, " ".join(str(message.args[0]).splitlines()))
                if said not in heard:
                    heard.append(said)
                    click.echo(f"warning {said[0]}: {clean(said[1], LONGEST)}", err=True)
            elif os.environ.get("DERIVATA_DEBUG"):
                shown(message, category, *where, **more)

        warnings.showwarning = hear
        yield heard


@contextmanager
def shown_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A callback that draws what is being done, if the standard error is a terminal.

    Yields
    ------
    report : callable              takes (what is being done, steps done, steps)
    """
    if not sys.stderr.isatty():
        yield lambda what, done, steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:24}"), BarColumn(24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)

        def report(what: str, done: int, steps: int) -> None:
            words = f"{what} {done + 1} of {steps}" if what == "outer fold" else what
            progress.update(task, description=words, completed=done, total=steps)

        yield report
