"""The Jordan network: what teacher forcing cuts, what the state keeps, and what it cannot do."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cells.engine.systems.descent import descend, label_loss
from cells.engine.systems.jordan import JordanNetwork
from tasks.ancestors import labelling

STEPS, LANES, SYMBOLS = 6, 2, 3


def network(decay: float = 0.0) -> JordanNetwork:
    made = JordanNetwork(4, SYMBOLS, SYMBOLS, decay=decay, dtype="float64")
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in made.weights.values():
            weight.add_(torch.randn(weight.shape, generator=source, dtype=weight.dtype))
    return made


def window() -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(2)
    inputs, targets = torch.randint(SYMBOLS, (2, STEPS, LANES), generator=source).unbind()
    return inputs, targets


def reach(logits: Tensor, values: Tensor, targets: Tensor) -> list[list[bool]]:
    """Whether the loss of step t (row) has a gradient at what was read at step s (column)."""
    rows: list[list[bool]] = []
    for step in range(STEPS):
        loss = functional.cross_entropy(logits[step], targets[step])
        (slope,) = torch.autograd.grad(loss, values, retain_graph=True)
        rows.append([bool(one.any()) for one in slope])
    return rows


@pytest.mark.parametrize("decay", [0.0, 0.6])
def test_with_forcing_no_gradient_passes_through_time_and_without_it_does(decay: float) -> None:
    made = network(decay)
    inputs, targets = window()
    values = made.read(inputs).detach().requires_grad_()
    forced = reach(made.forced(values, targets), values, targets)
    assert forced == [[column == row for column in range(STEPS)] for row in range(STEPS)]
    free = reach(made.free(values), values, targets)
    assert free == [[column <= row for column in range(STEPS)] for row in range(STEPS)]


@pytest.mark.parametrize("decay", [0.0, 0.6])
def test_the_state_is_the_decayed_sum_of_outputs(decay: float) -> None:
    made = network(decay)
    inputs, targets = window()
    weights = {name: weight.detach().numpy() for name, weight in made.weights.items()}
    logits = {
        "forced": made.forced(made.read(inputs), targets).detach().numpy(),
        "free": made.free(made.read(inputs)).detach().numpy(),
    }
    for mode, found in logits.items():
        for lane in range(LANES):
            state = np.zeros(SYMBOLS)
            for step in range(STEPS):
                read = weights["W"][inputs[step, lane]]
                hidden = np.tanh(read + weights["U"] @ state + weights["b"])
                expected = weights["V"] @ hidden + weights["e"]
                np.testing.assert_allclose(found[step, lane], expected, rtol=0, atol=1e-12)
                own = np.exp(expected) / np.exp(expected).sum()
                true = np.eye(SYMBOLS)[int(targets[step, lane])]
                state = decay * state + (true if mode == "forced" else own)


def trained(law: labelling.Law) -> tuple[float, float]:
    """Shares of right answers, forced and running free, after a short training with forcing."""
    made, generator = JordanNetwork(24, law.symbols, law.symbols), np.random.default_rng(0)

    def drawn(lanes: int) -> tuple[Tensor, Tensor]:
        found = labelling.draw(law, generator, lanes)
        return made.read(torch.tensor(found.inputs)), torch.tensor(found.targets)

    def loss(_: int) -> Tensor:
        values, targets = drawn(30)
        return label_loss(made.forced(values, targets.clamp(min=0)), targets)

    descend(made.weights.values(), loss, 150, rate=0.05)
    values, targets = drawn(300)
    ways: tuple[Callable[[], Tensor], ...] = (
        lambda: made.forced(values, targets.clamp(min=0)),
        lambda: made.free(values),
    )
    forced, free = (
        ((way().argmax(-1) == targets).sum() / (targets >= 0).sum()).item() for way in ways
    )
    return forced, free


def test_it_adds_where_the_last_answer_is_enough_and_cannot_recall_an_input() -> None:
    forced, free = trained(labelling.Law("sum", symbols=3, steps=8))
    assert min(forced, free) > 0.99
    # The answer at step t is the input of step t - 1, which no answer before t has in it.
    forced, free = trained(labelling.Law("delay", symbols=3, steps=8, delay=1))
    assert max(forced, free) < 0.4


def test_a_decay_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"decay 1\.0"):
        JordanNetwork(4, 2, 2, decay=1.0)
