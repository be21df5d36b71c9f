"""The fixed parts of the file that `cells.export.torch_module` writes."""

from string import Template
from typing import Final

from cells.export import torch_operator

FILE: Final = Template(
    '''"""The cell `$name` as a module of torch, written by Gatewright.$note"""

$comment

import torch
from torch import Tensor, nn
$imports

${helpers}\
class ${title}Cell(nn.Module):
    """One step of one layer."""

    def __init__(
        self,
$size_arguments\
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
$blocks\
        self.hidden_size = hidden_size
$window$makers$made
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Starts all parameters as the cell says."""
$reset

$step

'''
)

MAKER: Final = Template("""
        def $name(*shape: int) -> nn.$kind:
            return nn.$kind(torch.empty(shape, device=device, dtype=dtype))
""")

BLOCKS: Final = Template("""\
        if hidden_size % $blocks:
            raise ValueError(f"hidden_size {hidden_size} is no multiple of $blocks")
""")

WINDOW: Final = "        self.window = window\n"

STEP: Final = Template('"""The output and the new states from x `$inputs` and the states."""')

STACK: Final = Template(
    '''
class $title(nn.Module):
    """Layers of `$name`, made and called as `nn.GRU` is.

    $states
    $projection_said

    Args:
        input_size: features of the input.
        hidden_size: of the output and of each state.
        num_layers: each reads the output of the one below.
        bias: whether linears have biases.$bias_said
        batch_first: whether input and output are `[B, T, ...]`, not `[T, B, ...]`.
        dropout: chance of dropping an output of all layers but the last, in training.
$window_said\
        device, dtype: of the parameters.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        *,
$window_argument\
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = nn.Dropout(dropout)
$projection\
        self.layers = nn.ModuleList()
        for size in $sizes:
$made
            self.layers.append(layer)

$signature
        """The outputs of the last layer and the last states of all layers.

        Args:
            input: `[T, B, input_size]`, `[B, T, input_size]` with `batch_first`, or one
                sequence `[T, input_size]`; no `PackedSequence`.
            hx: the states before the first step, 0 if not given; for one sequence
                without B, as in `h_n`.

        Returns:
            `output` and `h_n`.
        """
        if not isinstance(input, Tensor):
            raise TypeError(
                f"a {type(input).__name__}: give a padded tensor, "
                "see nn.utils.rnn.pad_packed_sequence"
            )
        if input.dim() not in (2, 3) or input.size(-1) != self.input_size:
            raise ValueError(
                f"an input {list(input.shape)}, expected [T, B, {self.input_size}] "
                f"or [T, {self.input_size}]"
            )
        batched = input.dim() == 3
        values = input if batched else input.unsqueeze(1)
        if batched and self.batch_first:
            values = values.transpose(0, 1)
        if not len(values):
            raise ValueError("a sequence without a step")
        shape = (self.num_layers, values.size(1), self.hidden_size)
        if hx is None:
            states = [values.new_zeros(shape)] * $count
        else:
            states = $unbatched
        if [state.shape for state in states] != [shape] * $count:
            raise ValueError(
                f"hx {[list(state.shape) for state in states]}, "
                f"expected $count of {list(shape)}"
            )
$projected\
        ends: list[list[Tensor]] = []
        for index, layer in enumerate(self.layers):
            current = [state[index] for state in states]
            outputs: list[Tensor] = []
            for x in self.dropout(values) if index else values:
                output, *current = layer(x, *current)
                outputs.append(output)
            values = torch.stack(outputs)
            ends.append(current)
        final = [torch.stack(layers) for layers in zip(*ends, strict=True)]
        if not batched:
            values = values.squeeze(1)
            final = [state.squeeze(1) for state in final]
        elif self.batch_first:
            values = values.transpose(0, 1)
        return values, $final
'''
)

DIRECT: Final = "x is read by matrices alone, so the first layer takes any `input_size`."

PROJECTED: Final = """\
x is also read as it is, so an `input_size` other than `hidden_size` is first
    brought to it by a linear map, `projection`."""

PROJECTION: Final = """\
        self.projection: nn.Module = nn.Identity()
        if input_size != hidden_size:
            self.projection = nn.Linear(
                input_size, hidden_size, device=device, dtype=dtype
            )
"""

PROJECT: Final = "        values = self.projection(values)\n"

WINDOW_SAID: Final = "        window: steps of a training window, by which biases start.\n"

HELPERS: Final = {
    **torch_operator.HELPERS,
    "diagonal": '''\
def diagonal(a: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """One weight a channel."""
    return a * weight if bias is None else a * weight + bias''',
    "blocks": '''\
def blocks(a: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Square blocks `[blocks, size, size]` on the diagonal of a matrix."""
    return linear(a, torch.block_diag(*weight), bias)''',
    "antisymmetric": '''\
def antisymmetric(a: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The matrix weight - weight^T."""
    return linear(a, weight - weight.T, bias)''',
}
"""Functions that a step may call, by name."""

NEEDS: Final = {**torch_operator.NEEDS, "blocks": {"linear"}, "antisymmetric": {"linear"}}
"""What a helper imports."""

IMPORTS: Final = torch_operator.IMPORTS | {"linear"}
"""What a file may import from `torch.nn.functional`."""

WORDS: Final = frozenset({"self", "torch", "nn", "Tensor", *IMPORTS, *HELPERS})
"""Names that no variable of a step may have."""
