"""Networks of derivata against torch, scikit-learn, a search with Optuna, and RealMLP.

Run with ``./dev bench neural``; ``--help`` says how to choose parts, tables, peers and splits. CPU
seconds, one thread, medians. Training is timed in turns within one process, its final losses beside
it; held-out losses are over the same splits, each side in a process of its own, with everything
compiled and imported by a first fit that is not counted. Peers take hours, so their results are
kept in a folder; ours are measured anew each time. torch (the build for processors) and pytabkit
are used where they are installed: ``pip install torch pytabkit``.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import argparse
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from harness import Row, compared, interleaved, print_table, ratio, seconds
from neural_sides import speed, start
from neural_sides.data import TABLES, Table
from neural_sides.results import Cache, Result, measure
from neural_sides.sides import OURS, PEERS, Side
from neural_sides.verdict import Results, summary, table_row

FOLDER = Path(os.environ.get("DERIVATA_BENCH_CACHE", Path(__file__).parent / ".cache")) / "neural"
# Final training losses of two sides count as the same within this factor: batches are drawn at
# random, and a network of one output fewer starts elsewhere.
SAME_LOSS = 1.25


def main() -> None:
    asked = arguments()
    print(f"{harness.machine()}, {packages()}\n")
    for part in asked.parts:
        PARTS[part](asked)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench neural", description=__doc__)

    def chosen(known: list[str]):
        def parse(text: str) -> list[str]:
            unknown = set(text.split(",")) - set(known)
            if unknown:
                raise argparse.ArgumentTypeError(f"{unknown} not in {', '.join(known)}")
            return [name for name in known if name in text.split(",")]

        return parse

    parts, tables, peers = list(PARTS), list(TABLES), [side.name for side in PEERS]
    ours = [side.name for side in OURS]
    parser.add_argument("--parts", type=chosen(parts), default=parts, metavar="NAME,...")
    parser.add_argument("--tables", type=chosen(tables), default=tables, metavar="NAME,...")
    parser.add_argument("--peers", type=chosen(peers), default=peers, metavar="NAME,...")
    parser.add_argument("--ours", type=chosen(ours), default=ours, metavar="NAME,...")
    parser.add_argument("--splits", type=int, default=5, help="(5) seeds 0, 1, ... of the splits")
    parser.add_argument("--cache", type=Path, default=FOLDER, help="folder of the peers' results")
    parser.add_argument("--kept", action="store_true", help="measure ours alone, against the cache")
    parser.add_argument("--only-peers", action="store_true", help="fill the cache; leave ours out")
    parser.add_argument("--quick", action="store_true", help="few repeats, small tables, one split")
    asked = parser.parse_args()
    if asked.quick:
        asked.splits = 1
        asked.tables = [name for name in asked.tables if name in tables[:3]]
        asked.peers = [name for name in asked.peers if name.startswith("scikit-learn")]
    return asked


def training(asked: argparse.Namespace) -> None:
    """Seconds an epoch."""
    digits, many = speed.digits(), speed.many_rows()
    problems = (
        (digits, {"torch": 3.0, "scikit-learn": 3.0}),
        (many, {"torch": 2.0, "scikit-learn": 2.0}),
        (digits.full_batch(30), {"torch": 1.0, "scikit-learn": 1.0}),
        (many.full_batch(10), {"torch": 1.0, "scikit-learn": 1.0}),
    )
    rows = []
    for problem, targets in problems:
        sides = {"ours": speed.ours(problem)}
        if find_spec("torch") is not None:
            sides["torch"] = speed.torch_eager(problem)
        sides["scikit-learn"] = speed.scikit_learn(problem)
        timed = dict(
            zip(sides, interleaved(list(sides.values()), 3 if asked.quick else 9), strict=True)
        )
        each = {
            name: [time / problem.n_epochs for time in times] for name, (times, _) in timed.items()
        }
        loss = {name: problem.loss(layers) for name, (_, layers) in timed.items()}
        units = "-".join(map(str, problem.units))
        for name in (name for name in targets if name in sides):
            middle = ratio(each[name], each["ours"])[0]
            same = loss["ours"] <= SAME_LOSS * loss[name]
            least = "no slower" if targets[name] == 1.0 else f"{targets[name]:g} × faster"
            rows.append(
                Row(
                    f"{problem.name}, {units}, batch {problem.batch_size:,}, an epoch",
                    name,
                    seconds(each["ours"]),
                    compared(each[name], each["ours"]),
                    f"training loss after {problem.n_epochs} epochs "
                    f"{loss['ours']:.2e} / {loss[name]:.2e}",
                    least,
                    bool(same and middle >= targets[name]),
                )
            )
    print("Training:\n")
    print_table(rows)
    print()


def first_fit(asked: argparse.Namespace) -> None:
    """A new process's first fit."""
    repeats = 1 if asked.quick else 7
    theirs = start.theirs(repeats)
    rows = []
    for name, options in (("defaults", ""), ("one network", start.ONE_NETWORK)):
        cold, warm = start.ours(repeats, options)
        rows.append(
            Row(
                f"digits, the first fit of a process, {name}",
                "scikit-learn, StandardScaler and MLPClassifier",
                f"{seconds([warm.first])} (empty cache {seconds([cold.first])}, "
                f"second fit {seconds([warm.second])}; imports {seconds([warm.imports])})",
                seconds([theirs.first]),
                f"{warm.loss:.4f} / {theirs.loss:.4f}",
                "no slower",
                bool(warm.first <= theirs.first),
            )
        )
    print("First fit of a new process, warm compile cache:\n")
    print_table(rows)
    print()


def held_out(asked: argparse.Namespace) -> None:
    """Losses on rows that no side has seen."""
    cache = Cache(asked.cache)
    loaded = {name: TABLES[name]() for name in asked.tables}
    tables = {name: table for name, table in loaded.items() if table is not None}
    for name in loaded.keys() - tables.keys():
        say(f"({name} left out: it is not in {harness.SHARED.name}/)")
    peers = [side for side in PEERS if side.name in asked.peers]
    found: dict[tuple[str, str], Results] = {}
    for name, table in tables.items():
        for side in peers:
            if table.n_classes or not side.classes_only:
                found[name, side.name] = of_peer(table, side, asked, cache)
    if asked.only_peers:
        return
    ours = [side for side in OURS if side.name in asked.ours]
    for name in tables:
        splits = sorted({split for key, kept in found.items() if key[0] == name for split in kept})
        for side in ours:
            found[name, side.name] = {split: told(name, side, split) for split in splits}
    for side in ours:
        print(f"Held-out log-loss, or 1 - R² for numbers; {side.name}:\n")
        print_table(
            [
                table_row(
                    f"{name} ({tables[name].shape})",
                    peer.name,
                    found[name, side.name],
                    found[name, peer.name],
                )
                for peer in peers
                for name in tables
                if (name, peer.name) in found
            ]
            + summary(found, side.name, list(tables))
        )
        print()


def of_peer(table: Table, side: Side, asked: argparse.Namespace, cache: Cache) -> Results:
    """Kept results and, where there are none and the peer is there, new ones."""
    kept = cache.read(table.name, side.name)
    wanted = range(asked.splits)
    missing = side.missing()
    for split in wanted:
        if split in kept or missing or asked.kept:
            continue
        kept[split] = told(table.name, side, split)
        cache.keep(table.name, side.name, split, kept[split])
    if missing and not kept:
        return {0: Result(None, None, 0, 0.0, {}, missing)}
    return {split: kept[split] for split in kept if split in wanted}


def told(table: str, side: Side, split: int) -> Result:
    result = measure(table, side.name, split)
    outcome = result.failed or f"loss {result.loss:.4f}, {result.seconds:.3g} CPU s"
    say(f"{table}, {side.name}, split {split}: {outcome}")
    return result


def packages() -> str:
    """Versions of what is used here beside the harness's own."""
    found = []
    for name in ("jax", "torch", "optuna", "pytabkit"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


PARTS = {"training": training, "first_fit": first_fit, "held_out": held_out}


if __name__ == "__main__":
    main()
