"""The paper's strategy: parents, and the inheritance of settings."""

from collections import Counter

import pytest

from cells import zoo
from cells.identity.canonical import identify
from cells.seed import study_generator
from cells.text.printer import to_text
from cells.training.setting import Setting
from cells.training.space import Space
from search import configuration
from search.protocol.candidate import Candidate, Tries
from search.settings import grid
from search.settings.sampler import FAILED
from search.strategies.paper import BEST, FEW, Paper, best_settings, evaluated

GRID = grid.settings(Space())


def _candidate(name: str, tried: Tries) -> Candidate:
    cell, cell_id = identify(zoo.load(name))
    return Candidate(cell, to_text(cell), cell_id, "", (), (tried, Tries()))


def _tries(count: int, offset: int = 0) -> Tries:
    """Settings whose value rises with their place in the grid; every seventh failed."""
    return {
        setting: FAILED if place % 7 == 0 else float(place)
        for place, setting in enumerate(GRID[offset : offset + count])
    }


@pytest.fixture(scope="module")
def paper() -> Paper:
    return Paper(configuration.load("smoke"))


BASELINES = (_candidate("lstm", _tries(840)), _candidate("gru", _tries(840)))


def _shares(paper: Paper, parent: Candidate) -> Counter[str]:
    """How often each source is chosen in 3,000 draws."""
    known = {
        "parent": evaluated(parent, 0),
        "parent's best": best_settings([parent], 0),
        "baselines' best": best_settings(BASELINES, 0),
        "random": [],
    }
    draws = study_generator(0, 7, "test")
    shares: Counter[str] = Counter()
    for _ in range(3000):
        pool = list(paper.inherit(draws.random(), parent, BASELINES, 0))
        shares[next(name for name, settings in known.items() if settings == pool)] += 1
    return shares


@pytest.mark.parametrize("count", [FEW, 40])
def test_a_parent_with_few_settings_gives_a_third(paper: Paper, count: int) -> None:
    shares = _shares(paper, _candidate("mut1", _tries(count)))
    assert set(shares) == {"parent", "baselines' best", "random"}
    # Binomial(3000, 1/3): four standard deviations are 103.
    assert all(abs(share - 1000) < 103 for share in shares.values())


def test_a_parent_with_more_than_420_settings_gives_80_percent(paper: Paper) -> None:
    shares = _shares(paper, _candidate("mut1", _tries(FEW + 1)))
    assert set(shares) == {"parent's best", "random"}
    # Binomial(3000, 0.8): four standard deviations are 88.
    assert abs(shares["parent's best"] - 2400) < 88


def test_awaited_settings_do_not_count_as_evaluated(paper: Paper) -> None:
    tried = _tries(FEW)
    tried[GRID[FEW]] = None
    assert len(evaluated(_candidate("mut1", tried), 0)) == FEW
    assert "parent's best" not in _shares(paper, _candidate("mut1", tried))


def test_inheritance_is_task_by_task(paper: Paper) -> None:
    parent = _candidate("mut1", _tries(840))
    assert paper.inherit(0.5, parent, BASELINES, 0) == best_settings([parent], 0)
    assert paper.inherit(0.9, parent, BASELINES, 1) == []


def test_the_best_settings_are_distinct_and_none_of_them_failed() -> None:
    best = best_settings(BASELINES, 0)
    assert len(best) == len(set(best)) == BEST
    assert best[0] == GRID[839]
    failed = {setting for setting, value in _tries(840).items() if value == FAILED}
    assert not failed & set(best)
    assert best_settings([_candidate("gru", {Setting(): FAILED})], 0) == []


def test_without_a_parent_in_the_study_only_the_baselines_and_chance_are_left(paper: Paper) -> None:
    assert paper.inherit(0.1, None, BASELINES, 0) == ()
    assert len(paper.inherit(0.5, None, BASELINES, 0)) == BEST
    assert paper.inherit(0.9, None, BASELINES, 0) == []


def test_parents_are_drawn_uniformly_from_the_list(paper: Paper) -> None:
    members = [*BASELINES, _candidate("mut1", Tries())]
    parents = Counter(
        paper.propose(study_generator(0, number, "test"), members).parent_id
        for number in range(600)
    )
    assert set(parents) == {member.cell_id for member in members}
    # Binomial(600, 1/3): four standard deviations are 47.
    assert all(abs(count - 200) < 47 for count in parents.values())


def test_a_proposal_is_a_mutant_or_a_reason(paper: Paper) -> None:
    proposals = [
        paper.propose(study_generator(0, number, "test"), BASELINES) for number in range(300)
    ]
    for proposal in proposals:
        assert proposal.operators
        assert (proposal.cell is None) == bool(proposal.problem)
    assert any(proposal.cell is None for proposal in proposals)
    assert sum(proposal.cell is not None for proposal in proposals) > 150
