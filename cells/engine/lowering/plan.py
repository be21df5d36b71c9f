"""How a cell is run over a window: what is done once, what in every step, and what backward keeps.

`cells.engine.lowering.translate.lower` sorts the nodes into four phases: `static` (no x, no state), `before` (x but no state: all
steps at once, or once a distinct symbol), `loop` (feeds a state) and `after` (reads states, feeds
none: all steps at once). Within a phase, rounds of matrix products alternate with stages of pointwise
work; the level of a value is the number of rounds beneath it.

Linears in a chain of sums that nothing else reads add into one array, a `Sum`; what depends on x alone
is there before the loop begins. Linears with one operand on one level are one `Product` with several
gates. Names of arrays: `x`; `s0`, `u0` the old and the new state 0; `a3` a sum; `n7` the value of node
7; `w7`, `b7` parameters that are read channel by channel; `d...` the gradient of one of these.

Backward runs all of it in reverse. Kept for it are sums, states and results of transcendental
operations, where they are needed; cheap operations are computed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from cells.cell import Cell
from cells.engine.lowering.adjoint import Operation, Program

Phase = Literal["static", "before", "loop", "after"]
PHASES: Final[tuple[Phase, ...]] = ("static", "before", "loop", "after")

Form = Literal["free", "frozen", "antisymmetric"]


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of linears in one array.

    Attributes:
        name: `a` and its number. Numbers of gates of one product follow each other.
        phase: when it is complete.
        linears: nodes, in the order in which they are added.
        hoisted: the first ones of them are added `before` a later phase.
        biases: those of the linears that have a bias.
    """

    name: str
    phase: Phase
    linears: tuple[int, ...]
    hoisted: bool
    biases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Linears of one operand, done as one matrix product.

    Attributes:
        phase, level: when it is done: just before the stage of this level.
        operand: name of the array that it reads.
        form: `free` matrices (and those of blocks), or others, which are kept apart.
        first: it writes the sums and adds their biases; else it adds to them.
        linears: nodes, one a gate.
        sums: names, one a gate.
        gradient: whether the gradient of the operand is wanted, and then whether this product
            writes it (`set`) or adds to it (`add`).
    """

    phase: Phase
    level: int
    operand: str
    form: Form
    first: bool
    linears: tuple[int, ...]
    sums: tuple[str, ...]
    gradient: Literal["none", "set", "add"] = "none"


@dataclass(frozen=True, slots=True)
class Stage:
    """Products of one level, then the pointwise work that becomes possible.

    Attributes:
        products: none on level 0.
        operations: pointwise, in order.
        forward: their program.
        backward: the program of their gradients; done before the products in reverse.
    """

    products: tuple[Product, ...]
    operations: tuple[Operation, ...]
    forward: Program
    backward: Program


@dataclass(frozen=True, slots=True)
class Plan:
    """A lowered cell.

    Attributes:
        cell: the cell.
        states: those of its states that the output depends on; `s0` is the first of these.
        output: the array that is the output.
        sums: in the order of their numbers.
        stages: of each phase, by level.
        rows: arrays of parameters that are read channel by channel, and their nodes.
        crossing: arrays of the phase `before` that later phases read, sums that are continued left
            out.
        series: arrays of the loop that are kept for all steps; others live for one step.
        place: results that are written over the sum they are made of.
        tails: states whose gradient after the last step must be set to zero.
        zeroed: states whose gradients at all steps must be.
        phase: of every array that is not a gradient.
    """

    cell: Cell
    states: tuple[int, ...]
    output: str
    sums: tuple[Sum, ...]
    stages: Mapping[Phase, tuple[Stage, ...]]
    rows: Mapping[str, int]
    crossing: tuple[str, ...]
    series: frozenset[str]
    place: Mapping[str, str]
    tails: tuple[int, ...]
    zeroed: tuple[int, ...]
    phase: Mapping[str, Phase]

    def products(self, phase: Phase) -> tuple[Product, ...]:
        """All products of a phase in order."""
        return tuple(product for stage in self.stages[phase] for product in stage.products)

    @property
    def linears(self) -> int:
        """Matrix products of one token, gates counted."""
        return sum(len(product.linears) for phase in PHASES[1:] for product in self.products(phase))


def flops(plan: Plan, width: int) -> int:
    """Floating-point operations of the matrix products of one token and layer, in training.

    Two a weight for each of the value, the gradient of the operand and that of the weight. Products
    that are done once a distinct symbol count in full.
    """
    return 6 * width * width * plan.linears


def saved(plan: Plan) -> tuple[str, ...]:
    """Arrays `[T, B, H]` that one layer keeps for backward or for later phases, x left out."""
    arrays = {f"s{index}" for index in range(len(plan.states))}
    arrays |= {summed.name for summed in plan.sums if summed.phase != "static"}
    arrays |= {plan.place.get(name, name) for name in plan.series if name[0] != "u"}
    for phase in ("before", "after"):
        for stage in plan.stages[phase]:
            arrays |= set(stage.forward.stores)
    return tuple(sorted(arrays, key=lambda name: (name[0], int(name[1:].partition(".")[0]))))


def describe(plan: Plan, width: int) -> dict[str, Any]:
    """What `gatewright cells show NAME --plan` prints, as a document.

    Returns:
        products: one entry for each: phase, level, operand, gates, form, and the sums they add to.
        pointwise: for each phase the instructions forward and backward.
        saved: arrays a layer keeps, of one step each `[B, H]`.
        flops: of the matrix products of a token and layer, in training.
    """
    return {
        "products": [
            {
                "phase": product.phase,
                "level": product.level,
                "operand": _words(plan, product.operand),
                "gates": len(product.linears),
                "form": product.form,
                "sums": list(product.sums),
            }
            for phase in PHASES
            for product in plan.products(phase)
        ],
        "pointwise": {
            phase: {
                "forward": sum(len(stage.forward.instructions) for stage in plan.stages[phase]),
                "backward": sum(len(stage.backward.instructions) for stage in plan.stages[phase]),
            }
            for phase in PHASES
        },
        "saved": list(saved(plan)),
        "flops": flops(plan, width),
    }


_WHEN: Final[dict[Phase, str]] = {
    "static": "once a window",
    "before": "all steps at once, before the loop",
    "loop": "in every step",
    "after": "all steps at once, after the loop",
}


def render(plan: Plan, width: int) -> str:
    """The same as text, one line a product."""
    document = describe(plan, width)
    lines: list[str] = []
    for phase in PHASES:
        products = [product for product in document["products"] if product["phase"] == phase]
        pointwise = document["pointwise"][phase]
        if not products and not pointwise["forward"]:
            continue
        lines.append(f"{_WHEN[phase]}:")
        for product in products:
            form = "" if product["form"] == "free" else f" {product['form']}"
            gates = f"{product['gates']}{form} linear{'s' if product['gates'] > 1 else ''}"
            lines.append(f"  level {product['level']}: {gates} of {product['operand']}")
        if pointwise["forward"]:
            lines.append(
                f"  pointwise: {pointwise['forward']} instructions forward,"
                f" {pointwise['backward']} backward"
            )
    lines.append(f"kept for backward: {len(document['saved'])} numbers a unit and step")
    lines.append(f"work: {document['flops']:,} flops a token and layer at width {width}")
    return "\n".join(lines)


def summary(plan: Plan) -> str:
    """The plan in one line: matrix products by phase and round, pointwise work of a step."""
    said: list[str] = []
    for phase in PHASES:
        rounds = [
            sum(len(product.linears) for product in stage.products) for stage in plan.stages[phase]
        ]
        words = " then ".join(str(number) for number in rounds if number)
        if words:
            said.append(f"{words} linear{'' if words == '1' else 's'} {_WHEN[phase]}")
    pointwise = sum(len(stage.forward.instructions) for stage in plan.stages["loop"])
    if pointwise:
        said.append(f"{pointwise} pointwise instructions in every step")
    return "; ".join(said)


def _words(plan: Plan, name: str | float, depth: int = 2) -> str:
    """An operand, for people, e.g. `sigmoid(sum 1) * h`."""
    if not isinstance(name, str):
        return f"{name:g}"
    if name == "x":
        return "x"
    if name[0] in "su":
        state = plan.states[int(name[1:])]
        names = plan.cell.states
        own = names[state] if state < len(names) else f"state {state}"
        return own if name[0] == "s" else f"new {own}"
    if name[0] != "n":
        return f"{'sum' if name[0] == 'a' else 'vector'} {name[1:]}"
    if not depth:
        return "..."
    stages = (stage for stages in plan.stages.values() for stage in stages)
    operation = next(
        operation for stage in stages for operation in stage.operations if operation.name == name
    )
    args = [_words(plan, arg, depth - 1) for arg in operation.args]
    if operation.op in "+-*/":
        return f" {operation.op} ".join(args)
    return f"{operation.op}({', '.join(args)})"
