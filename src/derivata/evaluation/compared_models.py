"""What a comparison of models says: a table, the best by either judge, and where they disagree.

Maths: docs/math/comparing_models.md
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.evaluation.evidence import EvidenceResult
from derivata.evaluation.penalty_check import Penalties

# Nats of evidence, and standard errors of a difference, from which on a preference is clear.
CLEAR_EVIDENCE, CLEAR_ERRORS = 3.0, 2.0


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """One line of a comparison.

    Attributes
    ----------
    name : str
    evidence : EvidenceResult or None      None where there is none; the notes say why
    probability : float                    of the model given the targets; NaN where not comparable
    score : float                          leave-one-out, smaller is better
    standard_error : float                 of the score, over rows
    difference : float                     score less that of the best
    difference_error : float               of the difference, over the same rows; 0 of the best
    per_row : array (n,)
    penalties : Penalties or None          where evidence and leave-one-out would put them
    notes : tuple of str
    """

    name: str
    evidence: EvidenceResult | None
    probability: float
    score: float
    standard_error: float
    difference: float
    difference_error: float
    per_row: Array
    penalties: Penalties | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models side by side; ``print`` it for a table.

    Attributes
    ----------
    models : tuple of ComparedModel        as handed in
    metric : str                           of the leave-one-out score
    best_by_evidence : str or None         None where evidences do not compare
    best_by_leave_one_out : str
    warnings : tuple of str                where the two disagree
    notes : tuple of str
    """

    models: tuple[ComparedModel, ...]
    metric: str
    best_by_evidence: str | None
    best_by_leave_one_out: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> ComparedModel:
        """The line of a model, by name."""
        for model in self.models:
            if model.name == name:
                return model
        raise InvalidParameter(
            f"there is no model {name!r}; there are {', '.join(m.name for m in self.models)}."
        )

    def __str__(self) -> str:
        width = max([len(model.name) for model in self.models] + [5])
        lines = [
            f"{'model':{width}s}  {'log evidence':>13s} {'error':>8s}  {'probability':>11s}  "
            f"{'left out':>10s} {'± rows':>9s}  {'to the best':>11s} {'±':>9s}"
        ]
        for each in self.models:
            left = f"{'–':>13s} {'':>8s}  "
            if each.evidence is not None:
                error = each.evidence.error
                told = "exact" if error == 0.0 else f"{error:.2g}"
                mark = "" if each.evidence.is_trusted else " ?"
                left = f"{each.evidence.log_evidence:13.3f} {told + mark:>8s}  "
            chance = f"{each.probability:11.3f}" if np.isfinite(each.probability) else f"{'–':>11s}"
            lines.append(
                f"{each.name:{width}s}  {left}{chance}  {each.score:10.5g} "
                f"{each.standard_error:9.3g}  {each.difference:11.4g} {each.difference_error:9.3g}"
            )
        lines += ["", f"best by evidence: {self.best_by_evidence or 'not to be told'}"]
        lines += [f"best by rows left out ({self.metric}): {self.best_by_leave_one_out}"]
        lines += [fill(f"WARNING: {warning}", 100) for warning in self.warnings]
        lines += [fill(note, 100) for note in self.notes]
        for each in self.models:
            lines += [fill(f"{each.name}: {note}", 100) for note in each.notes]
        return "\n".join(lines)


def disagreements(
    lines: tuple[ComparedModel, ...], by_evidence: int | None, best: int
) -> list[str]:
    """Sentences on where evidence and rows left out prefer others; numbers are of the best."""
    told = []
    if by_evidence is not None and by_evidence != best:
        ours, theirs = lines[by_evidence], lines[best]
        assert ours.evidence is not None and theirs.evidence is not None
        margin = ours.evidence.log_evidence - theirs.evidence.log_evidence
        unsure = np.hypot(ours.evidence.error, theirs.evidence.error)
        sure = margin > CLEAR_EVIDENCE and not margin < 3.0 * unsure
        clear = ours.difference > CLEAR_ERRORS * ours.difference_error
        words = {
            (True, True): (
                "Both are sure: the models are probably all wrong, in a way that matters to "
                "predictions; trust rows left out for those."
            ),
            (True, False): (
                "The rows left out can hardly tell the two apart: the evidence decides, if its "
                "priors are yours."
            ),
            (False, True): "The evidence hardly tells the two apart: the rows left out decide.",
            (False, False): "Neither is sure: the data do not tell the two apart.",
        }[bool(sure), bool(clear)]
        told.append(
            f"evidence and rows left out disagree: {ours.name} by {margin:.2f} nats of evidence, "
            f"{theirs.name} by {ours.difference:.3g} ± {ours.difference_error:.2g} a row. {words}"
        )
    return told + [
        f"{each.name}: {each.penalties.words}"
        for each in lines
        if each.penalties is not None and each.penalties.disagree
    ]
