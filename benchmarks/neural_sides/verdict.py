"""From results to printed rows: ours against each peer on each table, then over all tables."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean

import numpy as np
from harness import Row, compared, no_worse, paired, seconds
from neural_sides.results import Result

Results = Mapping[int, Result]  # by split

TARGETS = {
    "scikit-learn": "loss lower",
    "scikit-learn raw": "(shown)",
    "Optuna": "within one standard error, 5 × faster",
    "RealMLP": "(shown)",
    "RealMLP log-loss": "(shown)",
}
OPTUNA_FASTER = 5.0


def good(results: Results) -> dict[int, Result]:
    return {split: result for split, result in results.items() if not result.failed}


def table_row(work: str, peer: str, ours: Results, theirs: Results) -> Row:
    """One table against one peer, on the splits that both have; what failed says so."""
    target = TARGETS[peer]
    both = [split for split in good(ours) if split in good(theirs)]
    if not both:
        side = ours if not good(ours) else theirs
        reason = next((result.failed for result in side.values()), "not run")
        return Row(work, peer, "", reason, "", target, None)
    our_times, their_times = seconds_of(ours, both), seconds_of(theirs, both)
    quality = paired(losses_of(ours, both), losses_of(theirs, both)) + f", {len(both)} splits"
    return Row(
        work,
        peer,
        seconds(our_times),
        compared(their_times, our_times),
        quality,
        target,
        reached(peer, ours, theirs),
    )


def reached(peer: str, ours: Results, theirs: Results) -> bool | None:
    """Whether the target of one table is reached; None where there is none."""
    both = [split for split in good(ours) if split in good(theirs)]
    if not both or peer not in ("scikit-learn", "Optuna"):
        return None
    our_losses, their_losses = losses_of(ours, both), losses_of(theirs, both)
    if peer == "scikit-learn":
        return bool(mean(our_losses) < mean(their_losses))
    faster = np.median(np.divide(seconds_of(theirs, both), seconds_of(ours, both)))
    return bool(no_worse(our_losses, their_losses) and faster >= OPTUNA_FASTER)


def summary(found: Mapping[tuple[str, str], Results], ours: str, tables: list[str]) -> list[Row]:
    """How many tables reach what is asked of them."""
    rows = []
    for peer, least, wanted in (("scikit-learn", 1.0, "on all"), ("Optuna", 2 / 3, "on 4 of 6")):
        each = [
            reached(peer, found[table, ours], found[table, peer])
            for table in tables
            if (table, ours) in found and (table, peer) in found
        ]
        judged = [one for one in each if one is not None]
        if judged:
            said = f"{TARGETS[peer]} on {sum(judged)} of {len(judged)} tables"
            enough = sum(judged) >= least * len(judged)
            rows.append(Row(f"all tables; {ours}", peer, "", "", said, wanted, bool(enough)))
    return rows


def losses_of(results: Results, splits: list[int]) -> list[float]:
    return [float(results[split].loss or 0.0) for split in splits]


def seconds_of(results: Results, splits: list[int]) -> list[float]:
    return [float(results[split].seconds or 0.0) for split in splits]
