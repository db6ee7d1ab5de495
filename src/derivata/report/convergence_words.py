"""What a comparison of solvers comes to, in sentences; the screen and the page say the same."""

from __future__ import annotations

from derivata.comparison import Comparison, SolverRun
from derivata.convergence.conditioning import Conditioning
from derivata.convergence.words import count_words, step_words
from derivata.plain_text import number, plural
from derivata.report.convergence_record import ConvergenceRecord
from derivata.solvers.first_order import GradientDescent

# kappa is worth a word where scaling divides it by this.
NOTABLE = 2.0


def headline(comparison: Comparison) -> str:
    """The finding in a sentence or two."""
    runs = comparison.runs
    arrived = [run for run in runs if run.fit.converged]
    words = [f"Kappa is {kappa_words(comparison.conditioning)}."]
    plain = next((run for run in runs if isinstance(run.solver, GradientDescent)), None)
    if plain is not None:
        words.append(_of_descent(plain))
    if arrived:
        quickest = min(arrived, key=lambda run: run.seconds)
        if quickest is not plain:
            words.append(f"{quickest.name} is the quickest: {plural(quickest.fit.n_iter, 'step')}.")
    elif runs:
        words.append("None arrived within its limit of steps.")
    return " ".join(words)


def _of_descent(run: SolverRun) -> str:
    told, n_iter = run.convergence.prediction, run.fit.n_iter
    if run.fit.diverged:
        return (
            f"With a step of {number(told.step, 3)}, beyond the bound of "
            f"{number(told.largest_step, 3)}, gradient descent diverged after "
            f"{plural(n_iter, 'step')}."
        )
    if told.iterations is None:
        return f"Gradient descent took {plural(n_iter, 'step')}."
    predicted = f"Theory gives gradient descent {step_words(told.iterations)}"
    if run.fit.converged:
        return f"{predicted}; it took {n_iter:,}."
    return f"{predicted}; after {n_iter:,} it was not there."


def scaling_words(record: ConvergenceRecord) -> str:
    """What scaling the columns does, or would do."""
    raw, scaled = record.as_raw.condition, record.as_scaled.condition
    if raw <= NOTABLE * scaled:
        return (
            f"Scaling the columns changes little: kappa is {number(raw, 3)} as they are and "
            f"{number(scaled, 3)} scaled."
        )
    steps = ""
    if record.steps_scaled is not None and record.steps_raw is not None:
        steps = (
            f", and gradient descent from {step_words(record.steps_raw)} to "
            f"{count_words(record.steps_scaled)}"
        )
    verb = "takes" if record.scale else "would take"
    return f"Scaling the columns {verb} kappa from {number(raw, 3)} to {number(scaled, 3)}{steps}."


def kappa_words(found: Conditioning) -> str:
    """Kappa with L and mu."""
    return (
        f"{number(found.condition, 3)} (L = {number(found.largest, 3)}, mu = "
        f"{number(found.smallest, 3)})"
    )


def cure_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Each cure once, with the solvers it is for."""
    found: dict[str, list[str]] = {}
    for run in comparison.runs:
        for cure in run.convergence.cures:
            found.setdefault(cure, []).append(run.name)
    return [(", ".join(names), cure) for cure, names in found.items()]
