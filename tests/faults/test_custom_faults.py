"""Losses and predictors with faults: each is said, with the row or parameter, and what to do."""

import jax.numpy as jnp
import numpy as np
import pytest

from derivata.errors import (
    DerivataError,
    InvalidData,
    InvalidParameter,
    InvalidTarget,
    NotAvailable,
    NotConverged,
    ShapeMismatch,
)
from derivata.estimators.custom import LossEstimator
from derivata.estimators.messages import FitNotConverged
from derivata.losses import LogisticLoss, SoftmaxLoss
from derivata.losses.autodiff import AutodiffLoss
from derivata.losses.identity import IdentityLoss
from tests.jax_cases import logistic_row, network_params, tanh_network

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 2))
Y = X @ [1.0, -0.5] + 0.3 * RNG.standard_normal(40)
START = network_params(2, 2, 1)


def gamma_row(y, z):
    """Of amounts: a logarithm of the target."""
    return jnp.log(y) + z + y * jnp.exp(-z)


def absolute_row(y, z):
    return jnp.abs(y - z)


def root_row(y, z):
    """Its derivative is infinite where the residual is zero."""
    return jnp.sqrt(jnp.abs(y - z))


def hill_row(y, z):
    """Curved downwards everywhere: no minimum."""
    return -((y - z) ** 2)


def test_a_loss_that_is_nan_for_a_target_names_the_row_before_any_step():
    y = np.abs(Y)
    y[[11, 17]] = -2.0
    with pytest.raises(InvalidTarget, match="is nan in row 11, where `y` is -2"):
        LossEstimator(gamma_row, alpha=1.0).fit(X, y)


def test_rows_are_named_by_the_number_they_have_in_the_user_s_table():
    y, weight = np.abs(Y), np.ones(40)
    y[11], weight[:5] = -2.0, 0.0
    with pytest.raises(InvalidTarget, match="in row 11"):
        LossEstimator(gamma_row, alpha=1.0).fit(X, y, weight)


def test_a_loss_that_becomes_nan_on_the_way_keeps_the_last_good_parameters():
    def narrow_row(y, z):
        """Finite near zero only."""
        return (y - 10.0 * z) ** 2 + 1e-3 / jnp.where(z < 0.2, 1.0, jnp.nan)

    model = LossEstimator(narrow_row, alpha=0.1)
    told = (
        r"it stopped at step \d+, .* next step would go to where the value of the loss 'narrow_row'"
    )
    with pytest.warns(FitNotConverged, match=told + r" is not finite: in row \d+, where `y` is"):
        model.fit(X, 10.0 * Y)
    assert np.isfinite(model.coef_).all() and (model.predict(X) < 0.2).all()


def test_straight_losses_say_that_they_have_no_curvature():
    # Of an odd number of rows the signs cannot add up to zero: no step ends at a minimum.
    with pytest.warns(
        FitNotConverged, match="second derivative of the loss 'absolute_row' is zero"
    ):
        model = LossEstimator(absolute_row, alpha=1.0).fit(X[:39], Y[:39])
    assert np.isfinite(model.coef_).all() and not model.converged_
    with pytest.raises(NotConverged, match="no penalty can be tuned. .* made of straight lines"):
        LossEstimator(absolute_row).fit(X[:39], Y[:39])


def test_an_infinite_derivative_names_the_row():
    y = np.round(Y)
    y[:30] = 1.0  # the best constant fits these rows exactly: the tip of the root
    with pytest.raises(InvalidTarget, match="of the loss 'root_row' is not finite in row 0"):
        LossEstimator(root_row, alpha=1.0).fit(X, y)


def test_a_loss_without_a_minimum_is_not_called_converged():
    with pytest.warns(FitNotConverged):
        model = LossEstimator(hill_row, alpha=0.0).fit(X, Y)
    assert not model.converged_
    with pytest.raises(NotConverged):
        model.standard_errors()


def test_a_loss_curved_downwards_held_by_its_penalty_gives_an_honest_answer():
    # 0.5 alpha |w|^2 outweighs the hill in the columns, but nothing holds the intercept.
    with pytest.warns(FitNotConverged):
        model = LossEstimator(hill_row, alpha=1e3).fit(X, Y)
    assert not model.converged_


@pytest.mark.parametrize(
    "settings, told",
    [
        ({"loss": "squared"}, "`loss` is 'squared'; expected a function"),
        ({"loss": LogisticLoss}, "`loss` is .*; expected a function"),
        ({"loss": lambda y, z: jnp.ones(2) * z}, r"of shape \(2,\) for one row"),
        ({"loss": lambda y, z: z if y > 0 else -z}, "in place of `if`"),
        ({"predictor": 3, "params": START}, "`predictor` is 3; expected a function"),
        ({"predictor": tanh_network}, "`params` is None"),
        ({"predictor": tanh_network, "params": lambda seed, p: None}, "`params` gave None"),
        ({"predictor": tanh_network, "params": {"in": np.ones((2, 2))}}, "cannot be traced by JAX"),
        (
            {"predictor": tanh_network, "params": {**START, "shift": np.array([np.nan, 0.0])}},
            "nan for row 0|nan in shift",
        ),
        (
            {"predictor": tanh_network, "params": START, "groups": "columns"},
            "`groups` is 'columns'",
        ),
        ({"predictor": tanh_network, "params": START, "groups": ["a"]}, "each of the 4 arrays"),
        ({"predictor": tanh_network, "params": START, "alpha": [1.0, 2.0]}, "`alpha` has shape"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_with_what_was_expected(settings, told):
    with pytest.raises(InvalidParameter, match=told):
        LossEstimator(**settings).fit(X, Y)


def test_a_start_where_nothing_moves_is_refused():
    dead = {name: np.zeros_like(values) for name, values in START.items()}
    dead.pop("mean")
    with pytest.raises(InvalidParameter, match="no output moves with any parameter"):
        LossEstimator(
            predictor=lambda w, x: jnp.tanh(x @ w["in"] + w["shift"]) @ w["out"], params=dead
        ).fit(X, Y)


def test_a_rectifier_that_stops_a_fit_is_suspected():
    def rectified(params, x):
        return jnp.maximum(x @ params["in"] + params["shift"], 0.0) @ params["out"]

    start = network_params(2, 6, 1)
    start.pop("mean")
    model = LossEstimator(predictor=rectified, params=start, alpha=1e-3, max_iter=1_000)
    with pytest.warns(FitNotConverged, match="Has the predictor kinks"):
        model.fit(X, Y + np.abs(X[:, 0]))


def test_outputs_that_do_not_fit_the_loss_are_counted():
    two = network_params(2, 2, 2)
    with pytest.raises(ShapeMismatch, match="needs 1 outputs a row but the predictor gives 2"):
        LossEstimator(LogisticLoss(), predictor=tanh_network, params=two, alpha=1.0).fit(
            X, (Y > 0).astype(float)
        )


def test_a_predictor_that_overflows_at_its_start_names_the_row():
    def steep(params, x):
        return jnp.exp(1e3 * params["a"] * x[0] ** 2)

    with pytest.raises(InvalidParameter, match=r"gives inf for row \d+ at the `params` given"):
        LossEstimator(predictor=steep, params={"a": np.ones(())}, alpha=1.0).fit(X, Y)


@pytest.mark.parametrize(
    "loss", [LogisticLoss(), AutodiffLoss(logistic_row, classes=True), SoftmaxLoss(3)]
)
def test_one_class_only_is_refused(loss):
    with pytest.raises(InvalidTarget, match="one class only"):
        LossEstimator(loss).fit(X, np.ones(40))


def test_targets_that_the_loss_refuses_are_refused_at_fit_and_at_score():
    model = LossEstimator(LogisticLoss(), alpha=1.0)
    with pytest.raises(InvalidTarget, match=r"needs targets in \[0, 1\]"):
        model.fit(X, Y)
    model.fit(X, (Y > 0).astype(float))
    with pytest.raises(InvalidTarget, match=r"needs targets in \[0, 1\]"):
        model.score(X, Y)


def test_sparse_rows_are_refused_by_a_function_and_taken_by_a_design():
    from scipy import sparse

    rows = sparse.csr_array(X)
    with pytest.raises(InvalidData, match="`X` is sparse"):
        LossEstimator(predictor=tanh_network, params=START, alpha=1.0).fit(rows, Y)
    LossEstimator(alpha=1.0).fit(rows, Y)


@pytest.mark.parametrize("rows", [[40], [-1], ["a"], [], [0.5]])
def test_rows_to_remove_must_be_rows_of_the_fit(rows):
    model = LossEstimator(alpha=1.0).fit(X, Y, np.where(np.arange(40) == 3, 0.0, 1.0))
    for ask in (rows, [3]):
        with pytest.raises(InvalidParameter, match="expected numbers of rows of the fit"):
            model.influence(ask)


def whole(params, X, y):
    return jnp.sum((y - X @ params) ** 2)


def test_a_loss_given_as_a_whole_refuses_what_only_rows_have():
    model = LossEstimator(IdentityLoss(), predictor=whole, params=np.zeros(2))
    with pytest.raises(NotAvailable, match="`alpha='tune'` needs rows"):
        model.fit(X, Y)
    with pytest.raises(NotAvailable, match="`sample_weight` multiplies the losses of rows"):
        model.set_params(alpha=0.0).fit(X, Y, np.arange(40.0))
    with pytest.raises(InvalidParameter, match="objective is nan"):
        LossEstimator(
            IdentityLoss(), predictor=lambda w, X, y: jnp.log(-1.0 - jnp.sum(w**2)),
            params=np.zeros(2), alpha=0.0,
        ).fit(X, Y)  # fmt: skip


def test_a_whole_objective_that_starts_at_its_minimum_is_seen_to_be_there():
    best = np.linalg.lstsq(X, Y)[0]
    model = LossEstimator(IdentityLoss(), predictor=whole, params=best, alpha=0.0).fit(X, Y)
    assert model.converged_ and np.abs(model.param_values_ - best).max() < 1e-10


def test_every_refusal_is_an_error_of_ours():
    for error in (InvalidTarget, NotAvailable, NotConverged, ShapeMismatch):
        assert issubclass(error, DerivataError)
