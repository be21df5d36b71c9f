"""The leaderboard: cells by the paper's score, what was confirmed, and what cannot be told apart.

Selection uses validation results (roles `baseline`, `stage`, `reevaluate`); the confirmed columns are
test results of fresh seeds (role `confirm`). Everything is computed from the store.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from cells import CellError, parse
from cells.measure.execution import execution_class
from cells.training.metric import Metric
from results.label import baseline_id, label
from results.leaderboard import fresh
from results.leaderboard.fresh import FreshComparison
from results.leaderboard.task_column import TaskColumn, column, metric_of
from results.record.ask import Ask, Rejection, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from results.statistics.interval import Interval, best_of, student

if TYPE_CHECKING:
    import pandas as pd

SELECTION: Final = (Role.BASELINE, Role.STAGE, Role.REEVALUATE)


@dataclass(frozen=True, slots=True)
class Selected:
    """What selection found for a cell on a task.

    Attributes:
        value: best validation metric over the settings that trained, or None if none did.
        fair: expected best of as many settings as the least tried finished cell had; None where a
            setting failed and the metric has no worst value that a failure could count as.
        tried, diverged: settings with an outcome; those of them that diverged.
        key: trial of the best setting.
        ratio: `value` against the yardstick's best.
        distance: of `value` from the optimum.
    """

    value: float | None
    fair: float | None
    tried: int
    diverged: int
    key: str
    ratio: float | None
    distance: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One cell.

    Attributes:
        cell_id, label, text: which.
        baseline: one of the study's baselines.
        parent_id, operators: where it came from.
        execution: class of `cells.measure.execution`.
        first: index at which it was first asked for.
        parameters: most that it had on any task.
        tried, diverged: settings with an outcome on all tasks; those that diverged.
        selected: by task, in the order of the study; None where it was not trained.
        score: Eq. 1, the lowest ratio over all tasks; None unless it finished them.
        confirmed: test metric on fresh seeds by task, with Student's 95 % interval.
        lost: confirming trainings that did not end well; they are in no mean, so mind their number.
        ratios: the confirmed ratio to the yardstick's confirmed mean by task, every seed.
        confirmed_score: Eq. 1 of the confirmed means with bounds: the lowest over the tasks of the
            ratio's bounds, both intervals taken at their worse end; none where one reaches zero.
        tied: on no task is it told apart from the leader by fresh seeds, see
            `results.leaderboard.fresh`; None unless both are confirmed on all tasks.
        stopped: for a cell that did not finish, where and why.
    """

    cell_id: str
    label: str
    text: str
    baseline: bool = False
    parent_id: str = ""
    operators: tuple[str, ...] = ()
    execution: str = ""
    first: int = 0
    parameters: int | None = None
    tried: int = 0
    diverged: int = 0
    selected: tuple[Selected | None, ...] = ()
    score: float | None = None
    confirmed: tuple[Interval | None, ...] = ()
    lost: int = 0
    ratios: tuple[tuple[float, ...], ...] = ()
    confirmed_score: Interval | None = None
    tied: bool | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A study's leaderboard.

    Attributes:
        study: its description.
        yardstick: label of the baseline that ratios refer to; the GRU in the paper.
        tasks: columns.
        rows: cells that finished all tasks, best score first.
        stopped: cells beyond the screen that did not, the furthest first.
        screened, passed: cells put through the screen; those that passed.
        endings: number of outcomes by ending.
        rejections: number of cells turned away by cause.
        done: asks with an outcome, of `asked`.
        compared: by fresh seeds, one family: each new cell with each baseline; in a study without
            new cells each cell with the yardstick.
    """

    study: Study
    yardstick: str
    tasks: tuple[TaskColumn, ...]
    rows: tuple[Row, ...]
    stopped: tuple[Row, ...]
    screened: int
    passed: int
    endings: Mapping[str, int] = field(default_factory=dict[str, int])
    rejections: Mapping[str, int] = field(default_factory=dict[str, int])
    asked: int = 0
    done: int = 0
    compared: tuple[FreshComparison, ...] = ()

    @property
    def leader(self) -> Row | None:
        """The cell with the highest score."""
        return self.rows[0] if self.rows else None


@dataclass(frozen=True, slots=True)
class Result:
    """What one training gave.

    Attributes:
        key, ending, parameters: of its outcome.
        valid, test: the metric of its task; None unless it ended well.
    """

    key: str
    ending: Ending
    parameters: int | None
    valid: float | None
    test: float | None

    @classmethod
    def of(cls, metric: Metric, outcome: Outcome) -> Self:
        """From an outcome on a task that is judged by that metric."""
        valid, test = metric_of(metric, outcome, "valid"), metric_of(metric, outcome, "test")
        return cls(outcome.key, outcome.ending, outcome.parameters, valid, test)


@dataclass(slots=True)
class Tally:
    """Everything that was recorded about one cell.

    Attributes:
        cell_id, text, parent_id, operators: which, and where it came from.
        first: index of its first ask.
        selection, confirmations: results by task, in the order of their asks; an empty list where a
            trial was asked for and has no outcome yet.
        rejection: the last that was a verdict on it.
        screened: it was put through the screen.
    """

    cell_id: str
    text: str
    parent_id: str
    operators: tuple[str, ...]
    first: int
    selection: dict[str, list[Result]] = field(default_factory=dict[str, list[Result]])
    confirmations: dict[str, list[Result]] = field(default_factory=dict[str, list[Result]])
    rejection: Rejection | None = None
    screened: bool = False


def build(store: Store, study_id: str) -> Board:
    """The leaderboard of a study as far as it has come.

    Raises:
        StoreError: `missing` if there is no such study; if the store cannot be read.
    """
    with store.snapshot():
        study = store.study(study_id)
        log = store.log(study_id)
        last = store.verdicts(study_id, len(log))[0]
        columns = [column(store, study_id, plan.name, plan.scale) for plan in study.tasks]
    rejections = [rejection for ask, _ in log for rejection in ask.rejections] + list(last)
    tallies = _tally(log, rejections, {column.name: column.metric for column in columns})
    baselines = [baseline_id(word) for word in study.baselines]
    yardstick = tallies.get(baselines[-1])
    tasks = tuple(_with_reference(column, yardstick) for column in columns)
    fair = _least_tried([tally for tally in tallies.values() if tally.selection], tasks)
    rows = _rows(tallies, tasks, fair, baselines)
    finished = sorted(
        (row for row in rows if row.score is not None),
        key=lambda row: (-(row.score or 0), row.first),
    )
    stopped = [row for row in rows if row.score is None]
    stopped.sort(key=lambda row: (-sum(s is not None for s in row.selected), row.first))
    screened = [tally for tally in tallies.values() if tally.screened]
    return Board(
        study=study,
        yardstick=label(baselines[-1]),
        tasks=tasks,
        rows=_flagged(finished, tallies, tasks),
        stopped=tuple(stopped),
        screened=len(screened),
        passed=sum(bool(tally.selection) for tally in screened),
        endings=_counted([outcome.ending.value for _, outcome in log if outcome]),
        rejections=_counted([rejection.cause.value for rejection in rejections]),
        asked=len(log),
        done=sum(ask.trial is None or outcome is not None for ask, outcome in log),
        compared=fresh.compare(
            _pairs(finished, baselines[-1]), _fresh(tallies.values(), tasks), tasks
        ),
    )


def part(
    study: Study,
    tasks: Sequence[TaskColumn],
    fair: Mapping[str, int],
    tallies: Sequence[Tally],
    leading: str,
) -> dict[str, Row]:
    """Rows of some cells by id, the same as `build` has them.

    Args:
        study: its description.
        tasks: its columns with their references.
        fair: by task the settings of the least tried finished cell of the whole study.
        tallies: of these cells, of the yardstick, of the leader, and of all that finished and were
            confirmed: with how many the leader is compared decides who is told apart.
        leading: id of the leader, with which the others are compared.
    """
    baselines = [baseline_id(word) for word in study.baselines]
    known = {tally.cell_id: tally for tally in tallies}
    rows = _rows(known, tasks, fair, baselines)
    rows.sort(key=lambda row: row.cell_id != leading)
    finished = [row for row in rows if row.score is not None]
    if finished and finished[0].cell_id == leading:
        finished = _flagged(finished, known, tasks)
    # Only what finished is compared with the leader.
    return {row.cell_id: row for row in (*(row for row in rows if row.score is None), *finished)}


def to_frame(board: Board) -> "pd.DataFrame":
    """The board as one row a cell, finished ones first; columns by task are named `task: what`."""
    import pandas as pd

    entries: list[dict[str, object]] = []
    for number, row in enumerate((*board.rows, *board.stopped)):
        entry: dict[str, object] = {
            "rank": number + 1 if row.score is not None else None,
            "cell": row.cell_id,
            "label": row.label,
            "score": row.score,
            "execution": row.execution,
            "parameters": row.parameters,
            "tried": row.tried,
            "diverged": row.diverged,
            "tied": row.tied,
            "lost": row.lost,
            "stopped": row.stopped,
        }
        for place_, task in enumerate(board.tasks):
            selected, confirmed = row.selected[place_], row.confirmed[place_]
            entry[f"{task.name}: valid"] = selected and selected.value
            entry[f"{task.name}: fair"] = selected and selected.fair
            entry[f"{task.name}: ratio"] = selected and selected.ratio
            entry[f"{task.name}: distance"] = selected and selected.distance
            entry[f"{task.name}: test"] = confirmed and confirmed.centre
            entry[f"{task.name}: low"] = confirmed and confirmed.low
            entry[f"{task.name}: high"] = confirmed and confirmed.high
            entry[f"{task.name}: seeds"] = confirmed.count if confirmed else 0
        entries.append(entry)
    return pd.DataFrame(entries)


def _tally(
    log: Sequence[tuple[Ask, Outcome | None]],
    rejections: Sequence[Rejection],
    metrics: Mapping[str, Metric],
) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    seen: set[str] = set()
    for ask, outcome in log:
        trial = ask.trial
        if trial is None:
            continue
        made = Tally(trial.cell_id, trial.cell, ask.parent_id, ask.operators, ask.index)
        tally = tallies.setdefault(trial.cell_id, made)
        tally.screened |= ask.role is Role.SCREEN
        if outcome is None:
            if ask.role in SELECTION:
                tally.selection.setdefault(trial.task, [])
            continue
        if trial.key in seen:
            continue
        seen.add(trial.key)
        if trial.task not in metrics:
            continue  # the screen
        result = Result.of(metrics[trial.task], outcome)
        if ask.role in SELECTION:
            tally.selection.setdefault(trial.task, []).append(result)
        elif ask.role is Role.CONFIRM:
            tally.confirmations.setdefault(trial.task, []).append(result)
    for rejection in rejections:
        # A duplicate of a cell is not a verdict on the cell itself.
        if rejection.cell_id in tallies and rejection.cause.value != "duplicate":
            tallies[rejection.cell_id].rejection = rejection
    return tallies


def _best(task: TaskColumn, results: Sequence[Result]) -> tuple[float, str] | None:
    pairs = [(result.valid, result.key) for result in results if result.valid is not None]
    if not pairs:
        return None
    # The first of equal ones, as the strategy has it.
    return max(pairs, key=lambda pair: task.metric.oriented(pair[0]))


def _with_reference(task: TaskColumn, yardstick: Tally | None) -> TaskColumn:
    best = _best(task, yardstick.selection.get(task.name, ())) if yardstick else None
    return replace(task, reference=best and best[0])


def _least_tried(tallies: Sequence[Tally], tasks: Sequence[TaskColumn]) -> dict[str, int]:
    least: dict[str, int] = {}
    for task in tasks:
        counts = [
            len(tally.selection[task.name])
            for tally in tallies
            if all(tally.selection.get(other.name) for other in tasks)
        ]
        least[task.name] = min(counts, default=0)
    return least


def _select(task: TaskColumn, results: Sequence[Result], fair: int) -> Selected:
    best = _best(task, results)
    # A failure counts as the worst value that there is, if there is one.
    counted = [task.metric.worst if result.valid is None else result.valid for result in results]
    known = [task.metric.oriented(value) for value in counted if value is not None]
    expected = None
    if 1 <= fair <= len(counted) == len(known):
        expected = task.metric.oriented(best_of(known, fair))
    return Selected(
        value=best and best[0],
        fair=expected,
        tried=len(results),
        diverged=sum(result.ending is Ending.DIVERGED for result in results),
        key=best[1] if best else "",
        ratio=task.ratio(best[0], task.reference) if best else None,
        distance=task.distance(best[0]) if best else None,
    )


def _row(
    tally: Tally, tasks: Sequence[TaskColumn], yardstick: Tally | None, fair: Mapping[str, int]
) -> Row:
    selected = tuple(
        _select(task, tally.selection[task.name], fair[task.name])
        if tally.selection.get(task.name)
        else None
        for task in tasks
    )
    results = [result for group in tally.selection.values() for result in group]
    ratios = [selection.ratio if selection else None for selection in selected]
    numbers = [ratio for ratio in ratios if ratio is not None]
    finished = len(numbers) == len(tasks) and not _stopped_early(tally)
    confirmed = tuple(_confirmed(task, tally) for task in tasks)
    references = tuple(_confirmed(task, yardstick) if yardstick else None for task in tasks)
    if tally is yardstick:
        # Its own mean is what it is measured by; that mean's uncertainty must not count twice.
        references = tuple(r and replace(r, low=r.centre, high=r.centre) for r in references)
    return Row(
        cell_id=tally.cell_id,
        label=label(tally.cell_id),
        text=tally.text,
        parent_id=tally.parent_id,
        operators=tally.operators,
        execution=_execution(tally.text),
        first=tally.first,
        parameters=max((result.parameters or 0 for result in results), default=0) or None,
        tried=len(results),
        diverged=sum(result.ending is Ending.DIVERGED for result in results),
        selected=selected,
        score=min(numbers) if finished else None,
        confirmed=confirmed,
        lost=sum(
            result.ending is not Ending.OK
            for group in tally.confirmations.values()
            for result in group
        ),
        ratios=tuple(
            _seed_ratios(task, tally, reference)
            for task, reference in zip(tasks, references, strict=True)
        ),
        confirmed_score=_confirmed_score(tasks, confirmed, references),
        stopped="" if finished else _stopped(tally, tasks),
    )


def _rows(
    tallies: Mapping[str, Tally],
    tasks: Sequence[TaskColumn],
    fair: Mapping[str, int],
    baselines: Sequence[str],
) -> list[Row]:
    """Those of all cells that were put through a task."""
    yardstick = tallies.get(baselines[-1])
    return [
        replace(_row(tally, tasks, yardstick, fair), baseline=tally.cell_id in baselines)
        for tally in tallies.values()
        if tally.selection
    ]


def _stopped_early(tally: Tally) -> bool:
    return tally.rejection is not None and tally.rejection.cause.value in ("threshold", "probe")


def _stopped(tally: Tally, tasks: Sequence[TaskColumn]) -> str:
    if tally.rejection is not None:
        return f"{tally.rejection.cause.value}: {tally.rejection.detail}"
    waiting = [task.name for task in tasks if not tally.selection.get(task.name)]
    if waiting:
        return f"not trained on {', '.join(waiting)}"
    return "no setting trained on every task"


def _test_values(task: TaskColumn, tally: Tally) -> list[float]:
    results = tally.confirmations.get(task.name, ())
    return [result.test for result in results if result.test is not None]


def _confirmed(task: TaskColumn, tally: Tally) -> Interval | None:
    values = _test_values(task, tally)
    return student(values) if values else None


def _seed_ratios(task: TaskColumn, tally: Tally, reference: Interval | None) -> tuple[float, ...]:
    if reference is None:
        return ()
    ratios = [task.ratio(value, reference.centre) for value in _test_values(task, tally)]
    return tuple(ratio for ratio in ratios if ratio is not None)


def _confirmed_score(
    tasks: Sequence[TaskColumn],
    confirmed: Sequence[Interval | None],
    references: Sequence[Interval | None],
) -> Interval | None:
    centres: list[float] = []
    lows: list[float] = []
    highs: list[float] = []
    count = math.inf
    for task, ours, theirs in zip(tasks, confirmed, references, strict=True):
        if ours is None or theirs is None:
            return None
        centre = task.ratio(ours.centre, theirs.centre)
        centres.append(1.0 if centre is None else centre)
        count = min(count, ours.count, theirs.count)
        ends = _worst_ends(task, ours, theirs)
        if ends is not None:
            lows.append(ends[0])
            highs.append(ends[1])
    if not centres:
        return None
    bounded = len(lows) == len(centres)
    return Interval(
        min(centres),
        min(lows) if bounded else None,
        min(highs) if bounded else None,
        int(count),
    )


def _worst_ends(task: TaskColumn, ours: Interval, theirs: Interval) -> tuple[float, float] | None:
    """Bounds of a ratio from the far ends of both intervals; None where they reach zero."""
    if ours.low is None or ours.high is None or theirs.low is None or theirs.high is None:
        return None
    return task.metric.ratio_bounds((ours.low, ours.high), (theirs.low, theirs.high))


def _flagged(
    rows: Sequence[Row], tallies: Mapping[str, Tally], tasks: Sequence[TaskColumn]
) -> tuple[Row, ...]:
    """The rows, each compared with the first."""
    if not rows or rows[0].confirmed_score is None:
        return tuple(rows)
    leader = rows[0].cell_id
    rivals = [row.cell_id for row in rows[1:] if row.confirmed_score is not None]
    values = _fresh((tallies[cell_id] for cell_id in (leader, *rivals)), tasks)
    compared = fresh.compare([(rival, leader) for rival in rivals], values, tasks)
    apart = {comparison.cell_id for comparison in compared if comparison.told}
    return tuple(
        replace(row, tied=row.cell_id not in apart) if row.confirmed_score is not None else row
        for row in rows
    )


def _pairs(rows: Sequence[Row], yardstick: str) -> list[tuple[str, str]]:
    """Who is compared with whom: new cells with the baselines, else all with the last of them."""
    new = [row for row in rows if not row.baseline]
    old = [row for row in rows if row.baseline]
    if new:
        return [(row.cell_id, other.cell_id) for row in new for other in old]
    return [(row.cell_id, yardstick) for row in old if row.cell_id != yardstick]


def _fresh(
    tallies: Iterable[Tally], tasks: Sequence[TaskColumn]
) -> dict[tuple[str, str], list[float]]:
    return {
        (tally.cell_id, task.name): _test_values(task, tally) for tally in tallies for task in tasks
    }


def _execution(text: str) -> str:
    try:
        return execution_class(parse(text))
    except CellError:
        return ""


def _counted(words: Sequence[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}
