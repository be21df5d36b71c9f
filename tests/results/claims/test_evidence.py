"""Evidence, on simulated records whose truth is known, and on what the first edition published."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from results.claims import findings, paper_table
from results.claims.claim import FINAL, Claim, Comparison, Measure
from results.claims.evidence import Evidence
from results.claims.findings import Run
from results.publishing import publication
from results.statistics.estimate import welch
from results.statistics.interval import Interval
from results.statistics.sensitivity import selections
from results.statistics.tuning import expected
from tests.results.founding_store import Cell, Part, record

PUBLISHED = Path(__file__).parents[3] / "results" / "published" / "all-laptop"
QUARTER = Measure("early", share=0.25)
SMALLEST = {
    "arithmetic": 0.03,
    "markup": 0.01,
    "ptb-char": 0.02,
    "nottingham": 0.05,
    "piano-midi": 0.05,
    "ptb": 0.02,
}


def against(part: str = "near", task: str = "arithmetic") -> Comparison:
    return Comparison(f"{part}:lstm_b", f"{part}:lstm", task, 0.02)


def seeds(mean: float, count: int = 10, seed: int = 0) -> list[float]:
    return (mean + np.random.default_rng(seed).normal(0, 0.01, count)).tolist()


def tried(values: Sequence[float]) -> list[tuple[float, float | None] | None]:
    return [(value, value - 0.01) for value in values]


@pytest.fixture
def near(tmp_path: Path) -> Run:
    """A part whose arms differ by 0.1 in the end and by 0.3 after a quarter of the updates."""
    generator = np.random.default_rng(7)
    hard = generator.normal(0, 0.05, 20)
    cells = {
        "lstm_b": Cell(
            tried((0.6 + hard).tolist()),
            seeds(0.8, seed=1),
            (0.7, 0.75, 0.8, 0.8),
            selected=int(hard.argmax()),
        ),
        "lstm": Cell(
            tried((0.5 + hard).tolist()),
            seeds(0.7, seed=2),
            (0.4, 0.6, 0.7, 0.7),
            selected=int(hard.argmax()),
        ),
    }
    return record(tmp_path / "run.gate", Part("near", cells))


def test_the_final_measure_is_welchs_of_the_test_values_of_fresh_seeds(near: Run) -> None:
    found = Evidence(near).estimate(against())
    assert found == welch(seeds(0.8, seed=1), seeds(0.7, seed=2))
    assert found is not None
    assert found.count == 10


def test_the_early_measure_is_read_from_the_curves(near: Run) -> None:
    found = Evidence(near).estimate(against(), QUARTER)
    assert found is not None
    late = Evidence(near).estimate(against())
    assert late is not None
    # The seeds' luck stands in the curves as in the test values; the arms' lead there is 0.2 larger.
    assert found.centre == pytest.approx(late.centre + 0.2)
    assert found.error == pytest.approx(late.error)
    assert Evidence(near).estimate(against(), Measure("early", share=0.2)) is None


@pytest.mark.parametrize("settings", [1, 2, 5, 20])
def test_the_best_of_some_settings_is_exact_and_pairs_the_settings(
    near: Run, settings: int
) -> None:
    evidence = Evidence(near)
    found = evidence.estimate(against(), Measure("best-of", settings=settings))
    assert found is not None
    # Every setting is as hard for one arm as for the other: the difference is 0.1, and sure.
    assert found.centre == pytest.approx(0.1)
    assert found.error == pytest.approx(0.0, abs=1e-9)
    assert (found.freedom, found.count) == (19.0, 20)
    single = evidence.best_of("near:lstm", "arithmetic", settings)
    values = np.array([row[1] for row in _rows(near)])
    assert single == pytest.approx(expected(values, values, settings))


def _rows(run: Run) -> list[tuple[float, float]]:
    arm = Evidence(run).arms["near:lstm", "arithmetic"]
    return [(row.choice, row.value) for row in arm.tried().values()]


def test_what_was_not_run_or_too_seldom_has_no_estimate(tmp_path: Path) -> None:
    cells = {"lstm_b": Cell(tried([0.6, 0.7]), [0.7]), "lstm": Cell(tried([0.5, 0.6]), [0.6, 0.7])}
    evidence = Evidence(record(tmp_path / "run.gate", Part("near", cells)))
    for comparison in (against(), against("far"), against(task="markup")):
        assert evidence.estimate(comparison) is None
        assert evidence.with_settings(comparison) is None
    assert evidence.estimate(against(), Measure("best-of", settings=3)) is None
    assert evidence.with_settings(against(), Measure("best-of", settings=3)) is None
    assert evidence.best_of("near:lstm", "arithmetic", 3) is None


def test_the_best_of_some_settings_waits_until_all_settings_were_tried(tmp_path: Path) -> None:
    cells = {
        "lstm": Cell(tried([0.5, 0.6, 0.7]), seeds(0.7, 2)),
        "lstm_b": Cell(tried([0.5] * 3), []),
    }
    evidence = Evidence(record(tmp_path / "run.gate", Part("near", cells)))
    assert evidence.estimate(against(), Measure("best-of", settings=2)) is None
    assert evidence.cautions(against("far")) == ()


def test_further_draws_of_settings_are_pooled_where_they_were_trained_alike(tmp_path: Path) -> None:
    def cells(low: float) -> dict[str, Cell]:
        return {
            "lstm_b": Cell(tried([low + 0.3, low + 0.2]), [0.7, 0.7]),
            "lstm": Cell(tried([low + 0.1, low]), [0.6, 0.6]),
        }

    run = record(
        tmp_path / "run.gate",
        Part("rung-1", cells(0.1)),
        Part("draw-2", cells(0.3), first=2),
        Part("draw-3", cells(0.5), first=4, updates=3000),
    )
    pooled = Evidence(run).estimate(against("rung-1"), Measure("best-of", settings=1))
    alone = Evidence(run, draws={}).estimate(against("rung-1"), Measure("best-of", settings=1))
    assert pooled is not None
    assert alone is not None
    # The third draw was trained for longer, so it says nothing about this arm.
    assert (pooled.count, alone.count) == (4, 2)
    assert Evidence(run).best_of("rung-1:lstm", "arithmetic", 4) == pytest.approx(0.39)
    assert Evidence(run, draws={}).best_of("rung-1:lstm", "arithmetic", 2) == pytest.approx(0.19)


def test_arms_with_settings_of_their_own_are_drawn_apart(tmp_path: Path) -> None:
    hard = np.random.default_rng(5).normal(0, 0.05, 20)
    run = record(
        tmp_path / "run.gate",
        Part("near", {"lstm_b": Cell(tried((0.6 + hard).tolist()), seeds(0.8))}),
        Part("far", {"lstm": Cell(tried((0.5 + hard).tolist()), seeds(0.7))}, first=20),
    )
    comparison = Comparison("near:lstm_b", "far:lstm", "arithmetic", 0.02)
    found = Evidence(run).estimate(comparison, Measure("best-of", settings=1))
    assert found is not None
    assert found.centre == pytest.approx(0.1)
    assert found.error == pytest.approx(np.std(hard, ddof=1) * (2 / 20) ** 0.5, rel=0.05)


def test_where_settings_do_not_matter_their_draw_adds_nothing(tmp_path: Path) -> None:
    cells = {
        "lstm_b": Cell(tried([0.6] * 8), seeds(0.8, seed=1)),
        "lstm": Cell(tried([0.5] * 8), seeds(0.7, seed=2)),
    }
    evidence = Evidence(record(tmp_path / "run.gate", Part("near", cells)))
    estimate, carried = evidence.estimate(against()), evidence.with_settings(against())
    assert estimate is not None
    assert carried is not None
    seen = estimate.interval()
    assert carried.centre == seen.centre
    assert (carried.low, carried.high) == pytest.approx((seen.low, seen.high), abs=0.002)


def test_a_lucky_setting_of_one_arm_widens_its_interval_downwards(tmp_path: Path) -> None:
    # Without the lucky setting, which 36 of 100 resamples of 8 lack, the arm loses 0.2.
    cells = {
        "lstm_b": Cell(tried([0.5] * 7 + [0.7]), seeds(0.8, seed=1), selected=7),
        "lstm": Cell(tried([0.5] * 8), seeds(0.7, seed=2)),
    }
    evidence = Evidence(record(tmp_path / "run.gate", Part("near", cells)))
    estimate, carried = evidence.estimate(against()), evidence.with_settings(against())
    assert estimate is not None
    assert carried is not None
    seen = estimate.interval()
    assert carried.low == pytest.approx(estimate.centre - 0.2, abs=0.02)
    assert carried.high == pytest.approx(seen.high, abs=0.005)
    assert carried == evidence.with_settings(against())


def test_where_both_arms_have_the_same_lucky_setting_it_cancels(tmp_path: Path) -> None:
    cells = {
        "lstm_b": Cell(tried([0.5] * 7 + [0.7]), seeds(0.8, seed=1), selected=7),
        "lstm": Cell(tried([0.4] * 7 + [0.6]), seeds(0.7, seed=2), selected=7),
    }
    evidence = Evidence(record(tmp_path / "run.gate", Part("near", cells)))
    estimate, carried = evidence.estimate(against()), evidence.with_settings(against())
    assert estimate is not None
    assert carried is not None
    seen = estimate.interval()
    assert (carried.low, carried.high) == pytest.approx((seen.low, seen.high), abs=0.002)


def test_the_interval_of_the_best_of_some_settings_carries_their_draw_by_itself(near: Run) -> None:
    evidence, measure = Evidence(near), Measure("best-of", settings=3)
    estimate = evidence.estimate(against(), measure)
    assert estimate is not None
    assert evidence.with_settings(against(), measure) == estimate.interval()


def test_cautions_take_the_values_that_the_measure_compares(tmp_path: Path) -> None:
    # 0.5 is a known level of the task; final values stand there, the best of one setting does not.
    rates = (1.0, 1.0, 0.5, 0.5)
    cells = {
        name: Cell(tried([0.4, 0.42, 0.38]), seeds(0.5, 5, seed), (0.2, 0.5, 0.5, 0.5), rates, 1)
        for seed, name in enumerate(("lstm_b", "lstm"))
    }
    evidence = Evidence(record(tmp_path / "run.gate", Part("near", cells)))
    codes = {
        measure: [caution.code for caution in evidence.cautions(against(), measure)]
        for measure in (FINAL, Measure("best-of", settings=1), QUARTER)
    }
    assert list(codes.values()) == [["plateau"], [], ["floor"]]
    (standing,) = evidence.stalled({"arithmetic": 0.02})
    assert standing.share == 1.0


@pytest.fixture(scope="module")
def first() -> Run:
    """The run that the first edition published."""
    with publication.open_record(PUBLISHED) as store:
        (study_ids,) = findings.runs(store).values()
        run = findings.run_of(store, study_ids[0])
    assert run is not None
    return run


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_with_the_draw_of_settings_the_published_intervals_are_1_85_times_wider(
    first: Run,
) -> None:
    evidence = Evidence(first)
    ratios: list[float] = []
    for family in first.families:
        for comparison in (one for claim in family.claims for one in claim.comparisons):
            estimate = evidence.estimate(comparison)
            carried = evidence.with_settings(comparison)
            if estimate is None or carried is None:
                continue
            seen = estimate.interval()
            ratios.append(width(carried) / width(seen))
    assert len(ratios) == 149
    # An independent computation had 1.85.
    assert np.median(ratios) == pytest.approx(1.85, abs=0.05)


def test_the_published_arms_stand_at_the_levels_that_an_audit_counted(first: Run) -> None:
    evidence = Evidence(first, passes={("ptb-char", "laptop"): 8, ("ptb", "laptop"): 4})
    standing = {(row.part, row.task): row for row in evidence.stalled(SMALLEST)}
    markup = standing["", "markup"]
    assert (len(markup.plateau), markup.arms) == (15, 24)
    bias = Comparison("lstm_b", "lstm", "ptb", 0.02)
    said = {caution.code: caution.text for caution in evidence.cautions(bias)}
    assert "5 of 5 of lstm_b and 5 of 5 of lstm" in said["never-cut"]
    assert "lstm_b 0.90 and lstm 0.90 of it" in said["less-than-one-pass"]
    assert "rising" in said


def test_with_a_margin_fewer_settings_have_learned_markup(first: Run) -> None:
    learned = [
        sum(row.learned)
        for margins in ({}, SMALLEST)
        for row in selections(first.trainings, first.tasks, margins)
        if (row.arm, row.task) == ("lstm", "markup")
    ]
    assert learned == [13, 6]


def test_two_cells_carry_the_published_order_on_two_tasks(first: Run) -> None:
    measured = findings.measured(first.trainings)
    orders: dict[str, tuple[float | None, float | None]] = {}
    for table in paper_table.tables():
        for place, column in enumerate(table.columns):
            ours = {
                row.arm: sum(row.values) / len(row.values)
                for row in measured
                if row.task == column.task and row.metric == table.metric
            }
            found = paper_table.order(table, place, ours)
            orders[column.name] = found.rank, found.without
    assert orders["Arith."] == pytest.approx((0.52, 0.05), abs=0.005)
    assert orders["XML"] == pytest.approx((0.49, 0.0), abs=0.005)
    assert orders["N"][1] == pytest.approx(0.93, abs=0.005)
    assert orders["5M-tst"][1] == pytest.approx(0.40, abs=0.005)


def test_the_pooled_effect_is_in_units_of_the_smallest_difference(near: Run) -> None:
    claim = Claim("helps", "", "", "better", "all", (against(),))
    effect = Evidence(near).pooled(claim)
    assert effect is not None
    assert effect.centre == pytest.approx(5, abs=1)
    assert effect.low is not None
    assert effect.high is not None
    assert effect.low < effect.centre < effect.high
    assert Evidence(near).pooled(Claim("none", "", "", "better", "all", (against("far"),))) is None
