"""The tapped delay line, or time-delay neural network: layers that see the last K inputs, no more."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cells.engine.executor import Dtype
from cells.engine.reference import DTYPES
from cells.seed import training_seed


class DelayLine:
    """h_t = tanh(sum_{k<K} W_k x_{t - k d} + b), stacked; zeros before the start.

    Args:
        width: H, of every layer; symbols are embedded in it.
        inputs: different input symbols.
        outputs: different outputs.
        taps: K.
        dilations: d of each layer, from the lowest.
        seed: of the first weights: uniform on +-1 / sqrt(K H), biases 0.
        dtype: of all arithmetic.

    Source: Lang, Hinton 1988; Waibel et al. 1989, figure 1.
    """

    def __init__(
        self,
        width: int,
        inputs: int,
        outputs: int,
        *,
        taps: int = 8,
        dilations: Sequence[int] = (1,),
        seed: int = 0,
        dtype: Dtype = "float32",
    ) -> None:
        self.taps, self.dilations = taps, tuple(dilations)
        shapes: dict[str, tuple[int, ...]] = {"embedding": (inputs, width)}
        for layer in range(len(self.dilations)):
            shapes[f"layer{layer}.weight"] = (taps, width, width)
            shapes[f"layer{layer}.bias"] = (width,)
        shapes["readout.weight"], shapes["readout.bias"] = (outputs, width), (outputs,)
        self.weights: dict[str, Tensor] = {}
        for name, shape in shapes.items():
            source = torch.Generator().manual_seed(training_seed("delay line", seed, name))
            drawn = torch.rand(shape, generator=source, dtype=DTYPES[dtype])
            several = taps if len(shape) == 3 else 1
            bound = 0.0 if name.endswith("bias") else (several * width) ** -0.5
            self.weights[name] = (bound * (2 * drawn - 1)).requires_grad_()

    @property
    def field(self) -> int:
        """Inputs that an output depends on, its own among them: 1 + sum over layers of (K - 1) d."""
        return 1 + (self.taps - 1) * sum(self.dilations)

    def read(self, inputs: Tensor) -> Tensor:
        """What the lowest layer reads, `[T, B, H]`, from symbols `[T, B]`."""
        return functional.embedding(inputs, self.weights["embedding"])

    def predict(self, values: Tensor) -> Tensor:
        """Logits `[T, B, outputs]` from the values of `read`."""
        for layer, dilation in enumerate(self.dilations):
            weight, bias = (self.weights[f"layer{layer}.{part}"] for part in ("weight", "bias"))
            steps = len(values)
            padded = functional.pad(values, (0, 0, 0, 0, (self.taps - 1) * dilation, 0))
            total = bias
            for tap in range(self.taps):
                first = (self.taps - 1 - tap) * dilation
                total = total + functional.linear(padded[first : first + steps], weight[tap])
            values = torch.tanh(total)
        return functional.linear(
            values, self.weights["readout.weight"], self.weights["readout.bias"]
        )
