"""`gatewright compare`: whether a cell is better than others."""

from pathlib import Path

import pytest

from cells import parse, zoo
from results.comparison.comparison import compare
from results.record.store import Store
from search import comparison
from search.cli import run
from search.error import UsageError
from tasks.task import TaskError
from tests.search.command import document

SMOKE = ("--scale", "smoke", "--seeds", "3", "--workers", "0")
MINE = """cell mine(x; h)
  g  = sigmoid(linear(x, h))
  h' = g * h + (1 - g) * softsign(linear(x, h))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user's, with a cell of his own in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.cell").write_text(MINE)
    return tmp_path


def test_a_cell_of_ones_own_keeps_its_name_from_the_command_to_the_page(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = document(capsys, "compare", "mine.cell", "lstm", "gru", *SMOKE)
    assert [cell["name"] for cell in told["cells"]] == ["mine", "lstm", "gru"]
    assert [(row["task"], row["other"]) for row in told["contrasts"]] == [
        ("arithmetic", cell["id"]) for cell in told["cells"][1:]
    ]
    assert all(len(arm["values"]) == 3 for arm in told["arms"])
    assert {str(arm["setting"]) for arm in told["arms"]}
    page = Path(told["page"]).read_text(encoding="utf-8")
    assert "<h1>mine against lstm, gru</h1>" in page
    assert not any(word in page for word in ('src="http', 'href="http', "<script"))
    # The same words go on with the same store, and train nothing again.
    again = document(capsys, "compare", "mine.cell", "lstm", "gru", *SMOKE)
    assert (again["store"], again["digest"]) == (told["store"], told["digest"])
    kept = Path(again["page"]).read_text(encoding="utf-8")
    assert kept.partition('id="record"')[0] == page.partition('id="record"')[0]


def test_all_cells_are_tried_with_the_same_settings_and_confirmed_on_other_seeds(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = document(capsys, "compare", "mgu", "elman", *SMOKE, "--settings", "4")
    with Store.read(Path(told["store"])) as record:
        (row,) = record.studies()
        asks = record.log(row.id)
        measured = compare(record, row.id)
    settings: dict[str, set[object]] = {}
    seeds: dict[str, set[int]] = {"baseline": set(), "confirm": set()}
    for ask, _ in asks:
        if ask.trial is None:
            continue
        seeds[ask.role].add(ask.trial.seed)
        if ask.role == "baseline":
            settings.setdefault(ask.trial.cell_id, set()).add(ask.trial.setting)
    first, second = settings.values()
    assert first == second
    assert len(first) == 4
    assert not seeds["baseline"] & seeds["confirm"]
    assert [arm.tried for arm in measured.arms.values()] == [4, 4]
    assert measured.done == measured.asked == 14


def test_two_spellings_are_one_cell_before_anything_is_trained(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "renamed.cell").write_text(zoo.source("lstm").replace("cell lstm", "cell renamed"))
    told = document(capsys, "compare", "lstm", "renamed.cell", *SMOKE)
    assert told["same"] == [["lstm", "renamed.cell"]]
    assert told["contrasts"] == []
    assert not (place / "runs").exists()
    assert run(["compare", "lstm", "renamed.cell", *SMOKE]) == 0
    assert "renamed.cell is the same cell as lstm" in capsys.readouterr().out


def test_tasks_are_chosen_by_name_and_take_the_budget_of_the_scale() -> None:
    cells = [(name, zoo.load(name)) for name in ("lstm", "gru")]
    study = comparison.plan(cells, ["parity", "markup", "parity"], settings=3, seeds=5).study
    assert [(task.name, task.scale, task.settings) for task in study.tasks] == [
        ("parity", "quick", 3),
        ("markup", "quick", 3),
    ]
    assert {task.budget for task in study.tasks} == {study.tasks[0].budget}
    assert (study.baseline_settings, study.confirm.seeds, study.proposals) == (3, 5, 0)


def test_a_comparison_is_priced_before_it_is_run(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    priced = document(capsys, "compare", "mine.cell", "lstm", *SMOKE, "--dry-run")
    assert priced["trials"] == 10
    assert priced["core_hours"] > 0
    assert not (place / "runs").exists()


@pytest.mark.parametrize("scale", comparison.scales())
def test_every_scale_has_a_study_of_named_cells_alone(scale: str) -> None:
    cells = [(name, zoo.load(name)) for name in ("lstm", "gru")]
    study = comparison.plan(cells, scale=scale).study
    assert (study.strategy, study.baselines) == ("roster", ("lstm", "gru"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lstm", *SMOKE), "compared with what"),
        (("lstm", "gru", "--scale", "huge"), "smoke"),
        (("lstm", "gru", "--seeds", "1"), "at least 3"),
        (("lstm", "gru", "--smallest", "0"), "above 0"),
        (("lstm", "gru", "--tasks", "markup,,copy"), "commas"),
        (("lstm", "gru", "--tasks", "markdown"), "markup"),
        (("lstm", "gru", *SMOKE, "--page", "nowhere/page.html"), "no folder"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line_and_nothing_is_written(
    place: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(["compare", *words]) == 2
    assert said in capsys.readouterr().err
    assert not (place / "runs").exists()


def test_two_different_cells_of_one_name_are_told_apart_by_their_author() -> None:
    other = parse(zoo.source("gru").replace("cell gru", "cell lstm"))
    with pytest.raises(UsageError, match="another cell is called 'lstm'"):
        comparison.plan([("lstm", zoo.load("lstm")), ("other.cell", other)])


def test_a_task_without_the_scale_is_refused_with_those_it_has() -> None:
    cells = [(name, zoo.load(name)) for name in ("lstm", "gru")]
    with pytest.raises(TaskError):
        comparison.plan(cells, ["no-such-task"])
