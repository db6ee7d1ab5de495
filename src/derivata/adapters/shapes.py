"""How a fitted model's outputs depend on its inputs: the light way in, which asks for no data.

    shape_of(model) -> LinearOutputs | AdditiveOutputs | NetworkOutputs | SmoothOutputs

Coefficients, effects or layers are read off the model as it is; nothing is fitted or minimised.
Classes are looked up as in ``adapt``, of which more are known here: whatever has coefficients.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from typing import Any, get_args

from derivata.adapters.fitted import FittedModel
from derivata.adapters.registry import known_by, names_in
from derivata.errors import InvalidParameter
from derivata.integrals.shapes import Shape

_LINEAR = "derivata.adapters.scikit_shapes:linear_shape"
_GENERALISED = "derivata.adapters.scikit_shapes:generalised_shape"
_LOGISTIC = "derivata.adapters.scikit_shapes:logistic_shape"
_SCORES = "derivata.adapters.scikit_shapes:scores_shape"
_SEARCH = "derivata.adapters.pipeline_shapes:search_shape"
_MLP = "derivata.adapters.scikit_shapes:network_shape"
_OWN_LINEAR = "derivata.adapters.own_shapes:linear_shape"
_OWN_ADDITIVE = "derivata.adapters.own_shapes:additive_shape"
_OWN_NETWORK = "derivata.adapters.own_shapes:network_shape"

# Library and class -> the function, as text.
SHAPES = {
    ("sklearn", "LinearRegression"): _LINEAR,
    ("sklearn", "Ridge"): _LINEAR,
    ("sklearn", "RidgeCV"): _LINEAR,
    ("sklearn", "Lasso"): _LINEAR,
    ("sklearn", "LassoCV"): _LINEAR,
    ("sklearn", "ElasticNet"): _LINEAR,
    ("sklearn", "ElasticNetCV"): _LINEAR,
    ("sklearn", "HuberRegressor"): _LINEAR,
    ("sklearn", "QuantileRegressor"): _LINEAR,
    ("sklearn", "BayesianRidge"): _LINEAR,
    ("sklearn", "ARDRegression"): _LINEAR,
    ("sklearn", "Lars"): _LINEAR,
    ("sklearn", "LassoLars"): _LINEAR,
    ("sklearn", "TheilSenRegressor"): _LINEAR,
    ("sklearn", "LinearSVR"): _LINEAR,
    ("sklearn", "SGDRegressor"): _LINEAR,
    ("sklearn", "PoissonRegressor"): _GENERALISED,
    ("sklearn", "GammaRegressor"): _GENERALISED,
    ("sklearn", "TweedieRegressor"): _GENERALISED,
    ("sklearn", "LogisticRegression"): _LOGISTIC,
    ("sklearn", "LogisticRegressionCV"): _LOGISTIC,
    ("sklearn", "LinearDiscriminantAnalysis"): _LOGISTIC,
    ("sklearn", "RidgeClassifier"): _SCORES,
    ("sklearn", "RidgeClassifierCV"): _SCORES,
    ("sklearn", "LinearSVC"): _SCORES,
    ("sklearn", "SGDClassifier"): _SCORES,
    ("sklearn", "Perceptron"): _SCORES,
    ("sklearn", "MLPClassifier"): _MLP,
    ("sklearn", "MLPRegressor"): _MLP,
    ("sklearn", "Pipeline"): "derivata.adapters.pipeline_shapes:pipeline_shape",
    ("sklearn", "GridSearchCV"): _SEARCH,
    ("sklearn", "RandomizedSearchCV"): _SEARCH,
    ("sklearn", "HalvingGridSearchCV"): _SEARCH,
    ("sklearn", "HalvingRandomSearchCV"): _SEARCH,
    ("derivata", "LinearRegressor"): _OWN_LINEAR,
    ("derivata", "LogisticClassifier"): _OWN_LINEAR,
    ("derivata", "PoissonRegressor"): _OWN_LINEAR,
    ("derivata", "LossEstimator"): "derivata.adapters.own_shapes:custom_shape",
    ("derivata", "AdditiveRegressor"): _OWN_ADDITIVE,
    ("derivata", "AdditiveClassifier"): _OWN_ADDITIVE,
    ("derivata", "TableModel"): "derivata.adapters.own_shapes:table_shape",
    ("derivata", "MLPClassifier"): _OWN_NETWORK,
    ("derivata", "MLPRegressor"): _OWN_NETWORK,
}


def shape_of(model: Any) -> Shape:
    """How a fitted model's outputs depend on its inputs.

    Parameters
    ----------
    model : estimator, TableModel or a shape
        A shape is returned as it is.

    Raises
    ------
    InvalidParameter
        If the model is of another kind, naming those there are, or is not fitted.
    NotAvailable
        If it was fitted in a way that has no such shape.
    """
    if isinstance(model, get_args(Shape)):
        return model
    if isinstance(model, FittedModel):
        # Its shape has the outputs of its objective, contrasts of classes, and no link.
        raise InvalidParameter(
            f"`model` is what `adapt` made of {model.name}; hand in the model itself: neither its "
            "rows nor its objective are needed here."
        )
    shape = known_by(SHAPES, model)
    if shape is not None:
        return shape(model)
    raise InvalidParameter(
        f"`model` is a {type(model).__name__}, of which no way from columns to outputs along which "
        f"to integrate is known. Supported are {supported_shapes()}, each of these also at the end "
        "of a Pipeline; and a smooth function of your own with its gradient, as "
        "`derivata.integrals.SmoothOutputs`."
    )


def supported_shapes() -> str:
    """The names of all classes that ``shape_of`` takes, as a phrase."""
    return names_in(SHAPES)
