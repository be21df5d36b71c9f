"""A recorded comparison: the first cell of a roster against each of the others, task by task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Final

from cells import parse, zoo
from cells.training.metric import Metric
from cells.training.setting import Setting
from results.comparison.decision import Decision, Word, decide
from results.label import baseline_id
from results.leaderboard.task_column import TaskColumn, column, metric_of
from results.record.ask import Role
from results.record.outcome import Ending
from results.record.store import Store
from results.record.study import Study

SMALLEST: Final = 0.01
"""The smallest meaningful difference by default: 0.01 of a share such as accuracy, 1 % of a loss."""


@dataclass(slots=True)
class Arm:
    """A cell on a task.

    Attributes:
        tried, diverged: settings of selection with an outcome; those of them that diverged.
        setting: the one that was selected and trained again on fresh seeds; None if none trained.
        values: test metrics of the fresh seeds.
        keys: of these trainings.
        lost: trainings on fresh seeds that did not end well; they are in no mean.
        parameters: of the confirmed trainings.
        seconds: processor time of each of them.
    """

    tried: int = 0
    diverged: int = 0
    setting: Setting | None = None
    values: tuple[float, ...] = ()
    keys: tuple[str, ...] = ()
    lost: int = 0
    parameters: int | None = None
    seconds: tuple[float, ...] = ()

    @property
    def mean(self) -> float | None:
        """Of the fresh seeds."""
        return fmean(self.values) if self.values else None

    @property
    def cost(self) -> float | None:
        """Processor seconds of a typical training."""
        return median(self.seconds) if self.seconds else None


@dataclass(frozen=True, slots=True)
class Contrast:
    """The first cell against another one on a task.

    Attributes:
        task: the task's name.
        other: id of the other cell.
        decision: above 0 and "better" where the first cell is better.
        reason: why nothing could be told, or what else to mind; "" if there is nothing.
    """

    task: str
    other: str
    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole comparison.

    Attributes:
        study: its description.
        names: what each cell is called, by id; the first cell first.
        texts: of the cells, by id, as their authors wrote them.
        tasks: columns of the study.
        arms: by cell id and task.
        contrasts: task by task, each of the other cells.
        smallest: the smallest meaningful difference, as a share.
        done: trainings with an outcome, of `asked`.
    """

    study: Study
    names: Mapping[str, str]
    texts: Mapping[str, str]
    tasks: tuple[TaskColumn, ...]
    arms: Mapping[tuple[str, str], Arm]
    contrasts: tuple[Contrast, ...]
    smallest: float
    asked: int
    done: int

    @property
    def first(self) -> str:
        """Id of the cell that is compared with the others."""
        return next(iter(self.names))

    def document(self) -> dict[str, Any]:
        """The comparison for JSON."""
        return {
            "cells": [{"id": cell, "name": name} for cell, name in self.names.items()],
            "smallest": self.smallest,
            "contrasts": [self._contrast(contrast) for contrast in self.contrasts],
            "arms": [
                {
                    "cell": cell,
                    "task": task,
                    "values": list(arm.values),
                    "lost": arm.lost,
                    "parameters": arm.parameters,
                    "cpu_seconds": arm.cost,
                    "setting": None if arm.setting is None else arm.setting.recorded(),
                }
                for (cell, task), arm in self.arms.items()
            ],
        }

    def _contrast(self, contrast: Contrast) -> dict[str, Any]:
        told = contrast.decision
        bounds = None if told.estimate is None else told.estimate.interval()
        return {
            "task": contrast.task,
            "other": contrast.other,
            "verdict": told.word,
            "difference": bounds and bounds.centre,
            "low": bounds and bounds.low,
            "high": bounds and bounds.high,
            "smallest": told.smallest,
            "p_same": told.p_same,
            "p_apart": told.p_apart,
            "reason": contrast.reason,
        }

    def sentences(self) -> list[str]:
        """What came out, a sentence for each of the other cells."""
        said: list[str] = []
        for other, name in list(self.names.items())[1:]:
            by_word: dict[Word, list[str]] = {}
            for contrast in self.contrasts:
                if contrast.other == other:
                    by_word.setdefault(contrast.decision.word, []).append(contrast.task)
            parts = [
                _phrase(word, by_word[word], name)
                for word in ("better", "worse", "equal", "undecided at this budget")
                if word in by_word
            ]
            said.append(f"{self.names[self.first]} is {'; '.join(parts)}.")
        return said


def _phrase(word: Word, tasks: Sequence[str], name: str) -> str:
    where = " and ".join(filter(None, (", ".join(tasks[:-1]), tasks[-1])))
    match word:
        case "equal":
            return f"equal to {name} on {where}"
        case "undecided at this budget":
            return f"undecided against {name} at this budget on {where}"
        case _:
            return f"{word} than {name} on {where}"


def compare(store: Store, study_id: str, smallest: float = SMALLEST) -> Comparison:
    """The comparison that a roster study recorded, as far as it has come.

    Args:
        store: that holds it.
        study_id: which study; its first baseline is compared with the others.
        smallest: the smallest meaningful difference, see `SMALLEST`.

    Raises:
        StoreError: `missing` if there is no such study; if the store cannot be read.
    """
    with store.snapshot():
        study = store.study(study_id)
        log = store.log(study_id)
        tasks = tuple(column(store, study_id, plan.name, plan.scale) for plan in study.tasks)
    words = {baseline_id(word): word for word in study.baselines}
    names = {
        cell: word if word in zoo.names() else parse(word).name for cell, word in words.items()
    }
    texts = {
        cell: zoo.source(word) if word in zoo.names() else word for cell, word in words.items()
    }
    metrics = {task.name: task.metric for task in tasks}
    arms = {(cell, task.name): Arm() for task in tasks for cell in names}
    for ask, outcome in log:
        trial = ask.trial
        if trial is None or outcome is None:
            continue
        arm = arms.get((trial.cell_id, trial.task))
        if arm is None:
            continue
        if ask.role is not Role.CONFIRM:
            arm.tried += 1
            arm.diverged += outcome.ending is Ending.DIVERGED
            continue
        arm.setting = trial.setting
        value = metric_of(metrics[trial.task], outcome, "test")
        if value is None:
            arm.lost += 1
            continue
        arm.values += (value,)
        arm.keys += (outcome.key,)
        arm.parameters = outcome.parameters
        arm.seconds += (outcome.cost.cpu_seconds,)
    first, *others = names
    asked = [(task, other) for task in tasks for other in others]
    pairs = [(arms[first, task.name], arms[other, task.name]) for task, other in asked]
    decisions = decide(
        [
            (_oriented(task.metric, one), _oriented(task.metric, other))
            for (task, _), (one, other) in zip(asked, pairs, strict=True)
        ],
        [_bound(task, other, smallest) for (task, _), (_, other) in zip(asked, pairs, strict=True)],
    )
    contrasts = [
        Contrast(task.name, other, decision, _reason(names[first], one, names[other], second))
        for (task, other), (one, second), decision in zip(asked, pairs, decisions, strict=True)
    ]
    return Comparison(
        study=study,
        names=names,
        texts=texts,
        tasks=tasks,
        arms=arms,
        contrasts=tuple(contrasts),
        smallest=smallest,
        asked=sum(ask.trial is not None for ask, _ in log),
        done=sum(outcome is not None for _, outcome in log),
    )


def _oriented(metric: Metric, arm: Arm) -> list[float]:
    return [metric.oriented(value) for value in arm.values]


def _bound(task: TaskColumn, reference: Arm, smallest: float) -> float:
    """The smallest meaningful difference in the unit of the task's metric."""
    share = task.metric.worst is not None
    return smallest if share or not reference.mean else smallest * reference.mean


def _reason(name: str, arm: Arm, other_name: str, other: Arm) -> str:
    said: list[str] = []
    for called, side in ((name, arm), (other_name, other)):
        if side.setting is None:
            trained = side.tried and f"none of {side.tried} settings of {called} trained"
            said.append(trained or f"{called} has no outcome yet")
        elif side.lost:
            total = side.lost + len(side.values)
            said.append(f"{side.lost} of {total} fresh seeds of {called} did not end well")
    return "; ".join(said)
