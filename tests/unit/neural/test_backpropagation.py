"""The example that teaches backpropagation is right, to the last digits."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[3] / "examples" / "backpropagation.py"


@pytest.fixture(scope="module")
def lesson():
    spec = importlib.util.spec_from_file_location("backpropagation", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed, d, m, k", [(0, 1, 16, 1), (1, 3, 5, 2), (2, 7, 1, 4)])
def test_backpropagation_by_hand_equals_jax_to_twelve_digits(lesson, seed, d, m, k):
    rng = np.random.default_rng(seed)
    params = lesson.first_params(rng, d, m, k)
    params = params._replace(bias1=rng.standard_normal(m), bias2=rng.standard_normal(k))
    x, y = rng.standard_normal((30, d)), rng.standard_normal((30, k))
    by_hand, by_jax = lesson.gradient(params, x, y), lesson.jax_gradient(params, x, y)
    assert lesson.largest_difference(by_hand, by_jax) < 1e-12


def test_taylor_remainders_fall_with_the_square_of_the_step(lesson):
    params, x, y = lesson.problem()
    direction = lesson.first_params(np.random.default_rng(1), 1, 16, 1)
    first, second, third = lesson.taylor_remainders(params, x, y, direction)
    assert 50 < first / second < 200
    assert 90 < second / third < 110


def test_a_forgotten_factor_is_found_by_the_taylor_test(lesson, monkeypatch):
    def careless(params, kept, y):
        right = lesson.Params(*backward(params, kept, y))
        return right._replace(weight1=kept.x.T @ ((kept.prediction - y) @ params.weight2.T))

    backward = lesson.backward
    monkeypatch.setattr(lesson, "backward", careless)
    params, x, y = lesson.problem()
    direction = lesson.first_params(np.random.default_rng(1), 1, 16, 1)
    _, second, third = lesson.taylor_remainders(params, x, y, direction)
    assert second / third < 15


def test_the_example_descends_to_the_noise(lesson, capsys):
    lesson.main()
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert float(last.split()[-1]) < 0.006  # half the variance of the noise is 0.005
