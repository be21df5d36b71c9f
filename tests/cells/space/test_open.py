"""The open space: what the samplers and mutations of the language do, as a space."""

from random import Random

from cells import mutate, parse, sample, zoo
from cells.cell import Cell
from cells.limit import Limits
from cells.space.core import core
from cells.space.open import LARGEST, SMALLEST, Open
from cells.space.protocol import Space


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret is drawn


def draw(space: Space, seed: int) -> Cell:
    return space.sample(seeded(seed))


def test_both_spaces_are_spaces_and_hold_what_they_draw():
    spaces: tuple[Space, ...] = (Open(), core())
    for space in spaces:
        assert draw(space, 4) == draw(space, 4)
        assert draw(space, 4) in space
        assert "cell" not in space
    assert [space.name for space in spaces] == ["open", "core"]


def test_samples_are_those_of_the_uniform_search():
    for seed in range(30):
        generator = seeded(seed)
        assert draw(Open(), seed) == sample(generator, generator.randint(SMALLEST, LARGEST))


def test_mutations_are_those_of_the_language():
    lstm = zoo.load("lstm")
    for seed in range(30):
        assert Open().mutate(lstm, seeded(seed)) == mutate(lstm, seeded(seed))


def test_the_whole_zoo_is_inside_and_what_loses_x_or_is_too_large_is_not():
    assert all(zoo.load(name) in Open() for name in zoo.names())
    assert parse("cell c(x; h)\n  h' = h + 0 * x\n") not in Open()
    assert zoo.load("lstm") not in Open(limits=Limits(nodes=8))
