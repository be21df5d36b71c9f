"""The measured part of a cell's passport: which data, which settings, which cells to compare with."""

import random
from collections.abc import Iterator
from typing import Final

from cells.cell import Cell
from cells.measure.dynamics import HORIZONS, Dynamics, Memory
from cells.measure.passport import Passport
from cells.size import TRAINING

SYMBOLS: Final = 5
ALPHABET: Final = 8
SETTINGS: Final = 20
EDITS: Final = 12
BESIDE: Final = ("elman", "lstm", "lstm_b")
"""Cells whose gradients everybody knows: vanishing, and kept by a gate without and with a bias."""


def measure(cell: Cell, seed: int = 0) -> Dynamics:
    """What `cells.engine.measure.dynamics` measures, on memorization and with settings of the paper's grid.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    import torch

    from cells.engine.executor import best
    from cells.engine.measure import dynamics
    from cells.training.space import Space
    from search.settings import grid
    from tasks.generated import memorization

    # All that `determinism.prepare` does beyond this takes a second and is for accelerators.
    torch.set_num_threads(1)
    law = memorization.Law(SYMBOLS, ALPHABET, train=50, valid=5, test=1, batch=20)
    known = grid.settings(Space(layers=(1,)))
    settings = random.Random(seed).sample(known, SETTINGS)  # noqa: S311 - not secret
    task = f"memorization ({SYMBOLS} of {ALPHABET} symbols)"
    source = memorization.make(law, "passport")
    return dynamics.measure(cell, source, task, settings, best(), seed)


def beside(cell: Cell, seed: int = 0) -> dict[str, Memory]:
    """Memories of the cells of `BESIDE` other than `cell`."""
    from cells import canonical, zoo
    from cells.engine.measure import dynamics

    memories: dict[str, Memory] = {}
    for name in BESIDE:
        other = canonical(zoo.load(name))
        memory = dynamics.memory(other, seed) if other != canonical(cell) else None
        if memory is not None:
            memories[name] = memory
    return memories


def lines(facts: Passport, plan: str, measured: Dynamics | None) -> Iterator[str]:
    """The passport below the equations, for a terminal."""
    width, flops = facts.width, facts.flops.at(facts.width)
    states = f"{len(facts.states)} ({', '.join(facts.states)})" if facts.states else "0"
    yield f"id          {facts.id}   class {facts.execution}   recurrent depth {facts.depth}   states {states}   nodes {facts.nodes}"
    yield f"parameters  {facts.parameters} = {facts.parameters.at(width):,} a layer at width {width}"
    yield f"FLOPs       {facts.flops} = {flops:,} a step forward, about {TRAINING * flops:,} in training"
    yield f"plan        {plan}"
    relative = facts.relative
    if relative is not None:
        count = f"{relative.distance} edit{'s' if relative.distance != 1 else ''}"
        most = "" if relative.exact else " at most"
        yield f"nearest     {relative.name}, {count} away{most}:"
        for edit in relative.edits[:EDITS]:
            yield f"            {edit}"
        if len(relative.edits) > EDITS:
            yield f"            and {len(relative.edits) - EDITS} more (--json has all)"
    if measured is not None:
        yield ""
        yield from _measured(measured)


def _measured(dynamics: Dynamics) -> Iterator[str]:
    if dynamics.spectrum is not None:
        yield (
            f"Jacobian    largest singular value {dynamics.spectrum.largest:.3f},"
            f" {dynamics.spectrum.near_one:.0%} within 0.9 to 1.1 (fresh, width {dynamics.spectrum.width})"
        )
    if dynamics.memory is not None:
        words = [f"{name} after {dynamics.memory.reach(at)}" for name, at in HORIZONS.items()]
        yield f"gradient    falls below {', '.join(words)}"
        shown = [q for q in (5, 10, 20, 50, 100) if q <= len(dynamics.memory.median)]
        levels = [f"{dynamics.memory.median[q - 1]:.1e} at {q}" for q in shown]
        yield f"            relative to lag 1: {', '.join(levels)}"
    saturation, stability = dynamics.saturation, dynamics.stability
    yield (
        f"gates       after {saturation.updates} updates on {dynamics.task},"
        f" accuracy {saturation.accuracy:.0%}:"
    )
    for gate in saturation.gates:
        yield f"            {gate.name}: {gate.low:.0%} below 0.1, {gate.high:.0%} above 0.9"
    if not saturation.gates:
        yield "            the cell has no sigmoid"
    yield (
        f"stability   of {stability.settings} random settings {stability.diverged} diverged,"
        f" {stability.blown} ended above {stability.bound:g} times the loss of guessing"
    )
