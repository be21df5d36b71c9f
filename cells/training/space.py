"""The choices of each hyperparameter that settings are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import field, make_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from cells.training.hyperparameter import Hyperparameter
from cells.training.setting import HYPERPARAMETERS

_TYPES: Final = {"real": float, "whole": int, "word": str}


class _Choices:
    __slots__ = ()

    def of(self, row: Hyperparameter) -> tuple[Any, ...]:
        """The choices of a hyperparameter; none where its default alone is used."""
        return getattr(self, row.choices)

    @property
    def searched(self) -> tuple[Hyperparameter, ...]:
        """The hyperparameters that have choices, in the order of the table."""
        return tuple(row for row in HYPERPARAMETERS if self.of(row))

    def recorded(self) -> dict[str, tuple[Any, ...]]:
        """The choices under their names in canonical JSON; later ones only where there are any."""
        return {
            row.recorded_choices: self.of(row)
            for row in HYPERPARAMETERS
            if row.since == 1 or self.of(row)
        }

    @classmethod
    def from_record(cls, values: Mapping[str, Sequence[Any]]) -> Self:
        """The space that `recorded` wrote. Raises ValueError on choices that this version has not."""
        names = {row.recorded_choices: row.choices for row in HYPERPARAMETERS}
        for name in values.keys() - names.keys():
            raise ValueError(f"the choices {name!r}")
        return cls(**{names[name]: tuple(choices) for name, choices in values.items()})


if TYPE_CHECKING:

    class Space(_Choices):
        """What the type checker knows of the class below: its fields are not written out."""

        __dataclass_fields__: ClassVar[dict[str, Any]]

        def __init__(self, **choices: Sequence[Any]) -> None: ...
        def __getattr__(self, name: str) -> tuple[Any, ...]: ...
else:
    Space = make_dataclass(
        "Space",
        [
            (row.choices, tuple[_TYPES[row.kind], ...], field(default=row.grid))
            for row in HYPERPARAMETERS
        ],
        bases=(_Choices,),
        namespace={
            "__module__": __name__,
            "__doc__": """Choices of each hyperparameter; the defaults are the paper's 840 settings.

    One field a row of the table, named by its `choices`. The grid is their product. The continuous
    samplers draw as the row's `draw` says.

    Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3.
    """,
        },
        frozen=True,
        slots=True,
    )
