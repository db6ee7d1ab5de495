"""Tuning that is never kept unless it helps: `HeldOutChoice`, and the record of what it tried.

    for each division of the rows into P (to fit) and Q (to judge):
        the untuned method is fitted on P; each tuner proposes from P, its proposal is fitted on P
    d_i = loss of row i after the proposal - before it,   i in Q
    kept if  sum_i s_i d_i < 0,  dropped if not;  then all rows are fitted with what is kept

A proposal sees no row that judges it. Differences are paired, row by row, so that rows that
are hard for every network do not count as noise; the record gives their mean and its standard
error. Up to ``small`` rows every row judges once (folds), beyond that one share of them does.

Cost: for each division one untuned fit, and a proposal and a fit for each tuner; with several
divisions the proposals that were kept are made anew of all rows; then the last fit.

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import process_time

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.neural.ensemble import FoldEnsemble, averaged_losses, fold_rows
from derivata.neural.evidence_columns import ColumnEvidence
from derivata.neural.evidence_decays import LayerEvidence
from derivata.neural.method import Fitted, Method, NetworkProblem
from derivata.neural.proposal import (
    Proposal,
    Tuner,
    TuningInterrupted,
    carried_back,
    with_factors,
)
from derivata.neural.rows import Rows

Kept = tuple[Tuner, Proposal | None]
"""A tuner that helped, and its proposal; None: to be made anew of all rows."""

# Of fewer rows none is spared: their differences would be noise.
FEWEST_JUDGES = 40


@dataclass(frozen=True)
class Trial:
    """One proposal, judged.

    Parameters
    ----------
    name : str
    loss : float                   mean loss of a judging row; NaN: nothing was proposed
    difference : float             its mean less that of what stood before
    standard_error : float         of the difference, paired
    kept : bool
    detail : str
    seconds : float                of the processor, proposal and fits
    """

    name: str
    loss: float
    difference: float
    standard_error: float
    kept: bool
    detail: str
    seconds: float

    def __str__(self) -> str:
        """One sentence."""
        if np.isnan(self.loss):
            return f"{self.name}: nothing proposed ({self.detail})."
        word = "kept" if self.kept else "dropped"
        change = f"{self.difference:+.4f} (standard error {self.standard_error:.4f})"
        return f"{self.name}: {word}, held-out loss {self.loss:.4f}, {change}; {self.detail}."


@dataclass(frozen=True)
class TuningRecord:
    """What was tried beside the untuned default, and what was kept.

    Parameters
    ----------
    n_judges : int                 rows that judged
    default_loss : float           their mean loss by the untuned default
    default_error : float          its standard error
    trials : tuple of Trial
    seconds : float                of the processor, for all of it but the last fit
    """

    n_judges: int
    default_loss: float
    default_error: float
    trials: tuple[Trial, ...]
    seconds: float

    @property
    def loss(self) -> float:
        """Mean held-out loss of what is kept, as chosen by the same rows."""
        kept = [trial.loss for trial in self.trials if trial.kept]
        return kept[-1] if kept else self.default_loss

    def sentences(self) -> tuple[str, ...]:
        """What was tried, kept and dropped."""
        if not self.n_judges:
            return tuple(str(trial) for trial in self.trials)
        first = (
            f"untuned: held-out loss {self.default_loss:.4f} (standard error "
            f"{self.default_error:.4f}, {self.n_judges} rows)."
        )
        return (first, *(str(trial) for trial in self.trials))

    def __str__(self) -> str:
        """A line a trial."""
        return "\n".join(self.sentences())


@dataclass(frozen=True, eq=False)
class TunedFit(Fitted):
    """A fit with the record of its tuning."""

    record: TuningRecord | None = None


@dataclass(frozen=True)
class HeldOutChoice:
    """Fit with those proposals of ``tuners`` that lower the loss of rows held out inside the fit.

    Parameters
    ----------
    tuners : tuple of Tuner
        Tried in order, each on top of what was kept before.
    then : Method
        How networks are fitted, those that are judged and the last ones.
    n_folds : int
        Divisions of few rows; of many, one, which holds out one in ``n_folds``.
    small : int
        Up to so many rows every row judges.

    Raises
    ------
    InvalidParameter
        If there are fewer than 2 folds, or no tuners.
    """

    tuners: tuple[Tuner, ...] = field(default=(ColumnEvidence(), LayerEvidence()))
    then: Method = FoldEnsemble(4)
    n_folds: int = 4
    small: int = 1000

    def __post_init__(self) -> None:
        if self.n_folds < 2:
            raise InvalidParameter(f"`n_folds` is {self.n_folds!r}; expected at least 2.")
        tuners = self.tuners if isinstance(self.tuners, tuple) else ()
        if not tuners or not all(hasattr(one, "propose") for one in tuners):
            raise InvalidParameter(
                f"`tuners` is {self.tuners!r:.80}; expected a tuple of tuners, such as "
                "`(ColumnEvidence(),)`."
            )

    def fit(self, problem: NetworkProblem) -> TunedFit:
        """The last fit, on all rows, with the record of the choice.

        Ctrl-C while it tunes ends it with an untuned fit of a part of the rows, marked.
        """
        silent = replace(problem, watch=None, checkpoint=None)
        untuned: list[Fitted] = []
        try:
            record, kept = self.choose(silent, untuned)
            chosen, factors = _with_kept(silent, kept)
        except TuningInterrupted:
            first = untuned[0]
            history = first.history.ended("interrupted")
            note = "interrupted while tuning: untuned, and fitted to a part of the rows."
            return TunedFit(
                first.members, history, first.settings, first.divergence, (note, *first.notes)
            )
        chosen = replace(chosen, watch=problem.watch, checkpoint=problem.checkpoint)
        fitted = self.then.fit(chosen)
        members = fitted.members
        if (factors != 1.0).any():
            members = tuple(carried_back(problem.network, one, factors) for one in members)
        return TunedFit(
            members,
            fitted.history,
            fitted.settings,
            fitted.divergence,
            record.sentences() + fitted.notes,
            record,
        )

    def choose(
        self, problem: NetworkProblem, untuned: list[Fitted] | None = None
    ) -> tuple[TuningRecord, list[Kept]]:
        """The record, and the tuners that lower the held-out loss, with what one proposed.

        Untuned fits are added to ``untuned``, if that is given.

        Raises
        ------
        TuningInterrupted              a KeyboardInterrupt, after Ctrl-C
        """
        started, n_rows = process_time(), problem.rows.n_rows
        if n_rows < FEWEST_JUDGES:
            few = f"{n_rows} rows are too few to judge by; at least {FEWEST_JUDGES} are needed"
            nothing = tuple(_nothing(tuner, few, 0.0) for tuner in self.tuners)
            return TuningRecord(0, np.nan, np.nan, nothing, 0.0), []
        divisions = [_Division.of(problem, held) for held in self._held(problem)]
        before = self._losses(divisions, [] if untuned is None else untuned)
        weight = np.concatenate([division.judges.weight for division in divisions])
        mean, error = _mean_and_error(before, weight)
        trials, kept = [], []
        for tuner in self.tuners:
            since = process_time()
            proposals = [tuner.propose(division.problem) for division in divisions]
            empty = [one.detail for one in proposals if one.settings is None]
            if empty:
                trials.append(_nothing(tuner, empty[0], process_time() - since))
                continue
            pairs = zip(divisions, proposals, strict=True)
            moved = [division.after(proposal) for division, proposal in pairs]
            after = self._losses(moved, [])
            change, noise = _mean_and_error(after - before, weight)
            loss, helps = float(np.average(after, weights=weight)), change < 0.0  # not if NaN
            spent, detail = process_time() - since, proposals[0].detail
            trials.append(Trial(tuner.name, loss, change, noise, helps, detail, spent))
            if helps:
                divisions, before = moved, after
                # Few rows: what all of them say is better than what a part of them said.
                kept.append((tuner, proposals[0] if len(proposals) == 1 else None))
        spent = process_time() - started
        return TuningRecord(len(before), mean, error, tuple(trials), spent), kept

    def _losses(self, divisions: list[_Division], fits: list[Fitted]) -> Array:
        """Of all judges; every fit is added to ``fits``."""
        losses = []
        for division in divisions:
            fitted = self.then.fit(division.problem)
            fits.append(fitted)
            if fitted.history.reason == "interrupted":
                raise TuningInterrupted
            losses.append(averaged_losses(division.problem, fitted.members, division.judges))
        return np.concatenate(losses)

    def _held(self, problem: NetworkProblem) -> list[Array]:
        folds = fold_rows(problem, self.n_folds)
        return folds if problem.rows.n_rows <= self.small else folds[:1]


@dataclass(frozen=True, eq=False)
class _Division:
    """A problem of some rows, and the other rows to judge by."""

    problem: NetworkProblem
    judges: Rows

    @classmethod
    def of(cls, problem: NetworkProblem, held: Array) -> _Division:
        fitted = np.setdiff1d(np.arange(problem.rows.n_rows), held)
        labels = None if problem.labels is None else np.asarray(problem.labels)[fitted]
        part = replace(problem, rows=problem.rows.take(fitted), labels=labels)
        return cls(part, problem.rows.take(held))

    def after(self, proposal: Proposal) -> _Division:
        judges = self.judges
        if proposal.factors is not None:
            judges = with_factors(judges, proposal.factors)
        return _Division(proposal.applied(self.problem), judges)


def _with_kept(problem: NetworkProblem, kept: list[Kept]) -> tuple[NetworkProblem, Array]:
    """The problem with all that is kept, and the factors of its inputs."""
    factors = np.ones(problem.network.n_numbers)
    for tuner, found in kept:
        proposal = tuner.propose(problem) if found is None else found
        problem = proposal.applied(problem)
        if proposal.factors is not None:
            factors = factors * proposal.factors
    return problem, factors


def _nothing(tuner: Tuner, detail: str, seconds: float) -> Trial:
    return Trial(tuner.name, np.nan, np.nan, np.nan, False, detail, seconds)


def _mean_and_error(values: Array, weight: Array) -> tuple[float, float]:
    """Weighted mean, and its standard error."""
    weight = np.asarray(weight, float)
    mean = float(np.average(values, weights=weight))
    spread = float((weight**2 * (values - mean) ** 2).sum())
    return mean, float(np.sqrt(spread) / weight.sum())
