"""Searches whose trials go beyond their guards: stopped, resumed, and the same as without guards."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from results.record.store import Store
from results.record.strike import Blame, Kind
from results.record.trial import Trial
from search import cli, configuration
from search.error import SearchError
from search.run import session
from search.run.guards.guard import Guard
from search.run.guards.limits import Limits
from tests.search.command import tiny


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_study_that_stops_at_a_guard_goes_on_without_guards_to_the_same_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(configuration.load(tiny(tmp_path)), on_poison="stop")
    quiet, path = tmp_path / "quiet.sqlite", tmp_path / "s.sqlite"
    digest = session.conduct(plan, quiet).digest
    with Store.read(quiet) as record:
        ((ask, _),) = record.part(plan.id, [3])
    assert ask.trial is not None
    slow, real = ask.trial.key, Guard.limits

    def limits(guard: Guard, trial: Trial) -> Limits:
        return Limits(cpu_seconds=0.0) if trial.key == slow else real(guard, trial)

    with monkeypatch.context() as patch:
        patch.setattr(Guard, "limits", limits)
        with pytest.raises(SearchError, match=r"^trial\.poison: ask 3 .*processor time") as caught:
            session.conduct(plan, path)
    assert caught.value.resumable
    with Store.read(path) as record:
        strikes = record.strikes(plan.id)
    assert [(one.index, one.kind, one.blame) for one in strikes] == [
        (3, Kind.GUARDED, Blame.CELL)
    ] * 3
    assert session.conduct(plan, path, guards=None).digest == digest


def test_guards_under_which_no_trial_comes_through_blame_no_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, path = configuration.load(tiny(tmp_path)), tmp_path / "s.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(Guard, "limits", lambda guard, trial: Limits(cpu_seconds=0.0))
        with pytest.raises(SearchError, match=r"^pool\.unfit: .*4 trials .* processor time"):
            session.conduct(plan, path)
    digest = session.conduct(plan, path).digest
    assert digest == session.conduct(plan, tmp_path / "quiet.sqlite", guards=None).digest


def test_a_study_is_stopped_or_not_by_its_own_description_alone(tmp_path: Path) -> None:
    plan = configuration.load(tiny(tmp_path))
    stopping = configuration.load(tiny(tmp_path), ["on_poison=stop"])
    assert plan.on_poison == "record"
    assert "on_poison" not in plan.to_json()
    assert stopping.id != plan.id
    assert type(plan).from_json(stopping.to_json()) == stopping


def test_the_options_of_guards_are_part_of_the_command_that_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path)
    words = ["search", "tiny.toml", "--store", "s.gate", "--json"]
    assert cli.run([*words, "--deadline-factor", "30", "--memory-share", "0.5"]) == 0
    plain = document(capsys)["digest"]
    with Store.read(tmp_path / "s.gate") as record:
        (row,) = record.studies()
        command = record.provenance(row.id)[1]["command"]
    assert shlex.split(command)[-4:] == ["--deadline-factor", "30", "--memory-share", "0.5"]
    assert cli.run([*words[:3], "free.gate", "--json", "--no-guards"]) == 0
    assert document(capsys)["digest"] == plain
