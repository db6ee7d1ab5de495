"""What is trained, and how, where the user says nothing: told from rows and kind of target alone.

Chosen by the mean change of the held-out loss over tables of real data, six of classes and four of
numbers: classes are learnt in a quarter of the steps, and gain from dropout where numbers lose.
"""

from __future__ import annotations

import numpy as np

from derivata.neural.method import Method
from derivata.neural.settings import Training
from derivata.solvers.first_order import Adam

HIDDEN, N_MEMBERS = (256, 256), 4
STEP, ALPHA = 2e-3, 1.0
# For classes and for numbers: how many steps, about, and dropout.
CLASS_STEPS, CLASS_DROPOUT = 1_000, 0.2
NUMBER_STEPS, NUMBER_DROPOUT = 4_000, 0.0
# Between so many columns of numbers their evidence is tried, at five to ten times the cost; beyond,
# its eigenvalues are too dear.
MANY_COLUMNS, MOST_COLUMNS = 100, 1_000
# Passes over the rows, at least and at most.
FEWEST_EPOCHS, MOST_EPOCHS = 10, 150
# Rows of a batch: a power of 2 near one part in so many of all rows.
PARTS, SMALLEST_BATCH, LARGEST_BATCH = 40, 16, 256
# Of fewer rows none are held out: what so few say of the best epoch is noise.
FEWEST_HELD_APART, HELD_OUT_SHARE = 100, 0.2


def default_training(n_rows: int, classifies: bool) -> Training:
    """Settings for so many rows to train on.

    Parameters
    ----------
    n_rows : int
    classifies : bool

    Returns
    -------
    settings : Training
    """
    power = 2 ** round(float(np.log2(max(n_rows / PARTS, 1.0))))
    batch_size = min(max(power, SMALLEST_BATCH), LARGEST_BATCH)
    n_steps = CLASS_STEPS if classifies else NUMBER_STEPS
    n_epochs = n_steps // -(-n_rows // batch_size)
    return Training(
        solver=Adam(step=STEP),
        n_epochs=min(max(n_epochs, FEWEST_EPOCHS), MOST_EPOCHS),
        batch_size=batch_size,
        alpha=ALPHA,
        dropout=CLASS_DROPOUT if classifies else NUMBER_DROPOUT,
    )


def default_method(n_numbers: int) -> Method:
    """Networks that together see every row, averaged; imported when needed, for it needs JAX.

    Among many columns of numbers there are often some that say nothing, which a network fits all
    the same: there the evidence of each column is tried too, and kept if it helps held-out rows.

    Parameters
    ----------
    n_numbers : int                columns of numbers
    """
    from derivata.neural.ensemble import FoldEnsemble

    if not MANY_COLUMNS <= n_numbers <= MOST_COLUMNS:
        return FoldEnsemble(N_MEMBERS)
    from derivata.neural.evidence_columns import ColumnEvidence
    from derivata.neural.holdout import HeldOutChoice

    return HeldOutChoice((ColumnEvidence(),), FoldEnsemble(N_MEMBERS))


def default_held_out(n_rows: int) -> float:
    """Share of rows that choose the best epoch."""
    return HELD_OUT_SHARE if n_rows >= FEWEST_HELD_APART else 0.0
