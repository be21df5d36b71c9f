"""Optimizers as values: a name with the hyperparameters that are its own.

What each does to the numbers is in `cells.engine.training.update` and in the native runtime.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Final, Literal, cast, get_args

Name = Literal["sgd", "adam", "adamw"]
NAMES: Final[tuple[Name, ...]] = get_args(Name)


@dataclass(frozen=True, slots=True)
class Sgd:
    """Plain stochastic gradient descent, w -= rate * g: the paper's.

    Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3.
    """

    name: ClassVar[Name] = "sgd"
    moments: ClassVar[int] = 0
    """Running averages that are kept of every trained number."""


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam with the bias corrected, as `torch.optim.Adam` computes it.

    Update t = 1, 2, ... with the gradient g, divided by the batch and clipped:

        g += weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        w -= rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)

    Source: Kingma, Ba 2015, algorithm 1. The decay is not in it; torch adds it to the gradient.

    Attributes:
        beta1, beta2: what the averages of gradient and squared gradient keep at each update.
        eps: added to the root, so that nothing is divided by zero.
        weight_decay: of all trained numbers, biases and embedding included, as in torch when all of a
            model's parameters are given to the optimizer.
    """

    name: ClassVar[Name] = "adam"
    moments: ClassVar[int] = 2

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True)
class AdamW:
    """Adam whose decay of the weights is apart from the gradient, as in `torch.optim.AdamW`.

    As `Adam`, but in place of the first line w *= 1 - rate * weight_decay, with the rate that the
    schedule gives.

    Source: Loshchilov, Hutter 2019, algorithm 2.

    Attributes:
        beta1, beta2, eps, weight_decay: as those of `Adam`.
    """

    name: ClassVar[Name] = "adamw"
    moments: ClassVar[int] = 2

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01


Optimizer = Sgd | Adam | AdamW

OPTIMIZERS: Final[dict[Name, type[Optimizer]]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW}
"""Every optimizer by name. The defaults are frozen: records leave out what equals them."""


SGD: Final = Sgd()
"""The paper's."""


def own(name: Name) -> dict[str, float]:
    """The hyperparameters that belong to the optimizer `name` alone, with their defaults."""
    return {field.name: cast("float", field.default) for field in fields(OPTIMIZERS[name])}
