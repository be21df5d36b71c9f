"""Study files."""

import json
from pathlib import Path

import pytest

from results.record.study import Study
from search import configuration
from search.configuration import build, load, names
from search.error import SearchError
from search.settings import grid


def _raises(code: str, *parts: str, study: str = "smoke", overrides: tuple[str, ...] = ()) -> None:
    with pytest.raises(SearchError) as caught:
        load(study, overrides)
    assert caught.value.code == code
    for part in parts:
        assert part in str(caught.value)


def test_four_studies_come_with_the_suite() -> None:
    assert set(names()) >= {"laptop", "paper", "quick", "smoke"}


@pytest.mark.parametrize("name", names())
def test_every_study_loads_under_its_own_name_and_survives_json(name: str) -> None:
    study = load(name)
    assert study.name == name
    assert build(json.loads(study.to_json()), "json") == Study.from_json(study.to_json()) == study


def test_the_paper_study_has_the_numbers_of_the_paper() -> None:
    study = load("paper")
    assert study.proposals == 10_000
    assert study.list_size == 100
    assert study.threshold == 0.9
    assert study.screen.pass_mark == 0.95
    assert study.screen.budget.parameters == 25_000
    assert grid.size(study.space) == study.baseline_settings == 840
    assert [task.name for task in study.tasks] == ["arithmetic", "markup", "ptb"]
    assert [task.settings for task in study.tasks] == [20, 20, 20]
    assert [task.budget.parameters for task in study.tasks] == [250_000, 250_000, 5_000_000]


def test_the_quickstart_covers_symbols_music_and_text() -> None:
    study = load("quick")
    assert [task.name for task in study.tasks] == ["arithmetic", "progressions", "pydocs-char"]
    assert study.slots == 2
    assert study.proposals >= 400


def test_overrides_reach_every_level() -> None:
    study = load(
        "smoke",
        (
            "seed=7",
            "strategy=uniform",
            "screen.pass_mark=0.5",
            "tasks.0.settings=3",
            "tasks.arithmetic.budget.updates = 11",
            'name = "mine"',
            "space.layers=[1, 2]",
            "confirm.seeds=0",
        ),
    )
    assert (study.seed, study.strategy, study.name) == (7, "uniform", "mine")
    assert study.screen.pass_mark == 0.5
    assert study.tasks[0].settings == 3
    assert next(task for task in study.tasks if task.name == "arithmetic").budget.updates == 11
    assert study.space.layers == (1, 2)
    assert study.confirm.seeds == 0
    assert study.id != load("smoke").id


def test_an_unknown_study_names_the_nearest() -> None:
    _raises("study.unknown", "'quik'", "did you mean 'quick'?", "laptop", study="quik")


@pytest.mark.parametrize(
    ("override", "code", "part"),
    [
        ("proposal=3", "study.key", "did you mean 'proposals'?"),
        ("screen.passmark=0.5", "study.key", "did you mean 'pass_mark'?"),
        ("tasks.0.budget.update=5", "study.key", "tasks.0.budget.update"),
        ("tasks.arithmetik.settings=2", "study.override", "did you mean 'arithmetic'?"),
        ("tasks.0=2", "study.override", "tasks.0.settings=3"),
        ("seed.inner=2", "study.override", "'seed' has no inner keys"),
        ("proposals", "study.override", "key=value"),
        ("=3", "study.override", "key=value"),
        ("proposals=many", "study.value", "expected a whole number"),
        ("proposals=true", "study.value", "expected a whole number"),
        ("proposals=2.5", "study.value", "expected a whole number"),
        ("threshold=nan", "study.value", "finite"),
        ("threshold='a'", "study.value", "expected a number"),
        ("strategy=papre", "study.value", "did you mean 'paper'?"),
        ("sampler=cma", "study.value", "grid, random, tpe"),
        ("tasks=[]", "study.value", "at least one task"),
        ("tasks=3", "study.value", "expected a list"),
        ("screen=3", "study.value", "expected a table"),
        ("name='Ä b'", "study.value", "a-z"),
        ("lag=15", "study.value", "at least 4 x slots = 16"),
        ("slots=0", "study.value", "at least 1"),
        ("list_size=1", "study.value", "at least 2"),
        ("reevaluate=1", "study.value", "not including"),
        ("retry=0.9", "study.value", "together with reevaluate"),
        ("space.layers=[5]", "study.value", "each 1 to 4"),
        ("space.scales=[]", "study.value", "above 0"),
        ("space.clips=[0.0]", "study.value", "above 0"),
        ("space.dropouts=[1.0]", "study.value", "up to, not including, 1"),
    ],
)
def test_a_mistake_is_named_with_its_place(override: str, code: str, part: str) -> None:
    _raises(code, part, overrides=(override, "reevaluate=0.2")[: 2 if "retry" in override else 1])


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    text = (configuration.STUDIES / "smoke.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("proposals =", "# proposals ="))
    _raises("study.key", "lacks the key 'proposals'", "mine.toml", study=str(path))


def test_a_file_that_is_not_toml_or_not_there_is_named(tmp_path: Path) -> None:
    _raises("study.file", "gone.toml", study=str(tmp_path / "gone.toml"))
    path = tmp_path / "bad.toml"
    path.write_text("proposals = = 3")
    _raises("study.syntax", "bad.toml", "line 1", study=str(path))
    path.write_bytes(b"\xff\xfe")
    _raises("study.file", "bad.toml", study=str(path))
