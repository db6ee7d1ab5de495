import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from derivata.adapters.responses import Response
from derivata.adapters.scikit_logistic import two_probabilities
from derivata.errors import InvalidParameter

OUTPUTS = np.random.default_rng(0).standard_normal((30, 1))
Y = (np.random.default_rng(1).random(30) < 0.5).astype(float)
CLASSES = Response(two_probabilities, np.array(["no", "yes"]))
MEAN = Response(lambda outputs: outputs[:, 0])


def test_metrics_of_classes_are_scikit_learns():
    probability = two_probabilities(OUTPUTS)
    found = {name: CLASSES.metric(name)(Y, OUTPUTS) for name in ("log_loss", "brier", "error")}
    assert all(values.shape == (30,) for values in found.values())
    assert found["log_loss"].mean() == pytest.approx(log_loss(Y, probability), rel=1e-12)
    assert found["brier"].mean() == pytest.approx(brier_score_loss(Y, probability[:, 1]))
    assert found["error"].mean() == pytest.approx(np.mean((OUTPUTS[:, 0] > 0) != Y))


def test_probabilities_keep_their_digits_at_both_ends():
    both = two_probabilities(np.array([[-40.0], [40.0]]))
    np.testing.assert_allclose(both, [[1.0, np.exp(-40.0)], [np.exp(-40.0), 1.0]], rtol=1e-12)
    assert np.isfinite(CLASSES.metric("log_loss")(np.array([1.0]), np.array([[-1e4]]))).all()


def test_metrics_of_numbers_are_of_the_mean():
    assert MEAN.metric("squared")(np.ones(30), OUTPUTS) == pytest.approx((1 - OUTPUTS[:, 0]) ** 2)
    assert MEAN.metric("absolute")(np.ones(30), OUTPUTS) == pytest.approx(abs(1 - OUTPUTS[:, 0]))


@pytest.mark.parametrize(("response", "other"), [(CLASSES, "squared"), (MEAN, "brier")])
def test_a_metric_of_the_other_kind_is_told_which_there_are(response, other):
    with pytest.raises(InvalidParameter, match=f"`metric` is '{other}'; for this model it may be"):
        response.metric(other)
