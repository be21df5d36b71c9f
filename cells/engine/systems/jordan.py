"""The Jordan network: what is fed back is the output, not the hidden layer."""

import torch
from torch import Tensor
from torch.nn import functional

from cells.engine.executor import Dtype
from cells.engine.reference import DTYPES
from cells.seed import training_seed


class JordanNetwork:
    """h_t = tanh(W x_t + U s_t + b), y_t = softmax(V h_t + e), s_{t+1} = mu s_t + y_t, s_0 = 0.

    In training the true output takes the place of y_t in the state (teacher forcing): the steps do
    not depend on each other then, and no gradient passes through time. Running free the network
    reads its own y_t, the chances of all outputs.

    Args:
        width: H, of the hidden layer.
        inputs: different input symbols; W x is a row of a table.
        outputs: different outputs, which is the width of the state.
        decay: mu, in [0, 1): how much the state keeps of itself.
        seed: of the first weights: uniform on +-1 / sqrt(H), biases 0.
        dtype: of all arithmetic.

    Raises:
        ValueError: mu is outside [0, 1).

    Source: Jordan 1986; teacher forcing: Williams, Zipser 1989.
    """

    def __init__(
        self,
        width: int,
        inputs: int,
        outputs: int,
        *,
        decay: float = 0.0,
        seed: int = 0,
        dtype: Dtype = "float32",
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay {decay}: expected at least 0 and less than 1")
        self.decay = decay
        self.weights: dict[str, Tensor] = {}
        shapes = {"W": (inputs, width), "U": (width, outputs), "V": (outputs, width)}
        for name, shape in shapes.items():
            source = torch.Generator().manual_seed(training_seed("jordan", seed, name))
            drawn = torch.rand(shape, generator=source, dtype=torch.float64)
            self.weights[name] = (2 * drawn - 1) / width**0.5
        self.weights["b"] = torch.zeros(width, dtype=torch.float64)
        self.weights["e"] = torch.zeros(outputs, dtype=torch.float64)
        for name, weight in self.weights.items():
            self.weights[name] = weight.to(DTYPES[dtype]).requires_grad_()

    def read(self, inputs: Tensor) -> Tensor:
        """W x of each step, `[T, B, H]`, from symbols `[T, B]`."""
        return functional.embedding(inputs, self.weights["W"])

    def forced(self, values: Tensor, targets: Tensor) -> Tensor:
        """Logits `[T, B, outputs]` when the state is made of the true outputs before each step.

        Args:
            values: of `read`.
            targets: `[T, B]`; the last one is not looked at.
        """
        outputs = self.weights["e"].numel()
        taught = functional.one_hot(targets, outputs).to(values.dtype)
        state, states = torch.zeros_like(taught[0]), list[Tensor]()
        for output in taught:
            states.append(state)
            state = self.decay * state + output
        return self._logits(values, torch.stack(states))

    def free(self, values: Tensor) -> Tensor:
        """Logits `[T, B, outputs]` when the state is made of the network's own outputs."""
        state = values.new_zeros((values.shape[1], self.weights["e"].numel()))
        written: list[Tensor] = []
        for value in values:
            written.append(self._logits(value, state))
            state = self.decay * state + torch.softmax(written[-1], -1)
        return torch.stack(written)

    def _logits(self, value: Tensor, state: Tensor) -> Tensor:
        weights = self.weights
        hidden = torch.tanh(value + functional.linear(state, weights["U"], weights["b"]))
        return functional.linear(hidden, weights["V"], weights["e"])
