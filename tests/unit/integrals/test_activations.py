"""Activations: slopes against differences, values against those of the libraries that fit them."""

import numpy as np
import pytest
from sklearn.neural_network._base import ACTIVATIONS as SCIKIT

from derivata.errors import InvalidParameter
from derivata.integrals.activations import ACTIVATIONS, activation_named
from derivata.neural.activations import ACTIVATIONS as OWN

PLACES = np.concatenate([np.linspace(-6.0, 6.0, 40), [-900.0, -45.0, 45.0, 900.0]])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_those_of_values(name):
    activation = activation_named(name)
    slope = activation.slope(PLACES, activation.value(PLACES))
    nearby = (activation.value(PLACES + 1e-6) - activation.value(PLACES - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, nearby, atol=1e-6)


@pytest.mark.parametrize("kind", OWN)
def test_values_are_those_of_derivatas_networks(kind):
    values = activation_named(kind.__name__.lower()).value(PLACES)
    np.testing.assert_allclose(values, kind()(PLACES), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["identity", "logistic", "relu", "tanh"])
def test_values_are_those_of_scikit_learn(name):
    values = PLACES[:, None].copy()
    SCIKIT[name](values)  # in place
    np.testing.assert_allclose(activation_named(name).value(PLACES), values[:, 0], atol=1e-15)


def test_an_unknown_activation_is_refused_with_those_there_are():
    with pytest.raises(InvalidParameter, match="'sine'.*identity, relu, tanh"):
        activation_named("sine")
