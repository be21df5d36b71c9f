"""From a cell to its plan; see `cells.engine.lowering.plan` for what the words mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, cast

from cells.cell import Cell, Linear
from cells.engine.lowering.adjoint import EXPENSIVE, Operation, Program, backward, forward
from cells.engine.lowering.plan import PHASES, Form, Phase, Plan, Product, Stage, Sum


@lru_cache(maxsize=16)  # trainings of one cell follow each other
def lower(cell: Cell) -> Plan:
    """The plan of a cell. Dead nodes, and states that the output does not depend on, are left out."""
    return _Lowering(cell).plan()


class _Lowering:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.first = 1 + len(cell.updates)
        self._find_live()
        self._find_phases()
        self._find_sums()
        self._name()
        self._find_products()
        self._find_operations()

    def _find_live(self) -> None:
        cell = self.cell
        live, todo = set[int](), [cell.output]
        while todo:
            node = todo.pop()
            if node not in live:
                live.add(node)
                todo += cell.nodes[node].args
                if 0 < node < self.first:
                    todo.append(cell.updates[node - 1])
        self.live = sorted(live)
        self.states = tuple(node - 1 for node in self.live if 0 < node < self.first)
        self.uses = [0] * len(cell.nodes)
        for node in self.live:
            for arg in cell.nodes[node].args:
                self.uses[arg] += 1
        for node in (cell.output, *(cell.updates[state] for state in self.states)):
            self.uses[node] += 1

    def _find_phases(self) -> None:
        nodes = self.cell.nodes
        reads_input, reads_state = {0}, set(range(1, self.first))
        for node in self.live:
            if not reads_input.isdisjoint(nodes[node].args):
                reads_input.add(node)
            if not reads_state.isdisjoint(nodes[node].args):
                reads_state.add(node)
        feeds, todo = set[int](), [self.cell.updates[state] for state in self.states]
        while todo:
            node = todo.pop()
            if node not in feeds:
                feeds.add(node)
                todo += nodes[node].args
        self.phase: dict[int, Phase] = {
            node: ("loop" if node in feeds or node < self.first else "after")
            if node in reads_state
            else "before"
            if node in reads_input
            else "static"
            for node in self.live
        }

    def linear(self, node: int) -> Linear:
        return cast("Linear", self.cell.nodes[node].parameter)

    def _is_matrix(self, node: int) -> bool:
        return self.cell.nodes[node].op == "linear" and self.linear(node).kind != "diagonal"

    def _find_sums(self) -> None:
        """For each root of a sum its linears, and what else is added or subtracted."""
        nodes = self.cell.nodes
        self.parts: dict[int, list[int]] = {}
        self.others: dict[int, list[tuple[str, int]]] = {}
        self.absorbed: set[int] = set()
        for root in reversed(self.live):
            if root in self.absorbed:
                continue
            if self._is_matrix(root):
                self.parts[root], self.others[root] = [root], []
                continue
            if nodes[root].op not in "+-" or self.phase[root] == "static":
                continue
            inner, linears, others = list[int](), list[int](), list[tuple[str, int]]()

            def walk(
                node: int,
                root: int = root,
                inner: list[int] = inner,
                linears: list[int] = linears,
                others: list[tuple[str, int]] = others,
            ) -> None:
                op, args, _ = nodes[node]
                single = node == root or self.uses[node] == 1
                if op in "+-" and single and self.phase[node] != "static":
                    inner.append(node)
                    walk(args[0])
                    if op == "+":
                        walk(args[1])
                    else:
                        others.append(("-", args[1]))
                elif self._is_matrix(node) and single and self.phase[node] != "static":
                    linears.append(node)
                else:
                    others.append(("+", node))

            walk(root)
            if linears:
                self.parts[root], self.others[root] = linears, others
                self.absorbed.update(inner, linears)
                self.absorbed.discard(root)

    def _level(self, node: int, phase: Phase) -> int:
        """Rounds of products of `phase` beneath a value."""
        key = (node, phase)
        level = self.levels.get(key)
        if level is None:
            if self.phase[node] != phase or node < self.first:
                level = 0
            elif node in self.parts:
                own = [self._linear_level(linear) for linear in self._own(node)]
                level = max([*own, *(self._level(other, phase) for _, other in self.others[node])])
            else:
                level = max(
                    (self._level(arg, phase) for arg in self.cell.nodes[node].args), default=0
                )
            self.levels[key] = level
        return level

    def _own(self, root: int) -> list[int]:
        """The linears of a sum that are not hoisted."""
        phase = self.sum_phase[root]
        return [part for part in self.parts[root] if self.phase[part] == phase]

    def _linear_level(self, linear: int) -> int:
        return 1 + self._level(self.cell.nodes[linear].args[0], self.phase[linear])

    def _late(self) -> dict[int, int]:
        """The level at which each pointwise value is computed: as late as its readers allow.

        So a value meets its readers in one stage where it can, and need not be written at all.
        """
        latest: dict[int, int] = {}
        levels: dict[int, int] = {}

        def bound(node: int, level: int) -> None:
            latest[node] = min(level, latest.get(node, level))

        for node in reversed(self.live):
            if node < self.first or node in self.absorbed:
                continue
            args, phase = self.cell.nodes[node].args, self.phase[node]
            level = levels[node] = latest.get(node, self._level(node, phase))
            if node not in self.parts:
                for arg in args:
                    if self.phase[arg] == phase:
                        bound(arg, level)
                continue
            for _, other in self.others[node]:
                if self.phase[other] == phase:
                    bound(other, level)
            for linear in self.parts[node]:
                operand = self.cell.nodes[linear].args[0]
                if self.phase[operand] == self.phase[linear]:
                    bound(operand, self._linear_level(linear) - 1)
        return levels

    def _name(self) -> None:
        """Puts the sums in order and gives every value its name."""
        nodes = self.cell.nodes
        self.levels: dict[tuple[int, Phase], int] = {}
        self.sum_phase: dict[int, Phase] = {
            root: PHASES[max(PHASES.index(self.phase[linear]) for linear in linears)]
            for root, linears in self.parts.items()
        }
        keys: dict[int, list[tuple[int, int, int, str]]] = {}
        for root, linears in self.parts.items():
            order = {linear: self._key(linear) for linear in linears}
            linears.sort(key=lambda linear, order=order: (order[linear], linear))
            keys[root] = sorted(order.values())
        roots = sorted(
            self.parts, key=lambda root: (PHASES.index(self.sum_phase[root]), keys[root], root)
        )
        self.number = {root: number for number, root in enumerate(roots)}
        self.name: dict[int, str | float] = {0: "x"}
        for index, state in enumerate(self.states):
            self.name[1 + state] = f"s{index}"
        for node in self.live:
            op = nodes[node].op
            if op == "constant":
                self.name[node] = float(cast("float", nodes[node].parameter))
            elif op in {"vector", "scalar"}:
                self.name[node] = f"w{node}"
            elif node in self.number and not self.others[node]:
                self.name[node] = f"a{self.number[node]}"
            elif node >= self.first:
                self.name[node] = f"n{node}"
        # The new state is written where it is kept, if it can be.
        self.copies: list[tuple[str, int]] = []
        for index, state in enumerate(self.states):
            node = self.cell.updates[state]
            own = self.name[node] == f"n{node}" and self.phase[node] == "loop"
            if own:
                self.name[node] = f"u{index}"
            else:
                self.copies.append((f"u{index}", node))

    def _key(self, linear: int) -> tuple[int, int, int, str]:
        return (
            PHASES.index(self.phase[linear]),
            self._linear_level(linear),
            self.cell.nodes[linear].args[0],
            self._form(linear),
        )

    def _form(self, linear: int) -> Form:
        kind = self.linear(linear).kind
        return kind if kind in ("frozen", "antisymmetric") else "free"

    def _find_products(self) -> None:
        gates: dict[tuple[int, int, bool, int, str], list[tuple[int, int]]] = {}
        for root, linears in self.parts.items():
            for linear in linears:
                phase, level, operand, form = self._key(linear)
                key = (phase, level, linear != linears[0], operand, form)
                gates.setdefault(key, []).append((self.number[root], linear))
        self.products: dict[tuple[Phase, int], list[Product]] = {}
        for (phase, level, later, operand, form), members in sorted(gates.items()):
            runs: list[list[tuple[int, int]]] = []
            for number, linear in sorted(members):
                if runs and runs[-1][-1][0] + 1 == number:
                    runs[-1].append((number, linear))
                else:
                    runs.append([(number, linear)])
            for run in runs:
                product = Product(
                    PHASES[phase],
                    level,
                    self._array(operand),
                    cast("Form", form),
                    not later,
                    tuple(linear for _, linear in run),
                    tuple(f"a{number}" for number, _ in run),
                )
                self.products.setdefault((PHASES[phase], level), []).append(product)

    def _array(self, operand: int) -> str:
        """The name of an array; a constant has one where a product reads it."""
        name = self.name[operand]
        return name if isinstance(name, str) else f"n{operand}"

    def _find_operations(self) -> None:
        nodes = self.cell.nodes
        self.operations: dict[tuple[Phase, int], list[Operation]] = {}
        self.rows = dict[str, int]()
        self.array_phase: dict[str, Phase] = {"x": "before"}
        for index in range(len(self.states)):
            self.array_phase |= {f"s{index}": "loop", f"u{index}": "loop"}
        for root, number in self.number.items():
            self.array_phase[f"a{number}"] = self.sum_phase[root]
        operands = {nodes[linear].args[0] for linears in self.parts.values() for linear in linears}

        late = self._late()
        for node in self.live:
            op, args, _ = nodes[node]
            if node < self.first or node in self.absorbed:
                continue
            name, phase = self._array(node), self.phase[node]
            if op == "constant":
                if node in operands:
                    self._add("static", 0, name, "copy", self.name[node])
                continue
            if op in {"vector", "scalar"}:
                self.rows[name] = node
                self.array_phase[name] = "static"
                continue
            level = late[node]
            if node in self.parts:
                others = self.others[node]
                total = f"a{self.number[node]}"
                for position, (sign, other) in enumerate(others):
                    last = position == len(others) - 1
                    own = name if last else f"n{node}.{position}"
                    total = self._add(phase, level, own, sign, total, self.name[other])
            elif op == "linear":
                self.rows[f"w{node}"] = node
                self.array_phase[f"w{node}"] = "static"
                values = (self.name[args[0]], f"w{node}")
                if self.linear(node).bias is None:
                    self._add(phase, level, name, "*", *values)
                else:
                    self.rows[f"b{node}"] = node
                    self.array_phase[f"b{node}"] = "static"
                    scaled = self._add(phase, level, f"n{node}.0", "*", *values)
                    self._add(phase, level, name, "+", scaled, f"b{node}")
            else:
                self._add(phase, level, name, op, *(self.name[arg] for arg in args))
        for name, node in self.copies:
            level = late[node] if node in late and self.phase[node] == "loop" else 0
            self._add("loop", level, name, "copy", self.name[node])

    def _add(self, phase: Phase, level: int, name: str, op: str, *args: str | float) -> str:
        self.operations.setdefault((phase, level), []).append(Operation(name, op, args))
        self.array_phase[name] = phase
        return name

    def plan(self) -> Plan:
        output = self._array(self.cell.output)
        levels: dict[Phase, int] = {
            phase: 1
            + max(
                (level for own, level in (*self.operations, *self.products) if own == phase),
                default=-1,
            )
            for phase in PHASES
        }
        stage_of = {
            operation.name: key
            for key, operations in self.operations.items()
            for operation in operations
        }
        # Where every array is read: by stages of other levels and phases, and by products.
        readers: dict[str, set[tuple[Phase, int | None]]] = {output: {("after", None)}}
        for key, operations in self.operations.items():
            for operation in operations:
                for arg in operation.args:
                    if isinstance(arg, str) and stage_of.get(arg) != key:
                        readers.setdefault(arg, set()).add(key)
        for products in self.products.values():
            for product in products:
                readers.setdefault(product.operand, set()).add((product.phase, None))
        written = {name for name in stage_of if name in readers or name[0] == "u"}

        reverse = self._reverse(levels, readers, written, output)
        loads = {name for program in reverse.programs.values() for name in program.loads}
        written |= {name for name in stage_of if name in loads}

        targets: dict[str, str] = {}
        for root, number in self.number.items():
            total = f"a{number}"
            if self.others[root] or self.uses[root] > 1 or total in loads or output == total:
                continue
            for operation in (operation for own in self.operations.values() for operation in own):
                if (
                    operation.args == (total,)
                    and operation.op in EXPENSIVE
                    and operation.name in written
                    and operation.name[0] == "n"
                ):
                    targets[operation.name] = total
        nothing = Program((), 0, frozenset(), ())
        stages: dict[Phase, tuple[Stage, ...]] = {
            phase: tuple(
                Stage(
                    tuple(reverse.products.get((phase, level), ())),
                    operations := tuple(self.operations.get((phase, level), ())),
                    forward(operations, written, targets) if operations else nothing,
                    reverse.programs.get((phase, level), nothing),
                )
                for level in range(levels[phase])
            )
            for phase in PHASES
        }
        crossing = tuple(
            name
            for name, own in self.array_phase.items()
            if own == "before"
            and any(phase in ("loop", "after") for phase, _ in readers.get(name, ()))
        )
        series = {
            name
            for name in written | {output}
            if self.array_phase[name] == "loop"
            and (name in loads or any(p == "after" or q is None for p, q in readers.get(name, ())))
        }
        return Plan(
            cell=self.cell,
            states=self.states,
            output=output,
            sums=self._sums(),
            stages=stages,
            rows=self.rows,
            crossing=crossing,
            series=frozenset(series),
            place=targets,
            tails=reverse.tails,
            zeroed=reverse.zeroed,
            phase=self.array_phase,
        )

    def _sums(self) -> tuple[Sum, ...]:
        sums: list[Sum] = []
        for root, number in sorted(self.number.items(), key=lambda item: item[1]):
            linears, phase = tuple(self.parts[root]), self.sum_phase[root]
            hoisted = self.phase[linears[0]] != phase
            biases = tuple(linear for linear in linears if self.linear(linear).bias is not None)
            sums.append(Sum(f"a{number}", phase, linears, hoisted, biases))
        return tuple(sums)

    def _differentiable(self) -> set[str]:
        """Arrays whose gradients lead to something that is trained, or to x or a state."""
        useful = {"x", *self.rows, *(name for name in self.array_phase if name[0] in "su")}
        trained = {
            f"a{self.number[root]}"
            for root, linears in self.parts.items()
            if any(self._form(linear) != "frozen" for linear in linears)
        }
        useful |= trained
        for _ in range(2 + len(self.live)):
            before = len(useful)
            for operations in self.operations.values():
                useful |= {
                    operation.name
                    for operation in operations
                    if not useful.isdisjoint(operation.args)
                }
            for products in self.products.values():
                for product in products:
                    if product.operand in useful:
                        useful.update(product.sums)
            if len(useful) == before:
                break
        return useful

    def _reverse(
        self,
        levels: Mapping[Phase, int],
        readers: Mapping[str, set[tuple[Phase, int | None]]],
        saved: Iterable[str],
        output: str,
    ) -> "_Reverse":
        """The programs of backward in the order in which they run, and who writes a gradient first."""
        useful = self._differentiable()
        # Gradients of what is read in more than one phase or step are collected from zero.
        written = {f"d{name}" for name, phase in self.array_phase.items() if phase == "static"}
        after: dict[int, set[str]] = {}
        for index in range(len(self.states)):
            after[index] = {
                name
                for name in (f"s{index}", f"u{index}")
                if any(phase == "after" for phase, _ in readers.get(name, ()))
            }
        zeroed = tuple(index for index, names in after.items() if len(names) == 2)
        for index in zeroed:
            written |= {f"ds{index}", f"du{index}"}
        written.add(f"d{output}")
        tails: list[int] = []
        programs: dict[tuple[Phase, int], Program] = {}
        products: dict[tuple[Phase, int], list[Product]] = {}
        for phase in reversed(PHASES):
            if phase == "loop":
                for index in range(len(self.states)):
                    if f"du{index}" in written or f"ds{index}" in written:
                        if f"du{index}" not in written:
                            tails.append(index)
                        written |= {f"ds{index}", f"du{index}"}
                    else:
                        tails.append(index)
                        written.add(f"du{index}")
            for level in range(levels[phase] - 1, -1, -1):
                key = (phase, level)
                operations = self.operations.get(key, [])
                own = {operation.name for operation in operations}
                wanted = {
                    arg: f"d{arg}" in written
                    for operation in operations
                    for arg in operation.args
                    if isinstance(arg, str) and arg not in own and arg in useful
                }
                seeds = {name for name in own if f"d{name}" in written and name in useful}
                programs[key] = program = backward(operations, seeds, wanted, set(saved))
                written.update(program.stores)
                reversed_products: list[Product] = []
                for product in reversed(self.products.get(key, [])):
                    gradient: Literal["none", "set", "add"] = "none"
                    if product.operand in useful:
                        gradient = "add" if f"d{product.operand}" in written else "set"
                        written.add(f"d{product.operand}")
                    reversed_products.append(replace(product, gradient=gradient))
                products[key] = reversed_products[::-1]
        return _Reverse(programs, products, tuple(tails), zeroed)


@dataclass(frozen=True, slots=True)
class _Reverse:
    programs: dict[tuple[Phase, int], Program]
    products: dict[tuple[Phase, int], list[Product]]
    tails: tuple[int, ...]
    zeroed: tuple[int, ...]
