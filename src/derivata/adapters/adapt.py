"""The one door: any fitted model as a ``FittedModel``.

The function that knows a model's class is found by ``registry`` and imported then.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from typing import Any

from derivata.adapters.fitted import FittedModel
from derivata.adapters.registry import known_by, names_in
from derivata.errors import InvalidParameter

# Library and class -> the function, as text.
_LINEAR = "derivata.adapters.scikit_linear:adapt_linear"
_GENERALISED = "derivata.adapters.scikit_generalised:adapt_generalised"
_LOGISTIC = "derivata.adapters.scikit_logistic:adapt_logistic"
_SEARCH = "derivata.adapters.pipelines:adapt_search"
_OWN_LINEAR = "derivata.adapters.own_linear:adapt_linear"
_OWN_ADDITIVE = "derivata.adapters.own_additive:adapt_additive"
_OWN_NETWORK = "derivata.adapters.networks:adapt_network"
_MLP = "derivata.adapters.scikit_networks:adapt_mlp"

ADAPTERS = {
    ("sklearn", "LinearRegression"): _LINEAR,
    ("sklearn", "Ridge"): _LINEAR,
    ("sklearn", "RidgeCV"): _LINEAR,
    ("sklearn", "Lasso"): _LINEAR,
    ("sklearn", "LassoCV"): _LINEAR,
    ("sklearn", "ElasticNet"): _LINEAR,
    ("sklearn", "ElasticNetCV"): _LINEAR,
    ("sklearn", "LogisticRegression"): _LOGISTIC,
    ("sklearn", "LogisticRegressionCV"): _LOGISTIC,
    ("sklearn", "PoissonRegressor"): _GENERALISED,
    ("sklearn", "GammaRegressor"): _GENERALISED,
    ("sklearn", "TweedieRegressor"): _GENERALISED,
    ("sklearn", "HuberRegressor"): "derivata.adapters.scikit_robust:adapt_huber",
    ("sklearn", "MLPClassifier"): _MLP,
    ("sklearn", "MLPRegressor"): _MLP,
    ("sklearn", "Pipeline"): "derivata.adapters.pipelines:adapt_pipeline",
    ("sklearn", "GridSearchCV"): _SEARCH,
    ("sklearn", "RandomizedSearchCV"): _SEARCH,
    ("sklearn", "HalvingGridSearchCV"): _SEARCH,
    ("sklearn", "HalvingRandomSearchCV"): _SEARCH,
    ("derivata", "LinearRegressor"): _OWN_LINEAR,
    ("derivata", "LogisticClassifier"): _OWN_LINEAR,
    ("derivata", "PoissonRegressor"): _OWN_LINEAR,
    ("derivata", "AdditiveRegressor"): _OWN_ADDITIVE,
    ("derivata", "AdditiveClassifier"): _OWN_ADDITIVE,
    ("derivata", "TableModel"): "derivata.adapters.own_table:adapt_table",
    ("derivata", "LossEstimator"): "derivata.adapters.own_custom:adapt_custom",
    ("derivata", "MLPClassifier"): _OWN_NETWORK,
    ("derivata", "MLPRegressor"): _OWN_NETWORK,
}


def adapt(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted model as its objective, its parameters and the way back.

    Parameters
    ----------
    model : estimator or FittedModel
        Fitted; a ``FittedModel`` is returned as it is.
    X, y, sample_weight
        What it was fitted to: scikit-learn's models keep no data.

    Returns
    -------
    FittedModel

    Raises
    ------
    InvalidParameter
        If the model is of another kind, naming those there are, or is not fitted.
    NotAvailable
        If it was fitted in a way that has no such objective; says which way has.
    InvalidData
        If X has other columns than the model, or y targets that it does not know.
    """
    if isinstance(model, FittedModel):
        return model
    adapter = known_by(ADAPTERS, model)
    if adapter is None:
        raise InvalidParameter(
            f"`model` is a {type(model).__name__}, which cannot be evaluated by calculus. "
            f"Supported are {supported()}, each of these also at the end of a Pipeline."
        )
    return adapter(model, X, y, sample_weight)


def supported() -> str:
    """The names of all classes that ``adapt`` takes, as a phrase."""
    return names_in(ADAPTERS)
