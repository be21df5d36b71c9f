"""The page of a cell: the same bytes each time, self-contained, whole for every cell, and escaped."""

import re

import pytest

from cells import Cell, Node, parse, zoo
from cells.measure.dynamics import BINS, Dynamics, Gate, Memory, Saturation, Spectrum, Stability
from cells.measure.passport import passport
from results.report.passport import render
from tests.results.report.test_report import EVIL, elements


def measured(cell: Cell, name: str = "f") -> Dynamics:
    """Measurements such as a cell could give."""
    gates = sum(node.op == "sigmoid" for node in cell.nodes)
    falling = tuple(0.5**lag for lag in range(30))
    spectrum = Spectrum(4, 10, ((1.2, 0.9, 0.4, 0.0), (1.0, 0.8, 0.3, 0.1)))
    return Dynamics(
        seed=0,
        executor="reference",
        task="memorization",
        spectrum=spectrum if cell.updates else None,
        memory=Memory(4, 8, falling, falling, falling, 0.25) if cell.updates else None,
        saturation=Saturation(
            4, 20, 0.5, tuple(Gate(name, 0.25, 0.01, (1 / BINS,) * BINS, 0.0) for _ in range(gates))
        ),
        stability=Stability(4, 40, 20, 1, 3, 2.0),
    )


def page(cell: Cell, name: str = "f") -> str:
    found = measured(cell, name)
    others = {name: found.memory} if found.memory else {}
    return render(cell, passport(cell), "2 linears in every step", found, others)


@pytest.mark.parametrize("name", ["gru", "feedforward", "elman", "lstm_peep"])
def test_the_passport_loads_nothing_runs_nothing_and_repeats(name: str) -> None:
    written = page(zoo.load(name))
    assert written == page(zoo.load(name))
    found = elements(written)
    tags = {tag for tag, _ in found}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "img", "base"}
    assert not [one for _, names in found for one in names if one.startswith("on")]
    assert {"svg", "math"} <= tags
    assert all(url.startswith("#") for url in re.findall(r'(?:href|src)="([^"]*)"', written))
    assert set(re.findall(r"https?://[^\s\"<]*", written)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    ids = re.findall(r'\bid="([^"]+)"', written)
    assert len(ids) == len(set(ids))
    assert "mathdefault" not in written


def test_the_facts_stand_on_the_page() -> None:
    written = page(zoo.load("gru"))
    for words in (
        "6 H^2 + 3 H",
        "24,768",
        "Cho et al.",
        "Pitfall",
        "Nearest relative: gru_",
        "1/e after 3 steps",
        "1 % after 8 steps",
        "<b>1</b> diverged and <b>3</b> ended",
        "10 %</b> did not stay stable",
    ):
        assert words in written


def test_a_page_without_measurements_claims_none() -> None:
    cell = zoo.load("gru")
    written = render(cell, passport(cell), "")
    assert "How it behaves" not in written
    assert "Jacobian" not in written


def test_a_gradient_that_never_arrives_is_told_in_words() -> None:
    cell = parse("cell c(x; h)\n  h' = tanh(linear(x, h))")
    found = measured(cell)
    silent = Memory(4, 0, (0.0,) * 5, (0.0,) * 5, (0.0,) * 5, 0.0)
    changed = Dynamics(
        0, "reference", "memorization", found.spectrum, silent, found.saturation, found.stability
    )
    assert "No gradient reaches a state" in render(cell, passport(cell), "", changed)


def hostile(text: str) -> Cell:
    nodes = (
        Node("input"),
        Node("state"),
        Node("+", (0, 1)),
        Node("sigmoid", (2,)),
        Node("*", (3, 1)),
    )
    comment = f"{text}\nSource: {text}\n{text}"
    return Cell(nodes, (4,), 4, text, (text,), (None, None, None, text, None), comment)


def outside_figures(written: str) -> list[tuple[str, tuple[str, ...]]]:
    return elements(re.sub(r"<svg.*?</svg>", "", written, flags=re.DOTALL))


@pytest.fixture(scope="module")
def harmless() -> list[tuple[str, tuple[str, ...]]]:
    return outside_figures(page(hostile("name"), "name"))


@pytest.mark.parametrize("text", EVIL)
def test_a_hostile_name_changes_no_element_of_the_page(
    text: str, harmless: list[tuple[str, tuple[str, ...]]]
) -> None:
    written = page(hostile(text), text)
    assert outside_figures(written) == harmless
    assert not {tag for tag, _ in elements(written)} & {"script", "img"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", written)
