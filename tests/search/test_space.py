"""`gatewright cells space`: the core space in numbers, by slots, at random, around a cell."""

import pytest

from cells import identifier, parse, zoo
from cells.space.core import core
from cells.space.template import SLOTS
from search.cli import run
from tests.search.command import document


def test_the_size_the_slots_and_the_members_of_the_zoo(capsys: pytest.CaptureFixture[str]) -> None:
    facts = document(capsys, "cells", "space")
    assert (facts["cells"], facts["combinations"]) == (5767, 12000)
    assert facts["digest"] == core().digest
    assert {slot: list(levels) for slot, levels in facts["slots"].items()} == {
        slot: list(levels) for slot, levels in SLOTS.items()
    }
    assert facts["zoo"]["janet"] == identifier(zoo.load("janet"))
    assert run(["cells", "space"]) == 0
    shown = capsys.readouterr().out
    assert "5,767 cells, written by 12,000 combinations of 8 slots" in shown
    assert "\nrecurrence\n" in shown


def test_a_cell_by_its_slots_the_rest_as_in_the_lstm(capsys: pytest.CaptureFixture[str]) -> None:
    cell = document(capsys, "cells", "space", "--slots", "forget=coupled")["cell"]
    assert cell["name"] == "cifg"
    assert identifier(parse(cell["text"])) == cell["id"] == identifier(zoo.load("cifg"))
    assert run(["cells", "space", "--slots", "forget=one"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# lstm_f: forget=one input=gate gates=xh bias=0 recurrence=plain")
    assert "and 1 other combination\n" in shown


def test_random_cells_are_those_of_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    first = document(capsys, "cells", "space", "--sample", "3", "--seed", "1")["sample"]
    assert first == document(capsys, "cells", "space", "--sample", "3", "--seed", "1")["sample"]
    assert len({row["id"] for row in first}) == 3
    assert first != document(capsys, "cells", "space", "--sample", "3", "--seed", "2")["sample"]


def test_the_neighbours_of_a_cell_with_what_leads_to_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = document(capsys, "cells", "space", "--neighbours", "elman", "--edits")
    assert {row["id"] for row in facts["neighbours"]} == set(core().changed(zoo.load("elman")))
    assert {row["operator"] for row in facts["edits"]} >= {"remove", "replace_activation"}
    assert run(["cells", "space", "--neighbours", "lstm"]) == 0
    assert "\n  lstm_b  bias\n" in capsys.readouterr().out


def test_an_id_of_the_space_is_a_cell_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    name = core().ids[-1]
    assert document(capsys, "cells", "show", name, "--width", "8")["id"] == name


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--slots", "forget"), "SLOT=LEVEL"),
        (("--edits",), "--neighbours CELL"),
        (("--neighbours", "lru"), "cell lru is not in the core space"),
        (("--slots", "forget=gates"), "did you mean gate?"),
    ],
)
def test_a_wrong_question_says_what_was_expected(
    words: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cells", "space", *words]) == 2
    assert error in capsys.readouterr().err
