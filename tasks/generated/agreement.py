"""Agreement at a distance: the number of a verb is that of a noun before the clause between them.

    the cat -s , which ate near old dog , now -> are

Only the verb is scored. The word right before it settles which verb it is (`now`: is or are), the head
noun, long before, settles its number; a plural is the noun and `-s`. The clause holds words without
number and up to three other nouns, the attractors, of either number. Words of the test split do not
occur in training, and its clauses may be longer. (Related: Linzen, Dupoux, Goldberg 2016.)
"""

from dataclasses import dataclass

import numpy as np

from tasks import scale as scales
from tasks import sequences
from tasks.floor import level
from tasks.sequences import ABSENT, Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1
NOUNS = (
    *("cat", "dog", "bird", "horse", "girl", "boy", "king", "teacher", "singer", "farmer", "car"),
    *("boat", "tree", "river", "letter", "song"),
    *("owl", "goat", "pilot", "doctor", "house", "train", "flower", "picture"),
)
FILLERS = (
    *("near", "with", "under", "behind", "old", "young", "red", "small", "ate", "saw", "heard"),
    *("found", "there", "today", "often", "slowly"),
    *("beyond", "against", "green", "quiet", "met", "drew", "once", "gladly"),
)
KNOWN = 16
"""Nouns and fillers of training and validation; the rest is held out for the test."""
VERBS = {"now": ("is", "are"), "then": ("was", "were"), "already": ("has", "have")}
"""The word before the verb, and the verb it asks for, singular and plural."""
VOCABULARY = (
    *("the", "-s", ",", "which"),
    *NOUNS,
    *FILLERS,
    *VERBS,
    *(form for forms in VERBS.values() for form in forms),
)
THE, PLURAL, COMMA, WHICH, NOUN = range(5)
FILLER = NOUN + len(NOUNS)
CUE = FILLER + len(FILLERS)
VERB = CUE + len(VERBS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        longest: words of the clause in train and valid, 0 to this many, all equally likely; with 0
            there is no clause.
        farthest: the same in test, at least `longest`.
        attractors: nouns in the clause, 0 to this many, all that find room equally likely.
    """

    longest: int
    farthest: int
    attractors: int

    def __post_init__(self) -> None:
        self.demand(
            0 <= self.longest <= self.farthest and self.attractors >= 0,
            f"agreement: clauses of 0 to {self.longest} words, in test to {self.farthest},"
            f" with {self.attractors} attractors",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """All words, those held out included."""
        return VOCABULARY

    @property
    def window(self) -> int:
        """T: of the longest clause of training, with all its attractors in the plural."""
        return 7 + self.longest + min(self.attractors, self.longest)

    def floors(self) -> tuple[Floor, ...]:
        """By what is known of the nouns; training and test where they differ."""
        near = self._nearest("nearest noun", self.longest)
        far = self._nearest("nearest noun, in test", self.farthest)
        return (
            Floor("optimum", loss=0.0, accuracy=1.0),
            near,
            *((far,) if far.accuracy != near.accuracy else ()),
            level("no memory", np.full(2, 0.5)),
        )

    def _nearest(self, name: str, longest: int) -> Floor:
        """Number of the last noun before the verb, which is the head if there is no attractor."""
        alone = sum(1 / (min(self.attractors, words) + 1) for words in range(longest + 1))
        alone /= longest + 1
        same, other = (1 + alone) / 4, (1 - alone) / 4
        return level(name, np.array([[same, other], [other, same]]))

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by words between (`distance`) and `opposite` attractors."""
        K = self.farthest if split == "test" else self.longest
        least, most = (KNOWN, len(NOUNS)) if split == "test" else (0, KNOWN)
        words = generator.integers(K + 1, size=count)
        nouns = generator.integers(np.minimum(self.attractors, words) + 1)
        head, cue = generator.integers(2, size=count), generator.integers(len(VERBS), size=count)

        # the places of the attractors: those of the smallest of independent draws
        rank = generator.random((count, K))
        inside = np.arange(K) < words[:, None]
        rank = np.where(inside, rank, 2.0).argsort(axis=1).argsort(axis=1)
        noun = rank < nouns[:, None]
        plural = noun & (generator.random((count, K)) < 0.5)
        which = generator.integers(least, most, size=(count, K + 1))
        clause = np.full((count, K, 2), ABSENT)
        clause[:, :, 0] = np.where(inside, which[:, 1:] + np.where(noun, NOUN, FILLER), ABSENT)
        clause[:, :, 1] = np.where(plural, PLURAL, ABSENT)

        opened = np.where(words > 0, COMMA, ABSENT)
        inputs = np.column_stack(
            [
                np.full(count, THE),
                NOUN + which[:, 0],
                np.where(head == 1, PLURAL, ABSENT),
                opened,
                np.where(words > 0, WHICH, ABSENT),
                clause.reshape(count, -1),
                opened,
                CUE + cue,
            ]
        )
        targets, scored = np.zeros_like(inputs), np.zeros(inputs.shape, np.bool_)
        targets[:, -1], scored[:, -1] = VERB + 2 * cue + head, True
        opposite = (noun & (plural != head[:, None])).sum(axis=1)
        labels = {"distance": words, "opposite": opposite}
        return Rows(
            inputs,
            targets,
            scored,
            {
                name: np.broadcast_to(values[:, None], inputs.shape)
                for name, values in labels.items()
            },
        )


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "agreement") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "symbols", "nats per verb")
