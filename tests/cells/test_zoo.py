"""The zoo: every file is a valid cell in printed form, with its source in the header."""

import pytest

from cells import CellError, check, parse, to_text, zoo
from cells.text.header import header

SPINE = {
    *("elman", "leaky", "irnn", "feedforward"),
    *("lstm", "lstm_tanh_o", "lstm_f", "lstm_i", "lstm_o", "lstm_b", "lstm_1997", "lstm_peep"),
    *("gru", "gru_after", "mut1", "mut2", "mut3"),
    *("cifg", "mgu", "janet", "ugrnn", "mingru"),
}


def test_the_first_zoo_is_complete():
    assert set(zoo.names()) >= SPINE
    assert list(zoo.names()) == sorted(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_every_file_is_a_valid_cell_in_printed_form_with_its_source(name: str):
    cell = zoo.load(name)
    check(cell)
    assert cell.name == name
    assert parse(to_text(cell)) == cell
    assert to_text(cell) == zoo.source(name), "the file is not in printed form"
    header = cell.comment.split("\n")
    assert header[0].endswith("."), "the first line is the title"
    for start in ("Source: ", "Convention: ", "Pitfall: "):
        assert sum(line.startswith(start) for line in header) == 1


@pytest.mark.parametrize("name", zoo.names())
def test_every_cell_has_a_source_and_a_year(name: str):
    read = header(zoo.load(name).comment)
    assert read.sources
    assert read.year is not None
    assert 1980 <= read.year <= 2030


def test_every_cell_is_on_exactly_one_shelf():
    names = [name for names in zoo.shelves().values() for name in names]
    assert sorted(names) == list(zoo.names()), (
        "put every cell on one shelf of cells/zoo/shelves.toml, then run scripts/document_zoo.py"
    )


def test_cells_that_wait_for_their_source_are_cells():
    assert set(zoo.unread()) <= set(zoo.names())
    assert list(zoo.unread()) == sorted(set(zoo.unread()))


def test_what_the_language_cannot_say_comes_with_its_reason():
    for one in zoo.outside():
        assert one.keys() == {"missing", "cells", "reason", "nearest"}
        assert all(one.values())


def test_no_two_cells_are_the_same_graph():
    cells = [zoo.load(name) for name in zoo.names()]
    assert len(set(cells)) == len(cells)


def test_an_unknown_name_is_refused_with_the_nearest_ones():
    with pytest.raises(CellError) as caught:
        zoo.load("lstn")
    assert caught.value.code == "C702"
    assert "lstm" in caught.value.hint
    for hostile in ("../cell", "lstm.cell", "", "\x00", "a" * 10_000):
        with pytest.raises(CellError):
            zoo.load(hostile)
