"""Which labels of a classifier's rows are wrong, judged by the other rows.

A label is that of another class with a small probability e, each as likely. With p_c a row's
probabilities, sharpened to the power b (b > 1 where a penalty made them too cautious),

    q_c              proportional to p_c^b
    P(label y)     = (1 - e) q_y + e / (K - 1) (1 - q_y)
    P(wrong | y)   = e / (K - 1) (1 - q_y) / P(label y)

**The fit.** -sum_i s_i log P(label y_i) + R is reached by fits with row weights s_i r_i, where
r_i is the share of the row's likelihood that is not noise: the logarithm is concave in each row's
own loss, so every such fit lowers the sum. Rows that the others contradict pull no more, and no
longer hide one another.

**The judgement.** Each row by a fit without it (one Newton step) and over what is not known of
the parameters, so that its own label says nothing in its favour: ``left_out_classes``. e and b are
those under which the labels, each given the other rows, are likeliest; so is the strength of the
penalties, within factors of the model's own, since how much to smooth is another question once
wrong labels pull no more.

Source of the mixture: Bootkrajang & Kaban (2012), ECML PKDD, 143-158,
doi:10.1007/978-3-642-33460-3_15. Sharpness, the left-out judgement and the choice of strength are
this package's own.
Maths: docs/math/influence.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from derivata.contracts import Array
from derivata.criteria.jacobian import require_rows
from derivata.curvature.inverse import invert
from derivata.objective import Expansion, Objective
from derivata.removal.predictive import left_out_classes, log_classes
from derivata.tuning import Solver

# The share of wrong labels: where it starts, and the range it is kept to.
FIRST_RATE, LEAST_RATE, LARGEST_RATE = 0.02, 1e-4, 0.4
# Rounds end where it moves by less than this factor. In each it is brought up to date so often.
ROUNDS, SETTLED, UPDATES = 30, 0.01, 5
SHARPNESSES = np.geomspace(0.5, 8.0, 9)
# Strengths tried, as factors: the model's own, weaker, then stronger for as long as it helps.
FACTORS = (1.0, 0.1, 10.0, 100.0, 1000.0)
# A row keeps this share of its weight at least, so that the data keep their shape.
LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class LabelFit:
    """A fit that allows for wrong labels, and what it thinks of each.

    Attributes
    ----------
    expansion : Expansion              of the reweighted objective, at its minimiser
    labels : int array (n,)            as given
    log_probability : array (n, K)     log q: each class by the other rows
    rate : float                       e, the share of labels that are wrong
    sharpness : float                  b
    likelihood : float                 log of the labels' probability, each by the other rows
    """

    expansion: Expansion
    labels: Array
    log_probability: Array
    rate: float
    sharpness: float
    likelihood: float

    @property
    def log_odds(self) -> Array:
        """log P(wrong) / P(right) of each label, (n,)."""
        own, rest = _own_and_rest(self.log_probability, self.labels)
        right, wrong = _logs_of(self.rate, self.log_probability.shape[1])
        return wrong + rest - right - own

    @property
    def probability(self) -> Array:
        """P(wrong) of each label, (n,)."""
        return expit(self.log_odds)

    @property
    def suggested(self) -> Array:
        """The likeliest other class of each row, as a number: (n,)."""
        others = self.log_probability.copy()
        others[np.arange(len(self.labels)), self.labels] = -np.inf
        return others.argmax(axis=1)


def fit_labels(expansion: Expansion, solver: Solver, n_classes: int) -> LabelFit:
    """The fit that allows for wrong labels, from a fit that does not.

    Parameters
    ----------
    expansion : Expansion              of a classifier, at its minimiser
    solver : Solver                    that made it
    n_classes : int

    Returns
    -------
    LabelFit

    Raises
    ------
    NotConverged                       if the expansion is not at a minimiser
    NotAvailable                       if its loss is no sum over rows

    Notes
    -----
    Costs a leverage pass and a warm fit a round, 5 to 30 rounds a strength.
    """
    require_rows(expansion.objective, "finding wrong labels")
    best = _fit_from(expansion, expansion.objective, solver, n_classes)
    for factor in FACTORS[1:] if np.isfinite(expansion.hyper).any() else ():
        hyper = expansion.hyper + np.log(factor)
        fit = solver.minimize(expansion.objective, expansion.params, hyper)
        if not fit.converged:
            continue
        trial = _fit_from(fit.expansion, expansion.objective, solver, n_classes)
        if trial.likelihood > best.likelihood:
            best = trial
        elif factor > 1.0:
            break
    return best


def _fit_from(here: Expansion, objective: Objective, solver: Solver, n_classes: int) -> LabelFit:
    """Rounds of judging all rows and fitting without what was judged wrong."""
    judged = _judge(here, objective, n_classes, FIRST_RATE)
    for _ in range(ROUNDS):
        weight = objective.weight * np.maximum(_share(here, judged), LEAST_WEIGHT)
        fit = solver.minimize(replace(objective, weight=weight), here.params, here.hyper)
        if not fit.converged:
            break
        here, before = fit.expansion, judged.rate
        judged = _judge(here, objective, n_classes, before)
        if abs(np.log(judged.rate / before)) < SETTLED:
            break
    return judged


def _judge(here: Expansion, objective: Objective, n_classes: int, rate: float) -> LabelFit:
    """Every label by the other rows, with the likeliest share and sharpness."""
    plain = left_out_classes(here, invert(here), n_classes)
    labels, weight = objective.y.astype(np.intp), objective.weight
    best: LabelFit | None = None
    for sharpness in SHARPNESSES:
        sharp = _sharpened(plain, sharpness)
        own, rest = _own_and_rest(sharp, labels)
        share = rate
        for _ in range(UPDATES):
            right, wrong = _logs_of(share, n_classes)
            # Half a row more, so that no share is ever zero.
            found = (weight @ expit(wrong + rest - right - own) + 0.5) / (weight.sum() + 1.0)
            share = float(np.clip(found, LEAST_RATE, LARGEST_RATE))
        right, wrong = _logs_of(share, n_classes)
        likelihood = float(weight @ np.logaddexp(right + own, wrong + rest))
        if best is None or likelihood > best.likelihood:
            best = LabelFit(here, labels, sharp, share, float(sharpness), likelihood)
    assert best is not None
    return best


def _share(here: Expansion, judged: LabelFit) -> Array:
    """r of each row: how much of its likelihood in the fit is not noise, (n,)."""
    n_classes = judged.log_probability.shape[1]
    fitted = log_classes(here.objective.loss, n_classes, here.outputs)
    own = _sharpened(fitted, judged.sharpness)[np.arange(len(fitted)), judged.labels]
    floor = judged.rate / (n_classes - 1)
    certain = (1.0 - judged.rate - floor) * np.exp(own)
    return certain / (floor + certain)


def _sharpened(log_probability: Array, sharpness: float) -> Array:
    raised = sharpness * log_probability
    return raised - np.logaddexp.reduce(raised, axis=1, keepdims=True)


def _own_and_rest(log_probability: Array, labels: Array) -> tuple[Array, Array]:
    """log q of each row's own label, and of all others together: (n,) each."""
    places = np.arange(len(labels)), labels
    others = log_probability.copy()
    others[places] = -np.inf
    return log_probability[places], np.logaddexp.reduce(others, axis=1)


def _logs_of(rate: float, n_classes: int) -> tuple[float, float]:
    """log of the chance that a label is right, and that it is one given other class."""
    return float(np.log1p(-rate)), float(np.log(rate / (n_classes - 1)))
