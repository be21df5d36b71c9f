"""The template of the core space: eight slots, each with a few levels, and the cell that they write.

A memory m is kept, written and shown:

    m' = keep * m + write * candidate        h' = output * squash(m')

Without an output gate and a squash h' is m', so there is one state; else the memory is a state c of
its own. Every combination of levels writes a cell. Where a slot has nothing to act on (the bias of a
gate that is not there) its levels write the same cell, so there are fewer cells than combinations.

A coupled gate and its complement start from the same distribution and train alike, so the space holds
one of them, the one that was published: z keeps in the form of the GRU (one state, a candidate that
reads h), and i writes in all others (CIFG, MGU, minGRU). The bias of a gate that writes is negated.
"""

from collections.abc import Mapping
from itertools import product
from typing import Final, NamedTuple

from cells.cell import Cell
from cells.error import CellError
from cells.text.parser import parse

SLOTS: Final[dict[str, dict[str, str]]] = {
    "forget": {
        "zero": "nothing is kept",
        "one": "`m`: all is kept",
        "gate": "`f * m`, f a gate of its own",
        "coupled": "`(1 - i) * m`, bound to the input gate",
        "shifted": "`sigmoid(q) * m`, bound to the input gate, which is `1 - sigmoid(q - 1)`; q starts by the law `chrono`",
    },
    "input": {
        "one": "`candidate`: all is written",
        "gate": "`i * candidate`",
    },
    "gates": {
        "x": "forget, input and reset gate read x",
        "h": "they read h",
        "xh": "they read x and h",
        "xhc": "they read x, h and, through peepholes, the memory",
    },
    "bias": {
        "0": "the forget gate starts at bias 0",
        "1": "it starts at 1; one that writes at -1",
    },
    "recurrence": {
        "none": "the candidate reads x alone",
        "plain": "it reads x and h",
        "before": "it reads x and `r * h`, r a reset gate",
        "after": "it reads x and `r * linear(h)`",
        "shared": "it reads x and h times the factor that it is written by, or where that is 1 the factor that keeps",
    },
    "candidate": {
        "tanh": "the candidate is a tanh",
        "relu": "a relu",
        "identity": "linear",
    },
    "output": {
        "none": "no output gate",
        "x": "an output gate that reads x",
        "h": "one that reads h",
        "xh": "one that reads x and h",
        "xhc": "one that reads x, h and, through a peephole, the new memory",
    },
    "squash": {
        "tanh": "`tanh(m')` is shown",
        "identity": "`m'` is shown",
    },
}
"""The slots and their levels in the order of enumeration, the last slot fastest; what each level does."""


class Slots(NamedTuple):
    """One level of each slot; `_asdict()` is the encoding for Optuna and an analysis of variance."""

    forget: str
    input: str
    gates: str
    bias: str
    recurrence: str
    candidate: str
    output: str
    squash: str


def slots(levels: Mapping[str, str]) -> Slots:
    """Checked slots.

    Raises:
        CellError: C703 for a level that a slot does not have, C704 for an unknown or a missing slot.
    """
    for slot in (*levels, *SLOTS):
        if slot not in SLOTS or slot not in levels:
            problem = "unknown" if slot not in SLOTS else "missing"
            values = {"word": slot, "problem": problem}
            raise CellError("C704", values, words=tuple(SLOTS) if slot not in SLOTS else ())
        if levels[slot] not in SLOTS[slot]:
            values = {"slot": slot, "word": levels[slot], "known": ", ".join(SLOTS[slot])}
            raise CellError("C703", values, words=tuple(SLOTS[slot]))
    return Slots(**levels)


def combinations() -> tuple[Slots, ...]:
    """Every combination of levels, in the order of enumeration."""
    return tuple(Slots(*levels) for levels in product(*SLOTS.values()))


def write(chosen: Slots, name: str = "core") -> str:
    """The text of the cell that the slots write. Slots that act on nothing leave no trace in it."""
    return _Writer(chosen).text(name)


def build(chosen: Slots, name: str = "core") -> Cell:
    """The cell that the slots write, with the names of the template."""
    return parse(write(chosen, name))


class _Writer:
    """Writes the lines of one cell and notes which states are read.

    Attributes:
        keep, write: factors of the memory and of the candidate; "" for 1, None for 0.
    """

    def __init__(self, chosen: Slots) -> None:
        self.slots = chosen
        self.alone = chosen.output == "none" and chosen.squash == "identity"
        self.memory = "h" if self.alone else "c"
        self.lines: list[str] = []
        self.read: set[str] = set()
        self.keep: str | None = None
        self.write: str = ""

    def text(self, name: str) -> str:
        self._factors()
        candidate = self._candidate()
        kept: list[str] = []
        if self.keep is not None:
            self.read.add(self.memory)
            kept.append(_times(self.keep, self.memory))
        total = " + ".join([*kept, _times(self.write, candidate)])
        if self.alone:
            self._new("h", total)
        else:
            self._show(total)
        states = [state for state in ("h", "c") if state in self.read]
        head = f"cell {name}(x; {', '.join(states)})" if states else f"cell {name}(x)"
        return "\n  ".join([head, *self.lines]) + "\n"

    def _factors(self) -> None:
        chosen = self.slots
        own = chosen.input == "gate"
        match chosen.forget:
            case "coupled" if own:
                if self.alone and chosen.recurrence in ("plain", "before", "after"):
                    self.lines.append(f"z = sigmoid({self._linear(chosen.gates, chosen.bias)})")
                    self.keep, self.write = "z", "(1 - z)"
                else:
                    bias = "-1" if chosen.bias == "1" else "0"
                    self.lines.append(f"i = sigmoid({self._linear(chosen.gates, bias)})")
                    self.keep, self.write = "(1 - i)", "i"
                return
            case "shifted" if own:
                self.lines.append(f"q = {self._linear(chosen.gates, 'chrono')}")
                self.keep, self.write = "sigmoid(q)", "(1 - sigmoid(q - 1))"
                return
            case "gate":
                self.lines.append(f"f = sigmoid({self._linear(chosen.gates, chosen.bias)})")
                self.keep = "f"
            case "one":
                self.keep = ""
            case _:
                # Nothing is kept. So it is where the one gate of both factors writes all, too.
                own = own and chosen.forget == "zero"
        if own:
            self.lines.append(f"i = sigmoid({self._linear(chosen.gates)})")
            self.write = "i"

    def _candidate(self) -> str:
        how = self.slots.recurrence
        reset = ""
        if how in ("before", "after"):
            self.lines.append(f"r = sigmoid({self._linear(self.slots.gates)})")
            reset = "r"
        elif how == "shared":
            reset = self.write or self.keep or ""
        if how == "none":
            inside = "linear(x)"
        else:
            self.read.add("h")
            before = _times(reset, "h")
            inside = (
                f"linear(x) + {reset} * linear(h)" if how == "after" else f"linear(x, {before})"
            )
        if self.slots.candidate == "identity":
            return f"({inside})" if how == "after" and self.write else inside
        self.lines.append(f"n = {self.slots.candidate}({inside})")
        return "n"

    def _show(self, total: str) -> None:
        reading, lines = self.slots.output, self.lines
        self.read |= {"h"} if "h" in reading.replace("none", "") else set()
        memory = "c'" if "c" in self.read else "m"
        lines.append(f"{memory} = {total}")
        if reading != "none":
            lines.append(f"o = sigmoid({self._linear(reading, memory=memory)})")
        shown = f"tanh({memory})" if self.slots.squash == "tanh" else memory
        self._new("h", _times("" if reading == "none" else "o", shown))

    def _new(self, state: str, value: str) -> None:
        self.lines.append(f"{state}' = {value}" if state in self.read else f"out = {value}")

    def _linear(self, reading: str, bias: str = "0", memory: str = "") -> str:
        """What a gate takes in. Peepholes into the only state would repeat its matrix: none then."""
        sources = [source for source in ("x", "h") if source in reading]
        self.read |= {"h"} & set(sources)
        law = "" if bias == "0" else f", bias={bias}"
        inside = f"linear({', '.join(sources)}{law})"
        if "c" not in reading or self.alone:
            return inside
        if not memory:
            self.read.add("c")
        return f"{inside} + vector() * {memory or 'c'}"


def _times(factor: str, value: str) -> str:
    return f"{factor} * {value}" if factor else value
