"""Drawings of cells: every vertex is there, nothing lies on anything, names cannot break out."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import combinations, pairwise
from random import Random

import pytest

from cells import Cell, Node, canonical, parse, sample, zoo
from cells.drawing.diagram import diagram
from cells.drawing.layering import arrange
from cells.drawing.svg import draw

SVG = "{http://www.w3.org/2000/svg}"


def root(cell: Cell) -> ET.Element:
    return ET.fromstring(draw(cell))  # noqa: S314 - our own text


def boxes(cell: Cell) -> list[tuple[str, float, float, float, float]]:
    found: list[tuple[str, float, float, float, float]] = []
    for box in root(cell).iter(f"{SVG}rect"):
        x, y, width, height = (float(box.get(k) or 0) for k in ("x", "y", "width", "height"))
        found.append(((box.get("class") or "").split()[1], x, y, width, height))
    return found


def texts(cell: Cell) -> list[str]:
    return [text.text or "" for text in root(cell).iter(f"{SVG}text")]


def test_the_lstm_has_its_three_gates_two_candidates_and_five_operations() -> None:
    shapes = Counter(box[0] for box in boxes(zoo.load("lstm")))
    assert shapes == {
        "leaf": 3,
        "gate": 3,
        "function": 2,
        "product": 3,
        "arithmetic": 1,
        "result": 2,
    }
    assert Counter(texts(zoo.load("lstm")))["σ"] == 3


def test_matrices_are_heavy_arrows_unless_they_are_shared() -> None:
    drawn = draw(parse("cell c(x; h)\n  h' = tanh(linear(x, h))\n"))
    assert len(re.findall(r'<path class="line heavy c[01]"', drawn)) == 2
    assert "shape matrix" not in drawn
    shared = parse("cell c(x; h)\n  a = linear(x)\n  h' = sigmoid(a) * h + tanh(a) * x\n")
    assert "shape matrix" in draw(shared)


def test_constants_stand_in_the_circle_that_uses_them() -> None:
    assert "1 −" in texts(zoo.load("gru"))


def test_the_order_of_a_difference_is_told() -> None:
    assert "2nd" in texts(parse("cell c(x; h)\n  h' = tanh(linear(x)) - sigmoid(h)\n"))
    assert "2nd" not in texts(zoo.load("gru"))


@pytest.mark.parametrize("name", zoo.names())
def test_nothing_lies_on_anything_and_all_lies_within_the_picture(name: str) -> None:
    for cell in (zoo.load(name), canonical(zoo.load(name))):
        check_layout(cell)


def test_random_cells_are_drawn_without_overlaps_up_to_many_nodes() -> None:
    sizes: list[int] = []
    for seed in range(40):
        cell = sample(Random(seed), 1 + seed)  # noqa: S311
        sizes.append(len(cell.nodes))
        check_layout(cell)
    assert max(sizes) >= 15


def test_a_chain_of_three_hundred_nodes_is_drawn() -> None:
    lines = [f"  a{i + 1} = tanh(a{i} + x)" for i in range(150)]
    text = "cell c(x; h)\n  a0 = linear(x, h)\n" + "\n".join(lines) + "\n  h' = a150\n"
    check_layout(parse(text))


def check_layout(cell: Cell) -> None:
    top = root(cell)
    _, _, width, height = map(float, (top.get("viewBox") or "").split())
    found = boxes(cell)
    for _, x, y, w, h in found:
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    for place, (_, x, y, w, h) in enumerate(found):
        for _, x2, y2, w2, h2 in found[:place]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    tips = sum(1 for path in top.iter(f"{SVG}path") if (path.get("class") or "").startswith("tip"))
    assert tips >= len(cell.updates)


def test_the_same_cell_gives_the_same_bytes() -> None:
    assert draw(zoo.load("mut1")) == draw(zoo.load("mut1"))


def test_hostile_names_stay_text() -> None:
    evil = '</title><script>alert("1")</script>\u202e\x00<img onerror=x>'
    cell = Cell(
        nodes=(Node("input"), Node("state"), Node("+", (0, 1)), Node("tanh", (2,))),
        updates=(3,),
        output=3,
        name=evil,
        states=(evil,),
        names=(None, None, None, evil),
    )
    drawn = draw(cell)
    assert "<script" not in drawn
    assert "<img" not in drawn
    assert "\x00" not in drawn
    assert "\u202e" not in drawn
    kinds = Counter(re.sub(r"^\{.*\}", "", element.tag) for element in root(cell).iter())
    assert set(kinds) == {"svg", "title", "style", "path", "rect", "text"}


def test_an_output_apart_from_the_states_is_a_vertex_of_its_own() -> None:
    cell = parse("cell c(x; h)\n  h' = tanh(linear(x, h))\n  out = sigmoid(linear(x)) * h'\n")
    assert "out" in texts(cell)


def test_a_state_and_its_new_value_have_one_colour_and_no_other_has_it() -> None:
    drawn = draw(zoo.load("lstm"))
    for state, colour in (("h", "c1"), ("c", "c2")):
        for text in (state, f"{state}′"):
            (box,) = re.findall(rf'<rect class="([^"]*)"[^>]*/><text [^>]*>{text}<', drawn)
            assert box.split()[-1] == colour


def test_the_key_explains_what_occurs_and_nothing_else() -> None:
    assert {"gate", "product", "through a weight matrix"} <= set(texts(zoo.load("lstm")))
    elman = texts(zoo.load("elman"))
    assert "function" in elman
    assert not {"gate", "product", "2nd: subtracted, or divided by"} & set(elman)


def crossings(cell: Cell) -> int:
    """Pairs of lines between neighbouring columns that cross, counted on the drawn heights."""
    made = arrange(diagram(cell))
    lines: dict[int, set[tuple[int, int]]] = {}
    for route in made.routes:
        start = made.layers[route[0]]
        for step, pair in enumerate(pairwise(route)):
            lines.setdefault(start + step, set()).add(pair)
    at = made.heights
    return sum(
        (at[a] - at[c]) * (at[b] - at[d]) < 0
        for column in lines.values()
        for (a, b), (c, d) in combinations(sorted(column), 2)
    )


@pytest.mark.parametrize(
    ("name", "most"), [("lstm", 7), ("gru", 3), ("mut1", 2), ("lstm_peep", 10)]
)
def test_few_lines_cross_in_known_cells(name: str, most: int) -> None:
    # From x and h to the four boxes of an LSTM it takes six crossings in any order.
    assert crossings(zoo.load(name)) <= most


def test_a_gate_is_a_sigmoid_or_an_exponential_that_multiplies() -> None:
    cell = parse("cell c(x; h)\n  a = exp(linear(x))\n  h' = a * h + exp(linear(h))")
    assert Counter(vertex.role for vertex in diagram(cell).vertices)["gate"] == 1


def test_a_long_number_is_shown_with_four_digits() -> None:
    picture = draw(parse("cell scaled(x; h)\n  h' = 1.73205080757 * tanh(linear(x, h))"))
    assert "1.732 ×" in picture
    assert "1.7320" not in picture
