"""Why cells are turned away: old lines stay, new digests cover facts and not what is said of them."""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cells.error import CellError
from results import frame
from results.record import history, words
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Ending, Outcome
from results.record.row import ask_digest
from results.record.store import Store
from search.protocol import reason
from tests.results import synthetic
from tests.search.protocol.test_cascade import STUDY, make, play

EDITION_1 = Path(__file__).parents[2] / "results" / "assets" / "edition-1"
LARGE = replace(STUDY, proposals=200, seed=2)

FROZEN: Mapping[str, tuple[reason.Reason, str]] = {
    "invalid": (
        reason.invalid("C502", {"word": "c"}, "reworded"),
        "C502: state c does not reach the output",
    ),
    "unknown code": (reason.invalid("C999", {}, "as it is"), "C999: as it is"),
    "baseline": (reason.duplicate(baseline=True), "same as a baseline"),
    "earlier": (reason.duplicate(baseline=False), "proposed before"),
    "probe": (
        reason.probe(Outcome("k", Ending.REJECTED, detail="no gradient reaches back")),
        "no gradient reaches back",
    ),
    "screen": (
        reason.screen(Outcome("k", Ending.OK), 0.25, 0.9),
        "accuracy 0.2500, 0.9 needed",
    ),
    "diverged": (
        reason.screen(Outcome("k", Ending.DIVERGED), 0.0, 0.9),
        "diverged: Loss or gradient stopped being finite at `step`; lower the rate, the scale or"
        " the clip.",
    ),
    "refused": (
        reason.screen(Outcome("k", Ending.REFUSED, detail="no width"), 0.0, 0.9),
        "refused: no width",
    ),
    "threshold": (
        reason.threshold(0.8828125, 0.9, "arithmetic", "lstm"),
        "0.8828 of the GRU's best on arithmetic, above 0.9 needed",
    ),
    "list": (reason.full_list(0.93123, 0.98352), "score 0.9312, above 0.9835 needed"),
}


@pytest.mark.parametrize("name", FROZEN)
def test_the_first_edition_says_what_it_always_said(name: str) -> None:
    why, line = FROZEN[name]
    assert why.recorded(1) == (line, "")


def test_every_line_of_the_frozen_stores_is_one_that_is_still_said() -> None:
    makers: dict[str, Any] = {
        "invalid": lambda code, rest: reason.invalid(
            code, dict(re.findall(r"state (?P<word>)(\S+)", rest)) and {"word": rest.split()[1]}, ""
        ),
        "probe": lambda line: reason.probe(Outcome("", Ending.REJECTED, detail=line)),
        "screen": lambda a, b: reason.screen(Outcome("", Ending.OK), float(a), float(b)),
        "threshold": lambda a, task, b: reason.threshold(float(a), float(b), task, "gru"),
        "list": lambda a, b: reason.full_list(float(a), float(b)),
    }
    patterns = {
        "invalid": r"(C\d+): (.*)",
        "probe": r"(.*)",
        "screen": r"accuracy (\S+), (\S+) needed",
        "threshold": r"(\S+) of .* best on (\S+), above (\S+) needed",
        "list": r"score (\S+), above (\S+) needed",
    }
    seen: set[str] = set()
    for name in ("search", "interrupted"):
        uri = f"file:{EDITION_1 / name}.gate?immutable=1"
        connection = sqlite3.connect(uri, uri=True)
        for cause, detail in connection.execute("SELECT cause, detail FROM rejection"):
            found = re.fullmatch(patterns[cause], detail)
            assert found is not None
            assert makers[cause](*found.groups()).recorded(1) == (detail, "")
            seen.add(cause)
        connection.close()
    assert seen == set(patterns)


@pytest.mark.parametrize("code", words.FIRST_MESSAGES)
def test_the_codes_of_the_first_edition_are_those_of_the_language(code: str) -> None:
    values = {"limit": 7, "word": "c"}
    needed = {
        key: value for key, value in values.items() if f"{{{key}}}" in words.FIRST_MESSAGES[code]
    }
    CellError(code, needed)  # of the same values, whatever it says today
    line, _ = reason.invalid(code, needed, "reworded").recorded(1)
    assert line == f"{code}: {words.FIRST_MESSAGES[code].format(**needed)}"


def test_both_editions_ask_the_same_and_reject_the_same_for_the_same_causes() -> None:
    first, second = (
        play(make(replace(LARGE, edition=edition)), LARGE.lag)[0] for edition in (1, 2)
    )
    assert [(a.role, a.trial, a.admissions) for a in first] == [
        (a.role, a.trial, a.admissions) for a in second
    ]
    for before, after in zip(first, second, strict=True):
        for old, new in zip(before.rejections, after.rejections, strict=True):
            assert (old.cause, old.cell_id, old.facts) == (new.cause, new.cell_id, "")
            assert old.digested == old.detail
            assert new.digested == new.facts
            assert isinstance(json.loads(new.facts), dict)
            if new.cause is Cause.THRESHOLD:
                assert "gru's best" in new.detail
                assert "the GRU's best" in old.detail


def test_what_is_said_may_change_without_a_change_of_digests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def digests(edition: words.Edition) -> list[str]:
        asks, _ = play(make(replace(LARGE, edition=edition)), LARGE.lag)
        return [ask_digest(ask) for ask in asks]

    before = digests(1), digests(2)
    reworded = {
        kind: "{" + "line}" if kind == "probe" else "reworded" for kind in words.FIRST_LINES
    }
    monkeypatch.setattr(reason, "_LINES", reworded)
    assert (digests(1), digests(2)) == before
    monkeypatch.setattr(words, "FIRST_LINES", reworded)
    assert digests(1) != before[0]
    assert digests(2) == before[1]


def test_the_yardstick_is_named_as_the_study_names_it() -> None:
    line, _ = reason.threshold(0.5, 0.9, "ptb", "lstm").recorded(2)
    assert line == "0.5000 of lstm's best on ptb, above 0.9 needed"
    line, _ = reason.threshold(0.5, 0.9, "ptb", "cell mine(x; h)\n  h' = tanh(x)\n").recorded(2)
    assert line == "0.5000 of the yardstick's best on ptb, above 0.9 needed"


def test_facts_and_line_are_kept_and_read_apart(tmp_path: Path) -> None:
    study = replace(synthetic.study(), edition=2)
    line, facts = reason.full_list(0.5, 0.75).recorded(2)
    rejection = Rejection(Cause.LIST, "a", "b", ("swap",), line, facts)
    with Store.create_or_open(tmp_path / "run.gate") as store:
        store.begin(study, {})
        ask = Ask(0, Role.IDLE, None, rejections=(rejection,))
        store.add_ask(study.id, ask)
        # Another version says it otherwise, and repeats the same ask.
        reworded = replace(ask, rejections=(replace(rejection, detail="not good enough"),))
        store.add_ask(study.id, reworded)
        ((read, _),) = store.log(study.id)
        assert (read.rejections[0].detail, read.rejections[0].facts) == (line, facts)
        assert json.loads(facts) == {"score": 0.5, "needed": 0.75}
        rows = frame.rejections(store, study.id)
        assert (rows["detail"][0], rows["facts"][0]) == (line, facts)


def test_the_line_of_an_outcome_is_a_fact_of_the_first_edition_alone(tmp_path: Path) -> None:
    digests: dict[words.Edition, set[str]] = {1: set(), 2: set()}
    for edition, found in digests.items():
        for line in ("no gradient reaches back", "reworded"):
            study = replace(synthetic.study(), edition=edition)
            trial = synthetic.trial(synthetic.BASELINES["gru"], "alpha", 0)
            with Store.create_or_open(tmp_path / f"{edition}-{line[:2]}.gate") as store:
                store.begin(study, {})
                store.add_ask(study.id, Ask(0, Role.STAGE, trial))
                store.add_outcome(study.id, 0, Outcome(trial.key, Ending.REJECTED, detail=line))
                found.add(history.digest(store, study.id))
    assert (len(digests[1]), len(digests[2])) == (2, 1)


def test_a_second_outcome_that_says_the_same_otherwise_is_no_mismatch(tmp_path: Path) -> None:
    study = synthetic.study()
    trial = synthetic.trial(synthetic.BASELINES["gru"], "alpha", 0)
    with Store.create_or_open(tmp_path / "run.gate") as store:
        store.begin(study, {})
        store.add_ask(study.id, Ask(0, Role.STAGE, trial))
        for line in ("no gradient reaches back", "reworded"):
            store.add_outcome(study.id, 0, Outcome(trial.key, Ending.REJECTED, detail=line))
        assert store.select("SELECT * FROM event") == []
