"""Generation: draws follow the model's law, and sequences end as the law of their lengths says."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from cells import canonical, zoo
from cells.engine import executor, generate
from cells.engine.batch import Batch
from cells.engine.learner import Model, Weights
from cells.engine.reference import ReferenceLearner
from cells.engine.stop import AnnouncedLength, EndSymbol, FirstOf, Steps, Stop, StopUnit
from cells.engine.training.initial import draw
from cells.engine.training.trainer import Split, train
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from tests.cells.engine.made import ToyFacts, gru, roll, symbols

COUNTS = np.array([4, 12, 8, 10, 6])
"""Strings a^n of n = 1, ..., 5 among the forty that are learned: their law is known exactly."""
LAW = COUNTS / COUNTS.sum()
LENGTHS = np.arange(1, 6)
A, END = 0, 1


@dataclass(frozen=True)
class Strings:
    """Forty strings a^n, all in every window, which end in one of the three ways."""

    way: Literal["end symbol", "stop unit", "announced length"]

    @property
    def facts(self) -> ToyFacts:
        kind, size = ("roll", 3) if self.way == "stop unit" else ("symbols", 7)
        return ToyFacts(kind, size, 6, int(COUNTS.sum()), 100)

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        for _ in range(100 if split == "train" else 1):
            yield self.window()

    def window(self) -> Batch:
        n = np.repeat(LENGTHS, COUNTS)
        at = np.arange(6)[:, None]
        if self.way == "end symbol":
            targets = np.where(at < n, A, END)
        elif self.way == "announced length":
            targets = np.where(at == 0, 1 + n, A)
        else:
            bars = np.stack([at < n, (at < n) & (at % 2 == 1), at == n - 1], axis=-1)
            targets = bars.astype(np.float32)
        first = np.zeros_like(targets[:1]) if self.way == "stop unit" else np.full((1, 40), END)
        mask = at < n if self.way == "stop unit" else at <= n
        inputs = np.concatenate([first, targets[:-1]])
        return Batch(inputs, targets, mask, np.ones(40, np.bool_))


@cache
def learned(way: Literal["end symbol", "stop unit", "announced length"]) -> tuple[Model, Weights]:
    cell, source = canonical(zoo.load("gru")), Strings(way)
    run = train(
        cell,
        source,
        Setting(learning_rate=1.0),
        Schedule("music", epochs=50),
        Budget(parameters=1_000),
        seed=0,
        executor=executor.best(),
    )
    assert run.weights is not None
    facts = source.facts
    return Model(cell, run.width, 1, facts.kind, facts.size, window=6), run.weights


def drawn(way: str, model: Model, weights: Weights, stop: Stop) -> generate.Generated:
    lanes = 1000
    prefix = np.zeros((1, lanes, 3), np.uint8) if way == "stop unit" else np.full((1, lanes), END)
    source = np.random.default_rng(7)
    return generate.generate(model, weights, prefix, source, most=50, stop=stop)


ANNOUNCED = np.array([-1, -1, *LENGTHS])
RULES: dict[str, tuple[Stop, int]] = {
    "end symbol": (EndSymbol(END), 1),
    "stop unit": (StopUnit(2), 0),
    "announced length": (AnnouncedLength(ANNOUNCED), 1),
}
"""Of each way its rule, and the steps of a sequence that are not a's."""


def fit(lengths: NDArray[np.int64]) -> float:
    """The chance of lengths that fit the law no better, if they follow it."""
    counts = np.bincount(lengths, minlength=8)
    if counts[0] or counts[6:].sum() > 5:
        return 0.0
    inside = counts[1:6]
    return float(chisquare(inside, LAW * inside.sum()).pvalue)


@pytest.mark.parametrize("way", RULES)
def test_lengths_follow_the_law_that_was_learned(way: str) -> None:
    model, weights = learned(way)  # pyright: ignore[reportArgumentType]
    stop, others = RULES[way]
    found = drawn(way, model, weights, stop)
    lengths = found.lengths - others
    assert found.ended.mean() > 0.995
    assert fit(lengths[found.ended]) > 0.01
    assert lengths[found.ended].mean() == pytest.approx(LAW @ LENGTHS, abs=0.1)
    untrained = {name: 0.1 * array for name, array in draw(model, 1.0, 3).items()}
    blind = drawn(way, model, untrained, stop)
    assert fit(blind.lengths[blind.ended] - others) < 1e-6


def test_chances_of_all_strings_sum_to_one_minus_the_tail() -> None:
    model, weights = learned("end symbol")
    read = np.full((13, 1), A)
    read[0] = END
    chances = generate.predict(model, weights, read)[:, 0]
    np.testing.assert_allclose(chances.sum(-1), 1.0, atol=1e-12)
    more, ends = np.cumprod(chances[:, A]), chances[:, END]
    others = np.concatenate([[1.0], more[:-1]]) * chances[:, 2:].sum(-1)
    strings = np.concatenate([[1.0], more[:-1]]) * ends
    assert strings.sum() + others.sum() == pytest.approx(1 - more[-1], abs=1e-12)
    assert others.sum() < 0.01
    np.testing.assert_allclose(strings[1:6], LAW, atol=0.01)


def test_after_its_announcement_a_string_has_nothing_but_its_letters() -> None:
    found = drawn("announced length", *learned("announced length"), RULES["announced length"][0])
    letters = [(found.lane(lane)[1:] == A).mean() for lane in range(1000) if found.ended[lane]]
    assert np.mean(letters) > 0.99
    assert found.lane(0).shape == (found.lengths[0],)


def test_notes_of_a_roll_are_learned_beside_its_stop_unit() -> None:
    found = drawn("stop unit", *learned("stop unit"), RULES["stop unit"][0])
    held = np.arange(len(found.steps))[:, None] < np.minimum(found.lengths, 5)
    assert found.steps[:, :, 0][held].mean() > 0.99
    beat = np.broadcast_to((np.arange(len(found.steps)) % 2 == 1)[:, None], held.shape)
    assert (found.steps[:, :, 1] == beat)[held].mean() > 0.99
    assert not found.steps[np.arange(len(found.steps))[:, None] >= found.lengths].any()


def small(kind: Literal["symbols", "roll"]) -> tuple[Model, Weights]:
    model = Model(canonical(gru()), 5, 2, kind, 4)
    return model, {name: 3 * array for name, array in draw(model, 1.0, 1).items()}


@pytest.mark.parametrize("kind", ["symbols", "roll"])
def test_predictions_are_those_that_the_learner_is_scored_by(
    kind: Literal["symbols", "roll"],
) -> None:
    model, weights = small(kind)
    batch = symbols(0, 6, 3, 4) if kind == "symbols" else roll(0, 6, 3, 4)
    chances = generate.predict(model, weights, batch.inputs)
    if kind == "symbols":
        loss = -np.log(np.take_along_axis(chances, batch.targets.astype(int)[..., None], -1)).sum()
    else:
        right = np.where(batch.targets > 0, chances, 1 - chances)
        loss = -np.log(right).sum()
    scored = ReferenceLearner(model, weights, dtype="float64").evaluate(batch)
    assert loss == pytest.approx(scored.loss, rel=1e-10)


@pytest.mark.parametrize("kind", ["symbols", "roll"])
def test_every_step_is_drawn_from_the_prediction_given_all_before_it(
    kind: Literal["symbols", "roll"],
) -> None:
    model, weights = small(kind)
    lanes = 3000
    prefix = (
        np.array([2, 3])[:, None] if kind == "symbols" else np.eye(4, dtype=np.uint8)[[2, 3], None]
    )
    read = np.repeat(prefix, lanes, axis=1)
    found = generate.generate(model, weights, read, np.random.default_rng(0), most=4)
    assert (found.lengths == 4).all()
    assert not found.ended.any()
    chances = generate.predict(
        model, weights, np.concatenate([read, found.steps], dtype=read.dtype)
    )[1:-1]
    shown = found.steps if kind == "roll" else np.eye(4)[found.steps]
    # Of draws from these chances both sums are normal with the summed variance; draws that know
    # less of what was drawn before would lean towards the mean chance in the second.
    variance = chances * (1 - chances)
    off = shown - chances
    assert np.abs(off.sum(1) / np.sqrt(variance.sum(1))).max() < 4
    lean = (chances - chances.mean(1, keepdims=True))[1:]
    spread = np.sqrt((variance[1:] * lean**2).sum(1))
    assert np.abs((off[1:] * lean).sum(1) / spread).max() < 4
    assert (lean**2).sum() > 5 * spread.max()


@pytest.mark.parametrize("kind", ["symbols", "roll"])
def test_the_same_generator_draws_the_same_and_another_does_not(
    kind: Literal["symbols", "roll"],
) -> None:
    model, weights = small(kind)
    prefix = np.zeros((1, 4), np.int64) if kind == "symbols" else np.zeros((1, 4, 4), np.uint8)

    def steps(seed: int) -> Steps:
        source = np.random.default_rng(seed)
        return generate.generate(model, weights, prefix, source, most=20).steps

    np.testing.assert_array_equal(steps(1), steps(1))
    assert (steps(1) != steps(2)).any()


def test_temperature_moves_between_the_most_likely_and_the_even_law() -> None:
    model, weights = small("symbols")
    prefix = np.zeros((1, 2000), np.int64)
    (chances,) = generate.predict(model, weights, prefix[:, :1])

    def shares(temperature: float) -> NDArray[np.float64]:
        found = generate.generate(
            model, weights, prefix, np.random.default_rng(0), most=1, temperature=temperature
        )
        return np.bincount(found.steps[0], minlength=4) / 2000

    best = np.eye(4)[chances[0].argmax()]
    np.testing.assert_array_equal(shares(0.0), best)
    np.testing.assert_allclose(shares(1.0), chances[0], atol=0.04)
    np.testing.assert_allclose(shares(1e6), 0.25, atol=0.04)
    assert shares(0.3) @ best > shares(1.0) @ best


def test_a_roll_at_temperature_0_and_with_a_threshold_leaves_unlikely_notes_out() -> None:
    model, weights = small("roll")
    prefix = np.ones((1, 500, 4), np.uint8)
    ((chances,),) = generate.predict(model, weights, prefix[:, :1])
    source = np.random.default_rng(0)
    cold = generate.generate(model, weights, prefix, source, most=1, temperature=0.0)
    np.testing.assert_array_equal(cold.steps[0], np.tile(chances > 0.5, (500, 1)))
    middle = float(np.median(chances))
    cut = generate.generate(model, weights, prefix, source, most=1, threshold=middle)
    np.testing.assert_array_equal(cut.steps[0].any(0), chances > middle)


def test_a_limit_that_is_met_is_said_and_the_first_of_two_rules_ends() -> None:
    model, weights = small("symbols")
    prefix = np.zeros((1, 50), np.int64)

    def lengths(stop: Stop) -> generate.Generated:
        return generate.generate(
            model, weights, prefix, np.random.default_rng(0), most=6, stop=stop
        )

    one, two = lengths(EndSymbol(1)), lengths(EndSymbol(2))
    both = lengths(FirstOf((EndSymbol(1), EndSymbol(2))))
    assert 0 < one.ended.sum() < 50
    assert (one.lengths[~one.ended] == 6).all()
    np.testing.assert_array_equal(both.ended, one.ended | two.ended)
    assert (both.lengths <= np.minimum(one.lengths, two.lengths)).all()


def test_a_model_that_runs_away_is_an_error() -> None:
    model, weights = small("symbols")
    broken = {**weights, "readout.bias": np.full(4, np.inf)}
    with pytest.raises(ValueError, match="step 1 is not finite"):
        generate.generate(
            model, broken, np.zeros((1, 2), np.int64), np.random.default_rng(0), most=2
        )
    with pytest.raises(ValueError, match="temperature"):
        generate.generate(
            replace(model),
            weights,
            np.zeros((1, 2), np.int64),
            np.random.default_rng(0),
            most=2,
            temperature=-1.0,
        )
