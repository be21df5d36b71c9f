"""The LSTM of 1997: memory blocks around constant error carousels, before there were forget gates."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cells.engine.executor import Dtype
from cells.engine.reference import DTYPES
from cells.seed import training_seed


@dataclass(frozen=True, slots=True)
class Memory:
    """What the blocks gave at every step of a window.

    Attributes:
        h: outputs, `[T, B, H]` with H = blocks x cells; the cells of a block stand together.
        c: carousels, `[T, B, H]`.
        i, o, f: gates of the blocks, `[T, B, blocks]`; f is 1 where there is no forget gate.
    """

    h: Tensor
    c: Tensor
    i: Tensor
    o: Tensor
    f: Tensor


class MemoryBlocks:
    """A layer of memory blocks between an embedding and a readout.

    The S cells of block b share its gates:

        i_b, o_b = sigmoid(W [x; h] + b)
        c'_{b,s} = f_b c_{b,s} + i_b g(W x + U h + b)     with f_b = 1 in 1997
        h'_{b,s} = o_b k(c'_{b,s})

    Not built is what some implementations of the time also had: gates that read the gates of the
    step before.

    Args:
        blocks: how many.
        cells: S, of each block.
        symbols: V, read and predicted.
        original: squash by g(a) = 2 tanh(a/2) and k(a) = tanh(a/2), as in 1997; else by tanh.
        truncated: let no error flow back in time but through the carousels, as in 1997: what the
            units read of the step before is taken as given. Else the full gradient.
        forgetting: give each block a forget gate, of bias `forget` at first (Gers et al. 2000).
        closed: the gate biases at first, against drift: input and output gates start half shut.
        seed: of the first weights: uniform on [-0.2, 0.2], other biases 0.
        dtype: of all arithmetic.

    Source: Hochreiter, Schmidhuber 1997, section 4 and appendix A.1; forget gate: Gers, Schmidhuber,
    Cummins 2000, equation 3.
    """

    def __init__(
        self,
        blocks: int,
        cells: int,
        symbols: int,
        *,
        original: bool = True,
        truncated: bool = True,
        forgetting: bool = False,
        closed: float = -1.0,
        forget: float = 1.0,
        seed: int = 0,
        dtype: Dtype = "float32",
    ) -> None:
        self.blocks, self.cells = blocks, cells
        self.original, self.truncated, self.forgetting = original, truncated, forgetting
        H = blocks * cells
        biases = {"i": closed, "o": closed, "g": 0.0} | ({"f": forget} if forgetting else {})
        self.weights: dict[str, Tensor] = {}
        for unit, bias in biases.items():
            height = H if unit == "g" else blocks
            # The rows of W x are those of a table of symbols.
            for name, shape in ((f"W_{unit}", (symbols, height)), (f"U_{unit}", (height, H))):
                self.weights[name] = self._drawn(name, shape, seed)
            self.weights[f"b_{unit}"] = torch.full((height,), bias, dtype=torch.float64)
        self.weights["readout.weight"] = self._drawn("readout.weight", (symbols, H), seed)
        self.weights["readout.bias"] = torch.zeros(symbols, dtype=torch.float64)
        for name, weight in self.weights.items():
            self.weights[name] = weight.to(DTYPES[dtype]).requires_grad_()

    @staticmethod
    def _drawn(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
        source = torch.Generator().manual_seed(training_seed("memory block", seed, name))
        return 0.4 * torch.rand(shape, generator=source, dtype=torch.float64) - 0.2

    def zeros(self, lanes: int) -> tuple[Tensor, Tensor]:
        """The states h and c `[B, H]` before a sequence begins."""
        zeros = self.weights["b_g"].new_zeros((lanes, self.blocks * self.cells))
        return zeros, zeros

    def unroll(self, inputs: Tensor, h: Tensor, c: Tensor) -> Memory:
        """All steps of a window of symbols `[T, B]`, from the states h and c `[B, H]`."""
        weights = self.weights
        read = {
            unit: functional.embedding(inputs, weights[f"W_{unit}"]) + weights[f"b_{unit}"]
            for unit in ("i", "o", "f", "g")
            if f"W_{unit}" in weights
        }
        kept: list[tuple[Tensor, ...]] = []
        for step in range(len(inputs)):
            past = h.detach() if self.truncated else h
            a = {
                unit: values[step] + functional.linear(past, weights[f"U_{unit}"])
                for unit, values in read.items()
            }
            i, o = torch.sigmoid(a["i"]), torch.sigmoid(a["o"])
            f = torch.sigmoid(a["f"]) if self.forgetting else torch.ones_like(i)
            g = 2 * torch.tanh(a["g"] / 2) if self.original else torch.tanh(a["g"])
            c = self._each(f) * c + self._each(i) * g
            h = self._each(o) * (torch.tanh(c / 2) if self.original else torch.tanh(c))
            kept.append((h, c, i, o, f))
        return Memory(*map(torch.stack, zip(*kept, strict=True)))

    def predict(self, h: Tensor) -> Tensor:
        """Logits `[T, B, V]` from outputs `[T, B, H]`."""
        return functional.linear(h, self.weights["readout.weight"], self.weights["readout.bias"])

    def _each(self, gate: Tensor) -> Tensor:
        """A gate of each block `[B, blocks]` for each of its cells `[B, H]`."""
        return gate.repeat_interleave(self.cells, -1)
