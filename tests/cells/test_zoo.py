"""The zoo: every file is a valid cell in printed form, with its source in the header."""

import pytest

from cells import CellError, check, parse, to_text, zoo

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


def test_no_two_cells_are_the_same_graph():
    cells = [zoo.load(name) for name in zoo.names()]
    assert len(set(cells)) == len(cells)


@pytest.mark.parametrize(
    ("name", "linears", "biases"),
    [
        ("elman", 2, 1),
        ("lstm", 8, 4),
        ("lstm_tanh_o", 8, 4),
        ("lstm_f", 6, 3),
        ("lstm_i", 6, 3),
        ("lstm_o", 6, 3),
        ("lstm_b", 8, 4),
        ("gru", 6, 3),
        ("gru_after", 6, 4),
        ("mut1", 4, 3),
        ("mut2", 5, 3),
        ("mut3", 6, 3),
    ],
)
def test_matrices_and_biases_are_those_of_the_published_counts(
    name: str, linears: int, biases: int
):
    owned = [node.parameter for node in zoo.load(name).nodes if node.op == "linear"]
    assert len(owned) == linears
    assert sum(getattr(linear, "bias", None) is not None for linear in owned) == biases


def test_an_unknown_name_is_refused_with_the_nearest_ones():
    with pytest.raises(CellError) as caught:
        zoo.load("lstn")
    assert caught.value.code == "C702"
    assert "lstm" in caught.value.hint
    for hostile in ("../cell", "lstm.cell", "", "\x00", "a" * 10_000):
        with pytest.raises(CellError):
            zoo.load(hostile)
