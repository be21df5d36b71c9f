"""What a study will cost: the arithmetic of trainings and seconds, from given times of a training."""

from dataclasses import replace

import pytest

from cells.training.budget import Budget
from results.record.ask import Role
from results.record.study import TaskPlan
from search import configuration
from search.error import SearchError
from search.run.estimate import Estimate, estimate, most_updates
from search.run.rates import PAPER, Rates
from tasks import registry
from tasks.task import Facts


def second(word: str, plan: TaskPlan, share: float) -> float:
    """A training of a baseline takes ten seconds, of a new cell one, if it does all its updates."""
    return share * (10.0 if word else 1.0)


def _trials(found: Estimate) -> dict[Role, tuple[float, int]]:
    return {
        role: (
            sum(load.expected for load in found.loads if load.role == role),
            sum(load.most for load in found.loads if load.role == role),
        )
        for role in Role
    }


def test_the_paper_is_estimated_without_its_data() -> None:
    study = configuration.load("paper")
    found = estimate(study, {}, second, PAPER)
    trials = _trials(found)
    assert trials[Role.SCREEN] == (10_000, 10_000)
    # LSTM and GRU on all 840 settings of three tasks.
    assert trials[Role.BASELINE] == (5_040, 5_040)
    # 1,000 cells, and of these 1, 1/2 and 1/4 reach the three tasks with 20 settings each.
    assert trials[Role.STAGE] == (35_000, 600_000)
    assert trials[Role.CONFIRM] == (75, 75)
    assert trials[Role.IDLE] == (0, 0)
    # The paper reports 230,000 settings, baselines most likely left out.
    searched = found.trials - 5_040 - 75
    assert 200_000 < searched < 260_000
    assert found.core_hours == pytest.approx(found.hours * study.slots)
    assert found.most_core_hours > found.core_hours


def test_each_cell_has_its_own_price_and_trainings_spend_the_share_that_is_known_of_their_role() -> (
    None
):
    study = replace(configuration.load("quick"), reevaluate=0.0)
    rates = Rates(0.5, (0.5, 0.1), "given", {Role.SCREEN: 0.6, Role.STAGE: 0.9})
    found = estimate(study, {}, second, rates)
    loads = {(load.role, load.task): load for load in found.loads}
    screen = loads[Role.SCREEN, "memorization"]
    assert (screen.expected, screen.seconds, screen.most_seconds) == (420, 0.6, 1.0)
    stages = [loads[Role.STAGE, plan.name].expected for plan in study.tasks]
    assert stages == pytest.approx([3 * 210, 3 * 105, 3 * 10.5])
    assert loads[Role.BASELINE, "arithmetic"].seconds == pytest.approx(10)
    # Two new cells and two baselines, each with three seeds.
    confirm = loads[Role.CONFIRM, "arithmetic"]
    assert (confirm.expected, confirm.seconds) == (12, pytest.approx(5.5))
    spent = 420 * 0.6 + 0.9 * sum(stages) + 3 * (12 * 10 + 12 * 5.5)
    assert found.core_hours * 3600 == pytest.approx(spent)


def test_updates_follow_budget_schedule_and_facts() -> None:
    plan = configuration.load("smoke").tasks[0]
    facts = registry.load(plan.name, plan.scale).facts
    assert most_updates(plan, None, None) == plan.budget.updates
    few = replace(facts, updates=1)
    assert most_updates(plan, few, None) == min(plan.schedule.epochs, plan.budget.updates or 0)
    tokens = replace(plan, budget=Budget(parameters=1000, tokens=7_000))
    assert most_updates(tokens, None, None) == 10
    assert most_updates(tokens, None, 10) == 20


def test_a_guard_on_seconds_bounds_a_training() -> None:
    study = configuration.load("smoke")
    guard = replace(study.screen, budget=replace(study.screen.budget, seconds=1e-3))
    assert estimate(replace(study, screen=guard), {}, second, PAPER).loads[0].seconds == 1e-3


def test_a_task_that_nothing_bounds_is_named() -> None:
    study = configuration.load("smoke")
    open_end = replace(study.tasks[0], budget=Budget(parameters=1000))
    with pytest.raises(SearchError, match=r"tasks\.arithmetic\.budget\.updates"):
        estimate(replace(study, tasks=(open_end,)), {}, second, PAPER)


def test_small_spaces_bound_the_settings() -> None:
    study = configuration.load("paper")
    space = replace(study.space, init_scales=(1.0,), learning_rates=(0.5,), clips=(5.0,))
    trials = _trials(estimate(replace(study, space=space), {}, second, PAPER))
    assert trials[Role.BASELINE][0] == 2 * 3 * 4
    assert trials[Role.STAGE][1] == 10_000 * 3 * 4


def test_retries_and_reevaluations_stand_beside_the_proposals() -> None:
    study = replace(configuration.load("paper"), reevaluate=0.25, retry=0.25)
    trials = _trials(estimate(study, {}, second, PAPER))
    # Half of the steps propose: 10,000 of them, beside 5,000 of either other kind.
    assert trials[Role.SCREEN][0] == pytest.approx(15_000)
    assert trials[Role.REEVALUATE][0] == pytest.approx(5_000 * 60)
    # Four standard deviations: 4 sqrt(10,000 * 0.25 * 0.75) / 0.5 = 346.4.
    assert trials[Role.SCREEN][1] == 15_347


@pytest.mark.parametrize("name", ["smoke", "quick", "laptop"])
def test_every_small_study_needs_only_generated_tasks_and_what_python_carries(name: str) -> None:
    study = configuration.load(name)
    pairs = {(plan.name, plan.scale) for plan in study.tasks}
    facts: dict[tuple[str, str], Facts] = {
        (task, scale): registry.load(task, scale).facts
        for task, scale in pairs | {(study.screen.task, study.screen.scale)}
    }
    assert all(load.updates > 0 for load in estimate(study, facts, second, PAPER).loads)
