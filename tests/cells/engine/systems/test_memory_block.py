"""The LSTM of 1997: shared gates, the carousel, truncation, and what endless streams do to it."""

import pytest
import torch
from torch import Tensor, nn

from cells.engine.systems.memory_block import Memory, MemoryBlocks

BLOCKS, CELLS, SYMBOLS, STEPS = 2, 3, 4, 12
H = BLOCKS * CELLS


def network(cells: int = CELLS, **switches: bool) -> MemoryBlocks:
    made = MemoryBlocks(BLOCKS, cells, SYMBOLS, dtype="float64", **switches)
    source = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for weight in made.weights.values():
            weight.add_(0.5 * torch.randn(weight.shape, generator=source, dtype=weight.dtype))
    return made


def symbols(steps: int = STEPS, lanes: int = 1) -> Tensor:
    return torch.randint(SYMBOLS, (steps, lanes), generator=torch.Generator().manual_seed(5))


def carousel_jacobian(made: MemoryBlocks, lag: int) -> Tensor:
    """d c_T / d c_{T-q}: the last carousels by those `lag` steps before, `[H, H]`."""
    inputs = symbols()
    before = made.unroll(inputs[: STEPS - lag], *made.zeros(1))
    held = before.h[-1].detach()

    def last(c: Tensor) -> Tensor:
        return made.unroll(inputs[STEPS - lag :], held, c[None]).c[-1, 0]

    found = torch.autograd.functional.jacobian(last, before.c[-1, 0].detach())
    assert isinstance(found, Tensor)
    return found


@pytest.mark.parametrize("original", [True, False])
@pytest.mark.parametrize("lag", [1, 2, 5, 11])
def test_with_truncation_the_carousel_passes_errors_back_unchanged(
    original: bool, lag: int
) -> None:
    one = torch.eye(H, dtype=torch.float64)
    made = network(original=original)
    assert torch.equal(carousel_jacobian(made, lag), one)
    whole = network(original=original, truncated=False)
    # One step later no gate has read anything of this carousel, two steps later they have.
    assert torch.equal(carousel_jacobian(whole, lag), one) == (lag == 1)


def test_with_a_forget_gate_the_carousel_passes_on_the_product_of_its_gates() -> None:
    made, lag = network(forgetting=True), 5
    found = made.unroll(symbols(), *made.zeros(1))
    product = found.f[STEPS - lag :, 0].prod(0).repeat_interleave(CELLS)
    expected = torch.diag(product.detach())
    torch.testing.assert_close(carousel_jacobian(made, lag), expected, rtol=0, atol=1e-14)


def test_an_open_forget_gate_gives_back_the_former_network() -> None:
    plain, forgetting = network(), network(forgetting=True)
    with torch.no_grad():
        for name, weight in plain.weights.items():
            forgetting.weights[name].copy_(weight)
        forgetting.weights["b_f"].fill_(1e3)
    first, second = (one.unroll(symbols(), *one.zeros(1)) for one in (plain, forgetting))
    torch.testing.assert_close(first.h, second.h, rtol=0, atol=1e-14)


def test_truncation_changes_gradients_and_nothing_else() -> None:
    inputs, slopes, outputs = symbols(), list[Tensor](), list[Tensor]()
    for truncated in (True, False):
        made = network(truncated=truncated)
        found = made.unroll(inputs, *made.zeros(1))
        outputs.append(found.h)
        slopes.append(torch.autograd.grad(found.h[-1].sum(), made.weights["W_i"])[0])
    assert torch.equal(*outputs)
    assert (slopes[0] - slopes[1]).abs().max() > 1e-4


@pytest.mark.parametrize("truncated", [True, False])
def test_one_cell_a_block_with_tanh_is_torchs_lstm_with_an_open_forget_gate(
    truncated: bool,
) -> None:
    made = network(1, original=False, truncated=truncated)
    lstm = nn.LSTM(SYMBOLS, BLOCKS, dtype=torch.float64)
    weights = made.weights
    found: dict[str, Tensor] = {"bias_hh_l0": torch.zeros(4 * BLOCKS)}
    for part, kind in (("weight_ih_l0", "W"), ("weight_hh_l0", "U"), ("bias_ih_l0", "b")):
        i, g, o = (weights[f"{kind}_{unit}"].detach() for unit in "igo")
        if kind == "W":
            i, g, o = i.T, g.T, o.T
        f = torch.full_like(i, 1e3 if kind == "b" else 0.0)
        found[part] = torch.cat([i, f, g, o])
    lstm.load_state_dict(found)
    inputs = symbols(lanes=2)
    expected: Tensor = lstm(nn.functional.one_hot(inputs, SYMBOLS).double())[0]
    ours = made.unroll(inputs, *made.zeros(2)).h
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


def test_the_cells_of_a_block_share_its_gates() -> None:
    made = network()
    found = made.unroll(symbols(), *made.zeros(1))
    assert found.i.shape == found.o.shape == (STEPS, 1, BLOCKS)
    # What the gates did can be read off the cells: o = h / k(c), the same for all cells of a block.
    opened = (found.h / torch.tanh(found.c / 2)).unflatten(-1, (BLOCKS, CELLS))
    expected = found.o[..., None].expand_as(opened)
    torch.testing.assert_close(opened, expected, rtol=1e-9, atol=0)
    assert (found.c.unflatten(-1, (BLOCKS, CELLS)).std(-1) > 0.01).all()


def test_the_original_squashing_is_the_logistic_one_of_the_paper() -> None:
    made = network()
    start = torch.zeros((1, H), dtype=torch.float64)
    found = made.unroll(symbols(1), start, start)
    a = made.weights["W_g"][symbols(1)[0]] + made.weights["b_g"]
    gate = found.i[0].repeat_interleave(CELLS, -1)
    torch.testing.assert_close(found.c[0], gate * (4 * torch.sigmoid(a) - 2), rtol=0, atol=1e-12)
    k = 2 * torch.sigmoid(found.c[0]) - 1
    torch.testing.assert_close(
        found.h[0], found.o[0].repeat_interleave(CELLS, -1) * k, rtol=0, atol=1e-12
    )


def drift(made: MemoryBlocks, steps: int) -> list[float]:
    """Largest carousel after each step of an endless stream of one symbol."""
    with torch.no_grad():
        found: Memory = made.unroll(torch.zeros((steps, 1), dtype=torch.int64), *made.zeros(1))
    return found.c.abs().amax((1, 2)).tolist()


def test_on_endless_streams_the_carousel_grows_without_bound_and_a_forget_gate_holds_it() -> None:
    grown = drift(network(), 4000)
    # As fast at the end as in the middle: in proportion to the length of the stream.
    assert grown[-1] > 100
    assert (grown[-1] - grown[1999]) == pytest.approx(grown[1999], rel=0.1)
    held = drift(network(forgetting=True), 4000)
    assert held[-1] < 20
    assert held[-1] == pytest.approx(held[1999], rel=1e-6)


def test_gradients_agree_with_differences() -> None:
    made = network(truncated=False, forgetting=True)
    names, inputs = list(made.weights), symbols(4, 2)

    def run(*values: Tensor) -> Tensor:
        made.weights = dict(zip(names, values, strict=True))
        return made.predict(made.unroll(inputs, *made.zeros(2)).h)

    assert torch.autograd.gradcheck(run, tuple(made.weights.values()))
