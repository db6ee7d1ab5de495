"""The one ``fit`` of every penalised linear model; subclasses declare a loss and a target.

In the order of the code: check the input, standardise, build the objective, find the penalties
(``automatic_tuning``), fit to full tolerance, invert the Hessian once for error bars, and say what
the Hessian says about the data. Conversions between derivata's sums and scikit-learn's scalings
happen here and nowhere else:

    F = sum_i s_i loss_i + sum_g alpha_g / 2 * |coef_g|^2        (coefficients of scaled columns)
    alpha = scikit-learn's Ridge alpha = 1 / C of its LogisticRegression

With a ``penalty`` such as ``Lasso()`` its norm takes the place of the squares (``sparse_fit``).
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from derivata.contracts import Array, Criterion, HessianInverse, Loss
from derivata.criteria.leave_one_out import LeaveOneOut
from derivata.curvature.active import ActiveInverse
from derivata.curvature.face import FaceInverse
from derivata.curvature.inverse import LARGEST_DENSE, invert, shrunk_params
from derivata.curvature.iterative import IterativeInverse
from derivata.designs.standardized import Standardized
from derivata.errors import InvalidData, InvalidParameter
from derivata.estimators.linear_problem import linear_problem
from derivata.estimators.log_alphas import log_alphas
from derivata.estimators.messages import warn_about
from derivata.estimators.sparse_fit import (
    certificate,
    find_strengths,
    sparse_solver,
    warn_of_nothing,
)
from derivata.estimators.state import read_model, write_model
from derivata.estimators.summary import Summary
from derivata.estimators.threads import fitting_threads
from derivata.estimators.tuning_record import Tuning, tuning_record
from derivata.estimators.validation import column_names, validate_rows
from derivata.files.model_state import ModelState
from derivata.objective import Expansion, Objective
from derivata.penalties.smooth import FREE
from derivata.persistence import save
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult
from derivata.solvers.sampled import sampled_start
from derivata.solvers.two_phase import TwoPhase
from derivata.tuning import Solver, TuneResult
from derivata.tuning.automatic import (
    FOLD_TOLERANCE,
    AutomaticTuning,
    dear_hessian,
    tune_automatically,
)
from derivata.tuning.guarded import tune_guarded

# Precise enough while penalties move: a twentieth of a posterior standard deviation moves the
# criterion by about 1e-3 nats, and its error after the adjoint's correction is smaller still.
TUNING_TOLERANCE, TUNING_PRECISION = 1e-4, 5e-2
PRECISION = 1e-6
CHOSEN = "the same data chose the columns, and errors of those left would not know of it"
# Multinomial Hessians from this size on are worth some quasi-Newton steps first.
MANY_BLOCKS = 200


class PenalizedLinearModel(BaseEstimator):
    """Base of the linear models: everything but the loss, the target and the predictions."""

    _loss_name: str
    _loss_unit: ClassVar[str] = "nats"
    n_features_in_: int

    # scikit-learn checks these in `_validate_params`; what is finer is checked where it is used.
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "alpha": [str, Real, dict, "array-like"],
        "groups": [None, str, "array-like"],
        "penalty": "no_validation",
        "criterion": "no_validation",
        "standardize": ["boolean"],
        "fit_intercept": ["boolean"],
        "solver": "no_validation",
        "tol": [Real],
        "max_iter": [Integral],
        "random_state": [Integral],
    }

    def __init__(
        self,
        alpha: Any = "tune",
        *,
        groups: Any = None,
        penalty: Any = None,
        criterion: Criterion | None = None,
        standardize: bool = True,
        fit_intercept: bool = True,
        solver: Solver | None = None,
        tol: float = 1e-8,
        max_iter: int = 100,
        random_state: int = 0,
    ):
        self.alpha = alpha
        self.groups = groups
        self.penalty = penalty
        self.criterion = criterion
        self.standardize = standardize
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def _fit(self, X: Any, y: Array, weight: Array, offset: Array | None, loss: Loss) -> None:
        """Fit checked rows: X (n, p), y as the loss wants it, offset (n, k) or None."""
        kept = np.flatnonzero(weight)
        if len(kept) < len(weight):  # a row of weight zero is no row, also where folds are dealt
            X, y, weight = X[kept], y[kept], weight[kept]
            offset = None if offset is None else offset[kept]
        if len(y) < 2:
            raise InvalidData(
                f"n_samples = {len(y)}: one row (1 sample) cannot be both fitted and judged; "
                "at least 2 are needed."
            )
        problem = linear_problem(self, X, y, weight, offset, loss)
        rows, objective, groups = problem.rows, problem.objective, problem.groups
        predictor, sparse = objective.predictor, hasattr(objective.penalty, "prox")
        with fitting_threads(predictor.n_rows, predictor.n_params):
            if sparse:
                solver: Solver = sparse_solver(self)
                hyper, tuned, start = find_strengths(self, objective)
            else:
                hyper, tuned, start = self._find_penalties(objective)
                solver = self._solver(objective, self.tol, PRECISION)
            fit = self._explained(solver.minimize(objective, start, hyper), kept)
            inverse = self._inverse(fit.expansion)
            self._keep_coefficients(rows, fit, inverse, groups, y)
        self._publish()
        self.n_iter_ = max(fit.n_iter + (tuned.n_solver_steps if tuned else 0), 1)
        self.converged_, self.convergence_ = fit.converged, fit.reason
        warn_about(self, rows, fit, inverse, tuned, kept)
        if sparse:
            self.convergence_ += certificate(fit.expansion)
            warn_of_nothing(fit.expansion, tuned is not None)

    def _explained(self, fit: FitResult, kept: Array) -> FitResult:
        """The fit with all that is known of why it stopped; ``kept`` are its rows by number."""
        return fit

    def _inverse(self, expansion: Expansion) -> HessianInverse:
        return invert(expansion)

    def _check_settings(self) -> None:
        for name, kinds in self._parameter_constraints.items():
            # scikit-learn's own check inspects signatures; it is asked only for its error.
            if kinds != "no_validation" and not _is_one_of(getattr(self, name), kinds):
                self._validate_params()
        if not self.tol > 0:
            raise InvalidParameter(f"`tol` is {self.tol!r}; it must be a positive number.")
        if self.max_iter < 1:
            raise InvalidParameter(f"`max_iter` is {self.max_iter!r}; it must be an integer >= 1.")
        if self.random_state < 0:
            raise InvalidParameter(f"`random_state` is {self.random_state!r}; it must be >= 0.")
        for name, verb, example in (
            ("criterion", "subproblems", "KFold(5)"),
            ("solver", "minimize", "Newton()"),
            ("penalty", "on", "Lasso()"),
        ):
            part = getattr(self, name)
            if part is not None and (isinstance(part, type) or not hasattr(part, verb)):
                raise InvalidParameter(f"`{name}` is {part!r}; expected an object: `{example}`.")

    def _find_penalties(self, objective: Objective) -> tuple[Array, TuneResult | None, Array]:
        """Log penalties, how they were tuned, and where the last fit starts."""
        self.tuning_: Tuning | None = None
        n_hyper = objective.penalty.n_hyper
        if not (isinstance(self.alpha, str) and self.alpha == "tune") or n_hyper == 0:
            hyper = np.zeros(0)
            if n_hyper > 0:
                hyper = log_alphas(self.alpha, objective.penalty.hyper_names)
            return hyper, None, sampled_start(objective, hyper)
        solver = self._solver(objective, max(self.tol, TUNING_TOLERANCE), TUNING_PRECISION)
        chosen = self._tune(objective, solver)
        tuned = chosen.result
        self.tuning_ = tuning_record(tuned, chosen.criterion.name, chosen.reason)
        start = tuned.full_params
        if start is None:
            start = objective.predictor.reference
        return tuned.hyper, tuned, start

    def _tune(self, objective: Objective, solver: Solver) -> AutomaticTuning:
        """Penalties by the criterion given, or by one chosen here."""
        if self.criterion is None:
            return tune_automatically(
                objective, solver, fold_solver=self.solver, random_state=self.random_state
            )
        if self.solver is None and not isinstance(self.criterion, LeaveOneOut):
            solver = LBFGS(FOLD_TOLERANCE) if dear_hessian(objective) else solver
        tuned = tune_guarded(objective, self.criterion, solver, random_state=self.random_state)
        return AutomaticTuning(tuned, self.criterion, "given by the user")

    def _solver(self, objective: Objective, tol: float, precision: float) -> Solver:
        if self.solver is not None:
            return self.solver
        predictor = objective.predictor
        wide = predictor.n_params > LARGEST_DENSE
        if wide and predictor.n_rows * predictor.n_outputs > LARGEST_DENSE:
            return LBFGS(tol, max(self.max_iter, 1_000))
        if predictor.n_outputs > 1 and predictor.n_params > MANY_BLOCKS:
            return TwoPhase(fine=Newton(tol, self.max_iter, precision))
        return Newton(tol, self.max_iter, precision)

    def _keep_coefficients(
        self,
        rows: Standardized,
        fit: FitResult,
        inverse: HessianInverse,
        groups: tuple[Array, tuple[str, ...]],
        y: Array,
    ) -> None:
        expansion = fit.expansion
        shape = (expansion.objective.predictor.n_outputs, -1)
        self._output_coef, self._output_intercept = rows.coefficients(
            expansion.params.reshape(shape)
        )
        alphas = np.exp(expansion.hyper)
        names = expansion.objective.penalty.hyper_names
        self.alphas_per_group_ = {name: float(a) for name, a in zip(names, alphas, strict=True)}
        self.alpha_ = float(alphas[0]) if len(alphas) == 1 else alphas
        self._feature_groups = [groups[1][g] if g != FREE else "" for g in groups[0]]
        self._keep_precision(rows, expansion, inverse, shape)
        self._n_rows = len(y)

    def _keep_precision(
        self,
        rows: Standardized,
        expansion: Expansion,
        inverse: HessianInverse,
        shape: tuple[int, int],
    ) -> None:
        """Dispersion, effective parameters and posterior covariances between outputs."""
        self.effective_params_, self._output_covariance = None, None
        self._intercept_covariance = None
        weight = expansion.objective.weight
        self.dispersion_ = 1.0
        if isinstance(inverse, IterativeInverse):
            return
        n_params = len(expansion.params)
        sparse = isinstance(inverse, (ActiveInverse, FaceInverse))
        if sparse:
            self.effective_params_ = inverse.effective_params
        else:
            penalised = shrunk_params(expansion, inverse)
            rank = n_params - (0 if inverse.null_space is None else inverse.null_space.shape[1])
            self.effective_params_ = rank - penalised
        if expansion.objective.loss.scale_is_free:
            freedom = max(float(weight.sum()) - self.effective_params_, 1.0)
            self.dispersion_ = expansion.deviance / freedom
        if sparse:
            return  # no error bars: those of the columns left would not know that they were chosen
        # Of one feature's coefficients between outputs, (k, k, n_features): classes mix outputs.
        n_outputs, n_features = shape[0], len(rows.scale)
        number = np.arange(n_params).reshape(shape)[:, :n_features]
        first, second = np.broadcast_arrays(number[:, None, :], number[None, :, :])
        spread = inverse.entries(first.ravel(), second.ravel()).reshape(first.shape)
        self._output_covariance = self.dispersion_ * spread / rows.scale**2
        self._intercept_covariance = self.dispersion_ * _intercept_covariance(
            rows, inverse, n_outputs
        )

    def _outputs(self, X: Any, offset: Array | None = None) -> Array:
        """Outputs of new rows, (n, k)."""
        check_is_fitted(self)
        rows = validate_rows(self, X, reset=False)
        outputs = rows @ self._output_coef.T + self._output_intercept
        return outputs if offset is None else outputs + offset

    def _publish(self) -> None:
        """Set the public coefficients from those of the outputs."""
        self.coef_, self.intercept_ = self._output_coef[0], float(self._output_intercept[0])

    def to_state(self) -> ModelState:
        """All that the fitted model remembers, as names, JSON and arrays."""
        check_is_fitted(self)
        return write_model(self)

    @classmethod
    def from_state(cls, state: ModelState) -> Self:
        """The model that ``to_state`` wrote."""
        return read_model(cls, state)

    def save(self, path: Any) -> None:
        """Save to one file, which ``derivata.load`` reads; see ``derivata.persistence``."""
        save(self, path)

    def summary(self) -> Summary:
        """Coefficients with posterior standard errors, penalties and effective parameters.

        Returns
        -------
        Summary
            ``print`` it for a table.
        """
        check_is_fitted(self)
        names = column_names(self, self.n_features_in_)
        coef, errors, labels = self._summary_rows()
        rows = [f"{label}{name}" for label in labels for name in [*names, "(intercept)"]]
        group = [*self._feature_groups, ""] * len(labels)
        keep = slice(None)
        if not self.fit_intercept:
            keep = np.tile(np.arange(len(names) + 1) < len(names), len(labels))
            rows = [row for row, kept in zip(rows, keep, strict=True) if kept]
            group = [g for g, kept in zip(group, keep, strict=True) if kept]
        return Summary(
            names=rows,
            coef=coef.ravel()[keep],
            standard_error=None if errors is None else errors.ravel()[keep],
            group=group,
            alphas=self.alphas_per_group_,
            effective_params=self.effective_params_,
            n_rows=self._n_rows,
            dispersion=self.dispersion_,
            loss=self._loss_name,
            tuning=self._tuning_line(),
            **({} if self.penalty is None else {"no_errors": CHOSEN}),
        )

    def _summary_rows(self) -> tuple[Array, Array | None, list[str]]:
        """Coefficients with intercepts (m, p + 1), their standard errors, and m label prefixes."""
        coef = np.column_stack([self._output_coef, self._output_intercept])
        return coef, self._standard_errors(np.eye(len(coef))), [""]

    def _standard_errors(self, mixing: Array) -> Array | None:
        """Of mixing.T @ (coefficients, intercepts of the outputs), (m, p + 1); None if unknown."""
        if self._output_covariance is None or self._intercept_covariance is None:
            return None
        features = np.einsum("ac,abj,bc->cj", mixing, self._output_covariance, mixing)
        intercepts = np.einsum("ac,ab,bc->c", mixing, self._intercept_covariance, mixing)
        return np.sqrt(np.maximum(np.column_stack([features, intercepts]), 0.0))

    def _tuning_line(self) -> str:
        if self.tuning_ is None:
            return "penalties given, not tuned"
        tuning = self.tuning_
        line = (
            f"tuned by {tuning.criterion_name}: {tuning.criterion:.5g} {self._loss_unit} a row, "
            f"optimism about {tuning.optimism:.2g}"
        )
        if tuning.outer is not None:
            line += f", outer folds {tuning.outer.score:.5g} +- {tuning.outer.standard_error:.2g}"
        return line

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _is_one_of(value: Any, kinds: list[Any]) -> bool:
    for kind in kinds:
        if kind is None and value is None:
            return True
        if kind == "boolean" and isinstance(value, (bool, np.bool_)):
            return True
        if kind == "array-like" and isinstance(value, (list, tuple, np.ndarray)):
            return True
        if isinstance(kind, type) and isinstance(value, kind):
            return True
    return False


def _intercept_covariance(rows: Standardized, inverse: HessianInverse, n_outputs: int) -> Array:
    """Covariance of the intercepts in the user's units, (k, k): linear in params, a solve each."""
    if not rows.has_intercept:
        return np.zeros((n_outputs, n_outputs))
    along = np.append(-rows.center / rows.scale, 1.0)
    right = np.kron(np.eye(n_outputs), along).T
    return right.T @ inverse.solve(np.asfortranarray(right))
