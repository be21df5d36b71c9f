"""Texts and graphs made to hurt: each is refused by a `CellError`, soon and in little memory."""

import tracemalloc
from collections.abc import Callable

import pytest

from cells import Cell, CellError, Initial, Linear, Node, check, parse, to_text

HEAD = "cell f(x; h)\n  h' = "
MILLION = 10**6
LEAVES = (Node("input"), Node("state"))


def sharing_tree() -> str:
    lines = "".join(f"  a{i} = (a{i - 1}) * (a{i - 1})\n" for i in range(1, 600))
    return "cell f(x; h)\n  a0 = x + h\n" + lines + "  h' = a599\n"


def graph(*nodes: Node) -> Cell:
    return Cell((*LEAVES, *nodes), (2,), 2)


BOMBS: dict[str, Callable[[], str | Cell]] = {
    "a million nodes": lambda: HEAD + "x + " * MILLION + "h",
    "600 nodes": lambda: HEAD + "x + " * 600 + "h",
    "a million lines": lambda: "cell f(x; h)\n" + "a = x\n" * MILLION,
    "a shared tree of 2^600 leaves": sharing_tree,
    "100,000 parentheses": lambda: HEAD + "(" * 100_000 + "x" + ")" * 100_000,
    "8,000 parentheses": lambda: HEAD + "(" * 8_000,
    "100,000 calls": lambda: HEAD + "tanh(" * 100_000,
    "10,000 calls": lambda: HEAD + "tanh(" * 10_000,
    "100,000 minus signs": lambda: HEAD + "-" * 100_000 + "x",
    "8,000 minus signs": lambda: HEAD + "-" * 8_000 + "x",
    "nested linears": lambda: HEAD + "linear(" * 65 + "x" + ")" * 65,
    "a number of a million digits": lambda: HEAD + "1" * MILLION + " * x",
    "a number of 60,000 digits": lambda: HEAD + "1" * 60_000 + " * x",
    "a fraction of 60,000 digits": lambda: HEAD + "0." + "0" * 60_000 + "1 * x",
    "an exponent of 60,000 digits": lambda: HEAD + "1e" + "9" * 60_000,
    "an overflowing number": lambda: HEAD + "1e999 * x",
    "an underflowing number": lambda: HEAD + "1e-999 * x",
    "a number with an underscore": lambda: HEAD + "1_0 * x",
    "a hexadecimal number": lambda: HEAD + "0x" + "f" * 60_000,
    "not a number": lambda: HEAD + "nan * x",
    "infinity": lambda: HEAD + "inf * x",
    "a name of 60,000 letters": lambda: HEAD + "y" * 60_000,
    "60,000 primes": lambda: HEAD + "h" + "'" * 60_000,
    "a line of 64 MiB": lambda: "#" + "a" * 2**26,
    "64 MiB of blanks": lambda: " " * 2**26,
    "64 MiB of line ends": lambda: "\n" * 2**26,
    "60,000 line ends": lambda: "\n" * 60_000,
    "30,000 empty comments": lambda: "#\n" * 30_000,
    "a comment of four-byte letters": lambda: "#" + "\U0001f9ea" * 60_000,
    "letters of four bytes without a sharp": lambda: "\U0001f9ea" * 16_000,
    "NUL": lambda: HEAD + "x\0 * h",
    "a lone surrogate": lambda: HEAD + "x * \ud800h",
    "a lone surrogate in a comment": lambda: "# \udfff\n" + HEAD + "x * h",
    "right to left": lambda: HEAD + "x \u202e* h",
    "right to left in a comment": lambda: "# \u2067 safe\n" + HEAD + "x * h",
    "a zero-width space": lambda: HEAD + "x\u200b * h",
    "a Cyrillic look-alike": lambda: HEAD + "t\u0430nh(x)",
    "full-width digits": lambda: HEAD + "\uff11\uff10 * x",
    "Arabic digits": lambda: HEAD + "\u0661 * x",
    "a full-width x": lambda: HEAD + "\uff58",
    "a terminal escape": lambda: "# \x1b[2J\n" + HEAD + "x * h",
    "a byte order mark inside": lambda: HEAD + "\ufeffx * h",
    "other line ends": lambda: HEAD + "x\u2028  * h",
    "9,000 tokens": lambda: HEAD + "x " * 9_000,
    "10,000 states": lambda: "cell f(x; " + ", ".join(f"s{i}" for i in range(10_000)) + ")",
    "10,000 arguments": lambda: HEAD + "max(" + "x, " * 10_000 + "x)",
    "3,000 arguments of linear": lambda: HEAD + "linear(" + "x, " * 3_000 + "x)",
    "numbers of a law without end": lambda: HEAD + "vector(uniform(" + "1, " * 4_000 + "1)) * x",
    "options without end": lambda: HEAD + "linear(x" + ", bias=1" * 2_000 + ")",
    "500 similar names": lambda: (
        "cell f(x; h)\n"
        + "".join(f"  {'a' * 35}{i:03} = sin(x)\n" for i in range(500))
        + f"  h' = {'a' * 35}z00"
    ),
    "a graph of a million nodes": lambda: graph(*[Node("tanh", (0,))] * MILLION),
    "a graph that reads itself": lambda: graph(Node("+", (2, 2))),
    "an index beyond all numbers": lambda: graph(Node("tanh", (10**5000,))),
    "an operator of a million letters": lambda: graph(Node("t" * MILLION, (0,))),
    "a law of a million numbers": lambda: graph(
        Node("vector", (), Initial("uniform", (0.5,) * MILLION))
    ),
    "a linear of foreign fields": lambda: graph(
        Node("linear", (0,), Linear(Initial(), 1.0, "1", {}, None))  # pyright: ignore[reportArgumentType]
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_little_memory(name: str):
    bomb = BOMBS[name]()
    tracemalloc.start()
    try:
        with pytest.raises(CellError) as caught:
            parse(bomb) if isinstance(bomb, str) else check(bomb)
        text = str(caught.value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20, "the limit is 200 MB; reading needs a tenth of it"
    assert len(text) < 2_000
    assert text.isascii()


def test_a_tree_that_doubles_at_every_level_prints_line_by_line():
    nodes = [Node("+", (0, 1)), *(Node("*", (2 + i, 2 + i)) for i in range(500))]
    cell = Cell((*LEAVES, *nodes), (502,), 502)
    check(cell)
    assert len(to_text(cell)) < 20_000
