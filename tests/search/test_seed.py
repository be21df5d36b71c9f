"""Seeds."""

from hypothesis import given
from hypothesis import strategies as st

from search.seed import derive, generator


def test_a_seed_is_the_same_in_every_process_and_version() -> None:
    assert derive(1, 2, "setting") == 7619744194508728703


@given(st.integers(), st.integers() | st.text(), st.text())
def test_a_seed_is_a_number_of_63_bits(study: int, place: int | str, purpose: str) -> None:
    assert 0 <= derive(study, place, purpose) < 2**63


def test_places_and_purposes_do_not_share_seeds() -> None:
    seeds = {
        derive(study, place, purpose)
        for study in (0, 1)
        for place in (0, 1, "0", "1", "1/a")
        for purpose in ("a", "b", "1/a")
    }
    assert len(seeds) == 2 * 5 * 3


def test_generators_of_one_place_draw_the_same_numbers() -> None:
    assert generator(3, "cell", "init").random() == generator(3, "cell", "init").random()
    assert generator(3, "cell", "init").random() != generator(4, "cell", "init").random()
