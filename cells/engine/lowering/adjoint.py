"""Pointwise programs, and their derivatives as programs over the same operations.

A stage is a list of channel-by-channel operations on arrays of one shape. `forward` makes the program
that computes it, `backward` the one that carries gradients from its results to its arguments.
Programs are flat: every instruction writes an array or a temporary. Common values are computed
once, what nobody reads is left out, temporaries are used again as soon as they are free.

Operations are those of `cells.op`, the kernels `d_...` of their slopes, whose first argument is the
gradient that arrives, and: `copy`, `negate`, `one_minus` 1 - a, `multiply_add` a b + c,
`multiply_subtract` c - a b, `blend` a b + (1 - a) c.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cells.op import OPS, POINTWISE

Operand = str | int | float
"""The name of an array, the number of a temporary (int), or a constant (float)."""

EXPENSIVE: Final = frozenset(row.name for row in POINTWISE if row.expensive)
"""Operations whose results are kept for the derivative; all others are computed again."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One node of a stage: `name = op(args)`; arguments are names or constants."""

    name: str
    op: str
    args: tuple[str | float, ...]


@dataclass(frozen=True, slots=True)
class Instruction:
    """`out = op(args)`, or `out += op(args)` when it accumulates (into arrays only)."""

    op: str
    out: str | int
    args: tuple[Operand, ...]
    accumulate: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """Instructions in order. `out` may be one of its own arguments.

    Attributes:
        instructions: what to do.
        temporaries: how many temporaries it uses.
        loads: arrays that it reads.
        stores: arrays that it writes.
    """

    instructions: tuple[Instruction, ...]
    temporaries: int
    loads: frozenset[str]
    stores: tuple[str, ...]


class Builder:
    """Collects values, each once, and writes them as a program."""

    def __init__(self) -> None:
        self._values: list[tuple[str, tuple[int, ...]]] = []
        self._known: dict[tuple[str, tuple[int, ...]], int] = {}
        self._leaves: dict[int, str | float] = {}
        self._named: dict[str | float, int] = {}
        self._stores: list[tuple[str, int, bool]] = []

    def load(self, leaf: str | float) -> int:
        """The value of an array as the program finds it, or a constant."""
        value = self._named.get(leaf)
        if value is None:
            value = self._named[leaf] = len(self._values)
            self._values.append(("leaf", ()))
            self._leaves[value] = leaf
        return value

    def apply(self, op: str, *args: int) -> int:
        """The value of an operation; simpler ones take its place where there are some."""
        first = self._values[args[0]]
        if op == "negate" and first[0] == "negate":
            return first[1][0]
        if op == "*":
            a, b = args
            for factor, other in ((a, b), (b, a)):
                if self._leaves.get(factor) == 1.0:
                    return other
                if self._values[factor][0] == "negate":
                    return self.apply("negate", self.apply("*", self._values[factor][1][0], other))
            args = (min(a, b), max(a, b))
        elif op == "+":
            a, b = args
            if self._values[b][0] == "negate":
                return self.apply("-", a, self._values[b][1][0])
            if first[0] == "negate":
                return self.apply("-", b, first[1][0])
            args = (min(a, b), max(a, b))
        elif op == "-":
            a, b = args
            if self._leaves.get(a) == 1.0:
                return self.apply("one_minus", b)
            if self._values[b][0] == "negate":
                return self.apply("+", a, self._values[b][1][0])
        key = (op, args)
        value = self._known.get(key)
        if value is None:
            value = self._known[key] = len(self._values)
            self._values.append(key)
        return value

    def store(self, name: str, value: int, *, accumulate: bool = False) -> None:
        """Writes a value to an array, or adds it. At most one store an array."""
        self._stores.append((name, value, accumulate))

    def build(self) -> Program:
        """The program of everything that is stored."""
        values, live = self._fused()
        last: dict[int, int] = {}
        readers: dict[str, int] = {}
        for value in live:
            for arg in values[value][1]:
                last[arg] = value
                leaf = self._leaves.get(arg)
                if isinstance(leaf, str):
                    readers[leaf] = value
        targets: dict[int, list[tuple[str, bool]]] = {}
        keep = len(values)
        for name, value, accumulate in self._stores:
            targets.setdefault(value, []).append((name, accumulate))
            leaf = self._leaves.get(value)
            if isinstance(leaf, str):
                readers[leaf] = keep

        instructions: list[Instruction] = []
        late: list[Instruction] = []
        operand_of: dict[int, Operand] = dict(self._leaves)
        free: list[int] = []
        temporaries = 0
        for value in live:
            op, args = values[value]
            wanted = targets.get(value, [])
            if op == "leaf":
                late += [Instruction("copy", n, (operand_of[value],), added) for n, added in wanted]
                continue
            operands = tuple(operand_of[arg] for arg in args)
            # An array that is still to be read must not be written yet.
            early = [(n, added) for n, added in wanted if readers.get(n, -1) <= value]
            delayed = [(n, added) for n, added in wanted if readers.get(n, -1) > value]
            if delayed:
                last[value] = keep
            for arg in set(args):
                spot = operand_of[arg]
                if isinstance(spot, int) and last[arg] == value:
                    free.append(spot)
            plain = next((n for n, added in early if not added), None)
            if plain is not None:
                out: str | int = plain
                early.remove((plain, False))
            elif early and not delayed and len(early) == 1 and value not in last:
                instructions.append(Instruction(op, early[0][0], operands, True))
                continue
            else:
                if free:
                    out = free.pop()
                else:
                    out, temporaries = temporaries, temporaries + 1
            instructions.append(Instruction(op, out, operands))
            operand_of[value] = out
            instructions += [Instruction("copy", n, (out,), added) for n, added in early]
            late += [Instruction("copy", n, (out,), added) for n, added in delayed]
            if isinstance(out, int) and value not in last:
                free.append(out)
        return Program(
            (*instructions, *late),
            temporaries,
            frozenset(readers),
            tuple(name for name, _, _ in self._stores),
        )

    def _live(self, values: Sequence[tuple[str, tuple[int, ...]]]) -> list[int]:
        needed = {value for _, value, _ in self._stores}
        for value in range(len(values) - 1, -1, -1):
            if value in needed:
                needed.update(values[value][1])
        return sorted(needed)

    def _fused(self) -> tuple[list[tuple[str, tuple[int, ...]]], list[int]]:
        """Values with products and sums taken together, and which of them are needed."""
        values = list(self._values)
        live = self._live(values)
        uses = [0] * len(values)
        for value in live:
            for arg in values[value][1]:
                uses[arg] += 1
        for _, value, _ in self._stores:
            uses[value] += 1

        def product(value: int) -> tuple[int, ...] | None:
            op, args = values[value]
            return args if op == "*" and uses[value] == 1 else None

        for value in live:
            op, args = values[value]
            if op == "+":
                left, right = product(args[0]), product(args[1])
                if left and right and (blend := self._blend(left, right)):
                    values[value] = ("blend", blend)
                elif left:
                    values[value] = ("multiply_add", (*left, args[1]))
                elif right:
                    values[value] = ("multiply_add", (*right, args[0]))
            elif op == "-" and (right := product(args[1])):
                values[value] = ("multiply_subtract", (*right, args[0]))
        return values, self._live(values)

    def _blend(self, left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
        """(a, b, c) where the sum of both products is a b + (1 - a) c."""
        for one, other in ((left, right), (right, left)):
            for gate, value in (one, one[::-1]):
                for rest, last in (other, other[::-1]):
                    if self._values[rest] == ("one_minus", (gate,)):
                        return gate, value, last
        return None


def forward(
    stage: Sequence[Operation], stored: Collection[str], targets: Mapping[str, str] | None = None
) -> Program:
    """The program that computes a stage.

    Args:
        stage: operations, each after its arguments; names that no operation has are arrays.
        stored: which results are written to arrays of their name.
        targets: other arrays to write some of them to, e.g. the array of an argument that nothing else
            reads.
    """
    builder = Builder()
    value: dict[str, int] = {}
    for operation in stage:
        args = [
            value[arg] if isinstance(arg, str) and arg in value else builder.load(arg)
            for arg in operation.args
        ]
        # A copy is the value itself; it matters where it is stored.
        value[operation.name] = (
            args[0] if operation.op == "copy" else builder.apply(operation.op, *args)
        )
    for operation in stage:
        if operation.name in stored:
            builder.store(
                (targets or {}).get(operation.name, operation.name), value[operation.name]
            )
    return builder.build()


def backward(
    stage: Sequence[Operation],
    seeds: Collection[str],
    wanted: Mapping[str, bool],
    saved: Collection[str],
) -> Program:
    """The program that carries gradients from the results of a stage to its arguments.

    The gradient of `name` is in the array `d` + name.

    Args:
        stage: as for `forward`.
        seeds: results of the stage whose arrays already hold gradients from elsewhere.
        wanted: arrays whose gradients are to be found; True where they add to what is there.
        saved: results of the stage that can be read as arrays. What is `EXPENSIVE` is read as an
            array whether listed or not: see `loads` of the program for what must be kept.
    """
    builder = Builder()
    by_name = {operation.name: operation for operation in stage}
    known: dict[str | float, int] = {}

    def primal(name: str | float) -> int:
        if name not in known:
            operation = by_name.get(name) if isinstance(name, str) else None
            if operation is None or name in saved or operation.op in EXPENSIVE:
                known[name] = builder.load(name)
            elif operation.op == "copy":
                known[name] = primal(operation.args[0])
            else:
                known[name] = builder.apply(operation.op, *(primal(arg) for arg in operation.args))
        return known[name]

    # Only what leads to a wanted array is followed.
    useful = set(wanted)
    for operation in stage:
        if not useful.isdisjoint(operation.args):
            useful.add(operation.name)
    total: dict[str, int] = {
        operation.name: builder.load(f"d{operation.name}")
        for operation in stage
        if operation.name in seeds and operation.name in useful
    }

    def add(name: str, gradient: int) -> None:
        total[name] = builder.apply("+", total[name], gradient) if name in total else gradient

    for operation in reversed(stage):
        gradient = total.get(operation.name)
        if gradient is None:
            continue
        for position, arg in enumerate(operation.args):
            if isinstance(arg, str) and arg in useful:
                add(
                    arg,
                    _slope(builder, operation, position, gradient, primal, operation.name in saved),
                )
    for name, accumulate in wanted.items():
        if name in total:
            builder.store(f"d{name}", total[name], accumulate=accumulate)
    return builder.build()


def _slope(
    builder: Builder,
    operation: Operation,
    position: int,
    gradient: int,
    primal: Callable[[str | float], int],
    saved: bool,
) -> int:
    """The gradient of one argument from that of the result."""
    if operation.op == "copy":
        return gradient
    row = OPS[operation.op]
    names = {"y": operation.name, **dict(zip(row.variables, operation.args, strict=True))}
    if saved and row.slope_from_result:
        names["a"] = operation.name
    kernel, reads = row.backward(position)
    values = [primal(names[name]) for name in reads]
    if kernel:
        return builder.apply(kernel, gradient, *values)
    if values:
        return builder.apply("*", gradient, *values)
    return gradient if row.slopes[position].value > 0 else builder.apply("negate", gradient)
