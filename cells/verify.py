"""Is this graph a cell? Structure, parameters, limits and liveness in one pass.

A search checks tens of millions of cells: nothing is formatted unless something is wrong.
"""

import re
import unicodedata
from typing import Final, NamedTuple

from cells.cell import KINDS, Cell, Linear
from cells.error import CellError
from cells.initial import DEFAULT, LAWS, ZERO, Initial, Place
from cells.limit import LIMITS, Limits
from cells.op import OPS

LARGEST_BLOCKS: Final = 256
_MOST_NUMBERS: Final = max(law.most for law in LAWS.values())
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED: Final = frozenset({"cell", "x", "out", "none", *(n for n in OPS if n.isidentifier())})
"""Words that name neither node nor state."""

_LEAVES: Final = ("input", "state")
_ARITY: Final = {op.name: op.arity for op in OPS.values() if op.name not in _LEAVES}
_OWNERS: Final = frozenset({"linear", "vector", "scalar"})
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Finding(NamedTuple):
    """What is wrong, for an error: code, values of its templates, and the node or state it is at."""

    code: str
    values: dict[str, str | int]
    node: int = -1


def hidden(character: str) -> bool:
    """Whether a comment may not hold `character`: controls but tab, bidirectional marks, surrogates."""
    return character != "\t" and unicodedata.category(character) in _HIDDEN


def number_fits(value: object, limits: Limits = LIMITS) -> bool:
    """Whether `value` is a float that cell text can hold: finite, in range, few enough digits."""
    if type(value) is not float:
        return False
    if value.is_integer() and abs(value) < 10.0**limits.digits:
        return True
    size = abs(value)
    return (
        10.0**-limits.exponent <= size < 10.0 ** (limits.exponent + 1)
        and float(f"{value:.{limits.digits}g}") == value
    )


def _numbers_wanted(law: str, numbers: tuple[float, ...]) -> str:
    """What the numbers of a law should be where they are not that; empty where they fit."""
    if law == "uniform" and not numbers[0] < numbers[1]:
        return "uniform(low, high) with low < high"
    if law == "loguniform" and not 0 < numbers[0] < numbers[1]:
        return "loguniform(low, high) with 0 < low < high"
    if law == "log" and not 0 <= numbers[0] < numbers[1]:
        return "log(low, high) with 0 <= low < high"
    if law == "ring" and not 0 <= numbers[0] < numbers[1] <= 1:
        return "ring(low, high) with 0 <= low < high <= 1"
    if law in ("normal", "spectral") and not numbers[0] > 0:
        return f"{law}(number) with number > 0"
    if law == "chrono" and numbers and not numbers[0] >= 2:
        return "chrono(T) with T >= 2"
    return ""


def law_finding(initial: Initial, place: Place, kind: str = "free") -> Finding | None:
    """What is wrong with a law at a place, or None.

    A diagonal linear owns one weight a channel, so its law must make sense for vectors too.
    """
    law = LAWS.get(initial.law)
    if law is None:
        return Finding("C112", {"word": initial.law})
    count = len(initial.numbers)
    if not law.fewest <= count <= law.most:
        span = f"{law.fewest}" if law.fewest == law.most else f"at most {law.most}"
        takes = f"{span} number" + ("" if law.most == 1 else "s")
        return Finding("C301", {"word": law.name, "takes": takes, "given": count})
    if place not in law.places or (kind == "diagonal" and "vector" not in law.places):
        what = "diagonal matrix" if kind == "diagonal" and place == "matrix" else place
        return Finding("C302", {"word": law.name, "place": what})
    wanted = _numbers_wanted(law.name, initial.numbers)
    if not wanted and initial.negative and law.name == "value":
        wanted = "the negative number itself"
    return Finding("C303", {"word": law.name, "expected": wanted}) if wanted else None


def _law(initial: object, place: Place, kind: str, limits: Limits) -> Finding | bool:
    """True where all is well, False where the value is no law at all."""
    if initial is ZERO or initial is DEFAULT:
        return True
    if type(initial) is not Initial or type(initial.negative) is not bool:
        return False
    if type(initial.numbers) is not tuple:
        return False
    if len(initial.numbers) <= _MOST_NUMBERS and not all(
        number_fits(number, limits) for number in initial.numbers
    ):
        return False
    return law_finding(initial, place, kind) or True


def linear_finding(linear: Linear, limits: Limits = LIMITS) -> Finding | bool:
    """True where all is well, False where a field has the wrong type, else what is wrong."""
    kind, init, bias = linear.kind, linear.init, linear.bias
    if kind not in KINDS:
        return Finding("C111", {"word": str(kind)})
    if init is not DEFAULT and (verdict := _law(init, "matrix", kind, limits)) is not True:
        return verdict
    if bias is not None and bias is not ZERO:
        verdict = _law(bias, "vector", "free", limits)
        if verdict is not True:
            return verdict
    if type(linear.blocks) is not int:
        return False
    if not 1 <= linear.blocks <= (LARGEST_BLOCKS if kind == "block" else 1):
        return Finding("C304", {"word": kind, "limit": LARGEST_BLOCKS})
    if not number_fits(linear.diagonal, limits):
        return False
    if kind == "antisymmetric" and linear.diagonal:
        return Finding("C305", {})
    return True


def _parameter(op: str, parameter: object, index: int, limits: Limits) -> Finding | None:
    verdict: Finding | bool
    if op == "linear":
        verdict = type(parameter) is Linear and linear_finding(parameter, limits)
    elif op == "constant":
        verdict = number_fits(parameter, limits)
    elif op in _OWNERS:
        verdict = _law(parameter, "vector", "free", limits)
    else:
        verdict = parameter is None
    if verdict is True:
        return None
    if verdict is False:
        return Finding("C604", {"index": index, "word": op, "found": repr(parameter)}, index)
    return verdict._replace(node=index)


def _labels(cell: Cell, limits: Limits) -> Finding | None:
    if not NAME.fullmatch(cell.name) or len(cell.name) > limits.name:
        return Finding("C606", {"found": cell.name})
    if cell.states and len(cell.states) != len(cell.updates):
        return Finding("C606", {"found": f"{len(cell.states)} state names"})
    if cell.names and len(cell.names) != len(cell.nodes):
        return Finding("C606", {"found": f"{len(cell.names)} node names"})
    comment = cell.comment
    if comment:
        shown = comment.replace("\n", "")
        if not shown.isprintable() and any(map(hidden, shown)):
            return Finding("C606", {"found": "hidden characters in the comment"})
        if len(comment.encode()) > limits.comment:
            return Finding("C008", {"limit": limits.comment})
    return None


def _structure(cell: Cell, limits: Limits) -> Finding | None:
    nodes, updates = cell.nodes, cell.updates
    count, first = len(nodes), len(updates) + 1
    if count > limits.nodes:
        return Finding("C401", {"limit": limits.nodes})
    if first > limits.states + 1:
        return Finding("C403", {"limit": limits.states})
    if not count or nodes[0] != ("input", (), None):
        return Finding("C601", {"index": 0, "found": repr(nodes[0]) if count else "missing"}, 0)
    for index in range(1, first):
        if index >= count or nodes[index] != ("state", (), None):
            shown = repr(nodes[index]) if index < count else "missing"
            return Finding("C601", {"index": index, "found": shown}, index)
    reach = [1 << index for index in range(first)]  # bit 0: reads x; bit s: reads state s
    push, arities, owners, owned = reach.append, _ARITY, _OWNERS, 0
    for index in range(first, count):
        op, args, parameter = nodes[index]
        arity = arities.get(op)
        if arity is None:
            code = "C601" if op in _LEAVES else "C602"
            return Finding(code, {"index": index, "word": op, "found": op}, index)
        if len(args) != arity:
            return Finding("C603", {"index": index, "word": op, "found": repr(args)}, index)
        mask = 0
        for arg in args:
            if type(arg) is not int or not 0 <= arg < index:
                return Finding("C603", {"index": index, "word": op, "found": repr(args)}, index)
            mask |= reach[arg]
        push(mask)
        if parameter is not None or arity == 0 or op == "linear":
            fault = _parameter(op, parameter, index, limits)
            if fault is not None:
                return fault
            if op in owners:
                owned += 1
                if owned > limits.parameters:
                    return Finding("C402", {"limit": limits.parameters}, index)
    for target in (*updates, cell.output):
        if type(target) is not int or not 0 <= target < count:
            return Finding("C605", {"found": repr(target)})
    live, known = reach[cell.output], 0
    while live != known:
        fresh, known = live & ~known, live
        for state, update in enumerate(updates, 1):
            if fresh >> state & 1:
                live |= reach[update]
    if not live & 1:
        return Finding("C501", {}, 0)
    for state in range(1, first):
        if not live >> state & 1:
            word = cell.states[state - 1] if len(cell.states) == len(updates) else str(state)
            return Finding("C502", {"word": word}, state)
    return None


def finding(cell: Cell, limits: Limits = LIMITS) -> Finding | None:
    """What is wrong with a cell, or None. See `check`."""
    try:
        return _structure(cell, limits) or _labels(cell, limits)
    except (TypeError, ValueError, AttributeError) as problem:  # fields of foreign types
        return Finding("C606", {"found": str(problem)})


def check(cell: Cell, limits: Limits = LIMITS) -> None:
    """Refuse a graph that is not a cell.

    Checked: leaves, topological order, arity, laws and numbers, limits, and that x and every state
    reach the output (a state does when the output, or the update of a state that does, reads it).
    Nodes that nothing reads are allowed; the canonical form drops them.

    Raises:
        CellError: with the first thing found.
    """
    fault = finding(cell, limits)
    if fault is not None:
        raise CellError(fault.code, fault.values)
