"""The report: the same bytes each time, self-contained, and deaf to hostile names."""

import dataclasses
import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cells.training.point import Point
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from results.report import search_report as report
from tests.results import synthetic

Written = tuple[Store, Study]

EVIL = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "]]><!--",
    "</style></title></textarea></pre></table>",
    "\u202eevil\u202c\u2066",
    "\x00\x01\x1b[31m",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "$\\alpha_{",
)


class Elements(HTMLParser):
    """The elements and attribute names of a page, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def elements(page: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = Elements()
    parser.feed(page)
    parser.close()
    return parser.found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store of `page` is."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    """The report of a finished synthetic study."""
    store, study = synthetic.write(folder / "run.gate")
    with store:
        return report.render(store, study.id)


def test_the_report_is_the_same_bytes_each_time(written: Written, page: str) -> None:
    store, study = written
    store.close()
    with Store.read(store.path) as reader:
        again = report.render(reader, study.id)
        assert again == report.render(reader, study.id)
        assert again.count(reader.root) == 1
    # The root digest covers times too, so each record has its own.
    assert without_root(again) == without_root(page)


def without_root(text: str) -> str:
    """The report without the root digest, which has to be there."""
    found = re.sub(r"(<p>Root digest.*?</p>\n<pre>)[0-9a-f]{64}(</pre>)", r"\1\2", text)
    assert found != text
    return found


def test_the_report_loads_nothing_and_runs_nothing(page: str) -> None:
    found = elements(page)
    tags = {tag for tag, _ in found}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "img", "base"}
    assert not [name for _, names in found for name in names if name.startswith("on")]
    assert "default-src 'none'" in html.unescape(page)
    urls = set(re.findall(r'(?:href|src)="([^"]*)"', page))
    assert all(url.startswith("#") for url in urls)
    assert set(re.findall(r"https?://[^\s\"<]*", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_every_reference_in_the_page_has_its_target_and_ids_are_unique(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r"url\(#([^)]+)\)", page)) | set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(ids)


def test_the_report_says_what_was_found_and_what_was_not(page: str, folder: Path) -> None:
    assert "lstm has" in page
    assert "24 new cells were screened" in page
    assert "What this does not show" in page
    assert "lstm" in page
    assert "gru" in page
    assert "gatewright search synthetic --store run.gate" in page
    assert str(folder) not in page


def test_a_study_without_any_result_has_a_report(tmp_path: Path) -> None:
    store, study = Store.create_or_open(tmp_path / "run.gate"), synthetic.study()
    store.begin(study, {})
    page = report.render(store, study.id)
    assert "No new cell has finished all tasks." in page
    assert "no difference is significant" in page


def small(path: Path, text: str) -> tuple[Store, str]:
    """A store of a few rows whose every free text is the given one."""
    study = dataclasses.replace(
        synthetic.study(text), tasks=(dataclasses.replace(synthetic.study().tasks[0], name=text),)
    )
    store = Store.create_or_open(path)
    store.begin(study, {text: text})
    store.add_task(
        name=text,
        scale="smoke",
        version=1,
        digest=text,
        family=text,
        metric="accuracy",
        unit=text,
        floors=[{"name": text, "accuracy": 0.5}],
        baselines=[
            {
                "name": text,
                "metric": text,
                "value": 1.0,
                "split": text,
                "source": text,
                "comparable": True,
            }
        ],
    )
    rejection = Rejection(Cause.INVALID, text, text, (text,), text)
    cells = [synthetic.BASELINES["gru"], (synthetic.BASELINES["lstm"][0], "id " + text)]
    for number, cell in enumerate(cells):
        trial = dataclasses.replace(
            synthetic.trial(cell, "alpha", 0), task=text, task_digest=text, cell=text
        )
        store.add_ask(
            study.id, Ask(number, Role.STAGE, trial, text, (text,), (rejection,), (text,))
        )
        point = Point(10, 0.5, 1.0, 1.0, 0.5, 1.0, 0.0)
        outcome = Outcome(
            trial.key, Ending.OK, detail=text, valid_loss=1.0, valid_accuracy=0.5, curve=(point,)
        )
        store.add_outcome(study.id, number, outcome)
    store.add_event(study.id, text, text)
    return store, study.id


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, tuple[str, ...]]]:
    store, study_id = small(tmp_path_factory.mktemp("harmless") / "run.gate", "name")
    with store:
        return outside_figures(report.render(store, study_id))


def outside_figures(page: str) -> list[tuple[str, tuple[str, ...]]]:
    # The length of a name moves what a figure draws; the page around it must not change.
    return elements(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL))


@pytest.mark.parametrize("text", EVIL)
def test_a_hostile_name_changes_no_element_of_the_page(
    tmp_path: Path, text: str, harmless: list[tuple[str, tuple[str, ...]]]
) -> None:
    store, study_id = small(tmp_path / "run.gate", text)
    page = report.render(store, study_id)
    assert outside_figures(page) == harmless
    assert not {tag for tag, _ in elements(page)} & {"script", "img"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page)


@given(st.lists(st.text(max_size=30), min_size=25, max_size=25))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_in_any_place_of_the_template_leaves_its_elements(texts: list[str]) -> None:
    environment = report._environment()
    template = environment.from_string(
        "<p title=\"{{ a }}\">{{ a }}</p><table><td class='x'>{{ a | upper }}</td></table>"
        "<style></style><pre>{{ a }}</pre>"
    )
    expected = elements(template.render(a="name"))
    for text in [*texts, *EVIL]:
        hostile = "".join(EVIL[len(text) % len(EVIL)] + text)
        assert elements(template.render(a=hostile)) == expected
