"""Which rows each step of training sees, decided on the host.

Every epoch has an order of its own, drawn from the seed and its number alone: training that resumes
at an epoch needs nothing else. Rows are dealt evenly: 1,797 rows in batches of at most 32 are 57
batches of 31 or 32, never a last one of 5 whose gradient would be noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.neural.epochs import Plan
from derivata.neural.seeds import DROPS, ORDER, generator
from derivata.neural.settings import Training
from derivata.row_grid import padded_size

# What a call may take: so many multiplications, by a rough count, and so many epochs.
LARGEST_CALL, MOST_EPOCHS = 4e9, 64
# A batch of all rows is padded to a multiple of the power of 2 below it, over so many.
FULL_PARTS = 16


@dataclass(frozen=True, eq=False)
class Planner:
    """The plan of a training, a call of `run_epochs` at a time.

    Parameters
    ----------
    settings : Training
    n_rows : int                   at least 1
    n_params : int                 of the network, for how much a call may hold
    seed : int
    """

    settings: Training
    n_rows: int
    n_params: int
    seed: int

    @property
    def n_padded(self) -> int:
        """Rows of the padded data: at least one more, for batches to fill up with."""
        return padded_size(self.n_rows + 1)

    @property
    def batch_size(self) -> int:
        """Rows of a batch in the compiled code; all rows in one batch are padded by 6 % at most."""
        part = max(2 ** (self.n_rows.bit_length() - 1) // FULL_PARTS, FULL_PARTS // 2)
        return min(self.settings.batch_size, -(-self.n_rows // part) * part)

    @property
    def n_batches(self) -> int:
        """Batches of an epoch."""
        return -(-self.n_rows // self.batch_size)

    @property
    def n_steps(self) -> int:
        """Steps of the whole training."""
        return self.settings.n_epochs * self.n_batches

    @property
    def most_epochs(self) -> int:
        """Epochs of a call, at most: a power of 2, so that few numbers are met."""
        work = 3.0 * self.n_padded * self.n_params
        fit = int(min(max(LARGEST_CALL / work, 1.0), MOST_EPOCHS))
        return 2 ** (fit.bit_length() - 1)

    def plan(self, first_epoch: int, last_epoch: int) -> Plan:
        """The epochs [first, last), at most `most_epochs` of them."""
        n_epochs, n_batches = last_epoch - first_epoch, self.n_batches
        shape = self.most_epochs, -(-self.n_padded // self.batch_size)
        order = np.full((*shape, self.batch_size), self.n_rows, np.int32)
        step, seed = np.zeros(shape, np.float32), np.zeros(shape, np.uint32)
        steps = self.settings.steps(self.n_steps)
        for place in range(n_epochs):
            epoch = first_epoch + place
            order[place, :n_batches] = self._dealt(generator(self.seed, ORDER, epoch))
            step[place, :n_batches] = steps[epoch * n_batches :][:n_batches]
            if self.settings.dropout:
                drops = generator(self.seed, DROPS, epoch)
                seed[place, :n_batches] = drops.integers(2**32, size=n_batches, dtype=np.uint32)
        numbers = (first_epoch, n_epochs, n_batches, n_batches, self.n_rows)
        return Plan(order, step, seed, *(np.int32(number) for number in numbers))

    def _dealt(self, rng: np.random.Generator) -> Array:
        """All rows in a random order, dealt to batches: (n_batches, batch_size)."""
        order = rng.permutation(self.n_rows).astype(np.int32)
        fewest, n_larger = divmod(self.n_rows, self.n_batches)
        batches = np.full((self.n_batches, self.batch_size), self.n_rows, np.int32)
        cut = n_larger * (fewest + 1)
        if n_larger:
            batches[:n_larger, : fewest + 1] = order[:cut].reshape(n_larger, -1)
        batches[n_larger:, :fewest] = order[cut:].reshape(-1, fewest)
        return batches
