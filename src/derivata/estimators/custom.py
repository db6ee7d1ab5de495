"""An estimator for a loss that the user wrote, on a linear or on any JAX predictor.

    F = sum_i s_i loss(y_i, f(x_i, params)) + sum_g alpha_g / 2 |params_g|^2

Fit, tuned penalties, leave-one-out, influence of rows and standard errors follow from the loss and
its derivatives alone, so they are the same code as for derivata's own models. A linear predictor
and a ``Loss`` object need no JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from derivata.contracts import Array, Criterion, HessianInverse, Loss
from derivata.criteria.evidence import Evidence
from derivata.curvature.exact import invert_exact
from derivata.curvature.indefinite import IndefiniteInverse
from derivata.curvature.inverse import invert
from derivata.curvature.iterative import IterativeInverse
from derivata.designs.standardized import Standardized
from derivata.errors import NotConverged
from derivata.estimators.base import PenalizedLinearModel
from derivata.estimators.custom_checks import (
    explain_unfinished,
    require_classes,
    require_finite_start,
    resolve_loss,
    trouble,
)
from derivata.estimators.custom_fit import fit_function
from derivata.estimators.custom_fitted import FittedLoss
from derivata.estimators.row_values import validate_numbers, validate_weight
from derivata.estimators.validation import column_names, validate_rows
from derivata.objective import Expansion, Objective
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult
from derivata.solvers.two_phase import TwoPhase
from derivata.tuning import Solver
from derivata.tuning.automatic import AutomaticTuning
from derivata.tuning.guarded import tune_guarded

# From so many parameters of a predictor that is not linear on, Newton only ends what L-BFGS began;
# and from so many on it is not worth it, nor is evidence.
MANY_PARAMS, TOO_MANY_PARAMS = 300, 2_000
# Where Newton takes over: about the square root of what L-BFGS could reach.
NEAR = 1e-4
BY_EVIDENCE = "evidence: one fit a step, and no folds that may end in different minima"


class LossEstimator(FittedLoss):
    """Any loss of one row, fitted, tuned, judged and explained by its derivatives.

    Parameters
    ----------
    loss : function, Loss or None
        ``loss(y, outputs)`` of one row in ``jax.numpy``, one number, minus a log-likelihood in
        nats (``AutodiffLoss`` with more to declare, such as several outputs); or a ``Loss``
        object, which needs no JAX; ``IdentityLoss()`` for an objective that is no sum over rows;
        None: squared error.
    predictor : function or None
        ``predictor(params, x)`` of one row in ``jax.numpy``, giving (n_outputs,) or a number.
        None: linear in the columns. With ``IdentityLoss()``: ``predictor(params, X, y)``, the
        whole objective as one number.
    params : tree of arrays, or function
        Where the predictor's parameters start, or ``params(random_state, n_features)`` that gives
        them. For a predictor only.
    alpha : "tune", float, or one float a group
        Penalty strengths; see ``LinearRegressor``.
    groups : None, "columns", "leaves" or labels
        Which parameters share a penalty. A linear predictor: as in ``LinearRegressor``. Any other:
        None, one for all parameters; "leaves", one for each array of the tree; or a label for each
        array, None where free.
    penalty : Lasso, ElasticNet or GroupLasso, optional
        In place of ridge, for a linear predictor.
    criterion : LeaveOneOut, KFold, HoldOut or Evidence, optional
        Default, for a linear predictor: leave-one-out where it is cheap and can be trusted, else
        five folds; for any other: evidence.
    standardize, fit_intercept : bool
        Of a linear predictor. Any other gets the columns as they are.
    solver : Newton or LBFGS, optional
        Default: chosen by size.
    tol, max_iter, random_state
        As in ``LinearRegressor``.

    Attributes
    ----------
    params_ : tree of arrays, or array (n_params,)
        In the shape of ``params``; for a linear predictor ``param_values_``.
    param_names_, param_values_ : list of str and array (n_params,)
        All parameters one after the other, in the user's units. Standard errors and influences
        come in this order.
    coef_, intercept_ : array (n_outputs, n_features) and (n_outputs,)
        Of a linear predictor; (n_features,) and a float with one output.
    alpha_, alphas_per_group_, tuning_, effective_params_, dispersion_, n_iter_, converged_
        As in ``LinearRegressor``.

    Raises
    ------
    InvalidParameter
        If the loss or the predictor cannot be traced, or gives the wrong shape.
    InvalidTarget
        If the loss is not finite for some row where the fit starts; names the row.
    NotAvailable
        If JAX is needed and missing, or a loss given whole is asked for what only rows have.
    NotConverged
        If no penalty is found at which the criterion can be judged.

    Notes
    -----
    A loss that is not convex, or a predictor that is not linear, may have several minima: the fit
    is one of them, and which one depends on ``params``. A saddle is left behind, or said to be one.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import numpy as np
    >>> from derivata.estimators.custom import LossEstimator
    >>> def heavy_tailed(y, z):
    ...     return 2.0 * jnp.log1p((y - z) ** 2 / 3.0)
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((200, 2))
    >>> y = X @ [1.0, -2.0] + rng.standard_t(3, 200)
    >>> model = LossEstimator(heavy_tailed, alpha=1.0).fit(X, y)
    >>> print(model.coef_.round(1))
    [ 0.9 -2. ]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **PenalizedLinearModel._parameter_constraints,
        "loss": "no_validation",
        "predictor": "no_validation",
        "params": "no_validation",
    }

    def __init__(
        self,
        loss: Any = None,
        *,
        predictor: Callable[..., Any] | None = None,
        params: Any = None,
        alpha: Any = "tune",
        groups: Any = None,
        penalty: Any = None,
        criterion: Criterion | None = None,
        standardize: bool = True,
        fit_intercept: bool = True,
        solver: Solver | None = None,
        tol: float = 1e-8,
        max_iter: int = 200,
        random_state: int = 0,
    ):
        super().__init__(
            alpha,
            groups=groups,
            penalty=penalty,
            criterion=criterion,
            standardize=standardize,
            fit_intercept=fit_intercept,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            random_state=random_state,
        )
        self.loss = loss
        self.predictor = predictor
        self.params = params

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Tune the penalties and fit.

        Parameters
        ----------
        X : array-like, frame or (linear predictor) sparse matrix (n_samples, n_features)
        y : array-like (n_samples,)
            Numbers, as the loss wants them.
        sample_weight : array-like (n_samples,), optional
            A row of weight 2 counts as two equal rows; weight 0 leaves it out.

        Returns
        -------
        self
        """
        self._check_settings()
        X, y = validate_rows(self, X, y, y_numeric=True)
        y = validate_numbers(y)
        weight = validate_weight(sample_weight, len(y))
        self._kept = np.flatnonzero(weight)
        self._rows: Standardized | None = None
        if self.predictor is not None:
            fit_function(self, X, y, weight)
            return self
        loss = resolve_loss(self.loss, None)
        self._start(loss, y, weight)
        try:
            self._fit(X, y, weight, None, loss)
        except NotConverged as error:
            raise explain_unfinished(error, loss, y, self._kept) from error
        return self

    def _start(self, loss: Loss, y: Array, weight: Array) -> None:
        """Check targets against the loss, before anything is fitted."""
        loss.validate(y)
        require_classes(loss, y, weight)
        require_finite_start(loss, y, weight)
        self._loss_name = loss.name

    def _solver(self, objective: Objective, tol: float, precision: float) -> Solver:
        predictor = objective.predictor
        if self.solver is not None or predictor.is_linear or predictor.n_params <= MANY_PARAMS:
            return super()._solver(objective, tol, precision)
        most = max(self.max_iter, 1_000)
        if predictor.n_params > TOO_MANY_PARAMS or tol >= NEAR:
            return LBFGS(tol, most)
        return TwoPhase(LBFGS(NEAR, most), Newton(tol, self.max_iter, precision))

    def _tune(self, objective: Objective, solver: Solver) -> AutomaticTuning:
        """By evidence where the predictor is not linear: one fit a step, and no folds to disagree.

        Folds of a fit with several minima may end in different ones.
        """
        few = objective.predictor.n_params <= TOO_MANY_PARAMS
        if objective.predictor.is_linear or self.criterion is not None or not few:
            return super()._tune(objective, solver)
        try:
            tuned = tune_guarded(objective, Evidence(), solver, random_state=self.random_state)
        except NotConverged:  # Gauss-Newton's Hessian has a negative direction
            return super()._tune(objective, solver)
        return AutomaticTuning(tuned, Evidence(), BY_EVIDENCE)

    def _explained(self, fit: FitResult, kept: Array) -> FitResult:
        """The fit with what its loss tells of why it stopped short; a saddle is no fit."""
        if fit.converged and self._is_saddle(fit.expansion):
            reason = "it stopped at a saddle: the Hessian has a negative direction there"
            return replace(fit, converged=False, reason=reason)
        told = "" if fit.converged else trouble(fit.expansion, kept)
        if told:
            reason = f"it stopped at step {fit.n_iter}, as {fit.reason}.{told.rstrip('.')}"
            return replace(fit, reason=reason)
        return fit

    def _is_saddle(self, expansion: Expansion) -> bool:
        if expansion.n_moving > TOO_MANY_PARAMS:
            return False
        try:
            return isinstance(invert_exact(expansion), IndefiniteInverse)
        except NotConverged:  # no second derivative there
            return False

    def _inverse(self, expansion: Expansion) -> HessianInverse:
        """H^-1; where there is none (a saddle, a kink), one that gives no error bars."""
        try:
            inverse = invert(expansion)
        except NotConverged:
            return IterativeInverse(expansion)
        return IterativeInverse(expansion) if isinstance(inverse, IndefiniteInverse) else inverse

    def _keep_coefficients(
        self,
        rows: Standardized,
        fit: FitResult,
        inverse: HessianInverse,
        groups: tuple[Array, tuple[str, ...]],
        y: Array,
    ) -> None:
        super()._keep_coefficients(rows, fit, inverse, groups, y)
        self._rows = rows
        self._keep_expansion(fit.expansion)
        features = column_names(self, self.n_features_in_)
        names = [*features, "(intercept)"] if self.fit_intercept else features
        k = len(self._output_coef)
        self.param_names_ = [f"output {a}: {n}" if k > 1 else n for a in range(k) for n in names]
        self.param_values_ = self._in_units(fit.expansion.params)
        self.params_ = self.param_values_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.predictor is None
        tags.target_tags.required = True
        return tags
