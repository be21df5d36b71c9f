"""Hostile and random cells against the language: texts, bombs, identity, mutation."""

import random
import time
import tracemalloc
from collections import Counter

from cells import CellError, Mutant, check, mutate, parse, to_text, zoo
from cells.identity.arbitrary import SOURCES
from cells.identity.interpreter import rewriting_error
from cells.mutation import OPERATORS
from scripts import check_identity, fuzz_cells
from tests.cells.test_bombs import BOMBS
from tests.storm.fault import Tally, Task

SLOWEST = 0.05
"""Seconds of processor time within which a text is read or refused."""
BOMB = 0.1
"""The same for a bomb."""
PEAK = 200 * 10**6
"""Bytes that a bomb may take."""


def texts(task: Task) -> Tally:
    """Spoilt texts are cells that survive the round trip, or a `CellError`, soon."""
    tally = Tally()
    sources = [zoo.source(name) for name in zoo.names()]
    seen: Counter[str] = Counter()
    for number in range(task.count):
        text = fuzz_cells.spoil(task.draw, sources)
        began = time.process_time()
        try:
            seen[fuzz_cells.judge(text)] += 1
        except Exception as bug:
            tally.fail(f"{type(bug).__name__}: {text[:100]!r}")
        spent = time.process_time() - began
        if spent > SLOWEST:
            # A machine that does other work can stop a process at any moment: it must be slow again.
            spent = min(spent, _again(text))
        if spent > SLOWEST:
            tally.fail(f"{spent * 1e3:.0f} ms: {text[:100]!r}")
        tally.worst = max(tally.worst, spent)
        tally.runs += 1
        if number % 500 == 0:
            task.tick(tally.runs)
    tally.note = f"{seen['cell']} of them cells"
    return tally


def _again(text: str) -> float:
    began = time.process_time()
    fuzz_cells.judge(text)
    return time.process_time() - began


def identity(task: Task) -> Tally:
    """Random cells keep text and id through printing, disguise and canonical form."""
    tally, checker, sources = Tally(), check_identity.Check(), list(SOURCES.values())
    for number in range(task.count):
        generator = random.Random(task.draw.random())  # noqa: S311
        with task.run(tally):
            cell = sources[number % len(sources)](generator)
            printed = to_text(cell)
            assert to_text(parse(printed)) == printed, "printed text is not a fixed point"
            faults = checker.add(cell, generator)
            assert not faults, f"{faults}: {to_text(cell)!r}"
    tally.note = f"{len(checker.forms)} ids"
    return tally


def meaning(task: Task) -> Tally:
    """The canonical form computes what the cell computes, to 1e-12 in float64."""
    tally, sources, worst, measured = Tally(), list(SOURCES.values()), 0.0, 0
    for number in range(task.count):
        generator = random.Random(task.draw.random())  # noqa: S311
        with task.run(tally):
            cell = sources[number % len(sources)](generator)
            try:
                error = rewriting_error(cell, generator)
            except CellError:
                continue
            if error is not None:
                measured += 1
                worst = max(worst, error)
                assert error <= check_identity.CLOSE, f"{error:.1e}: {to_text(cell)!r}"
    tally.note = f"{measured} measured, largest change {worst:.1e}"
    return tally


def mutations(task: Task) -> Tally:
    """Mutants of valid cells are valid cells, and every operator is seen."""
    tally, seen, refused = Tally(), Counter[str](), 0
    parents = [zoo.load(name) for name in zoo.names()]
    for number in range(task.count):
        generator = random.Random(task.draw.random())  # noqa: S311
        made = mutate(parents[number % len(parents)], generator)
        seen.update(made.operators)
        try:
            if isinstance(made, Mutant):
                check(made.cell)
            else:
                refused += 1
                assert made.reason
        except (CellError, AssertionError) as error:
            tally.fail(error)
        tally.runs += 1
        if number % 100 == 0:
            task.tick(tally.runs)
    if set(seen) != set(OPERATORS):
        tally.fail(f"operators never seen: {sorted(set(OPERATORS) - set(seen))}")
    tally.note = f"{refused} refused with a reason"
    return tally


def bombs(task: Task) -> Tally:
    """Every bomb is refused, soon and in little memory."""
    tally, most = Tally(), 0
    for name in list(BOMBS)[: task.count]:
        bomb = BOMBS[name]()
        seconds: list[float] = []
        for traced in (False, False, True):
            if traced:
                tracemalloc.start()
            began = time.process_time()
            try:
                parse(bomb) if isinstance(bomb, str) else check(bomb)
                tally.fail(f"{name} was accepted")
            except CellError:
                pass
            finally:
                if traced:
                    most = max(most, tracemalloc.get_traced_memory()[1])
                    tracemalloc.stop()
                else:
                    seconds.append(time.process_time() - began)
        if min(seconds) > BOMB:
            tally.fail(f"{name} took {min(seconds):.3f} s")
        tally.worst = max(tally.worst, min(seconds))
        tally.runs += 1
        task.tick(tally.runs)
    if most > PEAK:
        tally.fail(f"a bomb took {most:,} bytes")
    tally.note = f"at most {most / 1e6:.0f} MB"
    return tally
