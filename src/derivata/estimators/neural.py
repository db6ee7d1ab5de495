"""Neural networks with scikit-learn's face.

    outputs = network(numbers and codes of the columns)

Declarations only: columns become inputs in ``neural_inputs``, training is ``derivata.neural``, the
fitted value ``neural_model``. Fitting needs JAX (the extra ``[jax]``), predicting does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from derivata.contracts import Array
from derivata.errors import InvalidParameter, InvalidTarget
from derivata.estimators.additive_rows import feature_table, target_rows
from derivata.estimators.neural_base import NeuralEstimator
from derivata.estimators.neural_defaults import (
    HIDDEN,
)
from derivata.estimators.row_values import (
    typed_labels,
    validate_labels,
    validate_numbers,
    validate_weight,
)
from derivata.neural.activations import Activation
from derivata.neural.losses import ManyClasses, SquaredError, TwoClasses
from derivata.neural.method import Method
from derivata.neural.settings import Training


class MLPRegressor(RegressorMixin, NeuralEstimator):
    """Numbers by a neural network of fully connected layers.

    Columns are scaled by their middle cells, words become indicators or embeddings, missing cells
    need no treatment; the target is standardised. What is trained, for how long and with which step
    is told from the number of rows, unless given.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    activation : Activation or None
        ``derivata.neural.activations``; None: ``ReLU()``.
    training : Training or None
        ``derivata.neural.settings``: solver, epochs, batches, weight decay, dropout; None: by the
        number of rows.
    held_out : "auto" or float
        Share of the rows that choose the best epoch; 0: the last epoch's weights are taken; "auto":
        0 for few rows. An ensemble over folds holds out one of them for each of its networks.
    method : Method or None
        ``OneNetwork()``: one network, trained once. None: ``FoldEnsemble(4)``, whose networks'
        predictions are averaged; from 100 to 1,000 columns of numbers also the evidence of each
        column, kept if it lowers the loss of rows held out for that, at five to ten times the cost.
    checkpoint : path-like or None
        A file to keep unfinished training in, one a network. A fit that finds one of its own goes
        on from there; one of other data or settings is refused.
    verbose : bool
        Whether to show a bar on standard error, where that is a terminal.
    random_state : int
        Of first weights, order of rows, dropout and held-out rows: the same gives the same bits.

    Attributes
    ----------
    model_ : NetworkModel
        The fitted value: columns, networks.
    history_ : History
        Losses of every epoch, the best one, why training stopped.
    notes_ : tuple of str
        What ``method`` tried, kept and dropped.
    n_iter_ : int
        Epochs that were run.
    interrupted_ : bool

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from derivata.estimators.neural import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor().fit(X, y)
    >>> bool(model.score(X, y) > 0.4)
    True
    """

    def __init__(
        self,
        hidden: Sequence[int] = HIDDEN,
        *,
        activation: Activation | None = None,
        training: Training | None = None,
        held_out: Any = "auto",
        method: Method | None = None,
        checkpoint: Any = None,
        verbose: bool = False,
        random_state: int = 0,
    ):
        self.hidden = hidden
        self.activation = activation
        self.training = training
        self.held_out = held_out
        self.method = method
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : frame or array (n_samples, n_columns)
            Numbers and words; missing cells welcome.
        y : array-like (n_samples,)
        sample_weight : array-like (n_samples,), optional
            A row of weight 0 is left out.

        Returns
        -------
        self
        """
        self._check_settings()
        table = feature_table(self, X, reset=True)
        y = validate_numbers(target_rows(table, y))
        SquaredError().classic.validate(y)
        weight = validate_weight(sample_weight, len(y))
        kept = np.flatnonzero(weight)
        if len(kept) < len(weight):
            table, y, weight = table.take(kept), y[kept], weight[kept]
        center = float(np.average(y, weights=weight))
        scale = float(np.sqrt(np.average((y - center) ** 2, weights=weight)))
        # Of a constant target the scale is 0, and so is whatever the network adds to it.
        standard = (y - center) / (scale or 1.0)
        self._fit(table, standard, weight, SquaredError(), scale=(center, scale))
        return self

    def predict(self, X: Any) -> Array:
        """Expected values, (n_samples,)."""
        table = self._table(X)
        return self.model_.means(table)


class MLPClassifier(ClassifierMixin, NeuralEstimator):
    """Classes by a neural network of fully connected layers.

    Parameters
    ----------
    hidden, activation, training, held_out, method, checkpoint, verbose, random_state
        As in ``MLPRegressor``.
    class_weight : None, "balanced" or dict
        Multiplies ``sample_weight``, as in scikit-learn.

    Attributes
    ----------
    classes_ : array (n_classes,)
    model_, history_, notes_, n_iter_, interrupted_
        As in ``MLPRegressor``.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from derivata.estimators.neural import MLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = MLPClassifier().fit(X, y)
    >>> bool(model.score(X, y) > 0.97)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **NeuralEstimator._parameter_constraints,
        "class_weight": [None, str, dict],
    }

    def __init__(
        self,
        hidden: Sequence[int] = HIDDEN,
        *,
        activation: Activation | None = None,
        training: Training | None = None,
        held_out: Any = "auto",
        method: Method | None = None,
        class_weight: Any = None,
        checkpoint: Any = None,
        verbose: bool = False,
        random_state: int = 0,
    ):
        self.hidden = hidden
        self.activation = activation
        self.training = training
        self.held_out = held_out
        self.method = method
        self.class_weight = class_weight
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : frame or array (n_samples, n_columns)
            Numbers and words; missing cells welcome.
        y : array-like (n_samples,)
            Class labels.
        sample_weight : array-like (n_samples,), optional
            A row of weight 0 is left out.

        Returns
        -------
        self
        """
        self._check_settings()
        table = feature_table(self, X, reset=True)
        y = target_rows(table, typed_labels(y))
        if y.dtype.kind not in "biuSU":
            check_classification_targets(y := validate_labels(y))
        weight = self._class_weighted(y, validate_weight(sample_weight, len(y)))
        kept = np.flatnonzero(weight)
        if len(kept) < len(weight):
            table, y, weight = table.take(kept), y[kept], weight[kept]
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            only = ", ".join(str(label) for label in self.classes_)
            raise InvalidTarget(
                f"`y` has one class only, {only or 'and none of them'}, in rows of positive "
                "weight: the classifier needs samples of at least 2 classes in the data."
            )
        loss = TwoClasses() if n_classes == 2 else ManyClasses(n_classes)
        self._fit(table, codes.astype(float), weight, loss, labels=codes)
        return self

    def _class_weighted(self, y: Array, weight: Array) -> Array:
        if self.class_weight is None:
            return weight
        factors = compute_sample_weight(self.class_weight, y)
        bad = np.flatnonzero(~(np.isfinite(factors) & (factors >= 0.0)))
        if len(bad):
            raise InvalidParameter(
                f"`class_weight` is {factors[bad[0]]} for the class {y[bad[0]]}; it must be a "
                "finite number >= 0."
            )
        return weight * factors

    def predict_proba(self, X: Any) -> Array:
        """Class probabilities, (n_samples, n_classes)."""
        table = self._table(X)
        return self.model_.probabilities(table)

    def predict_log_proba(self, X: Any) -> Array:
        """Logs of the class probabilities, (n_samples, n_classes)."""
        return np.log(np.maximum(self.predict_proba(X), np.finfo(float).tiny))

    def decision_function(self, X: Any) -> Array:
        """Log-odds (n_samples,) of the second of two classes, or scores (n_samples, n_classes).

        Scores are logs of probabilities less their mean.
        """
        logs = self.predict_log_proba(X)
        if len(self.classes_) == 2:
            return logs[:, 1] - logs[:, 0]
        return logs - logs.mean(axis=1, keepdims=True)

    def predict(self, X: Any) -> Array:
        """The most probable class of each row, (n_samples,)."""
        check_is_fitted(self, "model_")
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
