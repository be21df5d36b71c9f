"""The text of an ask that a resume compares is the JSON of what every strategy asks."""

import json
from typing import get_args

import pytest

from results.record import plain
from results.record.ask import Ask
from results.record.outcome import Outcome
from results.record.row import ask_json, clean_ask
from results.record.study import StrategyName, Study
from search import configuration
from search.bench.driver import simulated
from search.run.session import tasks_of
from search.strategies import registry as strategies
from tasks import registry


def plain_json(ask: Ask) -> str:
    """The same by the encoder alone."""
    verdicts = [
        [(r.cause.value, r.cell_id, r.parent_id, r.operators, r.digested) for r in ask.rejections],
        ask.admissions,
    ]
    key = None if ask.trial is None else ask.trial.key
    words = [ask.index, ask.role.value, key, ask.parent_id, ask.operators, compact(verdicts)]
    return compact(words)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def asks(plan: Study, most: int) -> list[Ask]:
    """The first asks of a study whose trials have simulated outcomes."""
    facts = {key: registry.load(*key).facts for key in tasks_of(plan)}
    strategy = strategies.make(plan, facts)
    made: list[Ask] = []
    for index in range(most):
        if index >= plan.lag:
            trial = made[index - plan.lag].trial
            outcome = None if trial is None else Outcome.from_json(simulated(trial.to_json()))
            strategy.tell(index - plan.lag, outcome)
        ask = strategy.ask(index)
        if ask is None:
            break
        made.append(ask)
    return made


@pytest.mark.parametrize("sampler", ["grid", "random"])
@pytest.mark.parametrize("name", get_args(StrategyName))
def test_the_fast_text_is_the_plain_one_for_all_strategies(name: str, sampler: str) -> None:
    proposals = 0 if name == "roster" else 60  # it has no new cells
    changes = [f"strategy={name}", f"sampler={sampler}", f"proposals={proposals}", "reevaluate=0.3"]
    made = asks(configuration.load("smoke", changes), 400)
    assert len(made) > 10
    assert name == "roster" or any(ask.rejections for ask in made)
    for ask in made:
        assert clean_ask(ask) == ask
        assert ask_json(ask) == plain_json(ask)
        assert ask.trial is None or ask.trial.to_json() == plain.to_json(ask.trial)
