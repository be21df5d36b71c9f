"""How the parameters of an exported module start: the laws of `cells.initial` as lines of torch."""

from collections.abc import Sequence
from typing import NamedTuple

from cells.export.statement import INDENT, bracketed
from cells.initial import Initial
from cells.text.printer import number_text


class Own(NamedTuple):
    """One parameter of a layer: its attribute, and what it needs to be made and started."""

    attribute: str
    shape: str
    initial: Initial
    form: str
    diagonal: float = 0.0
    frozen: bool = False
    optional: bool = False


def reset(owned: Sequence[Own], timed: bool) -> list[str]:
    """The lines of `reset_parameters`, parameters of one law together.

    Args:
        owned: all parameters.
        timed: whether a law refers to the window of training.
    """
    groups: dict[tuple[Initial, str, float, bool], list[Own]] = {}
    for own in owned:
        key = (own.initial, own.form, own.diagonal, own.optional)
        groups.setdefault(key, []).append(own)
    laws = {own.initial.law for own in owned}
    lines: list[str] = []
    if "default" in laws:
        lines.append("bound = self.hidden_size**-0.5")
    if "chrono" in laws:
        lines.append("share = torch.rand(self.hidden_size)  # one draw for all chrono gates")
    if timed:
        lines.append("longest = max(self.window - 2, 0)")
    if "uniform_gate" in laws:
        lines.append("least = min(1 / self.hidden_size, 0.5)")
        lines.append("gate = least + (1 - 2 * least) * torch.rand(self.hidden_size)")
    lines = [f"        {line}" for line in lines]
    for (initial, form, diagonal, optional), members in groups.items():
        attributes = [f"self.{own.attribute}" for own in members]
        target, space = attributes[0], "        "
        if len(members) > 1:
            target, space = "bias" if optional else "weight", "            "
            lines += bracketed(INDENT, f"for {target} in (", attributes, "):", is_tuple=True)
        if optional:
            lines.append(f"{space}if {target} is not None:")
            space += "    "
        lines += [space + line for line in _law(target, initial, form, diagonal)]
    return lines


def _law(target: str, initial: Initial, form: str, diagonal: float) -> list[str]:
    """The statements by which one parameter starts."""
    written = [number_text(number) for number in initial.numbers]
    lines: list[str]
    match initial.law:
        case "default":
            lines = [f"nn.init.uniform_({target}, -bound, bound)"]
        case "value":
            by_name = {0.0: f"nn.init.zeros_({target})", 1.0: f"nn.init.ones_({target})"}
            other = f"nn.init.constant_({target}, {written[0]})"
            lines = [by_name.get(initial.numbers[0], other)]
        case "uniform":
            lines = [f"nn.init.uniform_({target}, {written[0]}, {written[1]})"]
        case "loguniform":
            ratio = initial.numbers[1] / initial.numbers[0]
            lines = [
                f"nn.init.uniform_({target})",
                f"{target}.copy_({written[0]} * {ratio!r}**{target})",
            ]
        case "log":
            lines = [
                f"nn.init.uniform_({target}, {written[0]}, {written[1]})",
                f"{target}.clamp_(min=1e-38).log_()",
            ]
        case "ring":
            low, high = (number**2 for number in initial.numbers)
            lines = [
                f"nn.init.uniform_({target}, {low!r}, {high!r})",
                f"{target}.clamp_(min=1e-38).log_().mul_(-0.5)",
                f"{target}.clamp_(min=1e-38).log_()",
            ]
        case "normal":
            lines = [f"nn.init.normal_({target}, std={written[0]})"]
        case "chrono":
            part = "share[:1]" if form == "scalar" else "share"
            span = number_text(initial.numbers[0] - 2) if written else "longest"
            lines = [f"{target}.copy_(torch.log1p({span} * {part}))"]
        case "uniform_gate":
            lines = [f"{target}.copy_(torch.logit(gate{'[:1]' if form == 'scalar' else ''}))"]
        case "identity":
            factor = f"{written[0]} * " if written else ""
            lines = [f"{target}.copy_({factor}torch.eye({target}.shape[-1]))"]
        case "orthogonal":
            lines = [f"nn.init.orthogonal_({target})"]
            if form == "block":
                lines = [f"for block in {target}:", "    nn.init.orthogonal_(block)"]
        case "spectral":
            lines = [
                f"values = torch.randn_like({target})",
                "radius = torch.linalg.eigvals(values).abs().max()",
                f"{target}.copy_(values * ({written[0]} / radius))",
            ]
        case law:
            raise ValueError(f"unknown law {law!r}")
    if initial.negative:
        lines.append(f"{target}.neg_()")
    if diagonal:
        added = number_text(diagonal)
        if form == "diagonal":
            lines.append(f"{target}.add_({added})")
        else:
            lines.append(f"{target}.diagonal(dim1=-2, dim2=-1).add_({added})")
    return lines
