"""Additive models of derivata against those of other libraries and against boosted trees.

Run with ``./dev bench tables``; ``--help`` says how to choose tables and peers. Held-out loss and
CPU seconds of fit and predict on the same splits, each in a process of its own with one thread.
Peers take hours, so their results are kept in a folder; ours are measured anew each time.
R with mgcv, and pyGAM (whose requirements exclude new SciPy), are used where they are installed.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import argparse
import os
import sys
from pathlib import Path
from statistics import median

from additive.data import TABLES, Table
from additive.results import Cache, Result, measure
from additive.sides import OURS, PEERS, Side
from additive.verdict import TARGETS, Comparison, Results, alone, comparison, summary, table_row
from harness import print_table

FOLDER = os.environ.get("DERIVATA_BENCH_CACHE", Path(__file__).parent / ".cache")


def main() -> None:
    asked = arguments()
    cache = Cache(asked.cache)
    loaded = {name: TABLES[name]() for name in asked.tables}
    tables = {name: table for name, table in loaded.items() if table is not None}
    for name in loaded.keys() - tables.keys():
        say(f"({name} left out: it is not in {harness.SHARED.name}/)")
    peers = [side for side in PEERS if side.name in asked.peers]
    ours = [side for side in OURS if not (asked.only_peers or side.missing())]

    found: dict[tuple[str, str], Results] = {}
    for name, table in tables.items():
        for side in peers:
            if name in side.tables:
                found[name, side.name] = of_peer(table, side, asked, cache)
    for name, table in tables.items():
        for side in ours:
            against = [target.peer for target in TARGETS if target.ours == side.name]
            splits = {split for peer in against for split in found.get((name, peer), {})}
            if splits and name in side.tables:
                found[name, side.name] = {n: told(table, side, n) for n in sorted(splits)}
    report(tables, found, peers, bool(ours))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench tables", description=__doc__)
    names, peers = list(TABLES), [side.name for side in PEERS]

    def chosen(known: list[str]):
        def parse(text: str) -> list[str]:
            unknown = set(text.split(",")) - set(known)
            if unknown:
                raise argparse.ArgumentTypeError(f"{unknown} not in {', '.join(known)}")
            return [name for name in known if name in text.split(",")]

        return parse

    parser.add_argument("--tables", type=chosen(names), default=names, metavar="NAME,...")
    parser.add_argument("--peers", type=chosen(peers), default=peers, metavar="NAME,...")
    parser.add_argument("--splits", type=int, default=5, help="(5) seeds 0, 1, ... of the splits")
    parser.add_argument("--cache", type=Path, default=FOLDER, help="folder of the peers' results")
    parser.add_argument("--refresh", action="store_true", help="measure peers that are kept too")
    parser.add_argument("--kept", action="store_true", help="measure ours alone, against the cache")
    parser.add_argument("--only-peers", action="store_true", help="fill the cache; leave ours out")
    return parser.parse_args()


def of_peer(table: Table, side: Side, asked: argparse.Namespace, cache: Cache) -> Results:
    """Kept results and, where there are none and the peer is there, new ones."""
    kept = {} if asked.refresh else cache.read(table.name, side.name)
    wanted = range(side.splits(len(table.y), asked.splits))
    missing = side.missing() if any(split not in kept for split in wanted) else ""
    for split in wanted:
        # One that ran out of time on a split would do so on the others.
        if split in kept or missing or any("CPU s" in r.failed for r in kept.values()):
            continue
        if asked.kept:
            break
        kept[split] = told(table, side, split)
        cache.keep(table.name, side.name, split, kept[split])
    if missing and not kept:
        return {0: Result(None, None, 0, 0.0, {}, missing)}
    return {split: kept[split] for split in kept if split in wanted}


def told(table: Table, side: Side, split: int) -> Result:
    result = measure(table.name, side.name, split)
    outcome = result.failed or f"loss {result.loss:.4f}, {result.seconds:.3g} CPU s"
    say(f"{table.name}, {side.name}, split {split}: {outcome}")
    return result


def report(
    tables: dict[str, Table], found: dict[tuple[str, str], Results], peers: list[Side], ours: bool
) -> None:
    print(f"{harness.machine()}")
    print(f"Measured with: {versions(found)}.{paces(found)}\n")
    if not ours:
        print("Ours left out.\n\n| table | peer | mean loss | mean CPU s | splits |")
        print("|---|---|---|---|---|")
        for (name, side), results in found.items():
            print(alone(tables[name].shape, name, side, results))
        return
    there = [target for target in TARGETS if target.peer in {side.name for side in peers}]
    print_table(
        [
            table_row(
                tables[name].shape, name, target, found[name, target.ours], found[name, target.peer]
            )
            for target in there
            for name in tables
            if (name, target.peer) in found and (name, target.ours) in found
        ]
    )

    def compare(table: str, ours: str, peer: str) -> Comparison | None:
        if (table, ours) not in found or (table, peer) not in found:
            return None
        return comparison(table, found[table, ours], found[table, peer])

    print("\nOver all tables:\n")
    print_table(summary(compare, list(tables)))


def versions(found: dict[tuple[str, str], Results]) -> str:
    """Of the packages that results were made with, kept ones included."""
    each = {
        f"{name} {number}"
        for results in found.values()
        for result in results.values()
        for name, number in result.versions.items()
    }
    return ", ".join(sorted(each, key=str.lower))


def paces(found: dict[tuple[str, str], Results]) -> str:
    """A sentence where the machine was a fifth slower or faster for peers than for ours."""
    ours = {side.name for side in OURS}
    seen: dict[bool, list[float]] = {True: [], False: []}
    for (_, side), results in found.items():
        seen[side in ours] += [result.pace for result in results.values() if result.pace]
    if not seen[True] or not seen[False]:
        return ""
    ratio = median(seen[False]) / median(seen[True])
    if 1 / 1.2 < ratio < 1.2:
        return ""
    return f" A fixed piece of work took {ratio:.2f} × as long while peers ran as while ours did."


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
