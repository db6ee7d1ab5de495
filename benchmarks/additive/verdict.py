"""From results to printed rows: each table against each peer, then the targets over all tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean, median

import numpy as np
from additive.data import SMALL_AND_SMOOTH
from additive.results import Result
from harness import Row, compared, seconds

Results = Mapping[int, Result]  # by split


@dataclass(frozen=True)
class Target:
    """What is asked of one of our configurations against a peer, on each table."""

    peer: str
    ours: str
    loss: float = 1.0  # ours at most this many times theirs
    faster: float = 0.0  # theirs at least this many times ours
    on_average: bool = False  # asked of the mean over tables: a single one is not judged

    @property
    def words(self) -> str:
        if self.on_average:
            return "(mean over tables)"
        return "loss no higher, " + (
            "no slower" if self.faster == 1.0 else f"{self.faster:g} × faster"
        )


@dataclass(frozen=True)
class Comparison:
    """Both sides on the splits that both have. `floor`: their time when they were stopped."""

    table: str
    ours: list[Result]
    theirs: list[Result]
    floor: float | None

    @property
    def loss_ratios(self) -> np.ndarray:
        return np.array([a.loss / b.loss for a, b in zip(self.ours, self.theirs, strict=True)])

    @property
    def loss_ratio(self) -> float | None:
        return float(self.loss_ratios.mean()) if self.theirs else None

    @property
    def error(self) -> float:
        """Standard error of the loss ratio over splits."""
        ratios = self.loss_ratios
        return float(ratios.std(ddof=1) / np.sqrt(len(ratios))) if len(ratios) > 1 else 0.0

    @property
    def time_ratio(self) -> float | None:
        """Theirs over ours; a lower bound where they were stopped."""
        if self.theirs:
            return median(
                b.seconds / a.seconds for a, b in zip(self.ours, self.theirs, strict=True)
            )
        return None if self.floor is None else self.floor / median(r.seconds for r in self.ours)


TARGETS = (
    Target("gam", "main effects", faster=100.0),
    Target("bam", "main effects", faster=1.0),
    Target("pyGAM", "main effects", faster=20.0),
    Target("EBM", "default", faster=20.0),
    Target("HistGB", "default", loss=1.15, on_average=True),
    Target("LightGBM+Optuna", "default", loss=1.25, faster=20.0, on_average=True),
    Target("glum CV", "main effects", faster=1.0),
)
ON_SMALL = Target("HistGB", "default", on_average=True)  # on the small smooth tables


def comparison(table: str, ours: Results, theirs: Results) -> Comparison | None:
    """None where ours has no result at all."""
    good = {split: result for split, result in ours.items() if not result.failed}
    if not good:
        return None
    both = [split for split in good if split in theirs and not theirs[split].failed]
    stopped = [re.match(r"stopped after (\d+) CPU s", r.failed) for r in theirs.values()]
    floor = next((float(found[1]) for found in stopped if found), None)
    chosen = both or list(good)
    return Comparison(
        table, [good[s] for s in chosen], [theirs[s] for s in both], None if both else floor
    )


def table_row(shape: str, table: str, target: Target, ours: Results, theirs: Results) -> Row:
    """One table against one peer; what failed says so."""
    work, against = f"{table} ({shape}), {target.ours}", target.peer
    both = comparison(table, ours, theirs)
    if both is None:
        reason = next(iter(ours.values())).failed if ours else "not run"
        return Row(work, against, reason, "", "", target.words, False)
    mine = [result.seconds for result in both.ours]
    if not both.theirs:
        reason = next(iter(theirs.values())).failed if theirs else "not run"
        more = "" if both.floor is None else f" (> {both.time_ratio:.0f} ×)"
        alone = f"{median(r.loss for r in both.ours):.4f} / –"
        return Row(work, against, seconds(mine), reason + more, alone, target.words, None)
    quality = (
        f"{median(r.loss for r in both.ours):.4f} / {median(r.loss for r in both.theirs):.4f} "
        f"(ratio {both.loss_ratio:.3f} ± {both.error:.3f}, {len(both.theirs)} splits)"
    )
    reached = both.loss_ratio <= target.loss and both.time_ratio >= target.faster
    times = compared([result.seconds for result in both.theirs], mine)
    judged = None if target.on_average else bool(reached)
    return Row(work, against, seconds(mine), times, quality, target.words, judged)


def summary(compare: Callable[[str, str, str], Comparison | None], tables: list[str]) -> list[Row]:
    """The targets over all tables; `compare(table, ours, peer)` gives what there is."""

    def found(target: Target) -> list[Comparison]:
        each = [compare(table, target.ours, target.peer) for table in tables]
        return [one for one in each if one is not None]

    def run(target: Target) -> dict[str, Comparison]:
        return {one.table: one for one in found(target) if one.theirs}

    gam, bam, pygam, ebm, hist, tuned, glum = TARGETS
    mgcv = [tuple(known[t] for known in (run(gam), run(bam)) if t in known) for t in tables]
    small = {table: one for table, one in run(hist).items() if table in SMALL_AND_SMOOTH}
    rows = [
        no_higher("gam and bam, those that ran", gam, mgcv, 0.8),
        less_time(gam, found(gam)),
        less_time(bam, found(bam)),
        no_higher("pyGAM", pygam, [(one,) for one in run(pygam).values()], 0.7),
        less_time(pygam, found(pygam)),
        no_higher("EBM", ebm, [(one,) for one in run(ebm).values()], 0.7),
        less_time(ebm, found(ebm)),
        mean_ratio("loss, small smooth tables", ON_SMALL, list(small.values())),
        mean_ratio("loss, all tables", hist, list(run(hist).values())),
        mean_ratio("loss, all tables", tuned, list(run(tuned).values())),
        less_time(tuned, found(tuned)),
        mean_ratio("deviance, fremtpl2", glum, list(run(glum).values())),
        less_time(glum, found(glum)),
    ]
    return [row for row in rows if row is not None]


def no_higher(
    peer: str, target: Target, each: list[tuple[Comparison, ...]], least: float
) -> Row | None:
    """On how many tables our loss is at most that of every peer given."""
    each = [known for known in each if known]
    if not each:
        return None
    good = sum(all(one.loss_ratio <= 1.0 for one in known) for known in each)
    near = sum(all(one.loss_ratio <= 1.0 + one.error for one in known) for known in each)
    said = f"lower or equal on {good} of {len(each)} tables ({near} within one standard error)"
    return over_all("loss", peer, target, said, f"on {least:.0%}", good >= least * len(each))


def less_time(target: Target, each: list[Comparison]) -> Row | None:
    """The median over tables of their CPU seconds over ours, lower bounds included."""
    ratios = [one.time_ratio for one in each if one.time_ratio is not None]
    if not ratios:
        return None
    middle = median(ratios)
    said = (
        f"{middle:.3g} × ours, median of {len(ratios)} tables ({min(ratios):.3g}–{max(ratios):.3g})"
    )
    wanted = f"≥ {target.faster:g} ×"
    return over_all("CPU time", target.peer, target, said, wanted, middle >= target.faster)


def mean_ratio(work: str, target: Target, each: list[Comparison]) -> Row | None:
    """The mean over tables of our loss over theirs."""
    if not each:
        return None
    middle = mean(one.loss_ratio for one in each)
    said = f"ours / theirs {middle:.3f}, mean of {len(each)} tables"
    return over_all(work, target.peer, target, said, f"≤ {target.loss:.2f}", middle <= target.loss)


def over_all(work: str, peer: str, target: Target, said: str, wanted: str, reached: bool) -> Row:
    return Row(f"{work}; {target.ours}", peer, "", "", said, wanted, bool(reached))


def alone(shape: str, table: str, peer: str, theirs: Results) -> str:
    """A peer's own line, for a run without ours."""
    good = [result for result in theirs.values() if not result.failed]
    if not good:
        reason = next(iter(theirs.values())).failed if theirs else "not run"
        return f"| {table} ({shape}) | {peer} | {reason} | | |"
    loss, time = mean(r.loss for r in good), mean(r.seconds for r in good)
    return f"| {table} ({shape}) | {peer} | {loss:.4f} | {time:.3g} | {len(good)} |"
