"""The price of a study on this machine, whether or not its data is here."""

from dataclasses import dataclass

from results.record.study import Study
from search.run.cost import Cost
from search.run.estimate import Estimate, estimate
from search.run.session import tasks_of
from tasks import registry
from tasks.task import Facts, TaskError


@dataclass(frozen=True, slots=True)
class Price:
    """What a study will cost.

    Attributes:
        estimate: trainings, updates and time.
        absent: tasks that are not on this machine, each with the code of the reason; they are priced
            from the study's own numbers.
    """

    estimate: Estimate
    absent: tuple[str, ...]


def price(plan: Study, cost: Cost) -> Price:
    """What a study will cost.

    Args:
        plan: the study.
        cost: of one update here, see `search.run.cost.measure`.

    Raises:
        SearchError: `estimate`, a task is not here and its budget bounds neither updates nor tokens.
    """
    facts: dict[tuple[str, str], Facts] = {}
    absent: list[str] = []
    for name, scale in tasks_of(plan):
        try:
            facts[name, scale] = registry.load(name, scale).facts
        except TaskError as error:
            absent.append(f"{name} ({error.code})")
    return Price(estimate(plan, facts, cost), tuple(absent))
