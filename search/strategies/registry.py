"""Strategies by name."""

from collections.abc import Callable
from typing import Final

from cells import parse, zoo
from results.record.study import StrategyName, Study
from results.record.trial import ENGINE
from search.protocol.cascade import Cascade, FactsTable
from search.strategies.mutants import Mutants
from search.strategies.paper import Paper
from search.strategies.source import Source
from search.strategies.uniform import Uniform

STRATEGIES: Final[dict[StrategyName, Callable[[Study], Source]]] = {
    "paper": Paper,
    "uniform": Uniform,
    "zoo": Mutants,
    "roster": Uniform,  # never asked: a roster has no proposals
}


def make(
    study: Study,
    facts: FactsTable,
    executor: str = "reference",
    engine: int = ENGINE,
    dtype: str = "float32",
) -> Cascade:
    """The strategy of a study, at its beginning.

    Args:
        study: what to search.
        facts: of the screen and of every task of the study, by name and scale.
        executor: of every trial.
        engine: of every trial.
        dtype: of every trial.

    Raises:
        SearchError: facts of a task are missing.
        CellError: a baseline is neither a zoo name nor the text of a cell.
    """
    baselines = [zoo.load(word) if word in zoo.names() else parse(word) for word in study.baselines]
    source = STRATEGIES[study.strategy](study)
    return Cascade(study, facts, source, baselines, executor, engine, dtype)
