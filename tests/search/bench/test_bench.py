"""The measuring functions of `gatewright bench`."""

from results.record.outcome import Outcome
from search.bench.driver import POINTS, measure, simulated
from search.bench.throughput import bench_cells


def test_the_figures_of_the_language_have_their_keys():
    figures = bench_cells(0.02)
    assert set(figures) == {"mutations_per_s", "canonical_per_s", "parse_per_s"}
    assert all(figure > 0 for figure in figures.values())


def test_the_driver_is_measured_on_a_whole_study_with_faults_and_a_resume() -> None:
    figures = measure(cells=120, slots=20, faults=0.05)
    assert figures.trials > 120
    assert figures.faults > 0
    assert figures.same_digest
    assert 0 < figures.commits_per_trial < 2
    assert figures.resume_asks >= figures.trials


def test_a_simulated_outcome_is_one_that_the_record_takes() -> None:
    outcome = Outcome.from_json(simulated("a trial"))
    assert outcome.to_json() == simulated("a trial")
    assert len(outcome.curve) == POINTS
