"""Copy memory: read S symbols, wait through blanks, then say the symbols in order.

Hochreiter and Schmidhuber 1997 ask for memory over such delays; the form is that of Arjovsky, Shah,
Bengio 2016 (10 of 8 symbols). Blanks are read while the symbols are said, so that nothing helps but
memory; in `memorization` they are read again one by one, and there is no delay.

    step     0   ...  S-1  S  ...  S+D-1  S+D  S+D+1 ... 2S+D-1
    reads    a1       aS   .       .      |    .         .
    predicts                              a1   a2        aS       (scored)
"""

import math
from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np

from tasks import scale as scales
from tasks import sequences
from tasks.sequences import Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        symbols: S, how many are to be remembered.
        alphabet: how many different ones there are, 2 to 26.
        delay: D, blanks between the last symbol and the delimiter.
    """

    symbols: int
    alphabet: int
    delay: int

    def __post_init__(self) -> None:
        self.demand(
            self.symbols >= 1 and 2 <= self.alphabet <= 26 and self.delay >= 0,
            f"copy: {self.symbols} of {self.alphabet} symbols after {self.delay} blanks",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Letters, the blank `.` and the delimiter `|`."""
        return (*ascii_lowercase[: self.alphabet], ".", "|")

    @property
    def window(self) -> int:
        """T = 2 S + D."""
        return 2 * self.symbols + self.delay

    def floors(self) -> tuple[Floor, ...]:
        """Nothing is left to chance but the symbols that are not remembered."""
        chance, S = math.log(self.alphabet), self.symbols
        partial = sorted({S // 2, S - 1} - {0}, reverse=True)
        return (
            Floor("optimum", loss=0.0, accuracy=1.0),
            *(
                Floor(
                    f"{kept} of the {S} symbols",
                    loss=chance * (S - kept) / S,
                    accuracy=(kept + (S - kept) / self.alphabet) / S,
                )
                for kept in partial
            ),
            Floor("no memory", loss=chance, accuracy=1 / self.alphabet),
        )

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `place`, 0 to S - 1 in the order of the symbols."""
        S = self.symbols
        symbols = generator.integers(self.alphabet, size=(count, S))
        inputs = np.full((count, self.window), self.alphabet)
        inputs[:, :S] = symbols
        inputs[:, S + self.delay] = self.alphabet + 1
        targets = np.zeros_like(inputs)
        targets[:, -S:] = symbols
        step = np.arange(self.window) - (self.window - S)
        return Rows(
            inputs,
            targets,
            np.broadcast_to(step >= 0, inputs.shape),
            {"place": np.broadcast_to(step, inputs.shape)},
        )


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "copy") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "memory", "nats per copied symbol")
