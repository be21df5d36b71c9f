"""Seeds: three formulas that records depend on, and one for all that is new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cells.engine.chance
import tasks.chance
from cells.seed import derive, study_generator, study_seed, task_seed, training_seed


@pytest.mark.parametrize(
    ("parts", "seed", "drawn"),
    [
        (("initial", 0, "layer0.node7.weight"), 767829619243455933, 1882011957404394947),
        (("dropout", 7, 41), 817336330744462996, 355580548320198065),
        (("dropout", "7", 41), 3414882144745877324, 3340690159714817596),
        ((), 8203414616412130826, 2513174112928793796),
    ],
)
def test_seeds_of_trainings_stay_what_the_first_records_used(
    parts: tuple[str | int, ...], seed: int, drawn: int
) -> None:
    assert training_seed(*parts) == seed
    assert cells.engine.chance.generator(*parts).integers(1 << 62) == drawn


@pytest.mark.parametrize(
    ("parts", "seed", "drawn"),
    [
        ((1, 2, "setting"), 7619744194508728703, 0.9171698614413818),
        ((1, "2", "setting"), 3845945184300177968, 0.27876257455930675),
        (
            (2**63 - 1, "0123456789ab", "confirm/ptb/0"),
            5755770816894262149,
            0.07922077472217137,
        ),
        ((0, "\u00e9", "x"), 6043499362919600826, 0.5340073138384263),
    ],
)
def test_seeds_of_studies_stay_what_the_first_records_used(
    parts: tuple[int, int | str, str], seed: int, drawn: float
) -> None:
    assert study_seed(*parts) == seed
    assert study_generator(*parts).random() == drawn


@pytest.mark.parametrize(
    ("names", "seed", "drawn"),
    [
        (
            ("memorization", 1, "smoke", "train", 0),
            249501664382437992858226526270054522377,
            4481449360143672962,
        ),
        (
            ("reber-continual", 2, "paper", "test"),
            218941364191123590963428798510936218160,
            1858642518642011436,
        ),
        (("\u00e9",), 203735792704467274211267682967134075096, 2337124309662016534),
        ((), 305448517037188300300170881907735483215, 1326902746897082399),
    ],
)
def test_seeds_of_tasks_stay_what_the_first_records_used(
    names: tuple[str | int, ...], seed: int, drawn: int
) -> None:
    assert task_seed(*names) == seed
    assert tasks.chance.generator(*names).integers(1 << 62) == drawn


def test_seeds_of_new_purposes_stay_what_they_are() -> None:
    assert derive(1, "bootstrap", 2) == 1803998466738923809
    assert derive("a", "b") == derive("a", "b", 0) == 218466921419734339


@given(st.integers(), st.integers() | st.text(), st.text())
def test_a_seed_of_a_study_is_a_number_of_63_bits(
    study: int, index: int | str, purpose: str
) -> None:
    assert 0 <= study_seed(study, index, purpose) < 2**63


@given(st.integers() | st.text(), st.text(), st.integers())
def test_a_derived_seed_is_a_number_of_63_bits(what: int | str, purpose: str, index: int) -> None:
    assert 0 <= derive(what, purpose, index) < 2**63


def test_indices_and_purposes_do_not_share_seeds() -> None:
    seeds = {
        study_seed(study, index, purpose)
        for study in (0, 1)
        for index in (0, 1, "0", "1", "1/a")
        for purpose in ("a", "b", "1/a")
    }
    assert len(seeds) == 2 * 5 * 3
    derived = {
        derive(what, purpose, index)
        for what in (0, 1, "0", "1", "1/a")
        for purpose in ("a", "b", "1/a", "a,1")
        for index in (0, 1, 11)
    }
    assert len(derived | seeds) == len(seeds) + 5 * 4 * 3
