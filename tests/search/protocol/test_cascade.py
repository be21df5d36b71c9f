"""The state machine under all three strategies, on simulated outcomes: a pure function of the trial."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cells.seed import study_generator
from cells.training.budget import Budget
from cells.training.metric import ACCURACY, LOSS, Metric
from cells.training.schedule import Schedule
from cells.training.space import Space
from results.record.ask import Ask, Cause, Role
from results.record.outcome import Ending, Outcome
from results.record.study import Confirm, Screen, StrategyName, Study, TaskPlan
from results.record.trial import Trial
from search.error import SearchError
from search.strategies import registry as strategies
from search.strategies.strategy import Strategy
from tasks.task import Facts

Simulation = Callable[[Trial], Outcome]
NAMES: tuple[StrategyName, ...] = ("paper", "uniform", "zoo")


def _facts(name: str, metric: Metric) -> Facts:
    return Facts(
        name=name,
        family="symbols",
        version=3,
        scale="smoke",
        digest="d" * 64,
        kind="symbols",
        size=10,
        metric=metric,
        unit="nats per step",
        window=12,
        batch=10,
        updates=20,
    )


FACTS = {
    ("memorization", "smoke"): _facts("memorization", ACCURACY),
    ("copy", "smoke"): _facts("copy", ACCURACY),
    ("text", "smoke"): _facts("text", LOSS),
}

STUDY = Study(
    name="simulated",
    strategy="paper",
    seed=5,
    lag=8,
    slots=2,
    proposals=14,
    tasks=(
        TaskPlan("copy", "smoke", 2, Budget(parameters=1000, updates=10), Schedule()),
        TaskPlan("text", "smoke", 2, Budget(parameters=2000, updates=20), Schedule()),
    ),
    screen=Screen("memorization", "smoke", 0.5, Budget(parameters=500, updates=5), Schedule()),
    baseline_settings=3,
    threshold=0.8,
    list_size=3,
    reevaluate=0.15,
    confirm=Confirm(cells=2, seeds=2),
)


def _unit(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def simulated(trial: Trial) -> Outcome:
    """Good cells are good everywhere, settings and seeds add noise, and some trainings go wrong."""
    luck, merit = _unit(trial.key), _unit(trial.cell_id)
    if luck < 0.04:
        return Outcome(trial.key, Ending.DIVERGED, step=3)
    if trial.task == "memorization" and merit < 0.1:
        return Outcome(trial.key, Ending.REJECTED, detail="no gradient reaches back")
    accuracy = 0.3 + 0.5 * merit + 0.2 * luck
    return Outcome(trial.key, Ending.OK, valid_loss=2.0 - accuracy, valid_accuracy=accuracy)


def play(
    strategy: Strategy, lag: int, simulation: Simulation = simulated
) -> tuple[list[Ask], list[Outcome | None]]:
    """The whole history of a study."""
    asks: list[Ask] = []
    outcomes: list[Outcome | None] = []
    while True:
        index = len(asks)
        if index >= lag:
            strategy.tell(index - lag, outcomes[index - lag])
        ask = strategy.ask(index)
        if ask is None:
            return asks, outcomes
        assert ask.index == index
        assert index < 5000, "the study does not end"
        asks.append(ask)
        outcomes.append(None if ask.trial is None else simulation(ask.trial))


def make(study: Study = STUDY) -> Strategy:
    return strategies.make(study, FACTS)


@pytest.fixture(scope="module", params=NAMES)
def study(request: pytest.FixtureRequest) -> Study:
    return replace(STUDY, strategy=request.param)


@pytest.fixture(scope="module")
def history(study: Study) -> tuple[list[Ask], list[Outcome | None]]:
    return play(make(study), study.lag)


def _by_cell(asks: list[Ask], role: Role) -> dict[str, list[Ask]]:
    grouped: dict[str, list[Ask]] = defaultdict(list)
    for ask in asks:
        if ask.role == role and ask.trial is not None:
            grouped[ask.trial.cell_id].append(ask)
    return grouped


def _rejections(asks: list[Ask]) -> Counter[Cause]:
    return Counter(rejection.cause for ask in asks for rejection in ask.rejections)


def test_a_study_resumed_at_every_index_asks_the_same(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    asks, outcomes = history
    assert len(asks) >= 60
    stored = [None if outcome is None else outcome.to_json() for outcome in outcomes]
    for cut in range(len(asks) + 1):
        strategy = make(study)
        replayed: list[Ask | None] = []
        for index in range(cut):
            if index >= study.lag:
                text = stored[index - study.lag]
                strategy.tell(index - study.lag, None if text is None else Outcome.from_json(text))
            replayed.append(strategy.ask(index))
        assert replayed == asks[:cut]
        if cut >= study.lag:
            strategy.tell(cut - study.lag, outcomes[cut - study.lag])
        assert strategy.ask(cut) == (asks[cut] if cut < len(asks) else None)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_history_does_not_depend_on_workers_or_on_the_order_of_arrival(
    study: Study, history: tuple[list[Ask], list[Outcome | None]], workers: int
) -> None:
    asks, _ = history
    clock = study_generator(0, workers, "clock")
    strategy = make(study)
    running: dict[int, tuple[float, Trial]] = {}
    arrived: dict[int, Outcome | None] = {}
    seen: list[Ask] = []
    told, now = 0, 0.0
    while True:
        index = len(seen)
        wanted = range(told, max(0, index - study.lag + 1))
        if len(running) < workers and all(number in arrived for number in wanted):
            for told_now in wanted:
                strategy.tell(told_now, arrived[told_now])
            told = max(told, wanted.stop)
            ask = strategy.ask(index)
            if ask is None:
                break
            seen.append(ask)
            if ask.trial is None:
                arrived[index] = None
            else:
                running[index] = now + clock.lognormvariate(0.0, 1.0), ask.trial
            continue
        first = min(running, key=lambda number: running[number][0])
        now, trial = running.pop(first)
        arrived[first] = simulated(trial)
    assert seen == asks


def test_two_studies_side_by_side_do_not_touch_each_other(study: Study) -> None:
    other = replace(study, seed=6)
    left, right = make(study), make(other)
    pairs = [(left.ask(index), right.ask(index)) for index in range(study.lag)]
    assert [pair[0] for pair in pairs] == play(make(study), study.lag)[0][: study.lag]
    assert [pair[1] for pair in pairs] == play(make(other), study.lag)[0][: study.lag]
    assert any(one != two for one, two in pairs)


def test_the_end_is_final_and_everything_proposed_was_decided(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    asks, _ = history
    screened = _by_cell(asks, Role.SCREEN)
    assert len(screened) == study.proposals
    judged = [
        rejection.cell_id
        for ask in asks
        for rejection in ask.rejections
        if rejection.cause not in (Cause.DUPLICATE, Cause.INVALID)
    ]
    admitted = [cell_id for ask in asks for cell_id in ask.admissions]
    assert sorted(judged + admitted) == sorted(screened)
    strategy = make(study)
    play(strategy, study.lag)
    assert strategy.ask(len(asks)) is None


def test_baselines_come_first_and_nothing_else_has_their_role(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    asks, _ = history
    count = 2 * len(study.tasks) * study.baseline_settings
    assert [ask.role for ask in asks[:count]] == [Role.BASELINE] * count
    assert Role.BASELINE not in {ask.role for ask in asks[count:]}
    assert len(_by_cell(asks, Role.BASELINE)) == 2
    # New cells are screened before the results of the baselines are known.
    assert asks[count].role == Role.SCREEN


def test_no_setting_comes_twice_for_one_cell_and_task(
    history: tuple[list[Ask], list[Outcome | None]],
) -> None:
    asks, _ = history
    used = Counter(
        (ask.trial.cell_id, ask.trial.task, ask.trial.setting)
        for ask in asks
        if ask.trial is not None and ask.role != Role.CONFIRM
    )
    assert max(used.values()) == 1


def test_no_two_trials_share_a_seed_or_a_key(
    history: tuple[list[Ask], list[Outcome | None]],
) -> None:
    trials = [ask.trial for ask in history[0] if ask.trial is not None]
    assert len({trial.seed for trial in trials}) == len(trials)
    assert len({trial.key for trial in trials}) == len(trials)


def test_trials_carry_the_facts_of_their_task_and_the_plan_of_the_study(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    for ask in history[0]:
        trial = ask.trial
        if trial is None:
            continue
        assert (trial.task_version, trial.task_digest, trial.scale) == (3, "d" * 64, "smoke")
        if ask.role == Role.SCREEN:
            assert (trial.task, trial.budget) == ("memorization", study.screen.budget)
            assert trial.stop_at == study.screen.pass_mark
        else:
            plan = next(plan for plan in study.tasks if plan.name == trial.task)
            assert (trial.budget, trial.schedule) == (plan.budget, plan.schedule)
            assert trial.stop_at is None


def _visible(study: Study, asks: list[Ask], index: int) -> Iterator[Ask]:
    return (ask for ask in asks if ask.index <= index - study.lag)


def test_every_verdict_follows_from_what_was_visible(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    asks, outcomes = history
    gru = next(ask.trial.cell_id for ask in asks[1::2] if ask.trial is not None)
    members: list[str] = list(_by_cell(asks, Role.BASELINE))

    def ratio(cell_id: str, task: str, index: int) -> float:
        def values(wanted: str) -> list[Outcome]:
            return [
                outcome
                for ask in _visible(study, asks, index)
                if ask.trial is not None
                and (ask.trial.cell_id, ask.trial.task) == (wanted, task)
                and (outcome := outcomes[ask.index]) is not None
                and outcome.ending == Ending.OK
            ]

        if FACTS[task, "smoke"].metric == LOSS:
            found, reference = (
                [outcome.valid_loss for outcome in values(name) if outcome.valid_loss is not None]
                for name in (cell_id, gru)
            )
            return min(reference) / min(found) if found else 0.0
        found, reference = (
            [outcome.valid_accuracy for outcome in values(name) if outcome.valid_accuracy]
            for name in (cell_id, gru)
        )
        return max(found) / max(reference) if found else 0.0

    def score(cell_id: str, index: int) -> float:
        return min(ratio(cell_id, plan.name, index) for plan in study.tasks)

    for ask in asks:
        for rejection in ask.rejections:
            cell_id = rejection.cell_id
            screens = [
                outcome
                for seen in _visible(study, asks, ask.index)
                if seen.role == Role.SCREEN
                and seen.trial is not None
                and seen.trial.cell_id == cell_id
                and (outcome := outcomes[seen.index]) is not None
            ]
            match rejection.cause:
                case Cause.PROBE:
                    assert screens[-1].ending == Ending.REJECTED
                    assert rejection.detail == screens[-1].detail
                case Cause.SCREEN:
                    assert (
                        screens[-1].ending != Ending.OK
                        or (screens[-1].valid_accuracy or 0.0) < study.screen.pass_mark
                    )
                case Cause.THRESHOLD:
                    task = next(p.name for p in reversed(study.tasks) if p.name in rejection.detail)
                    assert ratio(cell_id, task, ask.index) <= study.threshold
                    assert f"{ratio(cell_id, task, ask.index):.4f}" in rejection.detail
                case Cause.LIST:
                    assert f"{score(cell_id, ask.index):.4f}" in rejection.detail
                    worst = min(score(member, ask.index) for member in members)
                    assert study.threshold < score(cell_id, ask.index) <= worst
                    assert len(members) == study.list_size
                case Cause.DUPLICATE:
                    earlier = {a.trial.cell_id for a in asks[: ask.index + 1] if a.trial}
                    assert cell_id in earlier
                case Cause.INVALID:
                    assert rejection.detail
        for cell_id in ask.admissions:
            assert score(cell_id, ask.index) > study.threshold
            if len(members) == study.list_size:
                worst = min(members, key=lambda member: score(member, ask.index))
                assert score(cell_id, ask.index) > score(worst, ask.index)
                members.remove(worst)
            members.append(cell_id)


def test_a_cell_goes_task_by_task(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    stages = _by_cell(history[0], Role.STAGE)
    assert stages
    for asks in stages.values():
        names = [ask.trial.task for ask in asks if ask.trial is not None]
        assert names in (["copy"] * 2, ["copy"] * 2 + ["text"] * 2)
        first, last = asks[1].index, asks[-1].index
        assert last == first or asks[2].index >= first + study.lag


def test_the_winners_and_the_baselines_are_confirmed_on_fresh_seeds(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    asks, _ = history
    confirmed = _by_cell(asks, Role.CONFIRM)
    baselines = set(_by_cell(asks, Role.BASELINE))
    winners = set(confirmed) - baselines
    assert baselines <= set(confirmed)
    assert 1 <= len(winners) <= study.confirm.cells
    first = min(ask.index for asks in confirmed.values() for ask in asks)
    assert {ask.role for ask in asks[first:]} == {Role.CONFIRM}
    for cell_id, trained in confirmed.items():
        assert len(trained) == len(study.tasks) * study.confirm.seeds
        for plan in study.tasks:
            settings = {a.trial.setting for a in trained if a.trial and a.trial.task == plan.name}
            assert len(settings) == 1
            selected = [
                ask.trial.setting
                for ask in asks[:first]
                if ask.trial and (ask.trial.cell_id, ask.trial.task) == (cell_id, plan.name)
            ]
            assert settings <= set(selected)


def test_idle_asks_come_only_when_nothing_else_could_be_asked(
    study: Study, history: tuple[list[Ask], list[Outcome | None]]
) -> None:
    asks, _ = history
    screens = [ask.index for ask in asks if ask.role == Role.SCREEN]
    for ask in asks:
        if ask.role == Role.IDLE:
            # All cells are proposed, and some result that decides is not visible yet.
            assert ask.index > max(screens)
            open_asks = asks[max(0, ask.index - study.lag + 1) : ask.index]
            assert any(earlier.role != Role.IDLE for earlier in open_asks)


def test_reevaluations_visit_members_that_are_not_baselines() -> None:
    asks, _ = play(make(replace(STUDY, proposals=40, reevaluate=0.4)), STUDY.lag)
    visits = _by_cell(asks, Role.REEVALUATE)
    admitted = {cell_id for ask in asks for cell_id in ask.admissions}
    assert visits
    assert set(visits) <= admitted
    for cell_id, trained in visits.items():
        names = Counter(ask.trial.task for ask in trained if ask.trial)
        assert names["copy"] == names["text"]
        assert names["copy"] % 2 == 0
        assert cell_id not in _by_cell(asks, Role.BASELINE)


def test_a_failed_cell_is_taken_up_again_with_another_setting_only_when_asked_for() -> None:
    strict = replace(STUDY, screen=replace(STUDY.screen, pass_mark=0.7))
    once, _ = play(make(strict), STUDY.lag)
    assert max(len(screens) for screens in _by_cell(once, Role.SCREEN).values()) == 1
    again, _ = play(make(replace(strict, retry=0.4)), STUDY.lag)
    screens = _by_cell(again, Role.SCREEN)
    assert len(screens) == STUDY.proposals
    assert max(len(trained) for trained in screens.values()) > 1


def test_a_cell_goes_on_with_fewer_settings_when_its_space_is_used_up() -> None:
    space = Space(init_scales=(1.0,), learning_rates=(0.5,), clips=(5.0,), layers=(1,))
    asks, _ = play(make(replace(STUDY, space=space, reevaluate=0.5)), STUDY.lag)
    assert all(len(trained) <= 2 for trained in _by_cell(asks, Role.STAGE).values())
    assert len(_by_cell(asks, Role.SCREEN)) == STUDY.proposals
    assert not _by_cell(asks, Role.REEVALUATE)
    assert any(ask.admissions for ask in asks)


def test_last_decisions_travel_in_an_idle_ask_when_nothing_is_confirmed() -> None:
    asks, _ = play(make(replace(STUDY, confirm=Confirm(0, 0))), STUDY.lag)
    assert asks[-1].role == Role.IDLE
    assert len(_by_cell(asks, Role.SCREEN)) == STUDY.proposals
    decided = sum(len(ask.admissions) for ask in asks) + sum(
        count
        for cause, count in _rejections(asks).items()
        if cause not in (Cause.DUPLICATE, Cause.INVALID)
    )
    assert decided == STUDY.proposals


@pytest.mark.parametrize("lag", [4, 16, 64])
def test_a_study_ends_under_any_lag(lag: int) -> None:
    asks, _ = play(make(replace(STUDY, lag=lag, slots=1)), lag)
    assert len(_by_cell(asks, Role.SCREEN)) == STUDY.proposals


def test_a_study_without_proposals_compares_the_baselines() -> None:
    asks, _ = play(make(replace(STUDY, proposals=0)), STUDY.lag)
    assert {ask.role for ask in asks} == {Role.BASELINE, Role.IDLE, Role.CONFIRM}


def test_all_causes_of_rejection_are_seen_in_a_larger_study() -> None:
    asks, _ = play(make(replace(STUDY, proposals=200, seed=2)), STUDY.lag)
    assert set(_rejections(asks)) >= set(Cause) - {Cause.INVALID}
    for ask in asks:
        for rejection in ask.rejections:
            assert rejection.detail
            assert rejection.parent_id
            assert rejection.operators


def test_a_gru_that_never_trains_ends_the_study_with_a_reason() -> None:
    def hopeless(trial: Trial) -> Outcome:
        if trial.task == "memorization":
            return Outcome(trial.key, Ending.OK, valid_loss=0.1, valid_accuracy=1.0)
        return Outcome(trial.key, Ending.DIVERGED, step=1)

    with pytest.raises(SearchError) as caught:
        play(make(), STUDY.lag, hopeless)
    assert caught.value.code == "baseline"
    assert "copy" in str(caught.value)


def test_calls_out_of_turn_are_refused() -> None:
    strategy = make()
    for wrong in (lambda: strategy.ask(1), lambda: strategy.tell(0, None)):
        with pytest.raises(SearchError, match="order"):
            wrong()
    first = strategy.ask(0)
    assert first is not None
    assert first.trial is not None
    with pytest.raises(SearchError, match="order"):
        strategy.tell(0, None)
    strategy.tell(0, simulated(first.trial))
    with pytest.raises(SearchError, match="order"):
        strategy.ask(1)


def test_a_task_without_facts_is_named() -> None:
    with pytest.raises(SearchError, match="text at scale smoke"):
        strategies.make(STUDY, {key: value for key, value in FACTS.items() if key[0] != "text"})
