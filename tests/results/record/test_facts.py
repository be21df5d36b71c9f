"""The fast ways to canonical JSON, and from columns to outcomes, give just what the plain ones give."""

import copy
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cells.training.budget import Budget
from cells.training.optimizer import NAMES
from cells.training.point import Point
from cells.training.setting import Setting
from results.error import StoreError
from results.record import plain
from results.record.outcome import Cost, Ending, Outcome
from results.record.row import clean_outcome
from results.record.store import Store
from results.record.trial import Trial
from tests.results import synthetic
from tests.results.forge import unguarded

ASSETS = Path(__file__).parents[1] / "assets"
TEXTS = (
    "",
    "plain",
    'a "quoted" \\ word',
    "línea\nnueva\t",
    "\x00\x1f\x7f",
    "\u2028 \U0001f600",
    "100%s %r",
)
NUMBERS = (0.0, 1.0, -1.5, 0.1, 1e-7, 1e16, 1e22, 123456789.123, 5e-324, 1.7976931348623157e308)


def drawn(draw: random.Random) -> float:
    return draw.choice((draw.choice(NUMBERS), draw.random(), draw.expovariate(1e-3)))


def maybe(draw: random.Random, value: Callable[[], float]) -> float | None:
    return None if draw.random() < 0.3 else value()


def some_outcome(seed: int) -> Outcome:
    draw = random.Random(seed)  # noqa: S311
    points = [
        Point(
            update=draw.randrange(10**6),
            rate=drawn(draw),
            train_loss=drawn(draw),
            valid_loss=drawn(draw),
            valid_accuracy=draw.random(),
            norm=drawn(draw),
            clipped=draw.random(),
        )
        for _ in range(draw.choice((0, 1, 6)))
    ]
    return clean_outcome(
        Outcome(
            key="",
            ending=draw.choice(list(Ending)),
            step=draw.choice((None, 0, 2**62)),
            detail=draw.choice(TEXTS),
            width=draw.choice((None, 40)),
            parameters=draw.choice((None, 10_000)),
            updates=draw.randrange(2**40),
            tokens=draw.randrange(2**40),
            valid_loss=maybe(draw, lambda: drawn(draw)),
            valid_accuracy=maybe(draw, draw.random),
            test_loss=maybe(draw, lambda: drawn(draw)),
            test_accuracy=maybe(draw, draw.random),
            curve=tuple(points),
            cost=Cost(drawn(draw), 0.25, draw.randrange(2**40)),
        )
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Outcome]]:
    """A record of many different outcomes, and these by key."""
    path = tmp_path_factory.mktemp("facts") / "s.gate"
    study = synthetic.study()
    outcomes: dict[str, Outcome] = {}
    with Store.create_or_open(path) as store:
        store.begin(study, {})
        with store.together():
            for ask, _ in synthetic.history(study):
                store.add_ask(study.id, ask)
                if ask.trial is not None and ask.trial.key not in outcomes:
                    made = replace(some_outcome(ask.index), key=ask.trial.key)
                    outcomes[made.key] = store.add_outcome(study.id, ask.index, made)
    assert len(outcomes) > 100
    return path, outcomes


def test_the_text_from_columns_is_the_text_of_the_outcome(
    stored: tuple[Path, dict[str, Outcome]],
) -> None:
    path, outcomes = stored
    with Store.read(path) as store:
        recorded = [ask for ask in store.replay(synthetic.study().id) if ask.key is not None]
    assert {ask.key for ask in recorded} == set(outcomes)
    for ask in recorded:
        assert ask.key is not None
        assert ask.facts == outcomes[ask.key].facts_json()


def test_an_outcome_from_columns_is_the_outcome(stored: tuple[Path, dict[str, Outcome]]) -> None:
    path, outcomes = stored
    with Store.read(path) as store:
        for key, outcome in outcomes.items():
            # Each of these looks at the curve, which is made only then.
            assert store.outcome(key) == outcome
            assert hash(store.outcome(key)) == hash(outcome)
            assert repr(store.outcome(key)) == repr(outcome)
            assert copy.deepcopy(store.outcome(key)) == outcome
            read = store.outcome(key)
            assert read is not None
            assert read.to_json() == outcome.to_json()
            assert read.curve is read.curve
            assert not hasattr(read, "curves")


def change(path: Path, table: str, column: str) -> None:
    """Changes a column in one row of a table, past the trigger."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (where, value) = connection.execute(
            f"SELECT trial_key, {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
            if table != "trial"
            else f"SELECT key, {column} FROM trial"  # noqa: S608
        ).fetchone()
        key = "key" if table == "trial" else "trial_key"
        other = value + " " if isinstance(value, str) else 0 if value else 1
        with unguarded(connection, f"{table}_no_update"):
            connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE {key} = ? AND {column} = ?",  # noqa: S608
                (other, where, value),
            )


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("point", name.replace("update", "updates")) for name in Point.__slots__),
        *(("outcome", name) for name in Outcome.__slots__ if name not in ("key", "curve", "cost")),
        ("outcome", "digest"),
        ("trial", "description"),
    ],
)
def test_a_resume_finds_each_changed_column(
    tmp_path: Path, stored: tuple[Path, dict[str, Outcome]], table: str, column: str
) -> None:
    path = tmp_path / "s.gate"
    shutil.copy(stored[0], path)
    change(path, table, column)
    with (
        Store.read(path, whole=False) as store,
        pytest.raises(StoreError, match=r"trial [0-9a-f]{32} does not have the checksum") as caught,
    ):
        for _ in store.replay(synthetic.study().id):
            pass
    assert caught.value.code == "damaged"


@pytest.mark.parametrize("name", ["version-1.gate", "version-2.gate"])
def test_an_old_record_is_replayed_as_its_log_is(tmp_path: Path, name: str) -> None:
    shutil.copy(ASSETS / name, tmp_path)
    with Store.read(tmp_path / name) as store:
        (row, *_) = store.studies()
        log = store.log(row.id)
        recorded = list(store.replay(row.id))
    assert len(log) == len(recorded) == row.asked
    for (ask, outcome), known in zip(log, recorded, strict=True):
        assert known.key == (ask.trial and ask.trial.key)
        assert known.outcome == outcome
        assert known.facts == ("" if outcome is None else outcome.facts_json())


def some_trial(seed: int) -> Trial:
    draw = random.Random(seed)  # noqa: S311
    setting = Setting(
        learning_rate=draw.choice((1, 1.0, 0.1, 1e-5)),
        init_scale=draw.choice((2, 2.0, 1e16)),
        clip=5.0,
        layers=draw.choice((1, 4)),
        dropout=draw.choice((0, 0.0, -0.0, 0.5)),
        batch_size=draw.choice((None, 20)),
        optimizer=draw.choice(NAMES),
    )
    return Trial(
        cell=draw.choice(TEXTS),
        cell_id=draw.choice(TEXTS),
        task=draw.choice(TEXTS),
        task_version=draw.choice((1, True, 2**70)),
        task_digest="",
        scale=draw.choice(TEXTS),
        setting=setting,
        schedule=draw.choice((synthetic.SCHEDULE, replace(synthetic.SCHEDULE, least=1e-7))),
        budget=draw.choice((synthetic.BUDGET, Budget(seconds=1), Budget(seconds=1.0, width=8))),
        seed=draw.randrange(2**63),
        stop_at=draw.choice((None, 1, 1.0, 0.95, 1e-7)),
    )


def test_the_composed_text_of_a_trial_is_the_plain_one() -> None:
    for seed in range(3000):  # more settings than are kept
        trial = some_trial(seed)
        assert trial.to_json() == plain.to_json(trial)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_trial_with_a_number_that_is_not_finite_has_no_text(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(some_trial(0), stop_at=number).to_json()
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(some_trial(0), budget=Budget(seconds=number)).to_json()


def test_a_description_takes_a_name_only_with_its_own_text() -> None:
    cell = synthetic.BASELINES["lstm"]
    trial, other = synthetic.trial(cell, "alpha", 1), synthetic.trial(cell, "alpha", 2)
    assert not trial.is_known_by(other.to_json(), "0" * 64)
    assert trial.is_known_by(trial.to_json(), "0" * 64)
    assert trial.key == "0" * 32
    read = Trial.from_json(other.to_json())
    assert not read.is_known_by(read.to_json(), "0" * 64)
    assert read.key == other.key
