"""Encoder and decoder: one network reads a sequence, a second one writes another from its end.

What passes between them is the context C. It is the decoder's first state, a part of its input at
every step, or both.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from cells.cell import Cell
from cells.engine.executor import Dtype
from cells.engine.learner import Model
from cells.engine.reference import DTYPES, tensors, unroll
from cells.engine.training.initial import draw
from cells.engine.training.parameter import parameters
from cells.seed import training_seed

Way = Literal["start", "steps", "both", "cut"]
States = list[list[Tensor]]


@dataclass(frozen=True, slots=True)
class Context:
    """What the decoder is told of the source.

    Attributes:
        states: its first states, `[B, H]` for each state of each layer.
        code: the encoder's last output `[B, H]`, for the decoder's input at each step; or None.
    """

    states: States
    code: Tensor | None


class EncoderDecoder:
    """Two stacks of one cell, and the context between them.

    Way `start`: the decoder starts from the encoder's last states, those of all layers (Sutskever).
    `steps`: it starts from zero and reads e(y) + W_c C, where C is the encoder's last output; for
    cells that read x through `linear` this is Linear(e(y), C) (Cho). `both`: both. `cut`: neither,
    which leaves a model of targets that knows no source.

    The last symbol of the vocabulary ends a target. The decoder reads it first as well.

    Args:
        cell: of encoder and decoder, in canonical form; each has weights of its own.
        width: H.
        symbols: V of sources and targets, with the end symbol.
        way: how the context reaches the decoder.
        layers: of each stack.
        reverse: True if the encoder reads the source from its end (Sutskever et al., section 3.3).
        seed: of the first weights.
        dtype: of all arithmetic.

    Source: Cho et al. 2014, section 2; Sutskever, Vinyals, Le 2014, section 2.
    """

    def __init__(
        self,
        cell: Cell,
        width: int,
        symbols: int,
        way: Way = "both",
        *,
        layers: int = 1,
        reverse: bool = False,
        seed: int = 0,
        dtype: Dtype = "float32",
    ) -> None:
        self.model = Model(cell, width, layers, "symbols", symbols)
        self.way: Way = way
        self.reverse = reverse
        self.end = symbols - 1
        frozen = {parameter.name for parameter in parameters(self.model) if not parameter.trained}
        halves: list[dict[str, Tensor]] = []
        for part in ("encoder", "decoder"):
            drawn = tensors(draw(self.model, 1.0, training_seed(part, seed)), dtype)
            for name, weight in drawn.items():
                weight.requires_grad_(name not in frozen)
            halves.append(drawn)
        self.encoder, self.decoder = halves
        # An encoder says nothing, so it has no readout.
        del self.encoder["readout.weight"], self.encoder["readout.bias"]
        if way in ("steps", "both"):
            source = torch.Generator().manual_seed(training_seed("context", seed))
            drawn = torch.rand((width, width), generator=source, dtype=DTYPES[dtype])
            self.decoder["context.weight"] = ((2 * drawn - 1) / width**0.5).requires_grad_()

    def weights(self) -> list[Tensor]:
        """All weights of both networks."""
        return [*self.encoder.values(), *self.decoder.values()]

    def encode(self, source: Tensor) -> Context:
        """The context of sources `[S, B]`, all of one length."""
        zeros = self._zeros(source.shape[1])
        if self.way == "cut":
            return Context(zeros, None)
        values = functional.embedding(
            source.flip(0) if self.reverse else source, self.encoder["embedding"]
        )
        values, ends = self._stack(self.encoder, values, zeros)
        starts = zeros if self.way == "steps" else ends
        return Context(starts, None if self.way == "start" else values[-1])

    def predict(self, context: Context, targets: Tensor) -> Tensor:
        """Logits `[T, B, V]` of each symbol of `targets` `[T, B]`, given those before (forced)."""
        first = torch.full_like(targets[:1], self.end)
        return self._write(context, torch.cat([first, targets[:-1]]), context.states)[0]

    @torch.no_grad()
    def decode(self, source: Tensor, most: int) -> Tensor:
        """The most likely symbol at each step, each read as the next input, `[T, B]`, T <= `most`.

        A lane that has written the end symbol goes on writing it; all of them together stop.
        """
        context = self.encode(source)
        read, states = torch.full_like(source[:1], self.end), context.states
        ended = torch.zeros_like(read, dtype=torch.bool)
        written: list[Tensor] = []
        while len(written) < most and not ended.all():
            logits, states = self._write(context, read, states)
            read = logits.argmax(-1).masked_fill(ended, self.end)
            ended = ended | (read == self.end)
            written.append(read)
        return torch.cat(written)

    def _write(self, context: Context, read: Tensor, states: States) -> tuple[Tensor, States]:
        weights = self.decoder
        values = functional.embedding(read, weights["embedding"])
        if context.code is not None:
            values = values + functional.linear(context.code, weights["context.weight"])
        values, states = self._stack(weights, values, states)
        logits = functional.linear(values, weights["readout.weight"], weights["readout.bias"])
        return logits, states

    def _stack(
        self, weights: dict[str, Tensor], values: Tensor, starts: States
    ) -> tuple[Tensor, States]:
        ends: States = []
        for layer, start in enumerate(starts):
            values, end = unroll(self.model.cell, weights, values, start, layer)
            ends.append(end)
        return values, ends

    def _zeros(self, lanes: int) -> States:
        zeros = self.decoder["embedding"].new_zeros((lanes, self.model.width))
        return [[zeros] * len(self.model.cell.updates) for _ in range(self.model.layers)]
