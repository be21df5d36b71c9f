"""What a study will cost."""

from dataclasses import replace

import pytest

from cells.training.budget import Budget
from results.record.ask import Role
from search import configuration
from search.error import SearchError
from search.run.cost import Cost, measure
from search.run.estimate import Estimate, estimate
from tasks import registry
from tasks.task import Facts

COST = Cost(step=2e-4, product=1e-9)


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
    found = estimate(study, {}, COST)
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
    assert found.most_core_hours > found.core_hours > 10_000


def test_updates_and_seconds_follow_budget_schedule_and_facts() -> None:
    study = configuration.load("smoke")
    bounded = estimate(study, {}, COST)
    (screen,) = [load for load in bounded.loads if load.role == Role.SCREEN]
    assert study.screen.budget.updates is not None
    assert study.screen.budget.parameters is not None
    assert screen.updates == study.screen.budget.updates
    # Without facts windows are the paper's 35 x 20, and the study has one layer.
    second = 35 * 2e-4 + study.screen.budget.parameters * 700 * 1e-9
    assert screen.seconds == pytest.approx(screen.updates * second)
    facts = registry.load("memorization", study.screen.scale).facts
    few = replace(facts, updates=1)
    known = estimate(study, {("memorization", study.screen.scale): few}, COST)
    assert known.loads[0].updates == study.screen.schedule.epochs
    assert known.loads[0].seconds < screen.seconds
    tokens = Budget(parameters=1000, tokens=7_000)
    by_tokens = estimate(replace(study, screen=replace(study.screen, budget=tokens)), {}, COST)
    assert by_tokens.loads[0].updates == 10
    guard = replace(study.screen, budget=replace(study.screen.budget, seconds=1e-3))
    assert estimate(replace(study, screen=guard), {}, COST).loads[0].seconds == 1e-3


def test_a_task_that_nothing_bounds_is_named() -> None:
    study = configuration.load("smoke")
    open_end = replace(study.tasks[0], budget=Budget(parameters=1000))
    with pytest.raises(SearchError, match=r"tasks\.arithmetic\.budget\.updates"):
        estimate(replace(study, tasks=(open_end,)), {}, COST)


def test_small_spaces_bound_the_settings() -> None:
    study = configuration.load("paper")
    space = replace(study.space, init_scales=(1.0,), learning_rates=(0.5,), clips=(5.0,))
    trials = _trials(estimate(replace(study, space=space), {}, COST))
    assert trials[Role.BASELINE][0] == 2 * 3 * 4
    assert trials[Role.STAGE][1] == 10_000 * 3 * 4


def test_retries_and_reevaluations_stand_beside_the_proposals() -> None:
    study = replace(configuration.load("paper"), reevaluate=0.25, retry=0.25)
    trials = _trials(estimate(study, {}, COST))
    # Half of the steps propose: 10,000 of them, beside 5,000 of either other kind.
    assert trials[Role.SCREEN][0] == pytest.approx(15_000)
    assert trials[Role.REEVALUATE][0] == pytest.approx(5_000 * 60)
    # Four standard deviations: 4 sqrt(10,000 * 0.25 * 0.75) / 0.5 = 346.4.
    assert trials[Role.SCREEN][1] == 15_347


def test_a_measured_cost_is_positive_and_grows_with_the_model() -> None:
    cost = measure()
    assert cost.step > 0
    assert cost.seconds(100_000, 1, 35, 20) > cost.seconds(1_000, 1, 35, 20) > 0
    assert cost.seconds(1_000, 2, 35, 20) > cost.seconds(1_000, 1, 35, 20)


@pytest.mark.parametrize("name", ["smoke", "quick", "laptop"])
def test_every_small_study_needs_only_generated_tasks_and_what_python_carries(name: str) -> None:
    study = configuration.load(name)
    pairs = {(plan.name, plan.scale) for plan in study.tasks}
    facts: dict[tuple[str, str], Facts] = {
        (task, scale): registry.load(task, scale).facts
        for task, scale in pairs | {(study.screen.task, study.screen.scale)}
    }
    assert all(load.updates > 0 for load in estimate(study, facts, COST).loads)
