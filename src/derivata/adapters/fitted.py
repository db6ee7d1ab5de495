"""A fitted model of any library as one value: its objective, where it stands, and the way back.

    F(params, hyper) = sum_i s_i loss(y_i, z_i(params)) + R(params, hyper)

in nats, with ``params`` as the model was fitted. Everything that evaluates a model (leave-one-out,
influence, standard errors, evidence, sensitivity) is asked of this value and never of the model.
``at_minimum`` brings the parameters to the minimiser first, as a fit's own tolerance is seldom
tight enough for derivatives, and refuses where that would move them by more than their standard
errors allow: then what is evaluated would not be the model that was handed in.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.adapters.responses import Response
from derivata.contracts import Array
from derivata.curvature.chain import expand
from derivata.diagnostics import separating_direction
from derivata.errors import NotConverged, NotConvergedWarning, warn
from derivata.lazy import lazy
from derivata.objective import Expansion, Objective
from derivata.solvers.result import FitResult, rounding_of
from derivata.tuning import Solver

# How far a fit may be from its minimum, in standard errors: from the first on with a warning, to
# the second. Of 54 logistic fits that said they converged 42 are within 0.5 and 52 within 2
# (docs/measured/adapters.py); further away the data tell the fit from the minimum.
NOTED_DISTANCE, LARGEST_DISTANCE = 0.5, 2.0
# Below this share of the variance of the target, residuals are rounding and give no unit.
LEAST_NAT = 1e-12
# Columns that an error names.
NAMED = 3
# What is asked of the polished fit: the relative gradient.
POLISHED = 1e-6


@dataclass(frozen=True, eq=False)
class Coefficients:
    """What users call coefficients: a linear map of the parameters, and a name for each.

    Attributes
    ----------
    names : tuple of str           "age", "(intercept)"; with classes "virginica: age"
    matrix : array (r, n_params)   coefficients are matrix @ params + shift; CSR if very large
    shift : array (r,)
    """

    names: tuple[str, ...]
    matrix: Array
    shift: Array

    def of(self, params: Array) -> Array:
        """Coefficients (r,) of parameters, or (m, r) of (m, n_params)."""
        return params @ self.matrix.T + self.shift

    def renamed(self, names: dict[str, str]) -> Coefficients:
        """The same with columns renamed, behind their classes too."""
        each = [name.rpartition(": ") for name in self.names]
        told = tuple(f"{label}{colon}{names.get(name, name)}" for label, colon, name in each)
        return replace(self, names=told)


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A fitted model as an objective at its parameters.

    Attributes
    ----------
    name : str
        As printed: "Ridge(alpha=1.0)".
    objective : Objective
        Of the rows handed in whose weight is above zero.
    params : array (n_params,)
        As fitted.
    hyper : array (n_hyper,)
        The log of each strength of the penalty; -inf where there is none.
    kept : int array (n_rows,)
        The user's number of each row of the objective.
    columns : tuple of str
        Names of the columns that the inputs have.
    response : Response
        Outputs to what the user predicts, and the metrics that fit it.
    solver : Solver
        Goes on from near a minimiser; knows the penalty's kinks if it has any.
    judged : callable
        (X, y, sample_weight=None) -> Objective of other rows: same loss, parameters and penalty.
        Refuses columns of other names, and targets that the model does not know.
    coefficients : Coefficients or None
        None where parameters have no names of their own (networks).
    shape : LinearOutputs, AdditiveOutputs, NetworkOutputs or None
        How the objective's outputs depend on the inputs; see ``derivata.integrals``.
    dispersion : float or None
        phi as the model was fitted, of a loss that leaves its scale out; None: from the fit.
    notes : tuple of str
        What is taken as given, in sentences: the transformers of a pipeline, a power.
    is_tuned : bool
        Whether ``hyper`` was chosen from the same rows, so that scores do not know of it.
    hint : str
        What else the rows may lack where the fit is far from its minimum, a sentence.
    """

    name: str
    objective: Objective
    params: Array
    hyper: Array
    kept: Array
    columns: tuple[str, ...]
    response: Response
    solver: Solver
    judged: Callable[..., Objective]
    coefficients: Coefficients | None = None
    shape: Any = None
    dispersion: float | None = None
    notes: tuple[str, ...] = ()
    is_tuned: bool = False
    hint: str = ""

    @lazy
    def as_fitted(self) -> Expansion:
        """The objective at the parameters as they were fitted."""
        return expand(self.objective, self.params, self.hyper)

    @lazy
    def polished(self) -> FitResult:
        """Where the solver ends from the parameters as fitted, not judged."""
        return self.solver.minimize(self.objective, self.params, self.hyper)

    @lazy
    def distance(self) -> float:
        """How far the parameters as fitted are from where the solver ends, in standard errors.

        sqrt(2 (F - F_min) / phi): to second order the posterior distance of the two, the most by
        which any linear function of the parameters moves in units of its own standard error.
        """
        end = self.polished.expansion
        above = self.as_fitted.value - end.value - rounding_of(end)
        unit = self.dispersion or max(end.nat, LEAST_NAT * _null_nat(self.objective))
        return float(np.sqrt(2.0 * max(above, 0.0) / max(unit, np.finfo(float).tiny)))

    @lazy
    def at_minimum(self) -> Expansion:
        """The objective at the minimiser beside them.

        Warns (D101) where a coefficient or an output may move by half of its standard error.

        Raises
        ------
        NotConverged
            If the fit stopped further away, with its gradient; or if there is no minimum, as where
            a combination of unpenalised columns separates the classes.
        """
        fit = self.polished
        expansion = fit.expansion
        if not (fit.converged or expansion.relative_gradient <= POLISHED):
            told = (
                f"{self.name} is at no minimum of its objective, and {fit.n_iter} steps did "
                f"not reach one: {fit.reason}. Its relative gradient as fitted is "
                f"{self.as_fitted.relative_gradient:.1e}. Raise its `max_iter`, lower its `tol`."
            )
            raise NotConverged(f"{told} {self.hint}".rstrip())
        self._refuse_separation(expansion)
        if not self.distance <= NOTED_DISTANCE:
            self._tell_distance(expansion)
        return expansion

    def _tell_distance(self, expansion: Expansion) -> None:
        """Refuse, or warn, where the minimiser is another model than the one handed in."""
        where = (
            f"{self.name} is up to {self.distance:.2g} standard errors from the minimum of its "
            f"objective (its relative gradient as fitted is {self.as_fitted.relative_gradient:.1e},"
            f" the objective {self.as_fitted.value - expansion.value:.2g} above)"
        )
        cure = (
            "Either its fit stopped early: raise its `max_iter`, lower its `tol`, or scale its "
            "columns. Or these are not the rows, targets or weights that it was fitted to."
        )
        cure = f"{cure} {self.hint}".rstrip()
        if not self.distance <= LARGEST_DISTANCE:
            raise NotConverged(f"{where}; at most {LARGEST_DISTANCE:g} are allowed. {cure}")
        warn(f"{where}; what is evaluated is the minimum. {cure}", NotConvergedWarning)

    def _refuse_separation(self, expansion: Expansion) -> None:
        if hasattr(self.objective.penalty, "prox"):
            return  # it holds all columns, though it has no curvature
        free = expansion.penalty_diagonal == 0.0
        if np.count_nonzero(free) <= self.n_outputs:  # intercepts alone
            return
        found = separating_direction(expansion)
        # A penalty however weak makes a minimum: the direction must lie among free columns.
        if found is None or np.abs(found.direction[~free]).max(initial=0.0) > 0.0:
            return
        which = ""
        if self.coefficients is not None:
            moved = np.abs(self.coefficients.matrix @ found.direction)
            order = np.argsort(-moved)[:NAMED]
            which = " (" + ", ".join(self.coefficients.names[j] for j in order) + ", ...)"
        raise NotConverged(
            f"{self.name} has no minimum: a combination of unpenalised columns{which} separates "
            "the targets, so its coefficients are only where the fit stopped. Penalise them: "
            "`C` below infinity, `alpha` above zero."
        )

    def threads(self) -> AbstractContextManager[Any]:
        """A context in which BLAS runs on one thread, unless the model is large."""
        # Here, as the estimators bring scikit-learn with them, which the caller has by now.
        from derivata.estimators.threads import fitting_threads

        predictor = self.objective.predictor
        return fitting_threads(predictor.n_rows, predictor.n_params)

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        return self.objective.predictor.n_outputs


def _null_nat(objective: Objective) -> float:
    """What a nat is at the best constant fit, in F's units; 1 where the loss has its scale."""
    if not objective.loss.scale_is_free:
        return 1.0
    above = float(objective.weight @ objective.null_rows.value) - objective.saturated
    return 2.0 * above / float(objective.weight.sum())
