"""A loss that a user wrote: what is detected, what is refused, and that it is compiled once."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from derivata.errors import InvalidParameter, InvalidTarget
from derivata.losses import LogisticLoss, SquaredLoss
from derivata.losses.autodiff import AutodiffLoss
from tests.jax_cases import heavy_tail_row, logistic_row, square_row, student_row


def scores_row(y, z):
    """Softmax with a last class whose score is zero."""
    scores = jnp.concatenate([z, jnp.zeros(1)])
    return jax.scipy.special.logsumexp(scores) - scores[y]


def drawn(n=30, k=1, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random(n) < 0.5).astype(float), rng.standard_normal((n, k))


def test_a_user_s_logistic_loss_has_the_derivatives_of_the_one_by_hand():
    y, z = drawn()
    own, hand = AutodiffLoss(logistic_row).at(y, z), LogisticLoss().at(y, z)
    matrices = np.full((30, 1, 1), 1.3)
    for found, truth in (
        (own.value, hand.value),
        (own.gradient, hand.gradient),
        (own.hessian, hand.hessian),
        (own.third(matrices), hand.third(matrices)),
        (own.cubic(z), hand.cubic(z)),
    ):
        np.testing.assert_allclose(found, truth, rtol=0, atol=1e-15)
        assert found.dtype == np.float64


@pytest.mark.parametrize(
    "function",
    [lambda y, z: (y - z) ** 2, lambda y, z: (y - z[0]) ** 2, lambda y, z: sum((y - z) ** 2)],
)
def test_a_single_output_may_be_taken_as_a_number_or_as_an_array(function):
    y, z = drawn()
    np.testing.assert_allclose(AutodiffLoss(function).at(y, z).value, (y - z[:, 0]) ** 2)


def test_targets_that_are_classes_index_outputs_and_spread_over_folds():
    loss = AutodiffLoss(scores_row, 2, classes=True)
    y = np.arange(30) % 3.0
    z = np.random.default_rng(0).standard_normal((30, 2))
    scores = np.column_stack([z, np.zeros(30)])
    truth = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(30), y.astype(int)]
    np.testing.assert_allclose(loss.at(y, z).value, truth, rtol=1e-14)
    assert loss.targets_are_classes
    shares = np.bincount(y.astype(int), np.arange(30.0)) / np.arange(30.0).sum()
    null = loss.null_outputs(y, np.arange(30.0))
    np.testing.assert_allclose(null, np.log(shares[:2] / shares[2]), rtol=1e-12)
    loss.validate(y)
    for illegal in (0.5, -1.0):
        with pytest.raises(InvalidTarget, match="in row 4, .* labels 0, 1, ..."):
            loss.validate(np.where(np.arange(30) == 4, illegal, y))


def test_the_global_setting_of_float64_is_left_alone():
    y, z = drawn()
    before = jax.config.jax_enable_x64
    assert AutodiffLoss(heavy_tail_row).at(y, z).hessian.dtype == np.float64
    assert jax.config.jax_enable_x64 == before
    assert jnp.ones(2).dtype == (np.float64 if before else np.float32)


def test_a_function_is_traced_anew_for_few_of_many_numbers_of_rows():
    calls = []

    def counted(y, z):
        calls.append(1)
        return (y - z) ** 4

    loss = AutodiffLoss(counted)
    y, z = drawn(48)
    loss.at(y, z).value  # noqa: B018 - asked for its trace
    first = len(calls)
    for n in range(37, 48):
        loss.at(y[:n], z[:n]).value  # noqa: B018
    assert len(calls) == first  # 37 to 48 rows are padded to 48
    for n in (0, 1, 20):
        assert loss.at(y[:n], z[:n]).value.shape == (n,)


def test_constant_curvature_is_read_from_the_operations_and_never_guessed():
    assert AutodiffLoss(square_row).curvature_is_constant
    assert AutodiffLoss(lambda y, z: jnp.sum(jnp.square(y - z)) / 3.0, 2).curvature_is_constant
    assert AutodiffLoss(square_row).at(*drawn()).third(np.ones((30, 1, 1))) is None

    def square_far_and_wide(y, z):
        return jnp.where(jnp.abs(z) < 1e9, (y - z) ** 2, 2.0 * (y - z) ** 2)

    assert not AutodiffLoss(square_far_and_wide).curvature_is_constant
    assert not AutodiffLoss(logistic_row).curvature_is_constant


def test_kinks_are_seen_though_second_derivatives_do_not_show_them():
    for kinked in (lambda y, z: jnp.abs(y - z), lambda y, z: (y - z) ** 2 + jnp.maximum(z, 3.0)):
        assert not AutodiffLoss(kinked).curvature_is_constant
    assert AutodiffLoss(lambda y, z: 1e3 * (y - z) ** 2 + 7.0 * z).curvature_is_constant


def test_a_scale_is_free_where_declared_else_where_the_curvature_is_constant():
    assert AutodiffLoss(square_row).scale_is_free
    assert not AutodiffLoss(square_row, free_scale=False).scale_is_free
    assert not AutodiffLoss(heavy_tail_row).scale_is_free
    assert not AutodiffLoss(lambda y, z: -((y - z) ** 2)).scale_is_free
    assert AutodiffLoss(heavy_tail_row, free_scale=True).scale_is_free


def test_the_best_constant_of_a_loss_that_is_not_convex_is_its_lowest_valley():
    # Two clouds of targets: the mean lies between them, where Student's loss has a hill.
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.normal(-20.0, 1.0, 60), rng.normal(20.0, 1.0, 40)])
    loss, weight = AutodiffLoss(student_row), np.ones(100)
    (found,) = loss.null_outputs(y, weight)
    grid = np.linspace(-30, 30, 2001)
    totals = [loss.at(y, np.full((100, 1), c)).value.sum() for c in grid]
    assert abs(found - grid[int(np.argmin(totals))]) < 0.05
    assert abs(loss.at(y, np.full((100, 1), found)).gradient.sum()) < 1e-10


def test_the_least_value_is_found_row_by_row_or_taken_as_declared():
    rng = np.random.default_rng(0)
    y = 1e3 * rng.standard_normal(20)
    assert np.abs(AutodiffLoss(student_row).saturated(y)).max() < 1e-12
    counts = rng.poisson(3.0, 20) + 1.0
    poisson = AutodiffLoss(lambda y, z: jnp.exp(z) - y * z)
    np.testing.assert_allclose(
        poisson.saturated(counts), counts - counts * np.log(counts), rtol=1e-12
    )
    assert (AutodiffLoss(student_row, least=-1.5).saturated(y) == -1.5).all()


def test_one_class_only_gives_constants_far_out_and_no_warning():
    (found,) = AutodiffLoss(logistic_row).null_outputs(np.ones(20), np.ones(20))
    assert 20.0 < found < 1e3


@pytest.mark.parametrize(
    "function, told",
    [
        (lambda y, z: z * jnp.ones(3), r"float64 of shape \(3,\) for one row"),
        (lambda y, z: (z, y), "gives a tuple for one row"),
        (lambda y, z: y > z, "bool of shape"),
        (lambda y, z: float(z), "cannot be traced by JAX .* `jnp.where` in place of `if`"),
        (lambda y, z: z[y], "declare `classes=True`"),
        (lambda y: y, "takes 1 positional argument"),
    ],
)
def test_a_function_that_is_no_loss_of_a_row_is_refused_with_what_it_gave(function, told):
    with pytest.raises(InvalidParameter, match=told):
        AutodiffLoss(function)


@pytest.mark.parametrize("settings", [{"function": 3}, {"function": square_row, "n_outputs": 0}])
def test_arguments_of_the_wrong_kind_are_refused(settings):
    with pytest.raises(InvalidParameter, match="expected"):
        AutodiffLoss(**settings)


def test_targets_outside_the_domain_are_named_by_row():
    loss = AutodiffLoss(lambda y, z: z + jnp.log(y) * jnp.exp(z))
    y = np.array([1.0, 2.0, -3.0, 1.0])
    with pytest.raises(InvalidTarget, match="is nan in row 2, where `y` is -3"):
        loss.null_outputs(y, np.ones(4))


def test_without_jax_the_error_says_what_to_install_and_other_losses_work():
    script = (
        "import sys; sys.modules['jax'] = None\n"
        "import numpy as np\n"
        "from derivata.estimators.custom import LossEstimator\n"
        "from derivata.losses import LogisticLoss\n"
        "X = np.random.default_rng(0).standard_normal((30, 2))\n"
        "y = (X[:, 0] > 0).astype(float)\n"
        "print(LossEstimator(LogisticLoss()).fit(X, y).coef_.shape)\n"
        "for bad in (LossEstimator(lambda y, z: z), LossEstimator(predictor=lambda w, x: x)):\n"
        "    try:\n"
        "        bad.fit(X, y)\n"
        "    except ValueError as error:\n"
        "        print(type(error).__name__, error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    told = run.stdout.splitlines()
    assert told[0] == "(2,)"
    for line in told[1:]:
        assert line.startswith("NotAvailable") and 'pip install "derivata[jax]"' in line
    assert len(told) == 3


def test_a_square_by_autodiff_is_squared_loss():
    y, z = drawn()
    own, hand = AutodiffLoss(square_row), SquaredLoss()
    np.testing.assert_allclose(own.null_outputs(y, np.ones(30)), hand.null_outputs(y, np.ones(30)))
    np.testing.assert_array_equal(own.at(y, z).hessian, hand.at(y, z).hessian)
    assert own.at(y, z).cubic(z).tolist() == [0.0] * 30
