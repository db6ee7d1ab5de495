"""A bar on standard error while a network is trained; nothing where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from derivata.neural.history import History

Watch = Callable[[History], None]


@contextmanager
def progress(verbose: bool, n_epochs: int) -> Iterator[Watch | None]:
    """Within the block, what `train` calls with its history after each few epochs.

    Parameters
    ----------
    verbose : bool
    n_epochs : int                 of the whole training

    Yields
    ------
    watch : callable or None
        None where nothing is shown: not asked for, or standard error is no terminal.
    """
    if not verbose or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("epoch {task.completed}/{task.total}  {task.fields[losses]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=n_epochs, losses="")

        def watch(history: History) -> None:
            losses = f"loss {history.loss[-1]:.4g}"
            if len(history.held_out_loss):
                losses += f", held out {history.held_out_loss[-1]:.4g}"
            bar.update(task, completed=history.n_epochs % n_epochs or n_epochs, losses=losses)

        yield watch
