"""The operator table: everything a cell can compute, one row an operator. Read this page first.

A cell is a directed acyclic graph of nodes, each of hidden width `H`. Every row below is one kind
of node. `a` and `b` stand for the arguments, `y` for the result. What a row says is said nowhere
else: interpreter, executors, gradients, exports, equations, drawings and samplers read it here.
The C runtime has a kernel for each row; it does not compile where one is missing.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from cells.expression import FLOATS, Expression, call, choose, compiled, variable, where

Family = Literal["leaf", "parameter", "linear", "activation", "arithmetic"]
Parity = Literal["odd", "even", "neither"]
Fold = Literal["zero", "exact"]

DIVISION_GUARD: Final = 1e-6
"""Divisors closer to zero than this are moved out to it, keeping their sign (zero counts as +)."""

SUM: Final = 1
PRODUCT: Final = 2
CALL: Final = 3

PAPER: Final = 0
FIRST: Final = 1
LATER: Final = 2

_A, _B, _Y = variable("a"), variable("b"), variable("y")
_NOTHING: Final = Expression("number")


@dataclass(frozen=True)
class Op:
    """One row of the operator table.

    Attributes:
        name: the word or symbol used in cell text.
        family: what kind of node it makes.
        arity: number of argument nodes.
        formula: the result in terms of the arguments, for people.
        value: the result, of `a` and `b`.
        slopes: one partial derivative for each argument, of `a`, `b` and `y`. The C kernel of a slope
            reads the gradient that arrives and then the variables that occur here. A slope that is a
            number or a variable has no kernel.
        kernel_reads: the one that the C kernels of slopes read instead, because it is kept anyway.
        slope_from_result: the slope is the same number with `y` in the place of `a`.
        latex: `str.format` template of `a` and `b` for the equations, and so for MathML.
        sign: what a drawing writes; the name by default.
        rank: how tightly it binds where it stands between its arguments; `CALL` for a function.
        word: its name in C and in generated code; the name by default.
        torch: the result in torch's own functions where `value` would be slow, or have another
            gradient, at the corners; `value` by default.
        said: docstring of the helper that an exported module gets where `torch` is no single function.
        onnx: the result in ONNX's own operators where these say it more shortly; `value` by default.
        expensive: its result is kept for the derivative; others are computed again.
        commutative: a and b may be exchanged.
        associative: a chain may be regrouped.
        idempotent: op(a, a) is a.
        parity: f(-a) is -f(a) (odd), or f(a) (even).
        never_negative: no result is below 0.
        keeps_positive: the result is the argument where that is not below 0.
        fold: which constant arguments the canonical form folds: 0 (where the result is exact), or
            all for which the result is exact in the digits of cell text.
        edition: the first alphabet that draws it: `PAPER`, `FIRST` (`extended` samples of the first
            version) or `LATER` (in none so far). Alphabets never change, or old searches would.
        source: where the operator entered the field, if not common mathematics.
    """

    name: str
    family: Family
    arity: int
    formula: str
    value: Expression = _NOTHING
    slopes: tuple[Expression, ...] = ()
    kernel_reads: str = ""
    slope_from_result: bool = False
    latex: str = ""
    sign: str = ""
    rank: int = CALL
    word: str = ""
    torch: Expression | None = None
    said: str = ""
    onnx: Expression | None = None
    expensive: bool = False
    commutative: bool = False
    associative: bool = False
    idempotent: bool = False
    parity: Parity = "neither"
    never_negative: bool = False
    keeps_positive: bool = False
    fold: Fold | None = None
    edition: int = LATER
    source: str = ""

    def __post_init__(self) -> None:
        """Fills what has a default by the name."""
        object.__setattr__(self, "word", self.word or self.name)
        object.__setattr__(self, "sign", self.sign or self.name)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the arguments: `a`, or `a` and `b`."""
        return ("a", "b")[: self.arity]

    @cached_property
    def at(self) -> Any:
        """The value as a function of floats. Raises ValueError for sin and cos of an infinity."""
        return compiled(self.value, self.variables, FLOATS.__getitem__)

    def backward(self, position: int) -> tuple[str, tuple[str, ...]]:
        """The C kernel of a slope and the variables it reads; no name where there is no kernel."""
        slope = self.slopes[position]
        if slope.function in ("number", "variable"):
            return "", slope.variables()
        suffix = f"_{'ab'[position]}" if self.arity > 1 else ""
        return f"d_{self.word}{suffix}", tuple(self.kernel_reads) or slope.variables()


_PAPER_SOURCE = "Jozefowicz, Zaremba, Sutskever 2015, section 3.2"


def _number(value: float) -> Expression:
    return Expression("number", value=value)


def _guard(b: Expression) -> Expression:
    least = choose(b < 0, -DIVISION_GUARD, DIVISION_GUARD, like=b).labelled("least")
    return where(call("abs", b) <= DIVISION_GUARD, least, b).shown_as("guard(b)")


def _sqrt(a: Expression) -> Expression:
    # The inner `where` keeps the infinite slope at 0 out of torch's gradient; NaN passes both.
    low = (a <= 0).labelled("low")
    return where(low, 0, call("sqrt", where(low, 1, a)))


def _negative_part(a: Expression) -> Expression:
    return call("log1p", call("exp", -call("abs", a)))


_SIGMOID: Final = call("sigmoid", _A)
_ERF: Final = call("erf", _A * 0.7071067811865476)
_SECOND_IS_LARGER: Final = ((_B > _A) | call("is_nan", _B)).shown_as("b > a")
_SECOND_IS_SMALLER: Final = ((_B < _A) | call("is_nan", _B)).shown_as("b < a")

_ROWS: Final = (
    # Leaves: what a step is given.
    Op("input", "leaf", 0, "x", latex="x_t"),
    Op("state", "leaf", 0, "a state of the previous step"),
    Op("constant", "leaf", 0, "a number, the same for all channels"),
    # Learned parameters that are not matrices.
    Op("vector", "parameter", 0, "one learned number a channel, [H]"),
    Op("scalar", "parameter", 0, "one learned number for all channels, [1]"),
    # The only operator across channels. Each occurrence owns its weights.
    Op(
        "linear",
        "linear",
        1,
        "W a + bias",
        latex="W {a} + b",
        sign="W",
        edition=PAPER,
        source=_PAPER_SOURCE,
    ),
    # Activations, channel by channel.
    Op(
        "tanh",
        "activation",
        1,
        "tanh(a)",
        value=call("tanh", _A),
        slopes=(1 - _Y * _Y,),
        latex=r"\tanh({a})",
        torch=call("torch.tanh", _A),
        expensive=True,
        parity="odd",
        fold="zero",
        edition=PAPER,
        source=_PAPER_SOURCE,
    ),
    Op(
        "sigmoid",
        "activation",
        1,
        "1 / (1 + exp(-a))",
        value=_SIGMOID,
        slopes=((1 - _Y) * _Y,),
        latex=r"\sigma({a})",
        sign="σ",
        torch=call("torch.sigmoid", _A),
        expensive=True,
        never_negative=True,
        fold="zero",
        edition=PAPER,
        source=_PAPER_SOURCE,
    ),
    Op(
        "relu",
        "activation",
        1,
        "max(a, 0); NaN stays NaN",
        value=where(_A < 0, 0, _A),
        slopes=(where(_A <= 0, 0, 1),),
        slope_from_result=True,
        latex=r"\mathrm{{relu}}({a})",
        torch=call("torch.relu", _A),
        onnx=call("Relu", _A),
        never_negative=True,
        keeps_positive=True,
        fold="exact",
        edition=PAPER,
        source=_PAPER_SOURCE,
    ),
    Op(
        "exp",
        "activation",
        1,
        "exp(a)",
        value=call("exp", _A),
        slopes=(_Y,),
        latex=r"\exp({a})",
        torch=call("torch.exp", _A),
        expensive=True,
        never_negative=True,
        fold="zero",
        edition=FIRST,
    ),
    Op(
        "logsigmoid",
        "activation",
        1,
        "-log(1 + exp(-a))",
        value=call("minimum", _A, 0) - _negative_part(_A),
        slopes=(call("sigmoid", -_A),),
        kernel_reads="y",
        latex=r"\log\sigma({a})",
        sign="log σ",
        torch=call("torch.nn.functional.logsigmoid", _A),
        expensive=True,
        edition=FIRST,
    ),
    Op(
        "softplus",
        "activation",
        1,
        "log(1 + exp(a))",
        value=call("maximum", _A, 0) + _negative_part(_A),
        slopes=(_SIGMOID,),
        kernel_reads="y",
        latex=r"\mathrm{{softplus}}({a})",
        # functional.softplus is linear above 20, which is wrong by 2e-9 in float64.
        torch=-call("torch.nn.functional.logsigmoid", -_A),
        said="log(1 + exp(a)), exact for large a too.",
        expensive=True,
        never_negative=True,
        edition=FIRST,
    ),
    Op(
        "silu",
        "activation",
        1,
        "a * sigmoid(a)",
        value=_A * _SIGMOID,
        slopes=(_SIGMOID * (1 + _A * (1 - _SIGMOID)),),
        latex=r"\mathrm{{silu}}({a})",
        torch=call("torch.nn.functional.silu", _A),
        expensive=True,
        fold="zero",
        edition=FIRST,
        source="Elfwing, Uchibe, Doya 2017",
    ),
    Op(
        "sqrt",
        "activation",
        1,
        "sqrt(max(a, 0)); derivative 0 at a <= 0",
        value=_sqrt(_A),
        slopes=(where(_Y <= 0, 0, 0.5 / _Y),),
        latex=r"\sqrt{{{a}}}",
        sign="√",
        word="square_root",
        said="The root of max(a, 0), with a derivative of 0 at a <= 0.",
        onnx=call("Sqrt", call("Relu", _A)),
        expensive=True,
        never_negative=True,
        fold="exact",
        edition=FIRST,
    ),
    Op(
        "sin",
        "activation",
        1,
        "sin(a)",
        value=call("sin", _A),
        slopes=(call("cos", _A),),
        latex=r"\sin({a})",
        torch=call("torch.sin", _A),
        expensive=True,
        parity="odd",
        fold="zero",
        edition=FIRST,
    ),
    Op(
        "cos",
        "activation",
        1,
        "cos(a)",
        value=call("cos", _A),
        slopes=(-call("sin", _A),),
        latex=r"\cos({a})",
        torch=call("torch.cos", _A),
        expensive=True,
        parity="even",
        fold="zero",
        edition=FIRST,
    ),
    Op(
        "abs",
        "activation",
        1,
        "|a|; derivative 0 at 0",
        value=call("abs", _A),
        slopes=(where(_A > 0, 1, where(_A < 0, -1, 0)),),
        latex=r"\lvert {a} \rvert",
        torch=call("torch.abs", _A),
        parity="even",
        never_negative=True,
        keeps_positive=True,
        fold="exact",
    ),
    Op(
        "softsign",
        "activation",
        1,
        "a / (1 + |a|)",
        value=_A / (1 + call("abs", _A)),
        slopes=(1 / ((1 + call("abs", _A)) * (1 + call("abs", _A))),),
        latex=r"\mathrm{{softsign}}({a})",
        torch=call("torch.nn.functional.softsign", _A),
        onnx=call("Softsign", _A),
        expensive=True,
        parity="odd",
        fold="zero",
        source="Bergstra, Desjardins, Lamblin, Bengio 2009",
    ),
    Op(
        "gelu",
        "activation",
        1,
        "a * (1 + erf(a / sqrt(2))) / 2, the exact form",
        value=0.5 * _A * (1 + _ERF),
        slopes=(0.5 * (1 + _ERF) + _A * call("exp", -0.5 * _A * _A) * 0.3989422804014327,),
        latex=r"\mathrm{{gelu}}({a})",
        torch=call("torch.nn.functional.gelu", _A),
        expensive=True,
        fold="zero",
        source="Hendrycks, Gimpel 2016",
    ),
    Op(
        "leaky_relu",
        "activation",
        1,
        "a, and 0.01 * a where a <= 0",
        value=where(_A > 0, _A, 0.01 * _A),
        slopes=(where(_A > 0, 1, 0.01),),
        slope_from_result=True,
        latex=r"\mathrm{{leaky\_relu}}({a})",
        torch=call("torch.nn.functional.leaky_relu", _A),
        onnx=call("LeakyRelu", _A),
        keeps_positive=True,
        fold="exact",
        source="Maas, Hannun, Ng 2013",
    ),
    Op(
        "elu",
        "activation",
        1,
        "a, and exp(a) - 1 where a <= 0",
        value=where(_A > 0, _A, call("expm1", _A)),
        slopes=(where(_A > 0, 1, call("exp", _A)),),
        latex=r"\mathrm{{elu}}({a})",
        torch=call("torch.nn.functional.elu", _A),
        onnx=call("Elu", _A),
        expensive=True,
        keeps_positive=True,
        fold="zero",
        source="Clevert, Unterthiner, Hochreiter 2015",
    ),
    # Arithmetic, channel by channel.
    Op(
        "+",
        "arithmetic",
        2,
        "a + b",
        value=_A + _B,
        slopes=(_number(1), _number(1)),
        latex="{a} + {b}",
        rank=SUM,
        word="add",
        commutative=True,
        associative=True,
        edition=PAPER,
        source=_PAPER_SOURCE,
    ),
    Op(
        "-",
        "arithmetic",
        2,
        "a - b",
        value=_A - _B,
        slopes=(_number(1), _number(-1)),
        latex="{a} - {b}",
        sign="−",
        rank=SUM,
        word="subtract",
        edition=PAPER,
        source=_PAPER_SOURCE,
    ),
    Op(
        "*",
        "arithmetic",
        2,
        "a * b",
        value=_A * _B,
        slopes=(_B, _A),
        latex=r"{a} \odot {b}",
        sign="×",
        rank=PRODUCT,
        word="multiply",
        commutative=True,
        associative=True,
        edition=PAPER,
        source=_PAPER_SOURCE,
    ),
    Op(
        "/",
        "arithmetic",
        2,
        "a / guard(b); guard moves |b| < 1e-6 out to 1e-6, keeping the sign",
        value=_A / _guard(_B),
        slopes=(
            1 / _guard(_B),
            where(call("abs", _B) <= DIVISION_GUARD, 0, -(_Y / _guard(_B))),
        ),
        latex=r"\frac{{{a}}}{{{b}}}",
        sign="÷",
        rank=PRODUCT,
        word="divide",
        said="a / b, b nowhere closer to 0 than 1e-6.",
        expensive=True,
        edition=FIRST,
    ),
    Op(
        "max",
        "arithmetic",
        2,
        "max(a, b); a where equal",
        value=call("maximum", _A, _B),
        slopes=(where(_SECOND_IS_LARGER, 0, 1), where(_SECOND_IS_LARGER, 1, 0)),
        latex=r"\max({a}, {b})",
        word="maximum",
        # torch.maximum would halve the gradient where a equals b; `is_nan` passes NaN on.
        torch=where(_SECOND_IS_LARGER, _B, _A),
        said="The larger number, a where they are equal: all of the gradient goes to it.",
        commutative=True,
        associative=True,
        idempotent=True,
        edition=FIRST,
    ),
    Op(
        "min",
        "arithmetic",
        2,
        "min(a, b); a where equal",
        value=call("minimum", _A, _B),
        slopes=(where(_SECOND_IS_SMALLER, 0, 1), where(_SECOND_IS_SMALLER, 1, 0)),
        latex=r"\min({a}, {b})",
        word="minimum",
        torch=where(_SECOND_IS_SMALLER, _B, _A),
        said="The smaller number, a where they are equal: all of the gradient goes to it.",
        commutative=True,
        associative=True,
        idempotent=True,
        edition=FIRST,
    ),
)

OPS: Final[dict[str, Op]] = {row.name: row for row in _ROWS}
ACTIVATIONS: Final = tuple(row.name for row in _ROWS if row.family == "activation")
ARITHMETIC: Final = tuple(row.name for row in _ROWS if row.family == "arithmetic")
POINTWISE: Final = tuple(OPS[name] for name in (*ACTIVATIONS, *ARITHMETIC))
"""Rows that compute channel by channel."""
RANKS: Final = {row.name: row.rank for row in _ROWS if row.rank < CALL}
"""Operators that stand between their arguments, and how tightly they bind."""


def alphabet(family: Family, edition: int) -> tuple[str, ...]:
    """The operators of a family that samples of an edition draw from, in the order of the table."""
    return tuple(row.name for row in _ROWS if row.family == family and row.edition <= edition)
