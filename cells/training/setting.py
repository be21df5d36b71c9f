"""One hyperparameter setting: the numbers that the paper draws from its grid."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """Hyperparameters of one training.

    Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3.

    Attributes:
        learning_rate: of plain SGD on the gradient divided by the batch size.
        scale: s of the initialisation, uniform on [-s, s] / sqrt(H).
        clip: largest norm of the whole gradient; larger ones are shrunk to it.
        layers: 1 to 4.
        dropout: chance that a non-recurrent connection is dropped in training.
    """

    learning_rate: float = 0.5
    scale: float = 1.0
    clip: float = 5.0
    layers: int = 1
    dropout: float = 0.0
