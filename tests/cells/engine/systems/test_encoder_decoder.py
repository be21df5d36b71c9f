"""The encoder-decoder: where the context passes, and where it does not."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from cells import canonical, zoo
from cells.engine.systems.descent import DivergedError, descend, label_loss
from cells.engine.systems.encoder_decoder import Context, EncoderDecoder, Way
from tasks.ancestors import transduction

WIDTH, SYMBOLS = 5, 4
WAYS: tuple[Way, ...] = get_args(Way)


def system(
    way: Way, cell: str = "gru", layers: int = 1, *, reverse: bool = False
) -> EncoderDecoder:
    found = canonical(zoo.load(cell))
    return EncoderDecoder(
        found, WIDTH, SYMBOLS, way, layers=layers, reverse=reverse, dtype="float64"
    )


def pair() -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(1)
    return (
        torch.randint(SYMBOLS - 1, (5, 3), generator=source),
        torch.randint(SYMBOLS, (4, 3), generator=source),
    )


def encoder_gradients(made: EncoderDecoder, source: Tensor, targets: Tensor) -> list[Tensor]:
    loss = label_loss(made.predict(made.encode(source), targets), targets)
    leaves = list(made.encoder.values())
    return list(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))


def other(source: Tensor) -> Tensor:
    return (source + 1) % (SYMBOLS - 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "mut1", "elman"])
def test_the_source_is_heard_unless_the_context_is_cut(way: Way, cell: str) -> None:
    made = system(way, cell, layers=2)
    source, targets = pair()
    first = made.predict(made.encode(source), targets)
    second = made.predict(made.encode(other(source)), targets)
    gradients = encoder_gradients(made, source, targets)
    if way == "cut":
        assert torch.equal(first, second)
        assert all(not gradient.any() for gradient in gradients)
    else:
        assert (first - second).abs().max() > 1e-5
        assert all(gradient.any() for gradient in gradients)


def test_as_a_start_the_gradient_passes_only_through_the_first_states() -> None:
    made = system("start", "lstm", layers=2)
    source, targets = pair()
    context = made.encode(source)
    assert context.code is None
    held = [[state.detach().requires_grad_() for state in layer] for layer in context.states]
    loss = label_loss(made.predict(Context(held, None), targets), targets)
    starts = [state for layer in held for state in layer]
    slopes = torch.autograd.grad(loss, [*starts, *made.encoder.values()], allow_unused=True)
    assert all(slope is None for slope in slopes[len(starts) :])
    through = torch.autograd.grad(
        [state for layer in context.states for state in layer],
        list(made.encoder.values()),
        list(slopes[: len(starts)]),
    )
    for found, whole in zip(through, encoder_gradients(made, source, targets), strict=True):
        torch.testing.assert_close(found, whole, rtol=0, atol=1e-12)


def test_as_an_input_the_context_reaches_every_step_and_the_start_is_zero() -> None:
    made = system("steps")
    source, targets = pair()
    context = made.encode(source)
    assert all(not state.any() for layer in context.states for state in layer)
    assert context.code is not None
    code = context.code.detach().requires_grad_()
    # The second state of the window is set to zero, so that only the input can carry the context.
    logits, _ = made._write(Context(context.states, code), targets[1:2], context.states)
    (slope,) = torch.autograd.grad(logits.sum(), code)
    assert slope.any()


def test_reversing_the_source_is_reading_it_from_its_end() -> None:
    source, targets = pair()
    plain, reversing = system("both"), system("both", reverse=True)
    expected = plain.predict(plain.encode(source.flip(0)), targets)
    assert torch.equal(reversing.predict(reversing.encode(source), targets), expected)
    assert not torch.equal(plain.predict(plain.encode(source), targets), expected)


@pytest.mark.parametrize("way", WAYS)
def test_own_output_is_what_the_forced_network_finds_likeliest(way: Way) -> None:
    made = system(way, "lstm", layers=2)
    source, _ = pair()
    written = made.decode(source, 7)
    assert len(written) <= 7
    likeliest = made.predict(made.encode(source), written).argmax(-1)
    for lane in range(source.shape[1]):
        column = written[:, lane].tolist()
        last = column.index(made.end) if made.end in column else len(column) - 1
        assert column[: last + 1] == likeliest[: last + 1, lane].tolist()
        assert set(column[last + 1 :]) <= {made.end}


def test_decoding_stops_when_every_lane_has_written_the_end() -> None:
    made = system("both")
    with torch.no_grad():
        made.decoder["readout.bias"][made.end] = 1e3
    assert made.decode(pair()[0], 9).tolist() == [[made.end] * 3]
    with torch.no_grad():
        made.decoder["readout.bias"][made.end] = -1e3
    assert len(made.decode(pair()[0], 9)) == 9


def test_the_gradient_of_the_whole_agrees_with_differences() -> None:
    made = system("both")
    source, targets = pair()

    def loss() -> Tensor:
        return label_loss(made.predict(made.encode(source), targets), targets)

    weights = made.weights()
    found = torch.autograd.grad(loss(), weights)
    draws = torch.Generator().manual_seed(3)
    way = [torch.randn(one.shape, generator=draws, dtype=one.dtype) for one in weights]
    slope = sum((g * w).sum().item() for g, w in zip(found, way, strict=True))
    with torch.no_grad():
        values: list[float] = []
        for step in (1e-6, -2e-6):
            for weight, one in zip(weights, way, strict=True):
                weight.add_(one, alpha=step)
            values.append(loss().item())
    assert slope == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


def test_training_reaches_targets_that_no_model_without_the_source_can_reach() -> None:
    law = transduction.Law(symbols=3, longest=2)
    made = EncoderDecoder(canonical(zoo.load("gru")), 16, 4, "both")
    generator = np.random.default_rng(0)

    def loss(_: int) -> Tensor:
        pairs = transduction.draw(law, generator, 20)
        targets = torch.tensor(pairs.targets)
        return label_loss(made.predict(made.encode(torch.tensor(pairs.sources)), targets), targets)

    descend(made.weights(), loss, 200, rate=0.02)
    blind = transduction.floors(law)[1].accuracy
    assert blind is not None
    for length in (1, 2):
        pairs = transduction.draw(law, generator, 50, length)
        targets = torch.tensor(pairs.targets)
        written = made.decode(torch.tensor(pairs.sources), length + 1)
        assert written.shape == targets.shape
        assert (written == targets).all(0).double().mean() > 0.95 > 2 * blind


def test_a_loss_that_is_not_finite_is_named_by_its_update() -> None:
    weight = torch.ones(1, requires_grad=True)
    with pytest.raises(DivergedError, match="update 3"):
        descend([weight], lambda n: weight.sum() * (float("inf") if n == 2 else 1.0), 5)
