"""What a store already holds of a search that is asked for, and whether it can go on."""

from dataclasses import replace

from results.record.store import Store
from results.record.study import Study
from results.record.trial import ENGINE
from results.record.words import Edition
from search.error import SearchError


def recorded_study(plan: Study, store: Store) -> Study:
    """The study of the store that `plan` describes, or `plan` itself if it holds none.

    A study goes on under its stored description: an earlier edition of it is the same search, with
    the digests of that edition.
    """
    known = [row.study for row in store.studies()]
    same = [study for study in known if _as_of(plan, study.edition) == study]
    return next((study for study in same if study == plan), same[-1] if same else plan)


def _as_of(plan: Study, edition: Edition) -> Study:
    """The same study as an edition describes it: the first did not say what is a part of findings."""
    return replace(plan, edition=edition, findings=None if edition == 1 else plan.findings)


def check_engine(store: Store, study_id: str) -> None:
    """Raises SearchError `resume.engine` if the study has trials of another engine than this one."""
    engines = {
        int(engine)
        for (engine,) in store.select(
            "SELECT DISTINCT engine FROM ask JOIN trial ON key = trial_key WHERE study_id = ?",
            study_id,
        )
    }
    if engines - {ENGINE}:
        recorded = " and ".join(str(engine) for engine in sorted(engines))
        older = max(engines) < ENGINE
        raise SearchError(
            "resume.engine",
            f"study {study_id}: recorded by engine {recorded}, this is engine {ENGINE}: it can be read"
            " and reported but not resumed",
            "begin it anew in another --store" if older else "update Gatewright",
        )
