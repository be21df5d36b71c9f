"""The best practices for research on architecture search, answered from what a findings run recorded.

Source of the questions, in our words: Lindauer, Hutter, Best practices for scientific research on
neural architecture search, JMLR 21, 2020.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from results.claims.findings import Measured, Run
from results.leaderboard.board import SELECTION
from results.record.ask import Role

Word = Literal["yes", "partly", "no", "does not apply"]

FEW: Final = 5
"""Seeds below which an answer is not a plain yes."""

_MACHINE = ("cpu", "cores", "platform", "machine")


@dataclass(frozen=True, slots=True)
class Answer:
    """One question with the answer and what in the record speaks for it."""

    question: str
    word: Word
    evidence: str


def answers(
    run: Run, measured: Sequence[Measured], provenance: Sequence[Mapping[str, str]]
) -> tuple[Answer, ...]:
    """All questions, answered.

    Args:
        run: what was trained.
        measured: its confirmed trainings.
        provenance: what each start of the driver recorded.
    """
    return (
        *_code(run, provenance),
        *_comparison(run, measured, provenance),
        *_reporting(run, provenance),
    )


def _code(run: Run, provenance: Sequence[Mapping[str, str]]) -> list[Answer]:
    commits = {record.get("commit", "unknown") for record in provenance} or {"unknown"}
    clean = all(commit != "unknown" and not commit.endswith("with changes") for commit in commits)
    digests = {record["sources"] for record in provenance if "sources" in record}
    released: Word = "yes" if clean and digests else "partly" if digests else "no"
    said = (
        f"commit {', '.join(sorted(commits))}; digest of all sources recorded"
        if digests
        else "neither commit nor digest of the sources is recorded"
    )
    keys = sum(training.outcome is not None for training in run.trainings)
    return [
        Answer("Is the code that trains and evaluates the cells released?", released, said),
        Answer(
            "Is the code of the search space released?",
            released,
            "the cells are the zoo's, with their texts in the record; same sources",
        ),
        Answer(
            "Are the final hyperparameters and all seeds released?",
            "yes" if keys else "no",
            f"setting, seed, schedule and budget of {keys} trainings stand in the record",
        ),
        Answer(
            "Is the search method released, with its own hyperparameters and seeds?",
            "does not apply",
            "no architecture is searched here: the cells are fixed by the claims",
        ),
    ]


def _comparison(
    run: Run, measured: Sequence[Measured], provenance: Sequence[Mapping[str, str]]
) -> list[Answer]:
    digests = {(training.trial.task, training.trial.task_digest) for training in run.trainings}
    tries = _tries(run)
    uneven = [task for task, counts in tries.items() if len(counts) > 1]
    machines = {tuple(record.get(name, "") for name in _MACHINE) for record in provenance}
    versions = {
        tuple(
            sorted((k, v) for k, v in record.items() if k.startswith("version ") or k == "sources")
        )
        for record in provenance
    }
    executors = {
        (training.trial.executor, training.trial.engine, training.trial.dtype)
        for training in run.trainings
    }
    seeds = {
        role: {
            (training.trial.task, training.trial.seed)
            for training in run.trainings
            if training.role in role
        }
        for role in (SELECTION, (Role.CONFIRM,))
    }
    fresh = bool(seeds[Role.CONFIRM,]) and not seeds[SELECTION] & seeds[Role.CONFIRM,]
    least = min((len(result.values) for result in measured), default=0)
    same_data = len(digests) == len({task for task, _ in digests})
    same_machine = len(machines) == len(versions) == len(executors) == 1
    return [
        Answer(
            "Same data, splits and training code for all that is compared?",
            "yes" if same_data else "no",
            f"{len(digests)} digests of data for {len({task for task, _ in digests})} tasks;"
            f" {len(executors)} executor",
        ),
        Answer(
            "Same budget of tuning for all?",
            "no" if uneven else "yes",
            "; ".join(
                f"{task}: {' or '.join(str(count) for count in sorted(counts))} settings a cell"
                for task, counts in tries.items()
            )
            or "nothing was tuned",
        ),
        Answer(
            "Are hardware, versions and run times no confounders?",
            "yes" if same_machine else "partly" if machines else "no",
            f"kinds of machine: {len(machines)}; sets of versions: {len(versions)}; budgets count"
            " updates and parameters, not seconds",
        ),
        Answer(
            "Are there ablations?",
            "yes" if len(measured) > 1 else "no",
            "the gates one by one; the run is about them",
        ),
        Answer(
            "Same protocol of evaluation for all?",
            "yes" if fresh else "no",
            "selected on validation, trained again on fresh seeds, measured once on test"
            if fresh
            else "no training on a seed that selection had not seen",
        ),
        Answer(
            "Is performance shown over time?",
            "yes"
            if any(training.outcome and training.outcome.curve for training in run.trainings)
            else "no",
            "learning curves and expected best of n settings, on this page",
        ),
        Answer(
            "Is there a comparison with random search?",
            "does not apply",
            "of architectures: none is searched. Settings are drawn at random, the same for all cells",
        ),
        Answer(
            "Several runs, with seeds reported?",
            "yes" if least >= FEW else "partly" if least > 1 else "no",
            f"at least {least} fresh seeds behind each mean; all seeds in the record",
        ),
        Answer(
            "Is a tabular or surrogate benchmark used for more repetitions?",
            "no",
            "every number comes from a training of its own",
        ),
    ]


def _reporting(run: Run, provenance: Sequence[Mapping[str, str]]) -> list[Answer]:
    cost = {
        role: sum(
            training.outcome.cost.cpu_seconds
            for training in run.trainings
            if training.outcome and (training.role in SELECTION) is (role == "selection")
        )
        for role in ("selection", "confirmation")
    }
    said = ", ".join(f"{seconds:,.0f} core-seconds of {role}" for role, seconds in cost.items())
    confirmed = any(training.role is Role.CONFIRM for training in run.trainings)
    return [
        Answer(
            "Is it said how hyperparameters were tuned, and at what cost?",
            "yes" if any(cost.values()) else "no",
            said,
        ),
        Answer(
            "Is the cost of the whole given, not of a part?",
            "yes" if confirmed and any(cost.values()) else "partly",
            "selection, confirmation and failed trainings are all counted",
        ),
        Answer(
            "Are all details of the setup given?",
            "yes" if provenance else "no",
            "studies in full, budgets, schedules, versions and digests, at the end of this page",
        ),
    ]


def _tries(run: Run) -> dict[str, set[int]]:
    """By task the numbers of settings that arms had: one number if all had the same."""
    counts: dict[tuple[str, str], int] = {}
    for training in run.trainings:
        if training.role in SELECTION:
            pair = training.trial.task, training.arm
            counts[pair] = counts.get(pair, 0) + 1
    tries: dict[str, set[int]] = {}
    for (task, _), count in counts.items():
        tries.setdefault(task, set()).add(count)
    return tries
