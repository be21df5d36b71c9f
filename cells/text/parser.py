"""Cell text to `Cell`: an operator-precedence parser with a stack of its own, no recursion."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from cells.cell import KINDS, Cell, Kind, Linear, Node
from cells.error import CellError
from cells.initial import DEFAULT, LAWS, ZERO, Initial, Place
from cells.limit import LIMITS, Limits
from cells.op import OPS, RANKS
from cells.text.lexer import END, NAME, NEWLINE, NUMBER, Tokens, number, tokenize
from cells.verify import RESERVED, Finding, finding, law_finding, linear_finding

_MINUS: Final = 3
_CALLS: Final = {name: op.arity for name, op in OPS.items() if name.isidentifier() and op.arity}
_LEARNED: Final = ("vector", "scalar")
_WORDS: Final = (*_CALLS, *_LEARNED)
_OPTIONS: Final = ("kind", "init", "diagonal", "bias", "blocks")
_HEAD: Final = Linear()
_TAIL: Final = Linear(bias=None)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


@dataclass(slots=True)
class _Pending:
    """What waits on the stack: an operator, or an open parenthesis (rank 0), maybe of a call."""

    rank: int
    word: str
    place: int
    args: list[int] = field(default_factory=list[int])
    total: int = -1
    """The sum so far of a `linear` with several arguments."""


class _Parser:
    """One text being read. `at` is the index of the next token."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self.limits = limits
        tokens: Tokens = tokenize(text, limits)
        self.comment = tokens.comment
        self.kinds, self.words, self.places = tokens.kinds, tokens.words, tokens.places
        self.at = 0
        self.nodes: list[Node] = []
        self.origins: list[int] = []  # for each node the place in the text that made it
        self.names: dict[int, str] = {}
        self.known: dict[str, int] = {}  # x, states, names, and new values with their prime
        self.literals: dict[float, int] = {}
        self.states: tuple[str, ...] = ()
        self.output = -1
        self.owned = 0

    # Tokens.

    def error(
        self, code: str, position: int, words: tuple[str, ...] = (), /, **values: str | int
    ) -> CellError:
        return CellError.at(code, self.text, position, words, **values)

    def fault(self, finding: Finding, position: int) -> CellError:
        return self.error(finding.code, position, **finding.values)

    def unexpected(self, expected: str) -> CellError:
        word = self.words[self.at] or self.kinds[self.at]
        return self.error("C101", self.places[self.at], found=word, expected=expected)

    def take(self, kind: str, expected: str) -> str:
        if self.kinds[self.at] != kind:
            raise self.unexpected(expected)
        self.at += 1
        return self.words[self.at - 1]

    def skip(self, kind: str) -> bool:
        if self.kinds[self.at] != kind:
            return False
        self.at += 1
        return True

    # Nodes.

    def add(self, node: Node, position: int) -> int:
        index = len(self.nodes)
        if index >= self.limits.nodes:
            raise self.error("C401", position, limit=self.limits.nodes)
        self.nodes.append(node)
        self.origins.append(position)
        return index

    def own(self, node: Node, position: int) -> int:
        self.owned += 1
        if self.owned > self.limits.parameters:
            raise self.error("C402", position, limit=self.limits.parameters)
        return self.add(node, position)

    def constant(self, value: float, position: int) -> int:
        """Equal literals inside expressions are one node."""
        index = self.literals.get(value)
        if index is None:
            index = self.literals[value] = self.add(Node("constant", (), value + 0.0), position)
        return index

    # Parameters.

    def signed(self, expected: str) -> float:
        negative = self.skip("-")
        position = self.places[self.at]
        value = number(self.text, self.take(NUMBER, expected), position, self.limits)
        return (-value if negative else value) + 0.0

    def law(self) -> Initial:
        """A number, a word, or a word with numbers. Whether it fits is judged by the caller."""
        negative = self.kinds[self.at] == "-"
        if self.kinds[self.at + negative] == NUMBER:
            return Initial("value", (self.signed("a number"),))
        self.at += negative
        position = self.places[self.at]
        word = self.take(NAME, "a number or a law")
        if word not in LAWS:
            raise self.error("C112", position, tuple(LAWS), word=word)
        numbers: list[float] = []
        if self.skip("("):
            numbers.append(self.signed("a number"))
            while self.skip(","):
                numbers.append(self.signed("a number"))
            self.take(")", "a comma or )")
        return Initial(word, tuple(numbers), negative)

    def fitting(self, place: Place, kind: str = "free") -> Initial:
        spot = self.places[self.at]
        initial = self.law()
        if fault := law_finding(initial, place, kind):
            raise self.fault(fault, spot)
        return initial

    def learned(self, op: str, position: int) -> int:
        """The node of `vector(LAW)` or `scalar(LAW)`; the parenthesis has been read."""
        initial = DEFAULT
        if not self.skip(")"):
            initial = self.fitting("vector")
            self.take(")", ")")
        return self.own(Node(op, (), initial), position)

    def options(self, call: _Pending) -> None:
        """Read the options of `linear` up to its `)` and hand them to its nodes."""
        spots: dict[str, int] = {}
        kind, init, bias = "free", DEFAULT, ZERO
        bare, diagonal, blocks = False, 0.0, 1.0
        while not self.skip(")"):
            if spots:
                self.take(",", "a comma or )")
            position, word = self.places[self.at], self.take(NAME, "an option")
            if word not in _OPTIONS:
                raise self.error("C109", position, _OPTIONS, word=word)
            if word in spots:
                raise self.error("C110", position, word=word)
            self.take("=", f"= after {word}")
            spots[word] = self.places[self.at]
            if word == "kind":
                kind = self.take(NAME, "a kind of linear")
                if kind not in KINDS:
                    raise self.error("C111", spots[word], tuple(KINDS), word=kind)
            elif word == "init":
                init = self.law()
            elif word == "bias":
                bare = self.words[self.at] == "none" and self.skip(NAME)
                bias = ZERO if bare else self.fitting("vector")
            elif word == "diagonal":
                diagonal = self.signed("a number")
            else:
                blocks = self.signed("a whole number")
        if fault := law_finding(init, "matrix", kind):
            raise self.fault(fault, spots.get("init", call.place))
        count = int(blocks) if blocks.is_integer() else 0
        head = Linear(cast("Kind", kind), init, diagonal, None if bare else bias, count)
        judged = linear_finding(head, self.limits)
        if isinstance(judged, Finding):
            spot = spots.get("blocks" if judged.code == "C304" else "diagonal", call.place)
            raise self.fault(judged, spot)
        tail = Linear(head.kind, init, diagonal, None, count)
        for order, index in enumerate(call.args):
            self.nodes[index] = Node("linear", self.nodes[index].args, tail if order else head)

    # Expressions.

    def named(self, word: str, position: int) -> int:
        """The node that a name stands for."""
        index = self.known.get(word)
        if index is not None:
            return index
        if word in _CALLS or word in _LEARNED:
            raise self.error("C101", position, found=word, expected=f"( after {word}")
        stem = word.removesuffix("'")
        if stem in self.states:
            raise self.error("C204", position, word=word)
        if stem in self.known:
            raise self.error("C202", position, self.states, word=stem)
        raise self.error("C106", position, (*_WORDS, *self.known), word=word)

    def reduce(self, stack: list[_Pending], values: list[int], rank: int) -> None:
        """Apply the waiting operators of at least this rank (which is above 0)."""
        while stack and stack[-1].rank >= rank:
            done = stack.pop()
            right = values.pop()
            values[-1] = self.add(Node(done.word, (values[-1], right)), done.place)

    def argument(self, call: _Pending, value: int) -> None:
        """Hand a finished argument to its call; `linear` makes one node of each, summed up."""
        if call.word == "linear":
            first = not call.args
            value = self.own(Node("linear", (value,), _HEAD if first else _TAIL), call.place)
            if first:
                call.total = value
            else:
                call.total = self.add(Node("+", (call.total, value)), call.place)
        call.args.append(value)

    def close(self, call: _Pending) -> int:
        """The node of a call whose arguments are complete."""
        if not call.word:
            return call.args[0]
        if call.word == "linear" and call.args:
            return call.total
        arity, given = _CALLS[call.word], len(call.args)
        if given != arity:
            takes = "at least 1 argument" if call.word == "linear" else _count(arity, "argument")
            raise self.error("C104", call.place, word=call.word, takes=takes, given=given)
        return self.add(Node(call.word, tuple(call.args)), call.place)

    def operand(self, stack: list[_Pending], values: list[int]) -> bool:
        """Read what may start an expression; whether a value is complete."""
        at = self.at
        kind, word, position = self.kinds[at], self.words[at], self.places[at]
        self.at += 1
        if kind == NAME:
            if self.kinds[at + 1] != "(":
                if self.kinds[at + 1] == "=" and stack and stack[-1].word == "linear":
                    raise self.error(
                        "C104", stack[-1].place, word="linear", takes="at least 1 argument", given=0
                    )
                values.append(self.named(word, position))
                return True
            if word in _LEARNED:
                self.at += 1
                values.append(self.learned(word, position))
                return True
            if word not in _CALLS:
                raise self.error("C105", position, _WORDS, word=word)
            self.at += 1
            stack.append(_Pending(0, word, position))
        elif kind == NUMBER:
            values.append(self.constant(number(self.text, word, position, self.limits), position))
            return True
        elif kind == "(":
            stack.append(_Pending(0, "", position))
        elif kind == "-":
            if self.kinds[at + 1] == NUMBER:
                self.at = at
                values.append(self.constant(self.signed("a number"), position))
                return True
            values.append(self.constant(-1.0, position))
            stack.append(_Pending(_MINUS, "*", position))
        elif kind == ")" and stack and stack[-1].word and not stack[-1].rank:
            values.append(self.close(stack.pop()))
            return True
        else:
            self.at = at
            raise self.unexpected("an expression")
        return False

    def expression(self) -> int:
        """Read one expression up to the end of its line; the index of its node."""
        stack: list[_Pending] = []
        values: list[int] = []
        deepest = self.limits.depth
        while True:
            while not self.operand(stack, values):
                if sum(1 for p in stack if p.rank in (0, _MINUS)) > deepest:
                    raise self.error("C103", stack[-1].place, limit=deepest)
            while True:
                kind, position = self.kinds[self.at], self.places[self.at]
                rank = RANKS.get(kind)
                if rank is not None:
                    self.at += 1
                    self.reduce(stack, values, rank)
                    stack.append(_Pending(rank, kind, position))
                    break
                self.reduce(stack, values, 1)
                if kind == ")":
                    if not stack:
                        raise self.error("C102", position, found=")")
                    self.at += 1
                    call = stack.pop()
                    self.argument(call, values.pop())
                    values.append(self.close(call))
                    continue
                if kind == "," and stack and stack[-1].word:
                    self.at += 1
                    self.argument(stack[-1], values.pop())
                    if (
                        stack[-1].word == "linear"
                        and self.kinds[self.at] == NAME
                        and self.kinds[self.at + 1] == "="
                    ):
                        call = stack.pop()
                        self.options(call)
                        values.append(call.total)
                        continue
                    break
                if stack:
                    if kind in (END, NEWLINE):
                        raise self.error("C102", stack[-1].place, found=f"{stack[-1].word}(")
                    raise self.unexpected("an operator, a comma or )")
                if kind != NEWLINE:
                    raise self.unexpected("an operator or the end of the line")
                self.at += 1
                return values.pop()

    # Statements.

    def fresh(self, word: str, position: int) -> None:
        """Refuse a name that cannot be given."""
        if word in RESERVED:
            raise self.error("C108", position, word=word)
        if word in self.known:
            raise self.error("C107", position, word=word)

    def header(self) -> str:
        """Read `cell name(x; states)`."""
        if self.words[self.at] != "cell":
            raise self.unexpected("a line like: cell name(x; h)")
        self.at += 1
        if self.words[self.at].endswith("'"):
            raise self.unexpected("the name of the cell, without a prime")
        title = self.take(NAME, "the name of the cell")
        self.take("(", "(")
        if self.words[self.at] != "x":
            raise self.unexpected("the input x")
        self.at += 1
        self.known["x"] = self.add(Node("input"), self.places[self.at - 1])
        states: list[str] = []
        if self.skip(";"):
            while True:
                position = self.places[self.at]
                if self.words[self.at].endswith("'"):
                    raise self.unexpected("a state, without a prime")
                word = self.take(NAME, "a state")
                self.fresh(word, position)
                if len(states) == self.limits.states:
                    raise self.error("C403", position, limit=self.limits.states)
                states.append(word)
                self.known[word] = self.add(Node("state"), position)
                if not self.skip(","):
                    break
        self.take(")", "; and states, or )" if not states else "a comma or )")
        self.take(NEWLINE, "the end of the line")
        self.states = tuple(states)
        return title

    def value(self) -> int:
        """The right side of a statement. A lone literal is a node of its own, unlike inside one."""
        before = len(self.nodes)
        index = self.expression()
        node = self.nodes[index]
        if node.op == "constant" and self.literals.get(cast("float", node.parameter)) == index:
            if index < before:
                return self.add(node, self.origins[index])
            del self.literals[cast("float", node.parameter)]
        return index

    def statement(self) -> None:
        position = self.places[self.at]
        word = self.take(NAME, "a statement: name = expression")
        stem = word.removesuffix("'")
        if self.kinds[self.at] != "=":
            raise self.unexpected(f"= after {word}")
        self.at += 1
        if stem != word:
            if stem not in self.states:
                raise self.error("C202", position, self.states, word=stem)
            if word in self.known:
                raise self.error("C203", position, word=stem)
            self.known[word] = self.value()
        elif word == "out":
            if self.output >= 0:
                raise self.error("C206", position)
            self.output = self.value()
        else:
            self.fresh(word, position)
            index = self.known[word] = self.value()
            if self.nodes[index].op not in ("input", "state"):
                self.names.setdefault(index, word)

    def cell(self) -> Cell:
        title = self.header()
        while self.kinds[self.at] != END:
            self.statement()
        end = self.places[self.at]
        for state in self.states:
            if state + "'" not in self.known:
                raise self.error("C201", self.origins[self.known[state]], word=state)
        if self.output < 0:
            if not self.states:
                raise self.error("C205", end)
            self.output = self.known[self.states[0] + "'"]
        cell = Cell(
            nodes=tuple(self.nodes),
            updates=tuple(self.known[state + "'"] for state in self.states),
            output=self.output,
            name=title,
            states=self.states,
            names=tuple(self.names.get(index) for index in range(len(self.nodes))),
            comment=self.comment,
        )
        fault = finding(cell, self.limits)
        if fault is not None:
            raise self.fault(fault, self.origins[fault.node] if fault.node >= 0 else 0)
        return cell


def parse(text: str, limits: Limits = LIMITS) -> Cell:
    """The cell that a text describes, checked.

    Raises:
        CellError: for any text that is not a valid cell; nothing else is raised for a `str`.
        TypeError: for anything but a `str`.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"cell text is a str, not {type(text).__name__}")
    return _Parser(text, limits).cell()


def read(path: str | Path, limits: Limits = LIMITS) -> Cell:
    """The cell of a file, which is looked at only when it is regular and small enough.

    Raises:
        CellError: C701 when the file cannot be read, else as `parse`.
    """
    file, word, data = Path(path), str(path), b""
    try:
        if not file.is_file():
            reason = "not a regular file" if file.exists() else "no such file"
            raise CellError("C701", {"word": word, "reason": reason})
        with file.open("rb") as stream:
            data = stream.read(limits.bytes + 4)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        if len(data) > limits.bytes:
            raise CellError("C001", {"limit": limits.bytes}) from None
        raise CellError("C701", {"word": word, "reason": f"not UTF-8 ({problem.reason})"}) from None
    except (OSError, ValueError) as problem:
        raise CellError("C701", {"word": word, "reason": str(problem)}) from None
    return parse(text, limits)
