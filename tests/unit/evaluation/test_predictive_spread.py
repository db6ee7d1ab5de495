"""Coverage, PIT and CRPS of the distributions of families, and errors of terms."""

import numpy as np
import pytest

from derivata import AdditiveRegressor
from derivata.errors import NotAvailable
from derivata.estimators.families import (
    GammaFamily,
    NegativeBinomialFamily,
    PoissonFamily,
    QuantileFamily,
    SquaredFamily,
)
from derivata.evaluation.predictive_spread import (
    half_mean_difference,
    predictive_spread,
    variance_without,
)
from derivata.evaluation.term_errors import term_errors
from derivata.scoring.crps import (
    crps_gamma,
    crps_negative_binomial,
    crps_normal,
    crps_poisson,
    crps_samples,
)
from derivata.tables import table_from_frame

RNG = np.random.default_rng(0)
OUTPUTS = RNG.uniform(0.0, 2.0, (600, 1))
MEAN = np.exp(OUTPUTS[:, 0])
CASES = {
    "squared": (SquaredFamily(), OUTPUTS[:, 0] + 0.7 * RNG.standard_normal(600), 0.49),
    "poisson": (PoissonFamily(), RNG.poisson(MEAN).astype(float), 1.0),
    "negative-binomial": (
        NegativeBinomialFamily(2.0),
        RNG.poisson(MEAN * RNG.gamma(2.0, 0.5, 600)).astype(float),
        1.0,
    ),
    "gamma": (GammaFamily(), MEAN * RNG.gamma(4.0, 0.25, 600), 0.25),
}
EXACT = {
    "squared": lambda y: crps_normal(y, OUTPUTS[:, 0], 0.7),
    "poisson": lambda y: crps_poisson(y, MEAN),
    "negative-binomial": lambda y: crps_negative_binomial(y, MEAN, 2.0),
    "gamma": lambda y: crps_gamma(y, MEAN, 0.25),
}


@pytest.mark.parametrize("name", CASES)
def test_true_distributions_pass_and_score_as_in_closed_form(name):
    family, y, dispersion = CASES[name]
    found = predictive_spread(family, y, OUTPUTS, np.zeros(600), dispersion, np.ones(600))
    assert abs(found.pit.mean - 0.5) < 3 * found.pit.mean_error
    assert abs(found.pit.spread - 1.0) < 3 * found.pit.spread_error
    assert all(abs(one.z) < 3 for one in found.coverages)
    assert found.crps == pytest.approx(EXACT[name](y).mean(), rel=0.01)
    assert found.crps < found.crps_of_constant
    assert "CRPS" in str(found)


def test_distributions_that_are_too_narrow_or_heavy_are_called_so():
    family, y, _ = CASES["squared"]
    narrow = predictive_spread(family, y, OUTPUTS, np.zeros(600), 0.1, np.ones(600))
    assert "too narrow" in narrow.in_words() and narrow.coverages[1].z < -5
    heavy = OUTPUTS[:, 0] + 0.5 * RNG.standard_t(2.0, 600)
    spread = np.var(heavy - OUTPUTS[:, 0])
    found = predictive_spread(family, heavy, OUTPUTS, np.zeros(600), spread, np.ones(600))
    assert found.coverages[0].z > 2


def test_a_quantile_has_no_distribution():
    with pytest.raises(NotAvailable, match="quantile"):
        predictive_spread(
            QuantileFamily(), np.zeros(5), np.zeros((5, 1)), np.zeros(5), 1.0, np.ones(5)
        )


def test_half_the_mean_difference_is_the_crps_of_the_outcomes_themselves():
    y = RNG.standard_normal(60)
    others = np.array([np.delete(y, i) for i in range(60)])
    pairs = np.abs(y[:, None] - y).sum() / 2 / 60**2
    assert half_mean_difference(y, np.ones(60)) == pytest.approx(pairs)
    assert crps_samples(y, others).mean() == pytest.approx(pairs, rel=0.1)


def test_the_variance_without_a_row_is_that_of_a_fit_without_it():
    X = RNG.standard_normal((30, 4))
    y = X[:, 0] + 0.5 * RNG.standard_normal(30)
    phi, gram = 0.3, X.T @ X + np.eye(4)
    params = np.linalg.solve(gram, X.T @ y)
    variance = phi * np.einsum("ia,ab,ib->i", X, np.linalg.inv(gram), X)
    family, weight = SquaredFamily(), np.ones(30)
    found = variance_without(family, y, (X @ params)[:, None], variance, phi, weight)
    less = gram - np.outer(X[5], X[5])
    assert found[5] == pytest.approx(phi * X[5] @ np.linalg.solve(less, X[5]), rel=1e-10)


def test_errors_of_terms_are_those_of_their_effects():
    X = RNG.standard_normal((150, 2))
    model = AdditiveRegressor(interactions=None).fit(X, np.sin(X[:, 0]) + 0.2 * X[:, 1])
    table = table_from_frame(X, "X")
    found = term_errors(model.model_, model.summary().terms, table)
    assert len(found.terms) == len(model.summary().terms)
    for one in found.terms:
        assert 0.0 <= one.error < 1.0
    variance = model.model_.output_variance(table)[:, 0, 0]
    assert found.output_error == pytest.approx(np.sqrt(variance.mean()))
