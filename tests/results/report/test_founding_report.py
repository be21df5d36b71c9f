"""The report of the second edition: conclusion first, the same bytes each time, nothing that runs."""

from pathlib import Path

import pytest

from results.claims.claim import Claim, Comparison, Family
from results.claims.conclusion import sentences
from results.claims.evidence import Evidence
from results.claims.rules import Decision, Ruling
from results.record.store import Store
from results.report import founding_report
from results.statistics.estimate import Estimate
from tests.results.founding_store import Cell, Part, record
from tests.results.report.test_findings_report import section, text_of


def cell(value: float) -> Cell:
    """A cell that ended between the known levels of the task, with its rate cut and its curve flat."""
    tried = [(value - 0.1, value - 0.1), (value, value), (value - 0.2, value - 0.2)]
    seeds = [value + 0.001 * (number - 5) for number in range(11)]
    return Cell(tried, seeds, (0.4, 0.6, 0.7, 0.75, 0.75), (1.0, 1.0, 1.0, 0.5, 0.25), 1)


ARMS = {"lstm": cell(0.8), "lstm_f": cell(0.6), "lstm_b": cell(0.85), "gru": cell(0.8)}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("founding") / "run.sqlite"
    record(
        path,
        Part("near", {"lstm": cell(0.7), "lstm_b": cell(0.9)}, task="copy"),
        Part("rung-1", ARMS, first=3),
        Part("rung-1", ARMS, task="markup", first=6),
        Part("rung-3", {"lstm": cell(0.8), "lstm_f": cell(0.9)}, first=9),
    )
    return path


def rendered(path: Path) -> str:
    with Store.read(path) as store:
        run = founding_report.findings_run(store)
        return founding_report.render(store, run)


@pytest.fixture(scope="module")
def page(path: Path) -> str:
    return rendered(path)


def test_the_page_begins_with_the_three_sentences(path: Path, page: str) -> None:
    with Store.read(path) as store:
        run = founding_report.findings_run(store)
    said = sentences(founding_report.judged_of(run, Evidence(run)))
    text = text_of(page)
    places = [text.index(sentence) for sentence in said]
    assert places == sorted(places)
    assert places[-1] < text.index("What this does not show")
    assert "the forget gate helps (1x updates" in said[0]


def test_the_page_is_the_same_bytes_each_time(path: Path, page: str) -> None:
    assert rendered(path) == page


def test_the_ladder_and_the_figures_of_the_bias_are_drawn(page: str) -> None:
    assert section(page, "ladder").count("<svg") == 1
    # Distance, budget, settings and the end of training.
    assert section(page, "bias").count("<svg") == 4


def test_every_verdict_stands_beside_its_claim(page: str) -> None:
    verdicts = text_of(section(page, "verdicts"))
    assert "Which gates of the LSTM matter" in verdicts
    assert "underpowered" in verdicts
    assert "rung-1:lstm - rung-1:lstm_f" in verdicts


def test_the_page_says_who_made_it_and_how_to_check_it(page: str) -> None:
    text = text_of(page)
    for words in ("By the Gatewright authors", "Apache-2.0", "CITATION.cff", "gatewright verify"):
        assert words in text


def test_the_page_fetches_and_runs_nothing_and_has_a_print_style(page: str) -> None:
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "@media print" in page
    assert "size: A4" in page


def test_a_setting_has_learned_when_it_is_well_above_the_level_without_memory(page: str) -> None:
    # Of 0.7, 0.8 and 0.6 all exceed 0.3 by more than the smallest difference.
    assert "3 of 3" in text_of(section(page, "standings"))


def test_a_part_with_fewer_seeds_than_planned_is_said_to_be_interim() -> None:
    comparison = Comparison("lstm_b", "lstm", "arithmetic", 0.01)
    claim = Claim("helps", "A bias of 1 helps.", "us", "better", "all", (comparison,))

    def judged(seeds: int) -> founding_report.Judged:
        estimate = Estimate(0.1, 0.01, 9.0, seeds)
        decision = Decision(
            comparison, estimate, None, "d <= 0", None, None, "replicated", "", False, ()
        )
        ruling = Ruling(claim, (decision,), "replicated", "", False, None)
        return [(Family("bias-rung-3", 1, "", "", (), 2, "rung-3", 10), [ruling])]

    assert founding_report.interim(judged(4)) == {"3x": (4, 10)}
    assert founding_report.interim(judged(10)) == {}
