"""Printing: linear in the graph, and read back to the same cell."""

from cells import parse, to_text

GRU = """# Gated recurrent unit.
cell gru(x; h)
  r = sigmoid(linear(x, h))
  z = sigmoid(linear(x, h))
  n = tanh(linear(x, r * h))
  h' = z * h + (1 - z) * n
"""


def test_text_in_printed_form_comes_back_letter_by_letter():
    assert to_text(parse(GRU)) == GRU


def test_printing_then_parsing_gives_the_same_cell():
    cell = parse(GRU)
    again = parse(to_text(cell))
    assert again == cell
    assert (again.name, again.states, again.names) == (cell.name, cell.states, cell.names)
    assert again.comment == cell.comment == "Gated recurrent unit."
