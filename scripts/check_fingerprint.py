#!/usr/bin/env python3
"""Measures fingerprints: planted rewritings recognised, and pairs of different cells merged by mistake.

A third of the rewritings are of cells of the zoo, a third of random cells, a third of arbitrary ones of
the whole grammar. A third of the pairs are two random
cells of one size, a third a random cell and a mutant of it, a third a cell of the zoo and a mutant of
it; the ids of a pair differ. Where fingerprints merge a pair, the slow interpreter runs both cells with
corresponding parameters at other widths, seeds, sizes and for more steps: it finds one function or two.

Usage: python scripts/check_fingerprint.py [--rewritings 200] [--pairs 10000] [--seed 0] [--json]

Exit status 1 when less than 95 % of the rewritings are recognised, or a pair is merged by mistake.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import Cell, CellError, identifier, mutate, sample, to_text, zoo
from cells.cell import Linear
from cells.engine.measure.fingerprint import Fingerprint, classes, fingerprint, shown_equal
from cells.identity.arbitrary import arbitrary
from cells.identity.disguise import disguise
from cells.identity.interpreter import Vector, Weights, evaluate
from cells.identity.restate import restate

WANTED: Final = 0.95
CLOSE: Final = 1e-6
RUNS: Final = 60
LONG: Final = 9
LARGEST: Final = 1e6
NEAR: Final = 1e-6
"""Outputs below this are compared as if they were this large: what cancels leaves rounding."""


def random_cell(generator: Random, extended: bool) -> Cell:
    """A random cell in which something of x is left."""
    while True:
        cell = sample(generator, generator.randint(2, 14), extended=extended)
        try:
            identifier(cell)
        except CellError:
            continue
        return cell


def plant(index: int, seed: int) -> tuple[Cell, Cell, tuple[str, ...]]:
    """A cell, the same function with another id, and the identities used."""
    generator = Random(f"rewriting {seed} {index}")  # noqa: S311 - no secret is drawn
    while True:
        if index % 3 == 0:
            cell = arbitrary(generator)
        elif index % 3 == 1:
            cell = zoo.load(generator.choice(zoo.names()))
        else:
            cell = random_cell(generator, extended=index % 2 == 0)
        try:
            restated = restate(cell, generator)
        except CellError:  # x is folded away
            continue
        if restated is None:
            continue
        other = disguise(restated[0], generator)
        try:
            if identifier(other) != identifier(cell):
                return cell, other, restated[1]
        except CellError:
            continue


def pair(index: int, seed: int) -> tuple[Cell, Cell]:
    """Two cells with different ids."""
    generator = Random(f"pair {seed} {index}")  # noqa: S311 - no secret is drawn
    while True:
        cell = random_cell(generator, extended=index % 2 == 0)
        if index % 3 == 2:
            cell = zoo.load(generator.choice(zoo.names()))
        if index % 3:
            mutated = mutate(cell, generator)
            other = getattr(mutated, "cell", None)
        else:
            other = random_cell(generator, extended=index % 2 == 0)
        if other is None:
            continue
        try:
            if identifier(cell) != identifier(other):
                return cell, other
        except CellError:
            continue


def rows(generator: Random, width: int, height: int, size: float) -> tuple[Vector, ...]:
    return tuple(tuple(generator.gauss(0.0, size) for _ in range(width)) for _ in range(height))


def long_run(
    subject: Fingerprint, width: int, seed: str, sizes: tuple[float, float]
) -> list[Vector]:
    """Outputs of the interpreter, with numbers that belong to roles; the dead have their own."""
    cell, (weight, value) = subject.cell, sizes

    def drawn(kind: str, rank: int, node: int, height: int, size: float) -> tuple[Vector, ...]:
        owner = f"{kind} {rank}" if rank >= 0 else f"{subject.id} {node}"
        return rows(Random(f"{seed} {owner}"), width, height, size)  # noqa: S311

    matrices: dict[int, tuple[Vector, ...]] = {}
    vectors: dict[int, Vector] = {}
    states: dict[int, Vector] = {}
    for role in subject.roles:
        if role.shape.startswith("matrix"):
            matrices[role.node] = drawn(role.kind, role.rank, role.node, width, weight)
            continue
        row = drawn(role.kind, role.rank, role.node, 1, value if role.part == "state" else weight)[
            0
        ]
        row = tuple(role.number + role.sign * number for number in row)
        if role.part == "state":
            states[role.node] = row
        elif role.part == "weight":  # of a diagonal
            matrices[role.node] = tuple(
                tuple(row[i] if i == j else 0.0 for j in range(width)) for i in range(width)
            )
        else:
            vectors[role.node] = (row[0],) * width if role.shape == "scalar" else row
    given: dict[int, Weights | Vector] = {}
    none, zero = ((0.0,) * width,) * width, (0.0,) * width
    for index, (op, _, parameter) in enumerate(cell.nodes):
        if isinstance(parameter, Linear):
            bias, fixed = parameter.bias, zero
            if parameter.kind == "frozen" and bias is not None and bias.law == "value":
                fixed = (bias.numbers[0],) * width
            matrix = structured(parameter, matrices.get(index, none))
            given[index] = Weights(matrix, vectors.get(index, fixed))
        elif op in ("vector", "scalar"):
            given[index] = vectors.get(index, zero)
    inputs = rows(Random(f"{seed} inputs"), width, LONG, value)  # noqa: S311
    current = [states[1 + index] for index in range(len(cell.updates))]
    outputs: list[Vector] = []
    for x in inputs:
        step = evaluate(cell, x, current, given)
        if not all(abs(number) < LARGEST for row in (step.output, *step.states) for number in row):
            break
        current = list(step.states)
        outputs.append(step.output)
    return outputs


def structured(linear: Linear, matrix: tuple[Vector, ...]) -> tuple[Vector, ...]:
    """The matrix of a linear with this structure."""
    width = range(len(matrix))
    if linear.kind == "antisymmetric":
        return tuple(tuple(matrix[i][j] - matrix[j][i] for j in width) for i in width)
    if linear.kind == "block":
        blocks = [i * linear.blocks // len(matrix) for i in width]
        return tuple(
            tuple(matrix[i][j] if blocks[i] == blocks[j] else 0.0 for j in width) for i in width
        )
    return matrix


def apart(a: Fingerprint, b: Fingerprint, seed: int) -> tuple[float, int]:
    """The largest difference in outputs of long runs, relative to a run's largest; and the steps run."""
    worst, steps = 0.0, 0
    for index in range(RUNS):
        sizes = ((0.3, 1.0, 3.0)[index % 3], (0.1, 0.5, 1.0, 3.0, 10.0)[index % 5])
        width = 1 + index % 6
        try:
            one = long_run(a, width, f"{seed} {index}", sizes)
            two = long_run(b, width, f"{seed} {index}", sizes)
        except (ValueError, OverflowError):  # the sine of an infinity
            continue
        size = max((abs(number) for row in one for number in row), default=0.0)
        for old, new in zip(one, two, strict=False):
            steps += 1
            worst = max(
                worst, *(abs(p - q) / max(size, NEAR) for p, q in zip(old, new, strict=True))
            )
    return worst, steps


def judge(a: Fingerprint, b: Fingerprint, seed: int) -> dict[str, Any]:
    """What the interpreter says of two cells that fingerprints merge."""
    worst, steps = apart(a, b, seed)
    verdict = (
        "not measured" if not steps else "equal" if worst <= CLOSE else "not shown to be equal"
    )
    texts = [to_text(member.cell) for member in (a, b)]
    return {"ids": [a.id, b.id], "verdict": verdict, "apart": worst, "steps": steps, "texts": texts}


def measure(rewritings: int, pairs: int, seed: int) -> dict[str, Any]:
    """All figures."""
    start = time.perf_counter()
    missed: list[dict[str, Any]] = []
    keys = 0
    for index in range(rewritings):
        cell, other, used = plant(index, seed)
        a, b = fingerprint(cell), fingerprint(other)
        if shown_equal(a, b):
            keys += bool(set(a.keys) & set(b.keys))
        else:
            missed.append({"identities": used, "texts": [to_text(a.cell), to_text(b.cell)]})
    pool: dict[str, Fingerprint] = {}
    merged: list[dict[str, Any]] = []
    for index in range(pairs):
        two = pair(index, seed)
        names = [identifier(cell) for cell in two]
        for name, cell in zip(names, two, strict=True):
            if name not in pool:
                pool[name] = fingerprint(cell)
        a, b = (pool[name] for name in names)
        if shown_equal(a, b):
            merged.append(judge(a, b, seed))
    prints = list(pool.values())
    groups = [[prints[index] for index in group] for group in classes(prints) if len(group) > 1]
    every = [judge(group[0], other, seed) for group in groups for other in group[1:]]
    return {
        "rewritings": rewritings,
        "recognised": rewritings - len(missed),
        "recognised_by_key": keys,
        "missed": missed,
        "pairs": pairs,
        "merged": len(merged),
        "merged_equal": sum(pair["verdict"] == "equal" for pair in merged),
        "merged_by_mistake": [pair for pair in merged if pair["verdict"] != "equal"],
        "pool": len(prints),
        "pool_pairs": len(prints) * (len(prints) - 1) // 2,
        "pool_merged": len(every),
        "pool_merged_by_mistake": [pair for pair in every if pair["verdict"] != "equal"],
        "examples": [pair["texts"] for pair in every if pair["verdict"] == "equal"][:8],
        "unjudged": sum(not each.sound.any() for each in prints),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rewritings", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="Print one JSON document.")
    arguments = parser.parse_args()
    measured = measure(arguments.rewritings, arguments.pairs, arguments.seed)
    mistakes = measured["merged_by_mistake"] + measured["pool_merged_by_mistake"]
    bad = bool(mistakes) or measured["recognised"] < WANTED * measured["rewritings"]
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return int(bad)
    rate = measured["recognised"] / max(measured["rewritings"], 1)
    print(f"seed {arguments.seed}")
    print(
        f"{measured['recognised']} of {measured['rewritings']} planted rewritings recognised ({rate:.1%})"
    )
    print(f"  of these with a key in common             {measured['recognised_by_key']}")
    print(f"{measured['merged']} of {measured['pairs']} pairs of different ids merged")
    print(f"  one function, says the interpreter         {measured['merged_equal']}")
    print(f"  by mistake                                 {len(measured['merged_by_mistake'])}")
    print(
        f"{measured['pool_merged']} of {measured['pool_pairs']} pairs among all {measured['pool']} cells"
    )
    print(f"  by mistake                                 {len(measured['pool_merged_by_mistake'])}")
    print(f"{measured['unjudged']} cells leave the finite range in every lane")
    for missed in measured["missed"]:
        print("not shown to be equal:", *missed["identities"], *missed["texts"], sep="\n")
    for mistake in mistakes:
        print(
            f"merged by mistake ({mistake['verdict']}, {mistake['apart']:.1e}):",
            *mistake["texts"],
            sep="\n",
        )
    print(f"{measured['seconds']} s; {'FAULTS' if bad else 'all well'}")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
