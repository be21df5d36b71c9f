"""Importances, on made-up selections where one hyperparameter decides."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cells.training.metric import ACCURACY, LOSS, Metric
from cells.training.setting import Setting
from cells.training.space import Space
from results.record.outcome import Ending
from results.statistics.sensitivity import Importance, Method, Selection
from search.commands.record.leaderboard import report
from search.error import SearchError, UsageError
from search.settings import grid
from search.settings.importance import importances
from tests.results import findings_store

SETTINGS = grid.settings(
    Space(
        init_scales=(0.7, 1.0, 1.4),
        learning_rates=(0.1, 0.5, 1.0, 2.0, 5.0),
        clips=(5.0,),
        layers=(1,),
    )
)


METHODS: tuple[Method, ...] = ("PED-ANOVA", "fANOVA")


def importance(
    value: Callable[[Setting], float | None],
    metric: Metric = ACCURACY,
    method: Method = "PED-ANOVA",
) -> Importance:
    values = tuple(value(setting) for setting in SETTINGS)
    endings = tuple(Ending.DIVERGED if one is None else Ending.OK for one in values)
    one = Selection("gru", "copying", metric, SETTINGS, values, endings, (True,) * len(values))
    (found,) = importances([one], method)
    return found


def nudge(setting: Setting) -> float:
    """No two settings tie."""
    return 1e-6 * (setting.init_scale + 0.1 * setting.learning_rate)


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forest for each of a hundred random orders takes seconds."""
    monkeypatch.setattr("search.settings.importance.SHUFFLES", 20)


@pytest.mark.parametrize("method", METHODS)
def test_the_hyperparameter_that_decides_has_nearly_all_the_importance(method: Method) -> None:
    rate = importance(lambda setting: 0.1 * setting.learning_rate + nudge(setting), method=method)
    assert rate.method == method
    assert rate.shares["learning_rate"] > 0.8
    assert "learning_rate" in rate.beyond_chance
    scale = importance(lambda setting: 0.5 * setting.init_scale + nudge(setting), method=method)
    assert scale.shares["init_scale"] > 0.8
    assert "init_scale" in scale.beyond_chance


def test_lower_losses_are_better() -> None:
    gain = importance(lambda setting: 0.1 * setting.learning_rate + nudge(setting))
    loss = importance(lambda setting: 2 - 0.1 * setting.learning_rate - nudge(setting), LOSS)
    assert loss.shares == pytest.approx(gain.shares)


def test_what_never_varies_has_no_importance() -> None:
    assert set(importance(nudge).shares) == {"learning_rate", "init_scale"}


def test_failed_settings_come_last() -> None:
    found = importance(lambda setting: None if setting.learning_rate > 1 else 0.5 - nudge(setting))
    low = importance(lambda setting: (0.0 if setting.learning_rate > 1 else 0.5) - nudge(setting))
    assert found.shares == pytest.approx(low.shares)


def test_nothing_is_said_of_few_trained_settings_or_of_equal_ones() -> None:
    few = importance(lambda setting: 0.5 + nudge(setting) if setting.learning_rate < 0.5 else None)
    equal = importance(lambda _: 0.5)
    assert few.shares == equal.shares == {}
    assert (few.tries, few.beyond_chance) == (15, frozenset())


@pytest.mark.parametrize("method", METHODS)
def test_equal_selections_have_equal_importances(method: Method) -> None:
    first, second = (importance(nudge, method=method) for _ in range(2))
    assert first == second


def test_fanova_sees_all_settings_where_ped_anova_sees_the_best() -> None:
    def split(setting: Setting) -> float:
        """The rate tells the bad settings apart; the best quarter have every rate but the highest."""
        return (0.5 if setting.learning_rate < 5 else 0.0) + nudge(setting)

    best, whole = (importance(split, method=method) for method in METHODS)
    assert whole.shares["learning_rate"] > best.shares["learning_rate"]


def test_fanova_without_scikit_learn_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.settings.importance.find_spec", lambda _: None)
    with pytest.raises(SearchError, match=r"gatewright\[fanova\]"):
        importances([], "fANOVA")


def test_gatewright_report_computes_importances_by_the_method_that_is_asked_for(
    tmp_path: Path,
) -> None:
    store, _ = findings_store.write(tmp_path / "run.sqlite")
    store.close()
    assert report(store.path, importance="fanova") == 0
    assert "(fANOVA)" in (tmp_path / "run.html").read_text()
    with pytest.raises(UsageError, match="ped-anova or fanova"):
        report(store.path, importance="shap")


def test_gatewright_report_of_a_findings_run_is_the_page_of_findings_with_importances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = findings_store.write(tmp_path / "run.sqlite")
    store.close()
    assert report(store.path) == 0
    page = (tmp_path / "run.html").read_text()
    assert str(tmp_path / "run.html") in capsys.readouterr().out
    assert '<section id="verdicts">' in page
    assert "PED-ANOVA" in page
