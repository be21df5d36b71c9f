"""The operator table: everything a cell can compute, one row an operator. Read this page first.

A cell is a directed acyclic graph of nodes, each of hidden width `H`. Every row below is one kind
of node. `a` and `b` stand for the arguments, `y` for the result. The derivative column gives the
partial derivative for each argument in the same notation; `step(a)` is 1 where a > 0 and else 0.
"""

from dataclasses import dataclass
from typing import Final, Literal

Family = Literal["leaf", "parameter", "linear", "activation", "arithmetic"]

DIVISION_GUARD: Final = 1e-6
"""Divisors closer to zero than this are moved out to it, keeping their sign (zero counts as +)."""


@dataclass(frozen=True, slots=True)
class Op:
    """One row of the operator table.

    Attributes:
        name: the word or symbol used in cell text.
        family: what kind of node it makes.
        arity: number of argument nodes.
        formula: the result in terms of the arguments, for people.
        derivative: one partial derivative for each argument.
        latex: `str.format` template of `a` and `b` for the equations.
        commutative: a and b may be exchanged.
        associative: a chain may be regrouped.
        affine: affine in its argument (used to find cells that run as a scan).
        source: where the operator entered the field, if not common mathematics.
    """

    name: str
    family: Family
    arity: int
    formula: str
    derivative: tuple[str, ...] = ()
    latex: str = ""
    commutative: bool = False
    associative: bool = False
    affine: bool = False
    source: str = ""


_PAPER = "Jozefowicz, Zaremba, Sutskever 2015, section 3.2"

_ROWS: Final = (
    # Leaves: what a step is given.
    Op("input", "leaf", 0, "x", latex="x_t"),
    Op("state", "leaf", 0, "a state of the previous step"),
    Op("constant", "leaf", 0, "a number, the same for all channels"),
    # Learned parameters that are not matrices.
    Op("vector", "parameter", 0, "one learned number a channel, [H]"),
    Op("scalar", "parameter", 0, "one learned number for all channels, [1]"),
    # The only operator across channels. Each occurrence owns its weights.
    Op("linear", "linear", 1, "W a + bias", latex="W {a} + b", affine=True, source=_PAPER),
    # Activations, channel by channel.
    Op("tanh", "activation", 1, "tanh(a)", ("1 - y * y",), r"\tanh({a})", source=_PAPER),
    Op(
        "sigmoid",
        "activation",
        1,
        "1 / (1 + exp(-a))",
        ("y * (1 - y)",),
        r"\sigma({a})",
        source=_PAPER,
    ),
    Op(
        "relu",
        "activation",
        1,
        "max(a, 0); NaN stays NaN",
        ("step(a)",),
        r"\mathrm{{relu}}({a})",
        source=_PAPER,
    ),
    Op("exp", "activation", 1, "exp(a)", ("y",), r"\exp({a})"),
    Op("logsigmoid", "activation", 1, "-log(1 + exp(-a))", ("1 - exp(y)",), r"\log\sigma({a})"),
    Op(
        "softplus",
        "activation",
        1,
        "log(1 + exp(a))",
        ("1 - exp(-y)",),
        r"\mathrm{{softplus}}({a})",
    ),
    Op(
        "silu",
        "activation",
        1,
        "a * sigmoid(a)",
        ("sigmoid(a) * (1 + a * (1 - sigmoid(a)))",),
        r"\mathrm{{silu}}({a})",
        source="Elfwing, Uchibe, Doya 2017",
    ),
    Op(
        "sqrt",
        "activation",
        1,
        "sqrt(max(a, 0)); derivative 0 at a <= 0",
        ("step(a) * 0.5 / y",),
        r"\sqrt{{{a}}}",
    ),
    Op("sin", "activation", 1, "sin(a)", ("cos(a)",), r"\sin({a})"),
    Op("cos", "activation", 1, "cos(a)", ("-sin(a)",), r"\cos({a})"),
    # Arithmetic, channel by channel.
    Op("+", "arithmetic", 2, "a + b", ("1", "1"), "{a} + {b}", True, True, True, _PAPER),
    Op("-", "arithmetic", 2, "a - b", ("1", "-1"), "{a} - {b}", affine=True, source=_PAPER),
    Op("*", "arithmetic", 2, "a * b", ("b", "a"), r"{a} \odot {b}", True, True, source=_PAPER),
    Op(
        "/",
        "arithmetic",
        2,
        "a / guard(b); guard moves |b| < 1e-6 out to 1e-6, keeping the sign",
        ("1 / guard(b)", "-step(|b| - 1e-6) * y / guard(b)"),
        r"\frac{{{a}}}{{{b}}}",
    ),
    Op(
        "max",
        "arithmetic",
        2,
        "max(a, b); a where equal",
        ("1 - step(b - a)", "step(b - a)"),
        r"\max({a}, {b})",
        True,
        True,
    ),
    Op(
        "min",
        "arithmetic",
        2,
        "min(a, b); a where equal",
        ("1 - step(a - b)", "step(a - b)"),
        r"\min({a}, {b})",
        True,
        True,
    ),
)

OPS: Final[dict[str, Op]] = {row.name: row for row in _ROWS}
ACTIVATIONS: Final = tuple(row.name for row in _ROWS if row.family == "activation")
ARITHMETIC: Final = tuple(row.name for row in _ROWS if row.family == "arithmetic")
