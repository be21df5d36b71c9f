"""One hyperparameter setting: the numbers that the paper draws from its grid, and those that came later.

The fields of `Setting` are the table of hyperparameters. Records, frames, samplers, the command line and
the dashboard read it, so that a new one is added here and where it acts, and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from cells.training.hyperparameter import ROW, Hyperparameter, Value, hyperparameter
from cells.training.optimizer import NAMES, OPTIMIZERS, Name, Optimizer, own


def _owners(name: str) -> tuple[str, ...]:
    return tuple(optimizer for optimizer in NAMES if name in own(optimizer))


@dataclass(frozen=True, slots=True)
class Setting:
    """Hyperparameters of one training.

    An optimizer's own hyperparameters are None where the optimizer has them not, and its defaults
    where none are given, so that two settings are equal when they train alike.

    Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3.

    Attributes:
        learning_rate: of the optimizer, on the gradient divided by the batch size.
        init_scale: s of the initialisation, uniform on [-s, s] / sqrt(H).
        clip: largest norm of the whole gradient; larger ones are shrunk to it.
        layers: 1 to 4.
        dropout: chance that a non-recurrent connection is dropped in training.
        batch_size: lanes that are trained side by side; None for the task's own, 20 in the paper.
            The splits that are measured keep the task's own.
        optimizer: name in `optimizer.OPTIMIZERS`.
        beta1, beta2, eps, weight_decay: see `optimizer.Adam`.

    Raises:
        ValueError: an unknown optimizer; a value out of its range; a hyperparameter that is another
            optimizer's.
    """

    learning_rate: float = hyperparameter(
        0.5,
        "learning_rate",
        "real",
        "learning rate",
        "Of the optimizer, on the gradient divided by the batch.",
        "--learning-rate",
        "--lr",
        grid=(0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
        draw="log",
        column="learning_rate",
        since=1,
        least=0.0,
        open=(True, False),
    )
    init_scale: float = hyperparameter(
        1.0,
        "init_scale",
        "real",
        "initial scale",
        "Weights start uniform on +- this / sqrt(width).",
        "--initial-scale",
        "--init-scale",
        grid=(0.3, 0.7, 1.0, 1.4, 2.0, 2.8),
        draw="log",
        recorded="scale",
        recorded_choices="scales",
        column="init_scale",
        since=1,
        least=0.0,
        open=(True, False),
    )
    clip: float = hyperparameter(
        5.0,
        "clip",
        "real",
        "gradient clip",
        "Largest norm of the gradient.",
        "--clip",
        grid=(1.0, 2.5, 5.0, 10.0, 20.0),
        draw="log",
        column="clip",
        since=1,
        least=0.0,
        open=(True, False),
    )
    layers: int = hyperparameter(
        1,
        "layers",
        "whole",
        "layers",
        "Layers of the cell.",
        "--layers",
        choices="layers",
        grid=(1, 2, 3, 4),
        column="layers",
        since=1,
        least=1,
        most=4,
    )
    dropout: float = hyperparameter(
        0.0,
        "dropout",
        "real",
        "dropout",
        "Chance that a non-recurrent connection is dropped.",
        "--dropout",
        grid=(0.0,),
        column="dropout",
        since=1,
        least=0.0,
        most=1.0,
        open=(False, True),
    )
    batch_size: int | None = hyperparameter(
        None,
        "batch_size",
        "whole",
        "batch size",
        "Lanes of a training window; else the task's own (20 in the paper).",
        "--batch-size",
        least=1,
    )
    optimizer: Name = hyperparameter(  # noqa: RUF009 - a field of a dataclass
        "sgd",
        "optimizer",
        "word",
        "optimizer",
        "What the gradient does to the weights.",
        "--optimizer",
        words=NAMES,
    )
    beta1: float | None = hyperparameter(
        None,
        "beta1",
        "real",
        "beta1",
        "What the running mean of the gradient keeps.",
        "--beta1",
        least=0.0,
        most=1.0,
        open=(False, True),
        optimizers=_owners("beta1"),
    )
    beta2: float | None = hyperparameter(
        None,
        "beta2",
        "real",
        "beta2",
        "What the running mean of the squared gradient keeps.",
        "--beta2",
        least=0.0,
        most=1.0,
        open=(False, True),
        optimizers=_owners("beta2"),
    )
    eps: float | None = hyperparameter(
        None,
        "eps",
        "real",
        "epsilon",
        "Added to the root of that mean.",
        "--eps",
        choices="epsilons",
        draw="log",
        least=0.0,
        open=(True, False),
        optimizers=_owners("eps"),
    )
    weight_decay: float | None = hyperparameter(
        None,
        "weight_decay",
        "real",
        "weight decay",
        "Of all trained numbers.",
        "--weight-decay",
        draw="log",
        least=0.0,
        optimizers=_owners("weight_decay"),
    )

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"there is no optimizer {self.optimizer!r}; known are {', '.join(OPTIMIZERS)}"
            )
        defaults = own(self.optimizer)
        for row in HYPERPARAMETERS:
            value = getattr(self, row.name)
            if row.optimizers:
                if value is not None and row.name not in defaults:
                    raise ValueError(
                        f"{row.name} is a hyperparameter of {' and '.join(row.optimizers)},"
                        f" not of {self.optimizer}"
                    )
                if value is None:
                    value = defaults.get(row.name)
                    object.__setattr__(self, row.name, value)
            if value is not None and row.since > 1 and not row.holds(value):
                raise ValueError(f"{row.name} is {value!r}, expected {row.range}")

    @property
    def rule(self) -> Optimizer:
        """The optimizer with its own hyperparameters."""
        return OPTIMIZERS[self.optimizer](
            **{name: getattr(self, name) for name in own(self.optimizer)}
        )

    def recorded(self) -> dict[str, Value]:
        """The values under their names in canonical JSON; later ones only where not the default."""
        if self.optimizer == "sgd":
            rows = _GENERAL
            defaults: Mapping[str, float] = {}
        else:
            rows, defaults = HYPERPARAMETERS, own(self.optimizer)
        recorded: dict[str, Value] = {}
        for row in rows:
            value = getattr(self, row.name)
            if row.since == 1 or value != defaults.get(row.name, row.default):
                recorded[row.recorded] = value
        return recorded

    @classmethod
    def from_record(cls, values: Mapping[str, Any]) -> Self:
        """The setting that `recorded` wrote.

        Raises:
            ValueError: a hyperparameter or an optimizer that this version has not; a value that is not
                of its kind.
        """
        rows = {row.recorded: row for row in HYPERPARAMETERS}
        fields: dict[str, Any] = {}
        for name, value in values.items():
            if name not in rows:
                raise ValueError(f"the hyperparameter {name!r}")
            if not rows[name].is_kind(value):
                raise ValueError(f"the value {value!r} of the hyperparameter {name!r}")
            fields[rows[name].name] = value
        if (optimizer := fields.get("optimizer", "sgd")) not in OPTIMIZERS:
            raise ValueError(f"the optimizer {optimizer!r}")
        return cls(**fields)

    @classmethod
    def applicable(cls, values: Mapping[str, Any]) -> Self:
        """The setting of these values by name, less those that the optimizer among them has not."""
        has = own(values.get("optimizer", "sgd"))
        return cls(
            **{
                row.name: values[row.name]
                for row in HYPERPARAMETERS
                if row.name in values and (not row.optimizers or row.name in has)
            }
        )


HYPERPARAMETERS: Final[tuple[Hyperparameter, ...]] = tuple(
    field.metadata[ROW] for field in fields(Setting)
)
"""The rows of the table in order."""

_GENERAL: Final = tuple(row for row in HYPERPARAMETERS if not row.optimizers)
