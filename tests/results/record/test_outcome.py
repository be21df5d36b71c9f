"""The texts of an outcome that digests cover."""

import pytest

from cells.training.point import Point
from results.record.outcome import Ending, Outcome

CURVE = (Point(10, 0.5, 2.0, 1.5, 0.25, 1.0, 0.0), Point(20, 0.5, 1.0, 1.25, 0.5, 1.0, 0.0))


@pytest.mark.parametrize("detail", ["", "a line", '"detail":"",', 'x\\","detail":"y', "é\ud800"])
@pytest.mark.parametrize("curve", [(), CURVE])
def test_the_result_is_cut_out_of_the_facts(detail: str, curve: tuple[Point, ...]) -> None:
    outcome = Outcome("0" * 32, Ending.CRASHED, detail=detail, curve=curve, valid_loss=1.5)
    assert outcome.result_of(outcome.facts_json()) == outcome.result_json()
