"""Findings runs: equal budgets, common settings and seeds, parts and arms."""

import dataclasses
from typing import Literal

import pytest

from cells import zoo
from cells.engine.learner import Model
from cells.engine.training.width import parameter_count, solve_width
from cells.identity.canonical import identify
from results.claims import claim, paper_table
from results.claims.findings import PARTS, part_of
from results.record.ask import Ask, Role
from results.record.outcome import Ending, Outcome
from results.record.study import Study
from search import configuration, findings
from search.error import SearchError
from search.strategies import registry as strategies
from tasks import registry

FIRST_EDITION = tuple(name for name in findings.names() if name != "founding")


def roster() -> Study:
    (study,) = findings.studies("gates", "smoke")
    return study


def asked(study: Study) -> list[Ask]:
    """All asks of a study whose trainings all end equally well."""
    facts = {(one.name, one.scale): registry.load(one.name, one.scale).facts for one in study.tasks}
    screen = study.screen
    facts[screen.task, screen.scale] = registry.load(screen.task, screen.scale).facts
    strategy = strategies.make(study, facts)
    outcome = Outcome("", Ending.OK, valid_accuracy=0.5, valid_loss=1.0)
    asks: list[Ask] = []
    while True:
        told = len(asks) - study.lag
        if told >= 0:
            strategy.tell(told, outcome if asks[told].trial else None)
        ask = strategy.ask(len(asks))
        if ask is None:
            return asks
        asks.append(ask)


def test_every_cell_gets_the_same_settings_and_seeds_on_a_task() -> None:
    study = roster()
    given: dict[tuple[str, Role, str], list[object]] = {}
    for ask in asked(study):
        if ask.trial is not None:
            place = (ask.trial.task, ask.role, ask.trial.cell_id)
            given.setdefault(place, []).append((ask.trial.setting, ask.trial.seed))
    cells = {cell for _, _, cell in given}
    assert len(cells) == len(study.baselines)
    for task in study.tasks:
        for role, count in (
            (Role.BASELINE, study.baseline_settings),
            (Role.CONFIRM, study.confirm.seeds),
        ):
            lists = [given[task.name, role, cell] for cell in cells]
            assert all(len(one) == count == len(set(one)) for one in lists)
            assert all(one == lists[0] for one in lists)


def test_selection_and_confirmation_never_share_a_seed() -> None:
    asks = asked(roster())
    seeds = {
        role: {ask.trial.seed for ask in asks if ask.trial and ask.role == role}
        for role in (Role.BASELINE, Role.CONFIRM)
    }
    assert not seeds[Role.BASELINE] & seeds[Role.CONFIRM]


def test_a_family_alone_repeats_what_all_families_together_train() -> None:
    (alone,), (together,) = (findings.studies(name, "smoke") for name in ("gates", "all"))
    keys = [
        {
            ask.trial.key
            for ask in asked(study)
            if ask.trial is not None and ask.role != Role.CONFIRM
        }
        for study in (alone, together)
    ]
    assert keys[0] < keys[1]


def test_the_yardstick_is_in_every_run_and_last() -> None:
    for name in FIRST_EDITION:
        for study in findings.studies(name, "smoke"):
            assert study.baselines[-1] == "gru"
            assert len(set(study.baselines)) == len(study.baselines)


@pytest.mark.parametrize("scale", findings.scales("all"))
def test_some_part_runs_every_arm_of_every_comparison_of_its_tasks(scale: str) -> None:
    studies = findings.studies("all", scale)
    run = {
        (PARTS[part_of(study)] + cell, plan.name)
        for study in studies
        for cell in study.baselines
        for plan in study.tasks
    }
    tasks = {plan.name for study in studies for plan in study.tasks}
    parts = {PARTS[part_of(study)] for study in studies}
    for family in findings.families("all"):
        for told in family.claims:
            for one in told.comparisons:
                for arm in (one.better, one.worse):
                    prefix = arm[: arm.find(":") + 1]
                    if one.task in tasks and prefix in parts:
                        assert (arm, one.task) in run, (family.name, told.id)


@pytest.mark.parametrize("name", ["paper-tables", "all"])
def test_every_row_of_the_papers_table_of_words_is_trained(name: str) -> None:
    (words,) = (one for one in findings.studies(name, "laptop") if part_of(one) == "words")
    (table,) = (one for one in paper_table.tables() if one.id == "table-3")
    assert set(words.baselines) == {row.arm for row in table.rows}


def test_a_part_that_would_only_repeat_another_is_left_out() -> None:
    for name in FIRST_EDITION:
        trained: set[tuple[str, str]] = set()
        for study in findings.studies(name, "laptop"):
            prefix = PARTS[part_of(study)]
            new = {(prefix + cell, task.name) for cell in study.baselines for task in study.tasks}
            assert new - trained, study.name
            trained |= new


def test_unknown_findings_and_scales_name_the_known_ones() -> None:
    with pytest.raises(SearchError, match="forget-bias"):
        findings.studies("gate", "smoke")
    with pytest.raises(SearchError, match="smoke"):
        findings.studies("gates", "huge")


def test_a_roster_refuses_proposals() -> None:
    with pytest.raises(SearchError, match="no new cells"):
        configuration.load("findings-smoke", ["proposals=3"])


SIZES: dict[str, tuple[Literal["symbols", "roll"], int]] = {
    "nottingham": ("roll", 88),
    "piano-midi": ("roll", 88),
    "ptb-char": ("symbols", 50),
}
"""Of tasks whose data may not be on this machine."""


def test_at_laptop_scale_all_cells_come_within_one_percent_of_the_budget() -> None:
    parts = [configuration.load(f"findings-laptop{part}") for part in ("", "-vanilla")]
    for study, plan in [(part, plan) for part in parts for plan in part.tasks]:
        if plan.name in SIZES:
            kind, size = SIZES[plan.name]
        else:
            facts = registry.load(plan.name, plan.scale).facts
            kind, size = facts.kind, facts.size
        budget = plan.budget.parameters
        assert budget is not None
        for name in study.baselines:
            cell, _ = identify(zoo.load(name))
            width = solve_width(cell, kind, size, 1, budget)
            count = parameter_count(Model(cell, width, 1, kind, size))
            assert 0.99 * budget <= count <= budget, (plan.name, name)


def test_arms_of_parts_carry_their_part() -> None:
    family = claim.load("gates")
    assert all(":" not in arm for arm in family.arms)
    assert dataclasses.replace(family, claims=()).arms == ()


def test_every_arm_of_a_second_edition_claim_is_trained_on_its_tasks() -> None:
    trained = {
        (f"{study.findings.part}:{cell}", task.name)
        for study in findings.studies("founding", "laptop")
        if study.findings is not None
        for cell in study.baselines
        for task in study.tasks
    }
    compared = {
        (arm, comparison.task)
        for family in findings.families("founding")
        for told in family.claims
        for comparison in told.comparisons
        for arm in (comparison.better, comparison.worse)
    }
    assert compared
    assert compared <= trained


def test_the_claims_plan_as_many_seeds_as_the_parts_train() -> None:
    seeds = {
        study.findings.part: study.confirm.seeds
        for study in findings.studies("founding", "laptop")
        if study.findings is not None
    }
    for family in findings.families("founding"):
        parts = {arm.partition(":")[0] for arm in family.arms}
        assert {seeds[part] for part in parts} == {family.seeds}


def test_the_parts_of_the_second_edition_share_no_training() -> None:
    keys: list[str] = []
    for study in findings.studies("founding", "smoke"):
        keys += {ask.trial.key for ask in asked(study) if ask.trial is not None}
    assert len(keys) == len(set(keys))


def test_the_rate_of_every_rung_ends_at_an_eighth_of_the_start() -> None:
    for study in findings.studies("founding", "laptop"):
        for task in study.tasks:
            schedule = task.schedule
            if schedule.name != "ptb":
                continue
            updates = registry.load(task.name, task.scale).facts.updates
            assert task.budget.updates == schedule.epochs * updates
            last = schedule.rate(1.0, [1.0] * (schedule.epochs - 1))
            assert last == pytest.approx(1 / 8, rel=0.01)
            assert schedule.rate(1.0, [1.0] * schedule.epochs) is None


def test_a_part_that_is_not_there_is_named() -> None:
    with pytest.raises(SearchError, match="no part 'rung-2'"):
        findings.studies("founding", "laptop", parts=["rung-2"])
    (only,) = findings.studies("founding", "laptop", parts=["far"])
    assert only.name == "founding-laptop-far"
