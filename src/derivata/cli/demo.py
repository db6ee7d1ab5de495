"""``derivata demo``: tables through ``derivata fit``, beside scikit-learn's own tuned models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivata.cli.exit_codes import DONE, NOT_CONVERGED, CannotWrite

if TYPE_CHECKING:
    from derivata.datasets import Dataset, KnownEffects
    from derivata.estimators.peers import Peer
    from derivata.report.record import RunRecord
    from derivata.tables import Table
    from derivata.tuning import OuterScore

TABLES = ("bike_rentals", "diabetes", "breast_cancer")
RENTALS = 2000


HELP = """Fit three tables: counts drawn from known effects, amounts, two classes.

Bike rentals are simulated, the others are bundled with scikit-learn. Each is written as
DIR/NAME.csv and fitted by `derivata fit` into DIR/NAME/; an older demo there is replaced. Beside it
stands scikit-learn's own tuned model, on the same outer folds.
"""


@click.command("demo", help=HELP)
@click.option(
    "--out",
    default="runs/demo",
    show_default=True,
    metavar="DIR",
    help="Where the runs are written.",
)
@click.option(
    "--table",
    "tables",
    type=click.Choice([*TABLES, "iris", "wine"]),
    multiple=True,
    help="Fit this table instead of the usual three. Repeatable.",
)
def command(out: str, tables: tuple[str, ...]) -> int:
    """Run ``derivata demo``; the exit code."""
    from derivata.cli.console import shown_progress
    from derivata.cli.fitting import FitRequest, fit_table
    from derivata.estimators.peers import judge_peer

    converged = True
    for name in tables or TABLES:
        dataset = _dataset(name)
        path = _written(out, name, dataset.table)
        run = str(Path(out) / name)
        click.echo(f"{name}: {dataset.about}")
        click.echo(f"$ derivata fit {path} --target {dataset.target} --out {run}")
        record, _ = fit_table(FitRequest(str(path), dataset.target, run, force=True))
        converged = converged and record.converged
        peer = None
        if record.outer is not None:
            with shown_progress() as progress:
                progress("scikit-learn tunes", 0, 1)
                peer = judge_peer(record.model, record.rows, record.outer.fold, progress)
        click.echo(compared(record, peer, run) + "\n")
    return DONE if converged else NOT_CONVERGED


def compared(record: RunRecord, peer: Peer | None, folder: str) -> str:
    """The two models side by side, one line a finding.

    Parameters
    ----------
    record : RunRecord
    peer : Peer or None
    folder : str                   the run's

    Returns
    -------
    text : str
    """
    from derivata.plain_text import duration, number, plural
    from derivata.report.words import unit

    model = record.model.model
    rows = [("", "derivata", peer.name if peer else "")]
    penalties = f"{plural(len(model.encoder.terms), 'term')}, {len(model.alphas):,} penalties"
    rows.append(("tuned", penalties, f"1 penalty, {number(peer.alpha, 3)}" if peer else ""))
    if record.outer is not None and record.baseline is not None:
        ours, theirs = record.outer.score, peer.outer.score if peer else None
        rows.append(("outer score", _with_error(ours), _with_error(theirs) if theirs else ""))
        if peer is not None:
            rows.append(("less the other's", _difference(record, peer), ""))
        for name, value in _shown(record.metrics).items():
            other = number(peer.metrics[name], 3) if peer else ""
            rows.append((name.replace("_", "-"), number(value, 3), other))
    took = duration(record.seconds["fit"])
    rows.append(("tuned and fitted in", took, duration(peer.seconds) if peer else ""))
    lines = [f"  {name:22}{one:34}{other}".rstrip() for name, one, other in rows]
    lines.append(
        f"  (losses in {unit(record.model)} a row, on unseen rows: lower is better; "
        "+- 1 standard error)"
    )
    if peer is not None and not peer.tuned_in_folds:
        lines.append(f"  ({peer.name} was tuned once, on all rows, which favours its outer score)")
    lines.append(f"  report: {Path(folder) / 'report.html'}")
    return "\n".join(lines)


def _dataset(name: str) -> Dataset | KnownEffects:
    from derivata.datasets import load_dataset, make_bike_rentals

    return make_bike_rentals(RENTALS) if name == "bike_rentals" else load_dataset(name)


def _difference(record: RunRecord, peer: Peer) -> str:
    """How much lower our loss is, row by row, with its error."""
    from derivata.estimators.outer_folds import mean_with_error
    from derivata.plain_text import number

    assert record.outer is not None
    judged = record.outer.judged
    gains = (peer.outer.row_losses - record.outer.row_losses)[judged]
    mean, error = mean_with_error(gains, record.rows.weights_or_ones()[judged])
    return f"{number(-mean, 2)} +- {number(error, 2)}"


def _shown(metrics: dict[str, float]) -> dict[str, float]:
    return {name: metrics[name] for name in ("r2", "rmse", "accuracy", "d2") if name in metrics}


def _with_error(score: OuterScore) -> str:
    from derivata.plain_text import number

    return f"{number(score.score)} +- {number(score.standard_error, 2)}"


def _written(out: str, name: str, table: Table) -> Path:
    from derivata.datasets import csv_text
    from derivata.files.atomic import why_not_written, write_text_atomic

    path = Path(out) / f"{name}.csv"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(path, csv_text(table))
    except OSError as error:
        raise CannotWrite(why_not_written(error, path)) from error
    return path
