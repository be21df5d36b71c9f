"""The dashboard in use: sorting, filters, links for a colleague, the keyboard, the copy button."""

from playwright.sync_api import Browser, Page

from results.dashboard.views import STUDY_VIEWS
from tests.browser.visitor import Visitor
from tests.results import synthetic
from tests.results.dashboard.served import Server

STUDY = synthetic.study().id
NAMES = "#table tbody td.cell > a"
FOCUS = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const middle = (low, high, most) => (Math.max(low, 0) + Math.min(high, most)) / 2;
  const top = document.elementFromPoint(middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
  return {
    tag: one.tagName, name: one.name || "", href: one.getAttribute("href") || "", class: one.className,
    outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: top === one || one.contains(top),
  };
}"""
"""What has the focus, and whether one sees that it has."""


def column(page: Page, title: str) -> list[float]:
    """Numbers in the column of that title, from the top, without rows that have none."""
    titles = page.locator("#table thead th").all_inner_texts()
    place = next(n for n, text in enumerate(titles) if text.split("\n")[0].strip() == title)
    cells = page.locator(f"#table tbody tr td:nth-child({place + 1})").all_inner_texts()
    first = [text.split()[0].replace(",", "") for text in cells if text.strip()]
    return [float(text) for text in first]


def test_a_table_is_sorted_by_a_click_and_turned_by_a_second(visitor: Visitor) -> None:
    visitor.open(f"/studies/{STUDY}/leaderboard")
    page = visitor.page
    assert page.locator("th[aria-sort]").inner_text().startswith("score")
    unsorted = page.locator(NAMES).all_inner_texts()
    for direction in ("ascending", "descending", "ascending"):
        with page.expect_navigation():
            page.locator("th a", has_text="parameters").click()
        found = column(page, "parameters")
        assert len(set(found)) > 3
        assert found == sorted(found, reverse=direction == "descending")
        assert sorted(page.locator(NAMES).all_inner_texts()) == sorted(unsorted)
        assert page.locator("th[aria-sort]").inner_text().startswith("parameters")
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == direction


def test_a_filter_in_the_url_is_restored_in_a_fresh_page(
    visitor: Visitor, browser: Browser, server: Server
) -> None:
    visitor.open(f"/studies/{STUDY}/leaderboard")
    page = visitor.page
    everything = page.locator(NAMES).all_inner_texts()
    # A choice is sent by itself, what is typed with Enter.
    with page.expect_navigation():
        page.locator("select[name=kind]").select_option("baselines")
    baselines = page.locator(NAMES).all_inner_texts()
    assert 0 < len(baselines) < len(everything)
    with page.expect_navigation():
        page.locator("input[type=search]").fill("lstm")
        page.locator("input[type=search]").press("Enter")
    assert page.locator(NAMES).all_inner_texts() == ["lstm"]
    with page.expect_navigation():
        page.locator("th a", has_text="parameters").click()
    with Visitor(browser, server.url) as colleague:
        colleague.open(page.url)
        there = colleague.page
        assert there.locator(NAMES).all_inner_texts() == ["lstm"]
        assert there.locator("select[name=kind]").input_value() == "baselines"
        assert there.locator("input[type=search]").input_value() == "lstm"
        assert there.locator("th[aria-sort]").inner_text().startswith("parameters")
        colleague.check()
    with page.expect_navigation():
        page.locator("form.filters a", has_text="clear").click()
    assert page.locator(NAMES).all_inner_texts() == everything


def test_marked_cells_are_compared(visitor: Visitor) -> None:
    visitor.open(f"/studies/{STUDY}/leaderboard")
    page = visitor.page
    names = page.locator(NAMES).all_inner_texts()
    for row in (0, 2):
        page.locator("#marks input[type=checkbox]").nth(row).check()
    with page.expect_navigation():
        page.get_by_role("button", name="Compare").click()
    assert page.locator(NAMES).all_inner_texts() == [names[0], names[2]]


def test_a_mouse_is_not_needed(visitor: Visitor) -> None:
    visitor.open(f"/studies/{STUDY}/leaderboard")
    page = visitor.page
    stops = []
    for _ in range(30):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUS))
    for stop in stops:
        assert stop["outline"], stop
        assert stop["seen"], stop
    assert stops[0]["class"] == "skip"
    reached = [stop["href"] for stop in stops]
    views = [view.name for view in STUDY_VIEWS if not view.named]
    for name in views:
        assert f"../../studies/{STUDY}/{name}".rstrip("/") in reached
    for name in ("q", "kind"):
        assert name in [stop["name"] for stop in stops]


def test_enter_follows_and_skips(visitor: Visitor) -> None:
    page = visitor.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('main') !== null")
    visitor.open("/")
    while not page.evaluate("() => document.activeElement.matches('nav a:not([aria-current])')"):
        page.keyboard.press("Tab")
    wanted = page.evaluate("() => document.activeElement.href")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url == wanted


def test_the_copy_button_copies_the_text_of_the_cell(browser: Browser, server: Server) -> None:
    may = ["clipboard-read", "clipboard-write"]
    with Visitor(browser, server.url, permissions=may) as visitor:
        visitor.open(f"/studies/{STUDY}/cells/{synthetic.BASELINES['gru'][1]}")
        page = visitor.page
        button = page.locator("button[data-copy]").first
        source = page.locator(f"#{button.get_attribute('data-copy')}")
        button.click()
        button.filter(has_text="copied").wait_for()
        assert page.evaluate("() => navigator.clipboard.readText()") == source.text_content()
        visitor.check()
