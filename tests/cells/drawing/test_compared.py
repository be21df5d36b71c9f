"""Two cells drawn side by side."""

import xml.etree.ElementTree as Tree

import pytest

from cells import parse, zoo
from cells.distance.difference import difference
from cells.drawing.compared import draw_difference

SVG = "{http://www.w3.org/2000/svg}"


def marks(picture: str) -> list[str]:
    """The classes of all elements, in the order of the picture."""
    root = Tree.fromstring(picture)  # noqa: S314 - our own
    return [element.get("class", "") for element in root.iter()]


@pytest.mark.parametrize(
    ("first", "second"), [("gru", "mut1"), ("lstm", "enas"), ("elman", "elman")]
)
def test_both_cells_are_drawn_within_the_picture_and_named(first: str, second: str) -> None:
    picture = draw_difference(difference(zoo.load(first), zoo.load(second)))
    root = Tree.fromstring(picture)  # noqa: S314 - our own
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    inner = root.findall(f"{SVG}svg")
    assert len(inner) == 2
    boxes = [[float(side.get(name, 0)) for name in ("x", "y", "width", "height")] for side in inner]
    assert all(x + wide <= width and y + high <= height for x, y, wide, high in boxes)
    (x, y, wide, high), (other_x, other_y, *_) = boxes
    assert other_x >= x + wide or other_y >= y + high
    titles = [text.text for text in root.findall(f"{SVG}text[@class='side']")]
    assert titles == [first, second]


def test_marks_and_the_key_are_there_only_for_what_differs() -> None:
    gru, mut1 = zoo.load("gru"), zoo.load("mut1")
    told = " ".join(marks(draw_difference(difference(gru, mut1))))
    assert "added" in told
    assert "removed" in told
    same = draw_difference(difference(gru, gru))
    assert {"added", "removed", "changed"}.isdisjoint(" ".join(marks(same)).split())
    assert "in the first cell alone" not in same


def test_a_hostile_name_stays_text() -> None:
    cell = parse("cell a(x; h)\n  h' = tanh(linear(x, h))")
    picture = draw_difference(difference(cell, cell), "<script>", "a\x1b[31m&b")
    titles = [
        text.text
        for text in Tree.fromstring(picture).findall(f"{SVG}text[@class='side']")  # noqa: S314
    ]
    assert titles[0] == "<script>"
    assert "\x1b" not in picture
