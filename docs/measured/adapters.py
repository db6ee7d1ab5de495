"""How far scikit-learn's fits of default tolerance are from the minimum of their objective.

In standard errors, the `distance` of `derivata.adapters.fitted.FittedModel`: for logistic models
over penalties and solvers on bundled tables, with and without scaled columns. Fits that report that
they did not converge are marked.

    python docs/measured/adapters.py
"""

import warnings
from functools import partial

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from derivata.adapters import adapt

STRENGTHS = (0.01, 1.0, 100.0, 1e4)


def three_against_eight():
    X, y = load_digits(return_X_y=True)
    kept = (y == 3) | (y == 8)
    return X[kept], y[kept]


TABLES = {
    "breast cancer": partial(load_breast_cancer, return_X_y=True),
    "3 against 8": three_against_eight,
    "wine": partial(load_wine, return_X_y=True),
    "digits": partial(load_digits, return_X_y=True),
}
MANY = 3


def distance(model, X, y):
    """Of a fit from its minimum, and whether it said that it converged."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(X, y)
    quiet = not any(issubclass(one.category, ConvergenceWarning) for one in told)
    return adapt(model, X, y).distance, quiet


def main():
    print(f"{'':34}" + "".join(f"C={strength:<9g}" for strength in STRENGTHS))
    converged = []
    for name, load in TABLES.items():
        X, y = load()
        for scaled in (True, False):
            rows = StandardScaler().fit_transform(X) if scaled else X
            for solver in ("lbfgs", "liblinear", "saga"):
                if solver == "saga" and not scaled:
                    continue  # it does not converge
                if solver != "lbfgs" and len(np.unique(y)) >= MANY:
                    continue  # liblinear knows two classes only; saga takes minutes
                found = [
                    distance(
                        LogisticRegression(C=C, solver=solver, max_iter=10_000, random_state=0),
                        rows,
                        y,
                    )
                    for C in STRENGTHS
                ]
                converged += [far for far, quiet in found if quiet]
                cells = [f"{far:.2g}{'' if quiet else ' (not)'}" for far, quiet in found]
                label = f"{name}, {'scaled' if scaled else 'as is'}, {solver}"
                print(f"{label:34}" + "".join(f"{cell:11}" for cell in cells))
    far = np.array(converged)
    print(
        f"\n{len(far)} fits that said they converged: within 0.5 in {(far <= 0.5).sum()}, within "
        f"2 in {(far <= 2.0).sum()}, the largest {far.max():.2g}"
    )


if __name__ == "__main__":
    main()
