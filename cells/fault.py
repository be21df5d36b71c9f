"""What can be wrong with a cell: a table that is documentation and tests at once."""

from dataclasses import dataclass
from typing import Final, Literal

from cells.cell import Cell, Linear, Node
from cells.initial import Initial

How = Literal["parse", "check", "read", "load", "command"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table of errors: of a cell here, of everything else in `cells.error_table`.

    Attributes:
        code: stable; never reused for another meaning.
        message: what is wrong: of a cell a template, elsewhere the kind that the error's own message
            is an example of.
        expected: what would be right, a template.
        hint: what to do; a similar known word is named instead where there is one.
        examples: inputs with this fault: texts for `parse`, cells for `check`, paths for `read`,
            names for `load`, and what follows `gatewright` on the command line for `command`.
        how: the function that meets it.
        exit_code: of the command line: 1 for what failed, 2 for what was wrongly asked for, 130 after
            an interrupt.
        resumable: whether a search that ended with it can go on with `--resume`, perhaps after its
            cause is removed; not if the same command would meet it again.
    """

    code: str
    message: str
    expected: str = ""
    hint: str = ""
    examples: tuple[str | Cell, ...] = ()
    how: How = "parse"
    exit_code: int = 2
    resumable: bool = False


_LEAF: Final = (Node("input"), Node("state"))


def _built(*nodes: Node, updates: tuple[int, ...] = (2,), output: int = 2) -> Cell:
    return Cell((*_LEAF, *nodes), updates, output)


_ROWS: Final = (
    # Characters and tokens.
    Fault(
        "C001",
        "the text is longer than {limit} bytes",
        "at most {limit} bytes",
        "a cell is one page of text; split nothing, write less",
        ("#" + "a" * 70_000, "cell f(x; h)\n h' = tanh(x)" + " * h" * 20_000),
    ),
    Fault(
        "C002",
        "character {character} is not allowed here",
        "ASCII letters, digits, _ ' ( ) , ; = + - * / and #; other letters in comments only",
        "retype the character; look-alikes and invisible characters are refused on purpose",
        (
            "cell f(x; h)\n h' = t\u0430nh(x)",
            "cell f(x; h)\n h' = \uff11 * x",
            "\u202ecell f(x; h)",
        ),
    ),
    Fault(
        "C003",
        "malformed number {word}",
        "digits, optionally a point and digits, optionally e and a whole exponent",
        "write 0.5, not .5 or 5e; no underscores, no hexadecimal",
        (
            "cell f(x; h)\n h' = 1_0 * x",
            "cell f(x; h)\n h' = .5 * x",
            "cell f(x; h)\n h' = 0x1F * x",
        ),
    ),
    Fault(
        "C004",
        "number {word} has more than {limit} digits",
        "at most {limit} digits in front of the exponent",
        "round it; trained weights do not need more",
        ("cell f(x; h)\n h' = 0.1234567890123 * x", "cell f(x; h)\n h' = 1000000000000 * x"),
    ),
    Fault(
        "C005",
        "number {word} is out of range",
        "0, or a size from 1e-{limit} up to 1e{limit} and its digits",
        "such a number overflows or vanishes in float32",
        ("cell f(x; h)\n h' = 1e999 * x", "cell f(x; h)\n h' = 1e-39 * x"),
    ),
    Fault(
        "C006",
        "the text has more than {limit} tokens",
        "at most {limit} words, numbers and signs",
        "name shared parts and use the names",
        ("cell f(x; h)\n h' = x" + " + x" * 9_000, "(" * 9_000),
    ),
    Fault(
        "C007",
        "name {word} is longer than {limit} characters",
        "at most {limit} characters",
        "shorten it; comments may be longer",
        ("cell " + "f" * 41 + "(x; h)\n h' = tanh(x)", "cell f(x; h)\n h' = " + "y" * 60),
    ),
    Fault(
        "C008",
        "the comment above the cell is longer than {limit} bytes",
        "at most {limit} bytes",
        "move the discussion to a page and name it here",
        (
            "# " + "a" * 5_000 + "\ncell f(x; h)\n h' = tanh(x)",
            "# note\n" * 900 + "cell f(x; h)\n h' = tanh(x)",
        ),
    ),
    # Grammar.
    Fault(
        "C101",
        "found {found}",
        "{expected}",
        "one statement a line: name = expression; inside parentheses a line may go on",
        ("", "cell f(x; h)\n h' = tanh(x) x", "cell f(y; h)\n h' = y", "cell f(x; h)\n h' = x +"),
    ),
    Fault(
        "C102",
        "{found} has no partner",
        "as many ) as (",
        "count the parentheses of this statement",
        ("cell f(x; h)\n h' = tanh(x", "cell f(x; h)\n h' = tanh(x))"),
    ),
    Fault(
        "C103",
        "nested deeper than {limit}",
        "at most {limit} open parentheses, calls and minus signs",
        "name an inner part on a line of its own",
        (
            "cell f(x; h)\n h' = " + "tanh(" * 65 + "x" + ")" * 65,
            "cell f(x; h)\n h' = " + "-" * 66 + "x",
        ),
    ),
    Fault(
        "C104",
        "{word} takes {takes}, not {given}",
        "{takes}",
        "see the operator table",
        (
            "cell f(x; h)\n h' = tanh(x, h)",
            "cell f(x; h)\n h' = max(x)",
            "cell f(x; h)\n h' = tanh()",
        ),
    ),
    Fault(
        "C105",
        "unknown operator {word}",
        "an operator of the table, vector, scalar or linear",
        "see the operator table",
        ("cell f(x; h)\n h' = tahn(x)", "cell f(x; h)\n h' = sigm(x)"),
    ),
    Fault(
        "C106",
        "unknown name {word}",
        "x, a state, or a name given on an earlier line",
        "names are read after the line that gives them",
        ("cell f(x; h)\n h' = tanh(y)", "cell f(x; h)\n h' = gate * x\n gate = sigmoid(x)"),
    ),
    Fault(
        "C107",
        "name {word} is taken",
        "a new name",
        "a name is given once; the new value of state s is written s'",
        (
            "cell f(x; h)\n h = tanh(x)",
            "cell f(x; h)\n a = tanh(x)\n a = tanh(h)\n h' = a",
            "cell f(x; h, h)\n h' = x",
        ),
    ),
    Fault(
        "C108",
        "{word} is a word of the language",
        "a name of your own",
        "add a letter or a digit",
        (
            "cell f(x; h)\n tanh = x\n h' = tanh",
            "cell f(x; linear)\n linear' = x",
            "cell f(x; h)\n x = h\n h' = x",
        ),
    ),
    Fault(
        "C109",
        "linear has no option {word}",
        "kind, init, diagonal, bias or blocks",
        "options follow the arguments: linear(x, h, bias=1)",
        ("cell f(x; h)\n h' = linear(x, h, biass=1)", "cell f(x; h)\n h' = linear(x, rank=2)"),
    ),
    Fault(
        "C110",
        "option {word} is given twice",
        "each option once",
        "keep one of them",
        (
            "cell f(x; h)\n h' = linear(x, bias=1, bias=2)",
            "cell f(x; h)\n h' = linear(x, kind=free, kind=free)",
        ),
    ),
    Fault(
        "C111",
        "unknown kind of linear {word}",
        "free, diagonal, frozen, block or antisymmetric",
        "see the kinds of linear",
        ("cell f(x; h)\n h' = linear(x, kind=diag)", "cell f(x; h)\n h' = linear(x, kind=full)"),
    ),
    Fault(
        "C112",
        "unknown law {word}",
        "a number or a law of the table",
        "see the table of laws",
        ("cell f(x; h)\n h' = linear(x, bias=crono)", "cell f(x; h)\n h' = x * vector(gauss(1))"),
    ),
    # States and output.
    Fault(
        "C201",
        "state {word} has no new value",
        "one line {word}' = ...",
        "a state that never changes is not a state; remove it or give its update",
        ("cell f(x; h, c)\n h' = tanh(x + c)", "cell f(x; h)"),
    ),
    Fault(
        "C202",
        "{word} is not a state",
        "a state declared after the semicolon",
        "declare it: cell name(x; h, {word})",
        ("cell f(x; h)\n h' = tanh(x)\n c' = h", "cell f(x)\n x' = x\n out = x"),
    ),
    Fault(
        "C203",
        "state {word} gets a second new value",
        "one line {word}' = ...",
        "name the parts and join them in one update",
        ("cell f(x; h)\n h' = x\n h' = tanh(x)", "cell f(x; a, b)\n a' = b\n b' = x\n b' = a"),
    ),
    Fault(
        "C204",
        "the new value {word} is read before it is given",
        "the line of {word} above this one",
        "move the line up, or read the old value without the prime",
        ("cell f(x; h, c)\n h' = c'\n c' = x", "cell f(x; h)\n h' = tanh(h') + x"),
    ),
    Fault(
        "C205",
        "the cell has no output",
        "a line out = ...",
        "without a state there is no default output",
        ("cell f(x)", "cell f(x)\n a = tanh(x)"),
    ),
    Fault(
        "C206",
        "a second output",
        "at most one line out = ...",
        "keep one of them",
        ("cell f(x)\n out = x\n out = x", "cell f(x; h)\n h' = x\n out = h'\n out = tanh(h')"),
    ),
    # Parameters.
    Fault(
        "C301",
        "law {word} takes {takes}, not {given}",
        "{takes}",
        "see the table of laws",
        (
            "cell f(x; h)\n h' = linear(x, bias=uniform(1))",
            "cell f(x; h)\n h' = linear(x, bias=chrono(1, 2))",
            "cell f(x; h)\n h' = linear(x, init=spectral)",
        ),
    ),
    Fault(
        "C302",
        "law {word} cannot start a {place}",
        "a law for a {place}",
        "see the table of laws",
        (
            "cell f(x; h)\n h' = linear(x, bias=orthogonal)",
            "cell f(x; h)\n h' = linear(x, init=chrono)",
            "cell f(x; h)\n h' = linear(x, kind=diagonal, init=spectral(0.9))",
        ),
    ),
    Fault(
        "C303",
        "the numbers of law {word} do not fit",
        "{expected}",
        "see the table of laws",
        (
            "cell f(x; h)\n h' = linear(x, bias=uniform(2, 1))",
            "cell f(x; h)\n h' = x * vector(normal(-1))",
            "cell f(x; h)\n h' = x * vector(loguniform(0, 1))",
            "cell f(x; h)\n h' = x * vector(ring(0.5, 2))",
        ),
    ),
    Fault(
        "C304",
        "blocks does not fit kind {word}",
        "for kind=block a whole number from 1 to {limit}; 1 (or nothing) for all others",
        "write kind=block, blocks=4",
        (
            "cell f(x; h)\n h' = linear(x, blocks=4)",
            "cell f(x; h)\n h' = linear(x, kind=block, blocks=2.5)",
        ),
    ),
    Fault(
        "C305",
        "an antisymmetric linear has no diagonal",
        "diagonal=0, or another kind",
        "subtract a multiple of the argument instead",
        (
            "cell f(x; h)\n h' = linear(x, kind=antisymmetric, diagonal=1)",
            "cell f(x; h)\n h' = linear(x, h, kind=antisymmetric, diagonal=-0.1)",
        ),
    ),
    # Limits of the graph.
    Fault(
        "C401",
        "the cell has more than {limit} nodes",
        "at most {limit} nodes, x and states included",
        "share what is computed twice by naming it",
        (
            "cell f(x; h)\n h' = x" + " + x" * 600,
            "cell f(x; h)\n" + "".join(f" a{i} = sin(x)\n" for i in range(600)) + " h' = x",
        ),
    ),
    Fault(
        "C402",
        "the cell has more than {limit} parameters",
        "at most {limit} of linear, vector and scalar together",
        "share parameters by naming them",
        (
            "cell f(x; h)\n h' = linear(x" + ", x" * 64 + ")",
            "cell f(x; h)\n h' = x" + " * vector()" * 65,
        ),
    ),
    Fault(
        "C403",
        "the cell has more than {limit} states",
        "at most {limit} states",
        "merge states that are updated alike",
        (
            "cell f(x; a, b, c, d, e, f, g, h, i)\n a' = x",
            "cell f(x; " + ", ".join(f"s{i}" for i in range(40)) + ")\n s0' = x",
        ),
    ),
    # Liveness.
    Fault(
        "C501",
        "x does not reach the output",
        "an output that depends on x, now or at an earlier step",
        "a cell that ignores its input cannot learn; use x in an update or in out",
        ("cell f(x; h)\n h' = tanh(h)", "cell f(x; h)\n h' = tanh(linear(h))\n unused = x * h"),
    ),
    Fault(
        "C502",
        "state {word} does not reach the output",
        "an output that depends on {word}, now or at a later step",
        "use it in out or in the update of a state that is used, or remove it",
        (
            "cell f(x; h)\n h' = tanh(x)\n out = x",
            "cell f(x; h, c)\n h' = tanh(linear(x, h))\n c' = c + x",
        ),
    ),
    # Cells that a program built.
    Fault(
        "C601",
        "node {index} is {found}",
        "node 0 an input, nodes 1 to S states, and no other such node",
        "leaves come first",
        (Cell((), (), 0), Cell((Node("state"),), (), 0), _built(Node("tanh", (0,)), Node("state"))),
        "check",
    ),
    Fault(
        "C602",
        "node {index} has the unknown operator {word}",
        "a key of cells.op.OPS",
        "see the operator table",
        (_built(Node("tahn", (0,))), _built(Node("", (0, 1)))),
        "check",
    ),
    Fault(
        "C603",
        "node {index} ({word}) has unfit arguments {found}",
        "as many indices of earlier nodes as the operator's arity",
        "nodes are kept in topological order",
        (_built(Node("tanh", (2,))), _built(Node("+", (0,))), _built(Node("sin", (-1,)))),
        "check",
    ),
    Fault(
        "C604",
        "node {index} ({word}) has an unfit parameter {found}",
        "a float for constant, an Initial for vector and scalar, a Linear for linear, else None;"
        " at most 12 digits in every number",
        "build parameters with cells.initial and cells.cell.Linear",
        (
            _built(Node("tanh", (0,), 1.0)),
            _built(Node("linear", (0,))),
            _built(Node("constant", (), 1 / 3), updates=(0,), output=0),
            _built(Node("linear", (0,), Linear(bias=Initial("value", (float("nan"),))))),
        ),
        "check",
    ),
    Fault(
        "C605",
        "the update or output {found} is not a node",
        "the index of a node",
        "a state's new value and the output are indices into nodes",
        (_built(Node("tanh", (0,)), updates=(5,)), _built(Node("tanh", (0,)), output=-1)),
        "check",
    ),
    Fault(
        "C606",
        "the names of the cell do not fit: {found}",
        "a name of letters, digits and _; one name (or None) for each node, or none at all",
        "leave names and states empty; printing makes some up",
        (
            Cell((*_LEAF, Node("+", (0, 1))), (2,), 2, name="two words"),
            Cell((*_LEAF, Node("+", (0, 1))), (2,), 2, names=("x",)),
            Cell((*_LEAF, Node("+", (0, 1))), (2,), 2, comment="\x1b[2J"),
        ),
        "check",
    ),
    # Files and the zoo.
    Fault(
        "C701",
        "cannot read {word}: {reason}",
        "a regular file of UTF-8 text within the limits",
        "see the path and its rights",
        ("no/such/file.cell", "."),
        "read",
    ),
    Fault(
        "C702",
        "no cell {word} in the zoo",
        "a name of the zoo",
        "`gatewright cells ls` lists them",
        ("lstn", "../cell"),
        "load",
    ),
    # The core space.
    Fault(
        "C703",
        "slot {slot} of the core space has no level {word}",
        "one of {known}",
        "`gatewright cells space` says what they do",
        ("cells space --slots forget=maybe", "cells space --slots bias=2,forget=gate"),
        "command",
    ),
    Fault(
        "C704",
        "slot {word} of the core space is {problem}",
        "every slot once, and no others",
        "`gatewright cells space` says what they do",
        ("cells space --slots forgets=gate", "cells space --slots reset=before"),
        "command",
    ),
    Fault(
        "C705",
        "cell {word} is not in the core space",
        "a cell that the slots of the core space write",
        "`gatewright cells space` says what they are",
        ("cells space --neighbours lru", "cells space --neighbours mut1"),
        "command",
    ),
)

FAULTS: Final[dict[str, Fault]] = {row.code: row for row in _ROWS}
"""Its rows by code."""
