"""What is asked of the fit itself: errors of its terms, its evidence, its sensitivity."""

from __future__ import annotations

import math

from markupsafe import Markup

from derivata.evaluation.evidence import EvidenceResult
from derivata.evaluation.sensitivity import Sensitivity
from derivata.evaluation.term_errors import TermErrors
from derivata.plain_text import clean, number, plural
from derivata.report.evaluation_record import EvaluationRecord, Refused
from derivata.report.parts import facts, folded, paragraph, section, table
from derivata.report.sensitivity_charts import sensitivity_pictures
from derivata.report.words import p_value_in_words, share_in_words

MOST_TERMS = 60


def terms_section(record: EvaluationRecord) -> Markup:
    """Each term's strength with the error of its effect."""
    found = record.errors
    if found is None:
        return Markup("")
    if isinstance(found, Refused):
        return section("Terms", f"Not to be had: {found.reason}")
    rows = [
        [
            one.row.label,
            "0" if one.row.shrunk else number(one.row.strength, 3),
            number(one.error, 2),
            share_in_words(one.row.share),
            p_value_in_words(one.row.p_value),
        ]
        for one in found.terms[:MOST_TERMS]
    ]
    head = ["term", "strength", "± its effect", "share", "p-value"]
    return section(
        "Terms",
        terms_in_words(found),
        folded(
            f"The {plural(len(rows), 'term')}", table(head, rows, numeric=(1, 2, 3, 4)), len(rows)
        ),
        paragraph(
            "Strength: standard deviation of the term's effect over the rows. ± its effect: root "
            "mean square posterior standard deviation of it, the uncertainty of the penalties "
            "included: where it is the larger of the two, the shape drawn in the report may be "
            "another.",
            "note",
        ),
    )


def terms_in_words(found: TermErrors) -> str:
    """How sure the terms are together."""
    known = [one for one in found.terms if not one.row.shrunk]
    sure = sum(one.row.strength > 2.0 * one.error for one in known)
    return (
        f"What the model adds up for a row is known to ± {number(found.output_error, 2)}, where "
        f"rows differ by {number(found.output_spread, 2)}; {sure} of {plural(len(known), 'term')} "
        "not shrunk to nothing exceed twice the error of their effect."
    )


def evidence_section(record: EvaluationRecord) -> Markup:
    """The log probability of the targets."""
    found = record.evidence
    if found is None:
        return Markup("")
    if isinstance(found, Refused):
        return section("Evidence", f"Not to be had: {found.reason}")
    pairs = [("Log evidence", evidence_in_words(found)), ("How", found.how)]
    if found.laplace is not None:
        pairs.append(("Laplace's approximation", number(found.laplace, 6)))
    pairs.append(("Improper priors", str(found.improper)))
    return section(
        "Evidence",
        "How probable the targets are under the model, its coefficients integrated out: it tells "
        "models of the same rows apart, the larger the better.",
        facts(pairs),
        paragraph(" ".join(found.notes), "note"),
    )


def evidence_in_words(found: EvidenceResult) -> str:
    """The number with its error."""
    words = f"{number(found.log_evidence, 6)} nats"
    if found.error > 0.0:
        words += f", error {number(found.error, 1)}"
    return words if found.is_trusted else f"{words}; not to be trusted"


def sensitivity_section(record: EvaluationRecord) -> Markup:
    """How the held-out loss moves with each penalty, and with errors of measurement."""
    found = record.sensitivity
    if found is None:
        return Markup("")
    if isinstance(found, Refused):
        return section("Sensitivity", f"Not to be had: {found.reason}")
    return section(
        "Sensitivity",
        sensitivity_in_words(found),
        sensitivity_pictures(found),
        paragraph(" ".join(found.notes), "note") if found.notes else Markup(""),
    )


def sensitivity_in_words(found: Sensitivity) -> str:
    """The penalty that matters most, and how many do not."""
    if not found.hyper:
        return "The model has no penalty, so nothing depends on one."
    most = max(found.hyper, key=lambda one: abs(one.slope))
    share = abs(most.in_errors) * math.log(1.1)
    words = (
        f"Of {plural(len(found.hyper), 'penalty', 'penalties')}, {clean(most.name, 60)} moves the "
        f"{found.criterion} score most: a tenth more of it by {share:.2g} of the score's standard "
        "error"
    )
    return f"{words} ({clean(most.verdict, 160)})."
