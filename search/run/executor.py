"""Which executor a run takes."""

from collections.abc import Iterable

from cells.engine import executor as executors
from results.record.store import Store
from search.error import UsageError


def executor_of(wanted: str | None, records: Iterable[Store] = (), study_id: str = "") -> str:
    """The executor asked for, or the one that a study began with, or the best on this machine.

    Args:
        wanted: the one asked for.
        records: where the study may have begun; the first that has a trial of it counts.
        study_id: of the study.

    Raises:
        UsageError: no executor has this name, or this machine cannot run it.
    """
    begun = (
        str(executor)
        for record in records
        for (executor,) in record.select(
            "SELECT executor FROM ask JOIN trial ON key = trial_key WHERE study_id = ? LIMIT 1",
            study_id,
        )
    )
    chosen = wanted or next(begun, None) or executors.best()
    if chosen not in executors.EXECUTORS:
        known = ", ".join(executors.EXECUTORS)
        raise UsageError(f"--executor {chosen}: expected one of {known}")
    reason = executors.hindrance(chosen)
    if reason is not None:
        raise UsageError(
            f"the {chosen} executor cannot run here: {reason.message}",
            f"{reason.hint}, or use --executor reference, which is many times slower",
        )
    return chosen
