"""Which rows' removal moves the constraints that hold with equality, against constrained refits."""

import numpy as np
import pytest

from derivata.certified.refits import refit_without
from derivata.curvature.face import FaceExpansion
from derivata.removal.faces import leaves_face
from derivata.removal.rows import row_steps
from derivata.solvers.constrained import ConstrainedNewton
from tests.cases import LOSSES, problem

HYPER = np.array([0.0, 0.5])


@pytest.mark.parametrize(("name", "near"), [("squared", 1e-8), ("softmax of 4", 0.1)])
def test_steps_that_stay_on_the_face_are_near_refits_and_the_others_are_told(name, near):
    told = 0
    for seed in range(3):
        objective = problem(LOSSES[name], 40, 5, seed=seed, weighted=False)
        rising = np.eye(6)[1:5] - np.eye(6)[:4]  # of each output
        solver = ConstrainedNewton(rising, tol=1e-11)
        start = np.zeros(objective.predictor.n_params)
        end = solver.minimize(objective, start, HYPER).expansion
        assert isinstance(end, FaceExpansion)
        steps = row_steps(end)
        leaves, change = leaves_face(steps, solver.constraints), steps.params_change()
        told += leaves.sum()
        fits = [refit_without(end, solver, np.array([row])) for row in range(40)]
        truth = np.stack([fit.expansion.params for fit in fits]) - end.params
        wrong = np.abs(change - truth).max(axis=1)
        assert wrong[~leaves].max() < near
        if name == "squared":
            assert wrong[leaves].min(initial=1.0) > near
    assert 0 < told < 110
