"""Terms in an order that depends on nothing but the cell: colours, keys, and whose bias is whose.

Parameters are fresh wherever they occur, so order is a question of graph isomorphism. The colour of a
term knows all that it is made of and all that reads it; colours are refined, through the states too,
until they stop splitting. While a tie is left that is more than plain twins, one of its members is
singled out: the one whose refinement comes out smallest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cells.cell import Linear
from cells.identity.rewrite import (
    FRESH,
    INPUT,
    K1,
    K2,
    LINEAR,
    MASK,
    STATE,
    SUM,
    Number,
    OutOfRangeError,
    Terms,
    clean,
    decimal,
    digest,
    frozen,
    initial_text,
    parameter_label,
)
from cells.initial import ZERO, Initial

_OUTPUT: Final = digest("read as the output")
_UPDATE: Final = digest("read as an update")
_SINGLED: Final = digest("singled out")
_NO_BIAS: Final = digest("no bias")
_REFINEMENTS: Final = 256
"""Refinements for one cell, after which the first member of a tie is taken as it comes."""
_SYMMETRIC: Final = frozenset({"default", "normal"})


Share = tuple[Initial, list[tuple[int, int]], Number]
"""A law, the members whose biases it replaces, with their signs, and the number added."""


Profile = tuple[tuple[int, Number], ...]
"""The sums that read a linear or vector, each with its coefficient there."""


@dataclass(slots=True)
class Group:
    """Linears and vectors whose biases add up.

    Attributes:
        profile: the sums that read them, with coefficients.
        members: with their signs in these sums.
        laws: those that remain.
    """

    profile: Profile
    members: list[tuple[int, int]]
    laws: list[Share]


class Ordering:
    """The terms that reach the output, in order.

    Attributes:
        terms: of the cell.
        live: those that reach the output, arguments first.
        states: the states among them.
        updates: for each of these its new value.
        output: of the cell.
        biases: for each linear and vector of a group its law after `place_biases`; None if none.
        origins: for each of these the terms whose biases it replaces, with signs, and what is added.
        numbers: sums whose number has moved into a bias, and the number left.
        again: whether numbers or vectors have moved into biases, so that colours are out of date.
    """

    def __init__(self, terms: Terms, updates: list[int], output: int) -> None:
        self.terms = terms
        self.output = output
        live = bytearray(len(terms.up))
        stack = [output]
        states: list[int] = []
        args, kind = terms.args, terms.kind
        while stack:
            term = stack.pop()
            if not live[term]:
                live[term] = 1
                if kind[term] == STATE:
                    states.append(term)
                    stack.append(updates[term - 1])
                else:
                    stack += args[term]
        self.states = sorted(states)
        self.updates = {state: updates[state - 1] for state in self.states}
        self.live = [term for term, flag in enumerate(live) if flag]
        self._seeds = [0] * len(live)
        self._groups: list[Group] = []
        self.biases: dict[int, Initial | None] = {}
        self.origins: dict[int, tuple[list[tuple[int, float]], float]] = {}
        self.numbers: dict[int, Number] = {}
        self.again = False
        self._refinements = 0

    def share_biases(self) -> None:
        """Finds the groups of linears and vectors, and seeds the colours with laws of biases."""
        terms, seeds = self.terms, self._seeds
        kind, payload, args, up = terms.kind, terms.payload, terms.args, terms.up
        profiles: dict[int, list[tuple[int, Number]] | None] = {}
        for term in self.live:
            which = kind[term]
            if which == LINEAR:
                profiles[term] = None if frozen(payload[term][1]) else []
                if args[term][0] in profiles:
                    profiles[args[term][0]] = None
            elif which == SUM:
                for arg, coefficient in zip(args[term], payload[term][1], strict=True):
                    entries = profiles.get(arg)
                    if entries is not None:
                        entries.append((term, coefficient))
            elif which == FRESH:
                profiles[term] = [] if terms.op[term] == "vector" else None
            else:
                for arg in args[term]:
                    if arg in profiles:
                        profiles[arg] = None
        for term in (self.output, *self.updates.values()):
            if term in profiles:
                profiles[term] = None
        groups: dict[Profile, list[tuple[int, int]]] = {}
        for term, entries in profiles.items():
            if entries is None:
                self._see_own_bias(term)
                continue
            profile, sign = tuple(entries), 1
            if _orientation(profile, up) < 0:
                profile, sign = _turned(profile), -1
            groups.setdefault(profile, []).append((term, sign))
        for profile, members in groups.items():
            group = self._group(profile, members)
            if not group.members:
                for term, _ in members:
                    self._see_own_bias(term)
                continue
            self._groups.append(group)
            # What is seen must not depend on which of two opposite signs the profile has.
            seen = profile if len(members) > 1 else members
            for term, sign in seen:
                mark = 0
                for law, _, _ in group.laws:
                    mark += (parameter_label(_signed(law, sign)) * K1) & MASK
                # A sum may read several groups, and these come in no order: marks are added.
                seeds[term] += mark ^ _NO_BIAS ^ len(group.laws)

    def _see_own_bias(self, term: int) -> None:
        if self.terms.kind[term] == LINEAR:
            bias: Initial | None = self.terms.payload[term][1].bias
            self._seeds[term] = _NO_BIAS if bias is None else parameter_label(bias)

    def _group(self, profile: Profile, members: list[tuple[int, int]]) -> Group:
        payload = self.terms.payload
        total: Number = 0
        numbers: list[tuple[int, int]] = []
        laws: list[Share] = []
        for member in members:
            law: Initial | Linear | None = payload[member[0]][1]
            if isinstance(law, Linear):
                law = law.bias
            if law is None:
                continue
            if law.law == "value":
                total += member[1] * decimal(law.numbers[0])
                numbers.append(member)
            else:
                laws.append((_signed(law, member[1]), [member], 0))
        if numbers:
            user, coefficient = profile[0]
            number: Number = 0
            if len(profile) == 1 and coefficient == 1 and (total or not laws):
                number = payload[user][0]
            try:
                start = clean(total + number)
            except OutOfRangeError:
                return Group(profile, [], [])  # each keeps its own
            if number:
                self.numbers[user] = 0
                self.again = True
            if start == 0.0 and laws:
                laws[0] = (laws[0][0], laws[0][1] + numbers, number)
            else:
                laws.append((_value(start), numbers, number))
        laws.sort(key=_law_text)
        return Group(profile, members, laws)

    def place_biases(self, keys: list[int]) -> None:
        """Puts the laws of each group on its first linears, in the order of keys, then on vectors."""
        kind, payload = self.terms.kind, self.terms.payload
        for group in self._groups:
            laws: Sequence[Share | None] = group.laws
            members = group.members
            if len(members) > 1:
                if len(laws) > 1 and _balanced(group.profile, self.terms.up):
                    self._turn(group, keys)
                    laws, members = group.laws, group.members
                members.sort(key=lambda member: (kind[member[0]] == FRESH, keys[member[0]]))
                if kind[members[-1][0]] == FRESH and len(laws) > 1:
                    laws = self._keep_vectors(group)
            for position, (term, sign) in enumerate(members):
                bias = None
                self.origins[term] = ([], 0.0)
                share = laws[position] if position < len(laws) else None
                if share is not None:
                    law, parts, number = share
                    bias = _signed(law, sign)
                    self.origins[term] = (
                        [(m, float(sign * s)) for m, s in parts],
                        float(sign * number),
                    )
                self.biases[term] = bias
                # Colours of vectors know their laws, so the cell is ordered anew with other ones.
                if kind[term] == FRESH and bias != payload[term][1]:
                    self.again = True

    @staticmethod
    def _turn(group: Group, keys: list[int]) -> None:
        """Gives a balanced group the signs with which the first of its sums reads it by plus."""
        if min(group.profile, key=lambda part: keys[part[0]])[1] < 0:
            group.members = [(term, -sign) for term, sign in group.members]
            group.laws = [
                (_signed(law, -1), [(term, -sign) for term, sign in parts], -number)
                for law, parts, number in group.laws
            ]
            group.laws.sort(key=_law_text)

    def _keep_vectors(self, group: Group) -> list[Share | None]:
        """The laws in the order of members, where a vector that starts by one of them keeps it.

        Handed out in the order of keys, which know the laws of vectors, two laws would change places
        for ever.
        """
        kind, payload = self.terms.kind, self.terms.payload
        laws, members = group.laws, group.members
        vectors = [position for position, (term, _) in enumerate(members) if kind[term] == FRESH]
        placed: list[Share | None] = [*laws[: vectors[0]]]
        placed += [None] * (len(members) - len(placed))
        left = laws[vectors[0] :]
        for position in vectors:
            term, sign = members[position]
            own = _signed(payload[term][1], sign)
            kept = next((share for share in left if share[0] == own), None)
            if kept is not None:
                left.remove(kept)
                placed[position] = kept
        for position in vectors:
            if left and placed[position] is None:
                placed[position] = left.pop(0)
        return placed

    def _downwards(self, up: list[int], labels: list[int] | None) -> list[int]:
        """Colours that know the whole term and everything that reads it."""
        args, roles = self.terms.args, self.terms.roles
        down = self._seeds.copy()
        down[self.output] += _OUTPUT
        for state, update in self.updates.items():
            down[update] += _UPDATE if labels is None else _UPDATE ^ labels[state]
        colours = [0] * len(up)
        for term in reversed(self.live):
            mixed = ((down[term] ^ up[term]) * K1) & MASK
            mixed ^= mixed >> 32
            colours[term] = mixed
            for arg, role in zip(args[term], roles[term], strict=True):
                part = ((mixed ^ role) * K2) & MASK
                down[arg] += part ^ (part >> 29)
        return colours

    def _upwards(self, labels: list[int]) -> list[int]:
        args, roles = self.terms.args, self.terms.roles
        up = [0] * len(labels)
        for term in self.live:
            total = labels[term]
            for arg, role in zip(args[term], roles[term], strict=True):
                mixed = ((up[arg] ^ role) * K1) & MASK
                total += mixed ^ (mixed >> 32)
            total = (total * K2) & MASK
            up[term] = total ^ (total >> 29)
        return up

    def _classes(self, colours: list[int]) -> int:
        return len({colours[term] for term in self.live})

    def _refine(self, colours: list[int], classes: int) -> tuple[list[int], int]:
        """Colours split as far as refinement splits them."""
        count = len(self.live)
        while True:
            self._refinements += 1
            labels = colours.copy()
            for state, update in self.updates.items():
                labels[state] ^= (colours[update] * K1) & MASK
            finer = self._downwards(self._upwards(labels), labels)
            finer_classes = self._classes(finer)
            if finer_classes <= classes:
                return colours, classes
            if finer_classes == count:
                return finer, finer_classes
            colours, classes = finer, finer_classes

    def _ties(self, colours: list[int]) -> list[list[int]]:
        """Terms of equal colour that are not plain twins: same arguments, same readers."""
        terms = self.terms
        classes: dict[int, list[int]] = {}
        for term in self.live:
            classes.setdefault(colours[term], []).append(term)
        tied = [members for members in classes.values() if len(members) > 1]
        if not tied:
            return tied
        readers: dict[int, list[tuple[int, int]]] = {m: [] for members in tied for m in members}
        for term in self.live:
            for arg, role in zip(terms.args[term], terms.roles[term], strict=True):
                if arg in readers:
                    readers[arg].append((term, role))
        roots = {self.output, *self.updates.values()}
        return [
            members
            for members in tied
            if any(
                terms.kind[m] == STATE
                or m in roots
                or terms.args[m] != terms.args[members[0]]
                or readers[m] != readers[members[0]]
                for m in members
            )
        ]

    def _colours(self) -> list[int]:
        """A colour for each live term; equal ones are left only where exchange changes nothing."""
        colours = self._downwards(self.terms.up, None)
        count = len(self.live)
        classes = self._classes(colours)
        if classes == count or not self._ties(colours):
            return colours
        colours, classes = self._refine(colours, classes)
        while classes < count:
            tied = self._ties(colours)
            if not tied:
                break
            members = min(tied, key=lambda members: (len(members), colours[members[0]]))
            if self._refinements > _REFINEMENTS:
                members = members[:1]
            best: tuple[list[int], list[int], int] = ([], colours, classes)
            for member in members:
                trial = colours.copy()
                trial[member] ^= _SINGLED
                finer, finer_classes = self._refine(trial, classes)
                if finer is trial:
                    finer_classes = self._classes(finer)
                trace = sorted([finer[term] for term in self.live])
                if not best[0] or trace < best[0]:
                    best = (trace, finer, finer_classes)
            _, colours, classes = best
        return colours

    def keys(self) -> list[int]:
        """A number for each live term: arguments before readers, then what reads well, then colour."""
        terms = self.terms
        kind, depth, args = terms.kind, terms.depth, terms.args
        colours = self._colours()
        keys = [0] * len(colours)
        updates, output = self.updates, self.output
        for term in self.live:
            which = kind[term]
            rank = 2
            if which == LINEAR:
                arg = args[term][0]
                if arg == 0:
                    rank = 0
                elif updates.get(arg) == output:
                    rank = 1
            elif which == INPUT:
                rank = 0
            elif which == STATE and updates[term] == output:
                rank = 1
            keys[term] = depth[term] << 66 | rank << 64 | colours[term]
        return keys


def _turned(profile: Profile) -> Profile:
    return tuple([(user, -coefficient) for user, coefficient in profile])


def _seen(profile: Profile, up: list[int]) -> list[tuple[int, Number]]:
    """A profile by what its sums are made of, in order."""
    return sorted([(up[user], coefficient) for user, coefficient in profile])


def _balanced(profile: Profile, up: list[int]) -> bool:
    """Whether nothing tells a profile from its opposite."""
    return len(profile) > 1 and _seen(profile, up) == _seen(_turned(profile), up)


def _orientation(profile: Profile, up: list[int]) -> Number:
    """A positive number for a profile whose first sum has a positive coefficient, else a negative one.

    First is what comes first by what it is made of. Of a balanced profile and its opposite it is the
    one whose first sum in this cell has a positive coefficient.
    """
    first = profile[0][1]
    if len(profile) == 1:
        return first
    plus, minus = _seen(profile, up), _seen(_turned(profile), up)
    return first if plus == minus else 1 if plus > minus else -1


def _law_text(share: Share) -> str:
    return initial_text(share[0])


def _value(number: float) -> Initial:
    return Initial("value", (number,)) if number else ZERO


def _signed(law: Initial, sign: Number) -> Initial:
    """The law of `sign` times what `law` draws."""
    if sign > 0 or law.law in _SYMMETRIC:
        return law
    if law.law == "value":
        return _value(-law.numbers[0])
    if law.law == "uniform":
        low, high = law.numbers
        return Initial("uniform", (-high, -low), law.negative)
    return Initial(law.law, law.numbers, not law.negative)
