"""A study as an Optuna journal: one file that `optuna.load_study` and optuna-dashboard open."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from cells.training.metric import Metric
from cells.training.setting import HYPERPARAMETERS
from results.error import StoreError
from results.label import label
from results.leaderboard.task_column import column
from results.record.outcome import Ending
from results.record.setting_columns import SETTING_COLUMNS
from results.record.store import Store
from search.settings.sampler import distributions

_TASKS = """
SELECT trial.task, trial.scale, count(*) AS answered
FROM ask JOIN trial ON trial.key = ask.trial_key JOIN outcome ON outcome.trial_key = trial.key
WHERE ask.study_id = ? GROUP BY 1, 2 ORDER BY min(ask.number)
"""

_TRIALS = f"""
SELECT ask.number, ask.role, trial.cell_id, {SETTING_COLUMNS}, trial.seed, outcome.*,
    (SELECT max(attempt.at) FROM attempt WHERE attempt.study_id = outcome.study_id
        AND attempt.number = outcome.number AND attempt.epoch <= outcome.epoch) AS begun
FROM ask JOIN trial ON trial.key = ask.trial_key JOIN outcome ON outcome.trial_key = trial.key
WHERE ask.study_id = ? AND trial.task = ? AND trial.scale = ? ORDER BY ask.number
"""  # noqa: S608 - the columns are those of the table of hyperparameters

_CURVES = """
SELECT trial_key, place, valid_loss, valid_accuracy FROM point WHERE trial_key IN
    (SELECT trial_key FROM ask JOIN trial ON trial.key = ask.trial_key
    WHERE ask.study_id = ? AND trial.task = ? AND trial.scale = ?)
"""


@dataclass(frozen=True, slots=True)
class Written:
    """One Optuna study of a journal.

    Attributes:
        name: `STUDY/TASK/SCALE`.
        metric: name of what the values are.
        trials: how many it has; `failed` of them did not end well.
    """

    name: str
    metric: str
    trials: int
    failed: int


def write(
    store: Store,
    study_id: str,
    path: Path,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> list[Written]:
    """Writes the answered trials of a study to `path` and returns what it wrote, one entry a task.

    A trial's value is its validation metric, its intermediate values are that metric after each
    epoch, from 0. A training that did not end `ok` is a failed trial. Asks without an outcome are
    left out. A file at `path` is replaced once all is written.

    Args:
        store: to read.
        study_id: which study.
        path: of the journal.
        advance: called now and then with the trials written and their number in all.

    Raises:
        StoreError: the store cannot be read, or holds what no search writes.
        OSError: the file cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    description = store.study(study_id)
    space = distributions(description.space)
    written: list[Written] = []
    done = 0
    with store.snapshot(), _replaced(path) as file:
        tasks = store.select(_TASKS, study_id)
        total = sum(row["answered"] for row in tasks)
        storage = JournalStorage(_Backend(file))
        for row in tasks:
            where = study_id, row["task"], row["scale"]
            metric = column(store, *where).metric
            study = optuna.create_study(
                storage=storage,
                study_name=f"{description.name}/{row['task']}/{row['scale']}",
                direction="maximize" if metric.higher else "minimize",
            )
            study.set_user_attr("gatewright_study", study_id)
            study.set_user_attr("metric", metric.name)
            count = failed = 0
            for trial in _trials(store, where, metric, space):
                study.add_trial(trial)
                count += 1
                failed += trial.state is TrialState.FAIL
                if (done + count) % 100 == 0:
                    advance(done + count, total)
            done += count
            advance(done, total)
            written.append(Written(study.study_name, metric.name, count, failed))
    return written


def _trials(
    store: Store,
    where: tuple[str, str, str],
    metric: Metric,
    space: Mapping[str, BaseDistribution],
) -> Iterator[FrozenTrial]:
    """The answered trials of a study on a task, in order."""
    curves: dict[str, dict[int, float]] = {}
    for row in store.select(_CURVES, *where):
        value = metric.derive(row[metric.column("valid")])
        curves.setdefault(row["trial_key"], {})[row["place"]] = value
    for row in store.select(_TRIALS, *where):
        try:
            yield _trial(row, metric, space, curves.get(row["trial_key"], {}))
        except ValueError as error:
            what = f"{store.path}: trial {row['trial_key']} is not of its study: {error}"
            raise StoreError("damaged", what, "restore a copy of the file") from error


def _trial(
    row: Mapping[str, Any],
    metric: Metric,
    space: Mapping[str, BaseDistribution],
    curve: dict[int, float],
) -> FrozenTrial:
    value = metric.value(row[metric.column("valid")])
    complete = row["ending"] == Ending.OK and value is not None
    parameters = {
        hyperparameter.recorded: row[hyperparameter.name]
        for hyperparameter in HYPERPARAMETERS
        if hyperparameter.recorded in space and row[hyperparameter.name] is not None
    }
    trial = create_trial(
        state=TrialState.COMPLETE if complete else TrialState.FAIL,
        value=value if complete else None,
        params=parameters,
        distributions={name: space[name] for name in parameters},
        intermediate_values=curve,
        user_attrs={
            "cell": label(row["cell_id"]),
            "cell_id": row["cell_id"],
            "role": row["role"],
            "seed": str(row["seed"]),
            f"test_{metric.name}": metric.value(row[metric.column("test")]),
            "ending": row["ending"],
            "detail": row["detail"],
            "parameters": row["parameters"],
            "number": row["number"],
            "key": row["trial_key"],
        },
    )
    ended = datetime.fromisoformat(row["at"])
    trial.datetime_complete = ended
    trial.datetime_start = (
        ended - timedelta(seconds=row["seconds"])
        if row["begun"] is None
        else datetime.fromisoformat(row["begun"])
    )
    return trial


class _Backend(BaseJournalBackend):
    """Writes a journal that nobody else writes meanwhile.

    Optuna's own locks the file, waits for the disk and reads the file again for every trial.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._count = 0
        self._unread: list[dict[str, Any]] = []

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """See `BaseJournalBackend`."""
        for log in logs:
            self._file.write(json.dumps(log, separators=(",", ":"), allow_nan=False) + "\n")
        self._unread += logs
        self._count += len(logs)

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any]]:
        """See `BaseJournalBackend`: what its one reader has not read yet."""
        first = self._count - len(self._unread)
        unread, self._unread = self._unread[log_number_from - first :], []
        yield from unread


@contextmanager
def _replaced(path: Path) -> Generator[IO[str]]:
    """A text file that takes the place of `path` when all is written, and leaves no trace if not."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
