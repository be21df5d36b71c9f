"""How fast the language is: what `gatewright bench cells` measures."""

import time
from collections.abc import Callable
from random import Random

from cells import Cell, CellError, Mutant, identify, mutate, parse, to_text, zoo

_POOL = 200
_SMALLEST, _LARGEST = 18, 60
"""Nodes of the cells that evolve. Left to themselves random mutations shrink cells within a few
hundred steps; selection keeps them near the size of GRU and LSTM, so that is what is measured."""


def _rate(work: Callable[[int], object], seconds: float) -> float:
    """Calls a second of processor time, of one thread."""
    start = time.process_time()
    done = 0
    while (spent := time.process_time() - start) < seconds or not done:
        for _ in range(50):
            work(done)
            done += 1
    return done / spent


def bench_cells(seconds: float) -> dict[str, float]:
    """Speed of the language on one core, in cells a second of processor time.

    The pool starts as the zoo's gated cells and takes in whatever comes out new and no smaller, so
    that cells drift away from the zoo as they do in a search.

    Args:
        seconds: processor time for each of the three figures.

    Returns:
        mutations_per_s: attempts at a mutation, each one mutated (1 to 3 edits) and verified, and if
            accepted brought to canonical form and given its id.
        canonical_per_s: canonical forms with ids, of the pool.
        parse_per_s: texts read and verified, of the pool.
    """
    generator = Random(0)  # noqa: S311 - no secret is drawn
    pool = [cell for cell in map(zoo.load, zoo.names()) if len(cell.nodes) >= _SMALLEST]
    known: set[str] = set()

    def attempt(_: int) -> None:
        mutant = mutate(generator.choice(pool), generator)
        if not isinstance(mutant, Mutant):
            return
        try:
            form, name = identify(mutant.cell)
        except CellError:
            return
        if name in known:
            return
        known.add(name)
        if not _SMALLEST <= len(form.nodes) <= _LARGEST:
            return
        if len(pool) < _POOL:
            pool.append(form)
        else:
            pool[generator.randrange(_POOL)] = form

    mutations = _rate(attempt, seconds)
    texts = [to_text(cell) for cell in pool]
    cells: list[Cell] = pool
    return {
        "mutations_per_s": mutations,
        "canonical_per_s": _rate(lambda done: identify(cells[done % len(cells)]), seconds),
        "parse_per_s": _rate(lambda done: parse(texts[done % len(texts)]), seconds),
    }
