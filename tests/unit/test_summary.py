"""Standard errors of coefficients, of classes too, against a dense truth."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from derivata import LinearRegressor, LogisticClassifier


def test_class_standard_errors_are_those_of_the_symmetric_parametrisation():
    X, y = load_iris(return_X_y=True)
    model = LogisticClassifier(alpha=2.0).fit(X, y)
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(X))])
    share = model.predict_proba(X)
    curvature = np.einsum("na,ab->nab", share, np.eye(3)) - share[:, :, None] * share[:, None, :]
    hessian = np.einsum("nab,ni,nj->aibj", curvature, Z, Z).reshape(15, 15)
    hessian += np.kron(np.eye(3), np.diag([2.0] * 4 + [0.0]))
    centre = np.kron(np.eye(3) - 1.0 / 3.0, np.eye(5))  # coefficients sum to zero over classes
    covariance = centre @ np.linalg.pinv(centre @ hessian @ centre) @ centre
    truth = np.sqrt(np.diagonal(covariance)).reshape(3, 5)[:, :4] / X.std(axis=0)
    found = model.summary().standard_error.reshape(3, 5)[:, :4]
    assert np.abs(found - truth).max() < 1e-9 * truth.max()


@pytest.mark.parametrize("shape", [(90, 4), (30, 60)], ids=["primal", "dual"])
def test_class_standard_errors_do_not_depend_on_the_order_of_classes(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.permutation(np.arange(shape[0]) % 3)
    order = np.array([2, 0, 1])
    one, other = (
        LogisticClassifier(alpha=2.0).fit(X, labels).summary() for labels in (y, order[y])
    )
    one, other = (s.standard_error.reshape(3, -1) for s in (one, other))
    assert np.abs(one - other[order]).max() < 1e-10 * one.max()


def test_intercept_and_coefficient_errors_are_in_the_units_of_the_data():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 3)) * [1.0, 1e3, 1e-3] + [5.0, -2e3, 0.0]
    y = X @ [1.0, 1e-3, 300.0] + rng.normal(size=80)
    summary = LinearRegressor(alpha=0.0).fit(X, y).summary()
    A = np.column_stack([X, np.ones(80)])
    residual = y - A @ np.linalg.lstsq(A, y)[0]
    covariance = np.linalg.inv(A.T @ A) * (residual @ residual) / (80 - 4)
    # Columns differ by 1e6 in size, so inverting A^T A itself loses about ten digits.
    assert np.allclose(summary.standard_error, np.sqrt(np.diagonal(covariance)), rtol=1e-6)


def test_the_tuned_criterion_is_told_in_the_unit_of_its_loss():
    X, y = load_iris(return_X_y=True)
    assert "half squared units a row" in str(LinearRegressor().fit(X[:, :3], X[:, 3]).summary())
    assert "nats a row" in str(LogisticClassifier().fit(X, y).summary())
