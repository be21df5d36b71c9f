"""Writes the record of a search at scale, to measure on it what reads records: `make_store.py --out FILE`.

All of its numbers are drawn, none is measured: no training is run, and nothing that is published may
come from it. The cells are real, distinct mutants, and the history is what the search itself asks and
decides when the drawn results are told to it. Same arguments, same history; times are drawn too.

usage: python scripts/make_store.py --cells 20000 --trials 250000 --out big.sqlite
"""

import argparse
import contextlib
import itertools
import random
import sqlite3
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells.training.space import Space
from results.record.ask import Ask, Cause, Role
from results.record.file.migrate import migrate
from results.record.outcome import Ending, Outcome
from results.record.row import (
    ask_digest,
    canonical_json,
    insert_outcome,
    insert_trial,
    insert_verdicts,
)
from results.record.seal import Addition
from results.record.study import Study
from results.record.trial import Trial
from search import configuration
from search.run.guards.strikes import STRIKES
from search.strategies import registry as strategies
from tasks import registry
from tests.results import synthetic

SLOTS = 8
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SPACE = Space(
    init_scales=(0.7, 1.0, 1.4),
    learning_rates=(0.2, 0.3, 0.5, 1.0, 2.0),
    clips=(1.0, 2.5, 5.0, 10.0),
    layers=(1, 2),
)
"""The middle of the paper's grid, 120 settings."""

PASSING = 0.4
"""Share of cells that pass the screen, as `Drawn` draws."""

VISITED = 2.9
"""Tasks that a cell beyond the screen reaches, about, of three."""

MISFORTUNE = 0.02
"""Chance of an ending below, in turn."""

MISFORTUNES = (
    (Ending.TIMED_OUT, "longer than 60 s"),
    (Ending.OUT_OF_MEMORY, "more than 2 GiB"),
    (Ending.CRASHED, f"{STRIKES} attempts without an outcome; the last: worker died"),
    (Ending.REFUSED, "no width meets the budget"),
    (
        Ending.GUARDED,
        f"{STRIKES} attempts without an outcome; the last: more than 60 s of processor time",
    ),
)

REJECTED = 0.05
"""Chance that the probe before the screen turns a cell away."""


def planned(cells: int, trials: int, seed: int) -> Study:
    """A study like `quick` that asks about `trials` trials of `cells` cells."""
    quick = configuration.load("quick")
    confirm = replace(quick.confirm, cells=3)
    baselines, tasks = len(quick.baselines), len(quick.tasks)
    fixed = tasks * (
        baselines * quick.baseline_settings + confirm.seeds * (confirm.cells + baselines)
    )
    each = max(1.0, (trials - fixed) / cells)
    # Four trials of five in stages: members of the list soon have no untried settings left.
    settings = max(1, round(0.8 * (each - 1) / (PASSING * VISITED)))
    visits = max(0.0, each - 1 - PASSING * VISITED * settings) / (tasks * settings)
    return replace(
        quick,
        name=f"synthetic-{cells}",
        seed=seed,
        slots=SLOTS,
        lag=4 * SLOTS,
        proposals=cells - baselines,
        tasks=tuple(replace(task, settings=settings) for task in quick.tasks),
        list_size=min(100, max(3, cells // 20)),
        reevaluate=visits / (1 + visits),
        space=SPACE,
        confirm=confirm,
    )


class Drawn:
    """Outcomes from a seeded generator: a mutant is about as good as its parent, some endings are bad."""

    def __init__(self, study: Study, points: int) -> None:
        self._screen, self._points = study.screen.task, points
        self._draw = random.Random(study.seed)  # noqa: S311
        self._misfortunes = itertools.cycle(MISFORTUNES)
        self._skill: dict[str, float] = {}

    def outcome(self, ask: Ask, trial: Trial) -> Outcome:
        """What came of an ask; called once for each, in order."""
        draw, setting = self._draw.random(), trial.setting
        if trial.task == self._screen:
            skill = 1.2 * synthetic.uniform("screen", trial.cell_id) + 0.3
        else:
            skill = self._cell(ask, trial.cell_id)
            skill *= 1 - 0.04 * abs(setting.learning_rate - 0.6) - 0.01 * (setting.init_scale > 1)
        came = synthetic.outcome(trial, skill, self._points)
        if ask.role is Role.BASELINE:
            return came
        if ask.role is Role.SCREEN and draw > 1 - REJECTED:
            detail = "no gradient reaches back"
            return Outcome(came.key, Ending.REJECTED, detail=detail, width=40, cost=came.cost)
        if draw < MISFORTUNE:
            ending, detail = next(self._misfortunes)
            return Outcome(came.key, ending, detail=detail, cost=came.cost)
        return came

    def _cell(self, ask: Ask, cell_id: str) -> float:
        skill = self._skill.get(cell_id)
        if skill is None:
            parent = self._skill.get(ask.parent_id, 0.85)
            skill = min(0.99, max(0.5, self._draw.gauss(parent - 0.02, 0.1)))
            self._skill[cell_id] = skill
        return skill


class Clock:
    """When and where trainings ran: each on the slot that is free first."""

    def __init__(self) -> None:
        self._free = [0.0] * SLOTS

    def place(self, seconds: float) -> tuple[str, str, str]:
        """The slot of a training that long, its begin and its end."""
        slot = min(range(SLOTS), key=self._free.__getitem__)
        begun = self._free[slot]
        self._free[slot] += seconds
        return f"slot-{slot}", self.at(begun), self.at(self._free[slot])

    @property
    def now(self) -> str:
        """When the first slot will be free."""
        return self.at(min(self._free))

    @staticmethod
    def at(seconds: float) -> str:
        """A time as the record writes it."""
        return (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def begin(addition: Addition, study: Study) -> strategies.Cascade:
    """Enters the study with its tasks, and returns the search at its beginning."""
    addition.insert("study", study.id, study.name, study.strategy, study.to_json())
    addition.insert("epoch", 1, study.id, Clock.at(0.0))
    addition.insert("provenance", 1, "drawn", "by scripts/make_store.py; nothing was trained")
    plans = (study.screen.task, study.screen.scale), *((t.name, t.scale) for t in study.tasks)
    facts = {plan: registry.load(*plan).facts for plan in plans}
    for task in facts.values():
        words = (task.name, task.scale, task.version, task.digest, task.family)
        judged = task.metric.name, task.unit
        lists = ([asdict(row) for row in rows] for rows in (task.floors, task.baselines))
        addition.insert("task", *words, *judged, *map(canonical_json, lists))
    return strategies.make(study, facts, executor="native")


def write(addition: Addition, study: Study, points: int) -> Counter[str]:
    """Writes the whole history; returns how many asks, and outcomes by ending, it has."""
    search, drawn, clock = begin(addition, study), Drawn(study, points), Clock()
    outcomes: list[Outcome | None] = []
    counts: Counter[str] = Counter()
    while True:
        index = len(outcomes)
        if index >= study.lag:
            search.tell(index - study.lag, outcomes[index - study.lag])
        ask = search.ask(index)
        if ask is None:
            return counts
        counts["asks"] += 1
        outcomes.append(None if ask.trial is None else drawn.outcome(ask, ask.trial))
        enter(addition, study.id, ask, outcomes[-1], clock)
        counts.update(rejection.cause.value for rejection in ask.rejections)
        if (came := outcomes[-1]) is not None:
            counts[came.ending.value] += 1


def enter(addition: Addition, study_id: str, ask: Ask, came: Outcome | None, clock: Clock) -> None:
    """Writes one ask with all that belongs to it, as `results.record.store.Store` would."""
    if ask.trial is not None:
        insert_trial(addition, ask.trial)
    key, operators = came and came.key, canonical_json(ask.operators)
    row = (study_id, ask.index, ask.role.value, key, ask.parent_id, operators, ask_digest(ask), 1)
    addition.insert("ask", *row)
    insert_verdicts(addition, study_id, ask.index, ask.rejections, ask.admissions)
    if came is None:
        return
    tries = STRIKES if came.ending is Ending.CRASHED else 1
    ended = clock.now
    for attempt in range(1, tries + 1):
        slot, begun, ended = clock.place(came.cost.seconds)
        addition.insert("attempt", study_id, ask.index, attempt, 1, slot, begun)
        if tries > 1:
            detail = f"attempt {attempt} in slot {slot}: worker died"
            addition.insert("event", None, study_id, ask.index, "worker_lost", detail, 1, ended)
            where = "died", "cell", "drawn", slot, "worker died"
            addition.insert("strike", study_id, ask.index, attempt, *where, 1, ended)
    insert_outcome(addition, came, study_id, ask.index, 1, ended)
    addition.seal()


def make(path: Path, cells: int, trials: int, seed: int = 0, points: int = 3) -> Counter[str]:
    """Writes a store to `path`, a new file; returns its counts by name.

    Raises:
        FileExistsError: there is such a file; it is left alone.
        ValueError: no search has so few cells.
    """
    if cells < 4:
        raise ValueError(f"{cells} cells: expected at least 4, two of them baselines")
    path.touch(exist_ok=False)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path)
        # A file that was not written to its end is of no use to anyone: no journal.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        addition = Addition(connection)
        counts = write(addition, planned(cells, trials, seed), points)
        addition.seal(closing=True)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=20_000, help="distinct cells, baselines too")
    parser.add_argument("--trials", type=int, default=250_000, help="about so many")
    parser.add_argument("--points", type=int, default=3, help="of each learning curve")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a new file")
    typed = parser.parse_args()
    if typed.out.exists():
        print(f"{typed.out} exists; give another --out", file=sys.stderr)
        return 2
    began = time.process_time()
    counts = make(typed.out, typed.cells, typed.trials, typed.seed, typed.points)
    trials = sum(counts[ending.value] for ending in Ending)
    spent = time.process_time() - began
    print(f"wrote {typed.out}: {trials} drawn trials, {spent:.1f} s of CPU")
    for names in (Ending, Cause):
        print("  " + ", ".join(f"{name.value} {counts[name.value]}" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
