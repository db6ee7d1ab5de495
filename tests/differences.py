"""Derivatives by central differences of fourth order, the truth that contracts are held to.

    f'(x) = (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12 h + O(h^4)

With h = 1e-3 and f of order one, truncation (h^4 f^(5) / 30) and rounding (eps / h) are both about
1e-13 to 1e-12, so tests that compare at 1e-8 leave four digits of room.
"""

import numpy as np

NODES = ((-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0))


def slope(function, at, direction, step=1e-3):
    """Derivative of a function of an array along one direction; any output shape."""
    return sum(c * np.asarray(function(at + s * step * direction)) for s, c in NODES) / (12 * step)


def jacobian(function, at, step=1e-3):
    """Derivative of a function of a vector (p,): output shape + (p,)."""
    if len(at) == 0:
        return np.zeros((*np.shape(function(at)), 0))
    return np.stack([slope(function, at, unit, step) for unit in np.eye(len(at))], axis=-1)


def relative_error(found, truth):
    """Largest difference, as a share of the largest entry of the truth (or of one)."""
    found, truth = np.asarray(found), np.asarray(truth)
    assert found.shape == truth.shape, (found.shape, truth.shape)
    difference = np.abs(found - truth).max(initial=0.0)
    return float(difference / max(1.0, np.abs(truth).max(initial=0.0)))
