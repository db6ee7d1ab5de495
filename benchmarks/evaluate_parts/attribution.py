"""Integrated gradients: how far contributions are from adding up and what they cost; and captum.

Networks are trained on real tables and random ones of several depths; every row of the table (at
most 200) and every output is explained. An error is a share of the change of the output from the
baseline, the worst over rows and outputs; captum gets the same network in float64 with its
defaults, ``IntegratedGradients`` with 50 steps of Gauss and Legendre, and with its trapezoids.

Run alone: ``PYTHONPATH=benchmarks .venv/bin/python -m evaluate_parts.attribution``.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters.shapes import shape_of
from derivata.evaluation.attribute import attribute
from derivata.integrals.links import Identity, Logistic, Softmax
from derivata.integrals.shapes import NetworkOutputs
from evaluate_parts import Row

MOST_ROWS, MOST_EVALUATIONS = 200, 64
SMOOTH = ("tanh", "logistic", "silu", "gelu", "mish")
STEPS = 50


@dataclass(frozen=True)
class Case:
    """A network as a shape, and rows for it with a baseline."""

    name: str
    shape: NetworkOutputs
    rows: Any
    baseline: Any


def rows() -> list[Row]:
    """The rows of the table."""
    warnings.simplefilter("ignore")
    smooth = [*trained(("tanh", "logistic")), *own_smooth(), *random_networks(SMOOTH)]
    straight = [*trained(("relu",)), *own_straight(), *random_networks(("relu",))]
    found = [
        *claimed("smooth networks, outputs", smooth, "outputs", 1e-6, MOST_EVALUATIONS),
        *claimed("smooth networks, response", smooth, "response", 1e-6, MOST_EVALUATIONS),
        *claimed("networks of ReLU, outputs", straight, "outputs", 1e-10),
        *claimed("networks of ReLU, response", straight, "response", 1e-10),
        *claimed("networks of SELU, outputs", random_networks(("selu",)), "outputs", 1e-6),
    ]
    return [*found, *beside_captum([*smooth, *straight])]


def claimed(
    what: str, cases: list[Case], on: str, wanted: float, allowed: int | None = None
) -> list[Row]:
    """The worst error over cases, rows and outputs, where an output changes at all."""
    worst, most, name, count, bad = 0.0, 0, "", 0, 0
    for case in cases:
        result = attribute(case.shape, case.rows, baseline=case.baseline, on=on)
        share = shares(result.completeness_error, result.output, result.baseline_output)
        count, bad = count + share.size, bad + int((share > wanted).sum())
        if share.max() > worst:
            worst, name = float(share.max()), case.name
        most = max(most, int(result.n_evaluations.max()))
    return [
        Row(
            f"{what}: completeness, {len(cases)} networks, {count:,} changes of outputs",
            f"<= {wanted:.0e}" + (f" with <= {allowed} evaluations" if allowed else ""),
            worst <= wanted and (allowed is None or most <= allowed),
            f"worst {worst:.1e} ({name}); {bad} above; at most {most} gradients a row",
        )
    ]


def shares(error: Any, output: Any, baseline: Any) -> Any:
    """Errors as shares of the changes; rounding of the outputs themselves is no error."""
    change = np.abs(output - baseline)
    size = np.maximum(np.abs(output), np.abs(baseline))
    counted = np.where(error <= 1e-15 * np.maximum(size, 1.0), 0.0, error)
    return counted / np.maximum(change, np.finfo(float).tiny)


def trained(activations: tuple[str, ...]) -> list[Case]:
    """scikit-learn's networks on standardised real tables."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    cases = []
    for name, (X, y) in tables().items():
        Z = StandardScaler().fit_transform(X)
        for activation in activations:
            for hidden in ((100,), (50, 50, 50)):
                kind = MLPRegressor if name == "diabetes" else MLPClassifier
                model = kind(
                    hidden_layer_sizes=hidden, activation=activation, max_iter=100, random_state=0
                )
                target = (y - y.mean()) / y.std() if name == "diabetes" else y
                shape = shape_of(model.fit(Z, target))
                cases.append(
                    Case(f"{name}, {activation} {hidden}", shape, Z[:MOST_ROWS], Z.mean(axis=0))
                )
    return cases


def tables() -> dict[str, tuple[Any, Any]]:
    """Tables that scikit-learn bundles, and those of the shared folder that are there."""
    import pandas as pd
    from sklearn import datasets

    found = {
        name: getattr(datasets, f"load_{name}")(return_X_y=True)
        for name in ("diabetes", "breast_cancer", "digits")
    }
    for name in ("ionosphere", "spambase"):
        for path in sorted(harness.SHARED.glob(f"{name}*")):
            frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
            y = frame.iloc[:, -1].to_numpy()
            found[name] = (frame.iloc[:, :-1].to_numpy(float)[:2000], y[:2000])
            break
        else:
            print(f"{name}: not in {harness.SHARED}, left out")
    return found


def own_smooth() -> list[Case]:
    """derivata's networks with an activation that scikit-learn has not."""
    from derivata.neural.activations import SiLU

    return own("silu", SiLU())


def own_straight() -> list[Case]:
    """derivata's networks as they come: four of ReLU, averaged."""
    return own("relu", None)


def own(name: str, activation: Any) -> list[Case]:
    """An ensemble for two classes, one for ten, one for numbers."""
    from derivata.estimators.neural import MLPClassifier, MLPRegressor

    cases = []
    for table, kind in (
        ("breast_cancer", MLPClassifier),
        ("digits", MLPClassifier),
        ("diabetes", MLPRegressor),
    ):
        X, y = tables_bundled(table)
        model = kind((64, 64), activation=activation, random_state=0).fit(X, y)
        shape = shape_of(model)
        label = f"{table}, derivata's {name} (64, 64), {len(shape.networks)} averaged"
        cases.append(Case(label, shape, X[:50], X.mean(axis=0)))
    return cases


def tables_bundled(name: str) -> tuple[Any, Any]:
    """A table of scikit-learn's."""
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(return_X_y=True)


def random_networks(activations: tuple[str, ...]) -> list[Case]:
    """Networks of random weights at He's scale, several depths and widths."""
    cases = []
    for activation in activations:
        for seed, sizes in enumerate(
            [(10, 256, 1), (30, 64, 64, 1), (64, 128, 128, 128, 10), (20, 30, 30, 30, 30, 30, 3)]
        ):
            rng = np.random.default_rng(seed)
            layers = tuple(
                (rng.standard_normal((a, b)) * np.sqrt(2 / a), 0.1 * rng.standard_normal(b))
                for a, b in zip(sizes[:-1], sizes[1:], strict=True)
            )
            n_in, n_out = sizes[0], sizes[-1]
            link = Logistic() if n_out == 1 else Softmax()
            shape = NetworkOutputs(
                tuple(f"x{j}" for j in range(n_in)),
                (layers,),
                activation,
                lambda X: X,
                link,
                tuple(range(max(n_out, 2))),
            )
            X = rng.standard_normal((50, n_in))
            cases.append(Case(f"random, {activation} {sizes}", shape, X, np.zeros(n_in)))
    return cases


def beside_captum(cases: list[Case]) -> list[Row]:
    """The first outputs of single networks, by captum's defaults and by its trapezoids."""
    try:
        import torch
    except ImportError:
        return [Row("captum's IntegratedGradients", "shown", None, "not installed: skipped")]
    torch.set_num_threads(1)
    chosen = [case for case in cases if case.shape.activation in ("tanh", "relu")]
    chosen = [case for case in chosen if len(case.shape.networks) == 1]
    worst: dict[tuple[str, str], list[float]] = {}
    factors: dict[str, list[float]] = {}
    for case in chosen:
        activation = case.shape.activation
        for name, side in sides(case).items():
            worst.setdefault((activation, name), []).append(side())
        theirs, ours = sides(case)["captum"], sides(case)["derivata"]
        (own_times, _), (other_times, _) = harness.interleaved([ours, theirs], 3)
        factors.setdefault(activation, []).append(harness.ratio(other_times, own_times)[0])
    found = []
    for activation, words in (("tanh", "smooth (tanh)"), ("relu", "ReLU")):
        errors = ", ".join(
            f"{name} {np.median(values):.1e} (worst {max(values):.1e})"
            for (kind, name), values in worst.items()
            if kind == activation
        )
        found.append(
            Row(
                f"{words}: worst error of a network, median over {len(factors[activation])}, one "
                "output",
                "shown",
                None,
                errors,
            )
        )
        each = factors[activation]
        found.append(
            Row(
                f"{words}: time of captum's defaults over derivata's",
                "shown",
                None,
                f"median {np.median(each):.1f} x, {min(each):.2g}-{max(each):.2g}",
            )
        )
    return found


def sides(case: Case) -> dict[str, Callable[[], float]]:
    """Ways to explain one output of a network; each returns its worst relative error."""
    import torch
    from captum.attr import IntegratedGradients

    layers = case.shape.networks[0]
    one = tuple((w[:, :1], b[:1]) if j == len(layers) - 1 else (w, b) for j, (w, b) in
                enumerate(layers))  # fmt: skip
    shape = NetworkOutputs(
        case.shape.columns, (one,), case.shape.activation, case.shape.inputs, Identity()
    )
    parts: list[Any] = []
    for number, (weight, bias) in enumerate(one):
        layer = torch.nn.Linear(*weight.shape).double()
        layer.weight.data, layer.bias.data = torch.tensor(weight.T), torch.tensor(bias)
        parts.append(layer)
        if number < len(one) - 1:
            parts.append({"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[shape.activation]())
    network = torch.nn.Sequential(*parts)
    X, base = torch.tensor(case.rows), torch.tensor(case.baseline)[None]
    explainer = IntegratedGradients(network)

    def captum(method: str) -> float:
        values = explainer.attribute(X, base, target=0, n_steps=STEPS, method=method)
        with torch.no_grad():
            end, start = network(X)[:, 0], network(base)[:, 0]
        error = (values.sum(dim=1) - (end - start)).abs()
        return float(shares(error.numpy(), end.numpy(), start.numpy()).max())

    def derivata() -> float:
        found = attribute(shape, case.rows, baseline=case.baseline)
        error = found.completeness_error
        return float(shares(error, found.output, found.baseline_output).max())

    return {
        "derivata": derivata,
        "captum": lambda: captum("gausslegendre"),
        "captum's trapezoids": lambda: captum("riemann_trapezoid"),
    }


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
