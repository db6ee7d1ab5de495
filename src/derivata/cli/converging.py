"""What ``derivata converge`` does, as a function: read, build, predict, run, write.

The model is the plainest one of the table: linear in its columns, with the loss that the target
asks for and one penalty of a given strength. Every solver starts from the best constant. Gradient
descent and its accelerations take one step all the way, the best one for the curvatures at start
and minimiser, because that is what theory speaks of. Not so the heavy ball where curvature has no
bound: it swings far beyond both, and takes its step anew as it goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from derivata.cli.console import heard_warnings, shown_progress
from derivata.cli.exit_codes import DONE, NOT_CONVERGED
from derivata.cli.plain_design import PlainDesign
from derivata.cli.run_folder import RunFolder, run_folder
from derivata.comparison import compare_solvers
from derivata.contracts import Array, Design
from derivata.convergence.conditioning import Conditioning
from derivata.convergence.minimiser import minimiser
from derivata.convergence.prediction import has_vanished, predict
from derivata.convergence.settled import settled, unstable_step
from derivata.convergence.words import name_of
from derivata.diagnostics import separating_direction
from derivata.errors import InvalidParameter
from derivata.estimators.families.registry import family_named
from derivata.estimators.table_task import TableTask, TrainingRows
from derivata.objective import Objective
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.predictors.linear import LinearPredictor
from derivata.report.convergence import convergence_page
from derivata.report.convergence_record import ConvergenceRecord
from derivata.report.record import Said
from derivata.solvers.first_order import (
    AdaGrad,
    Adam,
    AMSGrad,
    Curved,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
)
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.tables import read_table
from derivata.tables.columns import MISSING_WORDS

PAGE, SUMMARY = "convergence.html", "convergence.json"
# Of the methods that divide by past gradients: parameters of scaled columns are of order one.
USUAL_STEP = 0.01

SOLVERS: dict[str, Callable[[float, int, float | None], Any]] = {
    "gradient-descent": lambda tol, most, step: GradientDescent(step, tol=tol, max_iter=most),
    "momentum": lambda tol, most, step: Momentum(step, tol=tol, max_iter=most),
    "nesterov": lambda tol, most, step: Nesterov(step, tol=tol, max_iter=most),
    "adagrad": lambda tol, most, step: AdaGrad(step or USUAL_STEP, tol=tol, max_iter=most),
    "rmsprop": lambda tol, most, step: RMSProp(step or USUAL_STEP, tol=tol, max_iter=most),
    "adam": lambda tol, most, step: Adam(step or USUAL_STEP, tol=tol, max_iter=most),
    "amsgrad": lambda tol, most, step: AMSGrad(step or USUAL_STEP, tol=tol, max_iter=most),
    "lbfgs": lambda tol, most, step: LBFGS(tol, most),
    "newton": lambda tol, most, step: Newton(tol, most),
}
DEFAULT_SOLVERS = (
    "gradient-descent",
    "momentum",
    "nesterov",
    "rmsprop",
    "adam",
    "lbfgs",
    "newton",
)
THEORETICAL = ("gradient-descent", "momentum", "nesterov")
# Families whose losses are nowhere curvier than a constant.
BOUNDED = ("squared", "logistic", "softmax")


@dataclass(frozen=True)
class ConvergeRequest:
    """The arguments of ``derivata converge``, named as its options are."""

    table: str
    target: str
    solver: tuple[str, ...] = ()
    family: str = "auto"
    alpha: float = 1.0
    step: float | None = None
    max_iter: int = 2_000
    tol: float = 1e-8
    scale: bool = True
    out: str | None = None
    drop: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    delimiter: str | None = None
    decimal: str | None = None
    drop_missing_target: bool = False
    force: bool = False
    names: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(dict.fromkeys(self.solver)) or DEFAULT_SOLVERS)


def converge_table(request: ConvergeRequest) -> tuple[ConvergenceRecord, int]:
    """Compare solvers on a table, and write the page if a folder is given.

    Parameters
    ----------
    request : ConvergeRequest

    Returns
    -------
    record : ConvergenceRecord     all that was found
    code : int                     the exit code

    Raises
    ------
    InvalidParameter               if a step is beyond its bound and ``force`` is False
    CannotWrite                    if the folder cannot be written, is locked or holds a run
    DerivataError                  if the table cannot be used
    """
    if request.out is None:
        with heard_warnings() as heard:
            record = _record(request, heard)
    else:
        files = (PAGE, SUMMARY)
        with run_folder(request.out, request.force, files) as folder, heard_warnings() as heard:
            record = _record(request, heard)
            _write(folder, record)
    return record, DONE if record.has_minimiser else NOT_CONVERGED


def _record(request: ConvergeRequest, heard: list[tuple[str, str]]) -> ConvergenceRecord:
    with shown_progress() as progress:
        progress("reading", 0, 1)
        began = time.perf_counter()
        table = read_table(
            request.table,
            delimiter=request.delimiter,
            decimal=request.decimal,
            missing=MISSING_WORDS | set(request.missing),
            categories=request.category,
            drop=request.drop,
        )
        task = TableTask.choose(
            table,
            request.target,
            family=request.family,
            drop_missing_target=request.drop_missing_target,
        )
        rows = task.rows(table)
        design = PlainDesign.of(rows.features)
        weight = np.ones(rows.n_rows)
        raw = _objective(rows, task, design.raw(), in_units=True)
        scaled = _objective(rows, task, design.scaled(weight), in_units=False)
        objective = scaled if request.scale else raw
        with np.errstate(divide="ignore"):
            hyper = np.log(np.array([request.alpha]))
        ways = {side: _way(one, hyper) for side, one in (("raw", raw), ("scaled", scaled))}
        begin, end = ways["scaled" if request.scale else "raw"]
        solvers = [_solver(name, request, task, begin, end) for name in request.names]
        sides = [_side(*way, request.tol) for way in ways.values()]
        comparison = compare_solvers(
            objective, solvers, start=begin.params, hyper=hyper, progress=progress
        )
        if comparison.runs[-1].fit.interrupted:
            raise KeyboardInterrupt
        return ConvergenceRecord(
            comparison=comparison,
            as_raw=sides[0][0],
            as_scaled=sides[1][0],
            steps_raw=sides[0][1],
            steps_scaled=sides[1][1],
            scale=request.scale,
            task=task,
            names=design.names,
            n_rows=rows.n_rows,
            alpha=request.alpha,
            tol=request.tol,
            file_name=Path(request.table).name,
            end_gradient=end.relative_gradient,
            is_separated=separating_direction(end) is not None or has_vanished(begin, end),
            warnings=tuple(Said(*said) for said in heard),
            seconds=time.perf_counter() - began,
        )


def _way(objective: Objective, hyper: Array) -> tuple[Any, Any]:
    """Expansions at the best constant and at the minimiser."""
    start = constant_start(objective)
    return objective.at(start, hyper), minimiser(objective, start, hyper)


def _side(begin: Any, end: Any, tol: float) -> tuple[Conditioning, int | None]:
    """How an objective is conditioned, and the steps that gradient descent would take."""
    solver = settled(GradientDescent(tol=tol), begin, end)
    return Conditioning.of(end), predict(solver, begin, end).iterations


def _solver(name: str, request: ConvergeRequest, task: TableTask, begin: Any, end: Any) -> Any:
    """A solver of that name, with the constants of theory where it has a theory."""
    takes_step = request.solver or name in THEORETICAL
    made = SOLVERS[name](request.tol, request.max_iter, request.step if takes_step else None)
    if not isinstance(made, Curved):
        return made
    if not (isinstance(made, Momentum) and task.family not in BOUNDED):
        made = settled(made, begin, end)
    return _allowed(made, begin, end, request.force)


def _allowed(solver: Curved, begin: Any, end: Any, force: bool) -> Curved:
    """The solver, if its step is below the bound or the user wants to see what happens."""
    fault = unstable_step(solver, begin, end)
    if fault is None:
        return solver
    if force:
        return replace(solver, allow_unstable=True)
    raise InvalidParameter(
        f"`--step` is {solver.step:.4g}, but {name_of(solver)} diverges from "
        f"{fault.bound:.4g} on: the bound is {solver.bound_words}, and the largest curvature is L "
        f"= {fault.largest:.4g} {fault.where}. Take a smaller step, leave `--step` out, which "
        "takes the best one, or watch it diverge with `--force`."
    )


def _objective(rows: TrainingRows, task: TableTask, design: Design, *, in_units: bool) -> Objective:
    """The losses of a target on a design, and a ridge on all coefficients but the intercepts."""
    weight = np.ones(rows.n_rows)
    y, n_classes = rows.y, None
    if task.classifies:
        labels, y = np.unique(y, return_inverse=True)
        y, n_classes = y.astype(float), len(labels)
    elif task.family == "squared" and not in_units:
        # H knows nothing of the target, but methods whose moves are bounded by their step do.
        y = (y - y.mean()) / y.std()
    family = family_named(task.family, n_classes=n_classes if task.family == "softmax" else None)
    loss = family.started(y, weight).loss()
    groups = np.zeros(design.n_columns, dtype=int)
    groups[-1] = FREE
    return Objective(
        loss,
        LinearPredictor(design, loss.n_outputs),
        GroupRidge(np.tile(groups, loss.n_outputs), ("all",)),
        y,
        weight,
    )


def constant_start(objective: Objective) -> Array:
    """Parameters of the best constant: the intercepts, which are last of each output's."""
    n_outputs = objective.predictor.n_outputs
    start = np.zeros((n_outputs, objective.predictor.n_params // n_outputs))
    start[:, -1] = objective.loss.null_outputs(objective.y, objective.weight)
    return start.ravel()


def _write(folder: RunFolder, record: ConvergenceRecord) -> None:
    folder.write_texts({PAGE: convergence_page(record), SUMMARY: record.to_json()})
