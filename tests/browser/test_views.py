"""Every view in a real browser: it loads whole, draws its charts, and can be read in any light and width."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from results.dashboard.view import View
from results.dashboard.views import STORE_VIEWS, STUDY_VIEWS
from results.record.store import Store
from tests.browser.visitor import Visitor
from tests.results import synthetic
from tests.results.dashboard.served import Server, serving

STUDY = synthetic.study().id
CHARTS = """() => [...document.querySelectorAll(".chart")].map((box) => {
  const drawn = box.querySelector(".plot svg.main-svg").getBoundingClientRect();
  return {
    id: box.id,
    label: box.getAttribute("aria-label"),
    traces: JSON.parse(box.querySelector("script").textContent).data.length,
    marks: box.querySelectorAll(".plot :is(.trace, .parcoords, .hm, .imagelayer image)").length,
    width: drawn.width,
    height: drawn.height,
  };
})"""
FAINT = """() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).slice(0, 3).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      const [, , , opacity = 1] = numbers(colour);
      if (colour && opacity > 0) {
        return colour;
      }
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.querySelectorAll("body, body *")) {
    const own = [...element.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    // Plotly chooses the colour of a text within a bar by that of the bar.
    if (!own || !element.checkVisibility({ visibilityProperty: true }) || element.closest("script, .bartext")) {
      continue;
    }
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(colour), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) {
      found.push(`${element.tagName} ${element.className.baseVal ?? element.className}: `
        + `${element.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
  }
  return [...new Set(found)];
}"""
"""Visible texts with less contrast than the guidelines for accessible pages ask for."""
GROUND = (
    "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
)
WIDE = """(width) => [...document.querySelectorAll("main *")].filter((element) => {
  const reach = element.getBoundingClientRect().right;
  for (let one = element.parentElement; one && reach > width; one = one.parentElement) {
    if (/auto|scroll|hidden/.test(getComputedStyle(one).overflowX) && one.getBoundingClientRect().right <= width) {
      return false;
    }
  }
  return reach > width;
}).map((element) => `${element.tagName} ${element.className.baseVal ?? element.className}`)"""
"""Elements that reach over the edge of the window without a box of their own that scrolls."""


def path(view: View, cell: str) -> str:
    if view in STORE_VIEWS:
        return f"/{view.name}"
    parts = ["/studies", STUDY, view.name, cell if view.named else ""]
    return "/".join(part for part in parts if part)


@pytest.fixture(
    scope="module", params=[*STUDY_VIEWS, *STORE_VIEWS], ids=lambda view: view.name or "overview"
)
def shown(
    request: pytest.FixtureRequest, browser: Browser, server: Server
) -> Iterator[tuple[View, Visitor]]:
    """A view with somebody who looks at it."""
    view: View = request.param
    with Visitor(browser, server.url, color_scheme="light") as visitor:
        visitor.open("/")
        best = visitor.page.evaluate(
            "(study) => fetch(`/api/studies/${study}/overview`).then((one) => one.json())", STUDY
        )["best"]["cell"]
        visitor.open(path(view, best))
        yield view, visitor


def test_a_view_loads_without_an_error_or_a_foreign_request(shown: tuple[View, Visitor]) -> None:
    view, visitor = shown
    page = visitor.page
    assert page.locator("h1").count() == 1
    assert page.locator("h1").inner_text().strip()
    assert view.title in page.title()
    assert page.locator(".explains").inner_text().strip() == view.explains
    visitor.check()


def test_the_charts_of_a_view_are_drawn(shown: tuple[View, Visitor]) -> None:
    _, visitor = shown
    charts: list[dict[str, Any]] = visitor.page.evaluate(CHARTS)
    for chart in charts:
        assert chart["label"], chart
        assert min(chart["width"], chart["height"]) > 100, chart
        assert (chart["marks"] > 0) == (chart["traces"] > 0), chart
    visitor.check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_view_can_be_read_by_day_and_by_night(shown: tuple[View, Visitor], scheme: Any) -> None:
    _, visitor = shown
    visitor.look(scheme)
    ground = visitor.page.evaluate(GROUND)
    assert (max(ground) < 64) if scheme == "dark" else (min(ground) > 192)
    assert visitor.page.evaluate(FAINT) == []
    visitor.check()


def test_a_view_fits_a_narrow_screen(shown: tuple[View, Visitor]) -> None:
    _, visitor = shown
    visitor.look(width=400)
    assert visitor.page.evaluate("document.scrollingElement.scrollWidth") <= 400
    assert visitor.page.evaluate(WIDE, 400) == []
    visitor.check()


def test_a_study_that_just_began_is_shown(browser: Browser, tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "run.gate") as store:
        store.begin(synthetic.study(), {})
    with serving(tmp_path / "run.gate") as server, Visitor(browser, server.url) as visitor:
        for view in STUDY_VIEWS:
            if not view.named:
                visitor.open(path(view, ""))
        visitor.check()
