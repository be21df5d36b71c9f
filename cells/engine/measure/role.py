"""Which parameters and states of two spellings of a cell correspond, read off the function.

- Parameters of one shape and one law of starting are given the same numbers, and so are all states.
- Each in turn is singled out: it alone is given other numbers. What that makes of the outputs is a
  matter of the function alone. Those that make different outputs get different colours, ordered by a
  projection of the outputs, and different numbers. This is repeated until no colour splits.
- While a colour is shared, one of its members gets a colour of its own. They make the same outputs,
  so any will do where they are the orbit of a symmetry.

This is colour refinement as in `cells.identity.order`, on the function in place of the graph. At the end each
has a number (its rank) within its shape and law, and its values are drawn for that rank.

Biases that only ever add up are found by gradients that are equal or opposite, and count as one.
Signs of biases are turned until they agree; those of matrices are not, so that gates with the opposite
convention differ.

Every lane of the probe has weights, inputs and states of its own, at a size of its own. A lane ends
where the cell leaves a range in which digits count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cells.cell import Cell, Linear
from cells.engine.chance import generator
from cells.engine.pointwise import FUNCTIONS
from cells.identity.rewrite import initial_text
from cells.initial import Initial

Array = NDArray[np.float64]

WIDTH: Final = 3
_TINY: Final = 1e-7
_LARGE: Final = (16.0, 24.0, 32.0, 40.0)
INPUT_SIZES: Final = (*(0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0) * 2, *_LARGE, 1.0, _TINY, _TINY)
STATE_SIZES: Final = (*INPUT_SIZES[:20], _TINY, 1.0, _TINY)
WEIGHT_SIZES: Final = (*(0.6,) * 8, *(1.2,) * 8, *(0.6,) * 6, 1.2)
"""For each lane, standard deviations. Large ones reach both sides of `relu(x + 3)`, tiny ones the
guard of a division: `h / h` is 1, but not for the 0 that a state starts from."""
LANES: Final = len(INPUT_SIZES)
STEPS: Final = 4
"""More where x or a state takes longer to reach the output."""
LARGEST: Final = 1e5
"""A lane ends before the step at which an output is beyond this."""
SCALES: Final = (1.0, 0.25, 0.0625)
"""Of everything drawn; the next is taken where fewer than `_ENOUGH` lanes get through a step."""
_STEEPEST: Final = 1e12
"""A lane with a gradient beyond this is left out."""
_ENOUGH: Final = 3
TOLERANCE: Final = 1e-7
_HIDDEN: Final = 1e-11
"""What may differ, relative to the number itself and to the largest of its lane."""
_SHAKE: Final = 1e-14
"""About a hundred times what one operation rounds away."""
_TIE: Final = 1e-7
NOTHING: Final = 1e-14
"""Gradients below this are rounding, as in a saturated lane."""


@dataclass(frozen=True, slots=True)
class Role:
    """What the fingerprint gives to one state, or to one parameter of the canonical form.

    Attributes:
        node: the node of the canonical form that owns it.
        part: `weight`, `bias`, `value` (of a `vector` or `scalar`) or `state`.
        shape: `matrix`, `vector`, `scalar` or `state`, with the structure of a matrix.
        number: at which a vector or scalar starts, or the sum where several biases are one. What is
            drawn is added, so that a number may be part of a bias in one spelling and not in another.
        laws: other laws of starting, sorted, such that those of the opposite sign sort no earlier.
        words: what else sets it apart: a frozen bias, a diagonal that starts apart.
        sign: of what is drawn for its rank.
        rank: among those of the same shape and law; -1 for dead ones.
    """

    node: int
    part: str
    shape: str
    number: float = 0.0
    laws: tuple[Initial, ...] = ()
    words: tuple[str, ...] = ()
    sign: float = 1.0
    rank: int = -1

    @property
    def kind(self) -> str:
        """Shape and law as text: what can correspond to each other."""
        return " ".join((self.shape, *map(initial_text, self.laws), *self.words))


@lru_cache(maxsize=4096)
def _drawn(kind: str, rank: int | str, *shape: int) -> Tensor:
    """Standard normal numbers that belong to a kind and a rank."""
    draw = generator("fingerprint", kind, rank).standard_normal((LANES, *shape))
    return torch.from_numpy(draw)


@lru_cache
def _sizes(sizes: tuple[float, ...]) -> Tensor:
    return torch.tensor(sizes, dtype=torch.float64)[:, None, None]


def _shape(role: Role) -> tuple[int, ...]:
    if role.shape.startswith("matrix"):
        return (WIDTH, WIDTH)
    return (1, 1) if role.shape == "scalar" else (1, WIDTH)


def _value(role: Role, rank: int | str) -> Tensor:
    sizes = _sizes(STATE_SIZES if role.part == "state" else WEIGHT_SIZES)
    return role.sign * sizes * _drawn(role.kind, rank, *_shape(role))


_SYMMETRIC: Final = frozenset({"default", "normal"})


def _plain(law: Initial) -> Initial:
    """A law without a minus sign where one without draws the same."""
    if not law.negative:
        return law
    if law.law in _SYMMETRIC:
        return Initial(law.law, law.numbers)
    if law.law == "uniform":
        low, high = law.numbers
        return Initial(law.law, (0.0 - high, 0.0 - low))
    return law


def _opposite(laws: tuple[Initial, ...]) -> tuple[Initial, ...]:
    """The laws of the negative of what these draw."""
    turned = [_plain(Initial(law.law, law.numbers, not law.negative)) for law in laws]
    return tuple(sorted(turned, key=initial_text))


def _oriented(role: Role) -> Role:
    """The role, turned where the laws of the opposite sign sort before its own."""
    turned = _opposite(role.laws)
    if tuple(map(initial_text, turned)) < tuple(map(initial_text, role.laws)):
        return replace(role, laws=turned, sign=-role.sign)
    return role


def _roles(form: Cell) -> list[Role]:
    """Every state and parameter. The bias of a frozen linear that starts at a number stays there."""
    roles = [Role(1 + state, "state", "state") for state in range(len(form.updates))]

    def add(node: int, part: str, shape: str, law: Initial, *words: str) -> None:
        if law.law == "value" and not shape.startswith("matrix"):
            roles.append(Role(node, part, shape, law.numbers[0], words=words))
        elif shape == "vector":
            roles.append(_oriented(Role(node, part, shape, laws=(_plain(law),), words=words)))
        else:
            roles.append(Role(node, part, shape, laws=(law,), words=words))

    for index, (op, _, parameter) in enumerate(form.nodes):
        if op in ("vector", "scalar"):
            add(index, "value", op, cast("Initial", parameter))
        elif isinstance(parameter, Linear):
            kind, bias = parameter.kind, parameter.bias
            shape = "vector" if kind == "diagonal" else f"matrix {kind} {parameter.blocks}"
            words = (f"diagonal {parameter.diagonal}",) if parameter.diagonal else ()
            add(index, "weight", shape, parameter.init, *words)
            if bias is not None and kind != "frozen":
                add(index, "bias", "vector", bias)
            elif bias is not None and bias.law != "value":
                add(index, "value", "vector", bias, "frozen")
    return roles


class _Probe:
    """Runs one canonical cell on the probe's inputs, everything drawn `scale` times as large."""

    def __init__(self, form: Cell, scale: float) -> None:
        self.form = form
        self._scale = scale
        steps = max(STEPS, _delay(form) + 1)
        self._inputs = scale * _sizes(INPUT_SIZES) * _drawn("input", 0, steps, WIDTH)
        self._projection = _drawn("output", 0, steps, WIDTH)

    def heights(self, roles: Sequence[Role], settings: Sequence[Sequence[Tensor]]) -> Array:
        """For each setting of all roles a number for the outputs, `[V]`.

        A random projection of the outputs of every lane and step that are in range in all settings.
        """
        count = len(settings)
        leaves = [
            self._placed(role, torch.cat(values))
            for role, values in zip(roles, zip(*settings, strict=True), strict=True)
        ]
        with torch.no_grad():
            found = self._unroll(roles, leaves, self._inputs.repeat(count, 1, 1), None).numpy()
        found = found.reshape(count, LANES, -1, WIDTH)
        inside = np.all(np.abs(found) < LARGEST, axis=(0, 3))
        found = np.where(np.logical_and.accumulate(inside, axis=1)[:, :, None], found, 0.0)
        size = np.abs(found).max(axis=(0, 2, 3))
        found = found / np.where(size > 0, size, 1.0)[:, None, None]
        return np.einsum("vbth,bth->v", found, self._projection.numpy())

    def run(
        self, roles: Sequence[Role], values: Sequence[Tensor], shaken: bool = False
    ) -> "Answer":
        """Outputs and gradients when states and parameters have these values.

        Where it is `shaken`, every node is off by some `_SHAKE` of itself at random: what that
        changes, another spelling may change by its own rounding.
        """
        inputs = self._inputs.clone().requires_grad_()
        leaves = [
            self._placed(role, value).requires_grad_()
            for role, value in zip(roles, values, strict=True)
        ]
        with torch.no_grad():
            inside = (self._unroll(roles, leaves, inputs, None).abs() < LARGEST).all(dim=2)
        going = inside.cumprod(dim=1)[:, :, None] > 0
        outputs = torch.where(going, self._unroll(roles, leaves, inputs, going, shaken), 0.0)
        gradients = torch.autograd.grad(
            (outputs * self._projection).sum(),
            [inputs, *leaves],
            allow_unused=True,
            materialize_grads=True,
        )
        return Answer(
            outputs.detach().numpy(),
            gradients[0].numpy(),
            [gradient.numpy().reshape(LANES, -1) for gradient in gradients[1:]],
            going[:, 0, 0].numpy(),
        )

    def _placed(self, role: Role, value: Tensor) -> Tensor:
        return self._scale * value + role.number

    def _unroll(
        self,
        roles: Sequence[Role],
        leaves: Sequence[Tensor],
        inputs: Tensor,
        going: Tensor | None,
        shaken: bool = False,
    ) -> Tensor:
        """Outputs `[B, T, H]`. Every lane has matrices `[B, H, H]` of its own; vectors are `[B, 1, H]`.

        Steps at which a lane is not `going`, `[B, T, 1]`, read zeros, to keep gradients finite.
        """
        form, lanes = self.form, len(inputs)
        owned = {(role.node, role.part): leaf for role, leaf in zip(roles, leaves, strict=True)}
        zeros = torch.zeros(lanes, 1, WIDTH, dtype=torch.float64)
        nodes = [zeros] * len(form.nodes)
        first = 1 + len(form.updates)
        matrices: dict[int, Tensor] = {}
        for index in range(first, len(form.nodes)):
            op, args, parameter = form.nodes[index]
            if isinstance(parameter, Linear):
                matrices[index] = _matrix(parameter, owned.get((index, "weight"), zeros))
            elif op == "constant":
                nodes[index] = zeros + cast("float", parameter)
            elif not args:
                nodes[index] = owned.get((index, "value"), zeros).expand(lanes, 1, WIDTH)
        biases = [_bias(node.parameter, owned, at, zeros) for at, node in enumerate(form.nodes)]
        states = [owned[index, "state"] for index in range(1, first)]
        outputs: list[Tensor] = []
        for step in range(inputs.shape[1]):
            nodes[:first] = [inputs[:, step : step + 1], *states]
            if going is not None:
                alive = going[:, step : step + 1]
                nodes[:first] = [torch.where(alive, leaf, 0.0) for leaf in nodes[:first]]
            for index in range(first, len(form.nodes)):
                op, args, parameter = form.nodes[index]
                if isinstance(parameter, Linear):
                    a, bias = nodes[args[0]], biases[index]
                    if parameter.kind == "diagonal":
                        nodes[index] = a * matrices[index] + bias
                    else:
                        nodes[index] = torch.baddbmm(bias, a, matrices[index])
                elif args:
                    nodes[index] = FUNCTIONS[op](*[nodes[arg] for arg in args])
                if shaken and args:
                    nodes[index] = nodes[index] * (1.0 + _SHAKE * _drawn("shake", index, 1, WIDTH))
            states = [nodes[update] for update in form.updates]
            outputs.append(nodes[form.output])
        return torch.cat(outputs, dim=1)


def _matrix(linear: Linear, weight: Tensor) -> Tensor:
    """The transpose of the matrix, `[B, H, H]`, or the weights of a diagonal, `[B, 1, H]`."""
    if linear.kind == "antisymmetric":
        return weight - weight.mT
    if linear.kind == "block":
        block = torch.arange(WIDTH) * linear.blocks // WIDTH
        return torch.where(block[:, None] == block, weight, 0.0)
    return weight


def _bias(
    parameter: object, owned: dict[tuple[int, str], Tensor], node: int, zeros: Tensor
) -> Tensor:
    for part in ("bias", "value"):
        if (node, part) in owned:
            return owned[node, part]
    if isinstance(parameter, Linear) and parameter.kind == "frozen" and parameter.bias is not None:
        return zeros + parameter.bias.numbers[0]
    return zeros


def _delay(form: Cell) -> int:
    """Steps from x, and from every state, to the output, along the graph."""
    reach = [1 << index for index in range(1 + len(form.updates))]
    for _, args, _ in form.nodes[len(reach) :]:
        mask = 0
        for arg in args:
            mask |= reach[arg]
        reach.append(mask)
    live, delay = reach[form.output], 0
    while True:
        more = live
        for state, update in enumerate(form.updates, 1):
            if live >> state & 1:
                more |= reach[update]
        if more == live:
            return delay
        live, delay = more, delay + 1


@dataclass(slots=True)
class Answer:
    """One run: outputs and input gradients `[B, T, H]`, and a gradient `[B, n]` for each role."""

    outputs: Array
    inputs: Array
    gradients: list[Array]
    started: NDArray[np.bool_]

    def sound(self) -> NDArray[np.bool_]:
        """Lanes that got through a step, and whose gradients are not too large, `[B]`."""
        parts = np.concatenate([self.inputs.reshape(LANES, -1), *self.gradients], axis=1)
        return self.started & np.all(np.abs(parts) < _STEEPEST, axis=1)

    def projections(self, roles: Sequence[Role]) -> Array:
        """For each role one number for its gradient in each sound lane, `[P, B]`."""
        projections, sound = np.zeros((len(roles), LANES)), self.sound()[:, None]
        for index, (role, gradient) in enumerate(zip(roles, self.gradients, strict=True)):
            direction = role.sign * _drawn(role.shape, "gradient", *_shape(role)).numpy()
            gradient = np.where(sound, gradient, 0.0)
            projections[index] = (gradient * direction.reshape(LANES, -1)).sum(axis=1)
        return projections


def _orientable(role: Role) -> bool:
    """Whether no law tells a bias from its negative."""
    return role.part == "bias" and role.laws == _opposite(role.laws)


def _settings(roles: Sequence[Role], ranks: Sequence[int]) -> list[Tensor]:
    """The values of all roles; biases are where they start, since their signs are not known yet."""
    return [
        _value(replace(role, sign=0.0) if _orientable(role) else role, rank)
        for role, rank in zip(roles, ranks, strict=True)
    ]


def _refined(probe: _Probe, roles: list[Role], ranks: list[int]) -> list[int]:
    """Ranks split as far as singling out splits them."""
    while True:
        base = _settings(roles, ranks)
        settings: list[list[Tensor]] = [base]
        tried = [
            index
            for index, role in enumerate(roles)
            if any(
                other.kind == role.kind and rank == ranks[index]
                for at, (other, rank) in enumerate(zip(roles, ranks, strict=True))
                if at != index
            )
        ]
        for index in tried:
            for sign in (1.0, -1.0) if _orientable(roles[index]) else (1.0,):
                other = sign * _value(roles[index], f"singled out of {ranks[index]}")
                settings.append([*base[:index], other, *base[index + 1 :]])
        if not tried:
            return ranks
        base_height, *heights = probe.heights(roles, settings).tolist()
        scores = dict.fromkeys(range(len(roles)), 0.0)
        for index in tried:
            score = heights.pop(0) - base_height
            if _orientable(roles[index]):
                turned = heights.pop(0) - base_height
                score = score + turned + 0.7 * abs(score - turned)
            scores[index] = score
        finer = [0] * len(roles)
        for kind in {role.kind for role in roles}:
            members = [index for index, role in enumerate(roles) if role.kind == kind]
            # Those without effect come last: whether there are any must not move the others.
            members.sort(key=lambda at: (ranks[at], abs(scores[at]) < _TIE, scores[at]))
            for before, index in pairwise(members):
                apart = ranks[before] != ranks[index] or abs(scores[index] - scores[before]) > _TIE
                finer[index] = finer[before] + apart
        if finer == ranks:
            return ranks
        ranks = finer


def _ranked(probe: _Probe, roles: list[Role]) -> list[Role]:
    """The roles with ranks and signs."""
    ranks = _refined(probe, roles, [0] * len(roles))
    while len({(role.kind, rank) for role, rank in zip(roles, ranks, strict=True)}) < len(roles):
        classes: dict[tuple[str, int], list[int]] = {}
        for index, (role, rank) in enumerate(zip(roles, ranks, strict=True)):
            classes.setdefault((role.kind, rank), []).append(index)
        kind, tied = min((key, members[1:]) for key, members in classes.items() if len(members) > 1)
        # The first keeps its rank.
        ranks = [
            rank + (role.kind == kind[0] and (rank > kind[1] or index in tied))
            for index, (role, rank) in enumerate(zip(roles, ranks, strict=True))
        ]
        ranks = _refined(probe, roles, ranks)
    base = _settings(roles, ranks)
    signed = [index for index, role in enumerate(roles) if _orientable(role)]
    roles = [replace(role, sign=1.0) if _orientable(role) else role for role in roles]
    if signed:
        settings = [
            [*base[:index], sign * _value(roles[index], "sign"), *base[index + 1 :]]
            for index in signed
            for sign in (1.0, -1.0)
        ]
        heights = probe.heights(roles, settings).reshape(-1, 2)
        for index, (plus, minus) in zip(signed, heights, strict=True):
            roles[index] = replace(roles[index], sign=1.0 if plus > minus - _TIE else -1.0)
    return [replace(role, rank=rank) for role, rank in zip(roles, ranks, strict=True)]


def _merge(roles: list[Role], answer: Answer) -> list[Role]:
    """The roles after vectors with equal or opposite gradients became one: they only ever add up."""
    sound = answer.sound()
    kept: dict[int, Role] = {}
    vectors: list[int] = []
    for index, role in enumerate(roles):
        gradient = answer.gradients[index][sound]
        if role.shape == "vector" and "frozen" not in role.words and gradient.any():
            for other in vectors:
                before = answer.gradients[other][sound]
                factor = 1.0 if np.sign((before * gradient).sum(axis=1)).sum() > 0 else -1.0
                if agree(before, factor * gradient).all():
                    first = kept[other]
                    turned = factor * first.sign * role.sign < 0
                    laws = (*first.laws, *(_opposite(role.laws) if turned else role.laws))
                    kept[other] = _oriented(
                        replace(
                            first,
                            number=first.number + factor * role.number,
                            laws=tuple(sorted(laws, key=initial_text)),
                        )
                    )
                    break
            else:
                vectors.append(index)
                kept[index] = role
        else:
            kept[index] = role
    return list(kept.values())


def assign(form: Cell) -> tuple[list[Role], Answer, Answer]:
    """The roles of a canonical cell, what the probe gives when each has its own values, and shaken."""
    probe = _Probe(form, SCALES[0])
    roles, answer = _probed(probe)
    for scale in SCALES[1:]:
        if answer.sound().sum() >= _ENOUGH:
            break
        probe = _Probe(form, scale)
        roles, answer = _probed(probe)
    shaken = probe.run(roles, [_value(role, role.rank) for role in roles], shaken=True)
    return roles, answer, shaken


def _probed(probe: _Probe) -> tuple[list[Role], Answer]:
    """Roles with ranks, and what the probe gives when each has its own values."""
    roles = _roles(probe.form)
    while True:
        roles = _ranked(probe, roles)
        answer = probe.run(roles, [_value(role, role.rank) for role in roles])
        fewer = _merge(roles, answer)
        if len(fewer) == len(roles):
            return roles, answer
        roles = fewer


def agree(a: Array, b: Array) -> NDArray[np.bool_]:
    """Lanes in which `[B, ...]` agree, number by number or in what a lane's largest hides, `[B]`."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    size = np.maximum(np.abs(a), np.abs(b))
    hidden = _HIDDEN * size.max(axis=1, keepdims=True, initial=0.0)
    return np.all(np.abs(a - b) <= TOLERANCE * size + hidden + 10 * NOTHING, axis=1)
