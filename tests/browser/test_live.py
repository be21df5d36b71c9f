"""A page that is open while a search runs shows what the search adds."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from results.error import StoreError
from results.record.store import Store
from tests.browser.visitor import Visitor
from tests.results import synthetic
from tests.results.dashboard.served import PATIENCE, serving
from tests.search.command import start

DONE = """() => Number([...document.querySelectorAll("#state dt")]
  .find((one) => one.textContent === "trials done").nextElementSibling.firstChild.textContent.replace(",", ""))"""
RISEN = f"(before) => ({DONE})() > before"
STATE = "() => document.querySelector('#state .state').textContent"


def outcomes(path: Path) -> int:
    """Trials in the store that have come back; 0 as long as there is no store."""
    try:
        with Store.read(path, whole=False) as store:
            return int(store.select("SELECT count(*) FROM outcome")[0][0])
    except StoreError:
        return 0


def hold(search: subprocess.Popen[str], when: Callable[[], bool]) -> None:
    """Lets the search run until then, and stops its clock: a busy machine can look at it in peace."""
    search.send_signal(signal.SIGCONT)
    latest = time.monotonic() + PATIENCE
    while not when():
        assert search.poll() is None, search.communicate()[1]
        assert time.monotonic() < latest
        time.sleep(0.01)
    search.send_signal(signal.SIGSTOP)


def test_trials_are_seen_arriving_while_a_search_runs(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    search = start(tmp_path, "search", "smoke", "--workers", "0", "--store", str(path), "--json")
    try:
        hold(search, lambda: outcomes(path) > 0)
        with serving(path) as server, Visitor(browser, server.url) as visitor:
            visitor.open("/")
            page = visitor.page
            assert page.locator("#live").inner_text().endswith("live")
            assert page.evaluate(STATE) == "running"
            page.evaluate("() => { window.opened = true; }")
            before = page.evaluate(DONE)
            drawn = points(page)
            held = outcomes(path)
            hold(search, lambda: outcomes(path) > held + 5)
            page.wait_for_function(RISEN, arg=before)
            assert search.poll() is None
            assert page.evaluate(STATE) == "running"
            search.send_signal(signal.SIGCONT)
            assert search.communicate(timeout=PATIENCE)[1] == ""
            assert search.returncode == 0
            page.wait_for_function(f"() => ({STATE})() === 'finished'")
            page.wait_for_function(f"() => ({DONE})() === {outcomes(path)}")
            assert points(page) > drawn
            assert page.evaluate("() => window.opened"), "it was loaded anew"
            assert page.locator("#live.on").count() == 1
            visitor.check()
    finally:
        search.kill()
        search.communicate()


def points(page: Page) -> int:
    """Points of all charts as they are drawn, not as the page describes them."""
    return page.evaluate(
        "() => [...document.querySelectorAll('.plot')]"
        ".flatMap((plot) => plot.data).reduce((sum, trace) => sum + trace.x.length, 0)"
    )


def test_a_page_says_that_it_is_no_longer_live(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with Store.create_or_open(path) as store:
        store.begin(synthetic.study(), {})
    with serving(path) as server, Visitor(browser, server.url) as visitor:
        visitor.open("/")
        path.rename(tmp_path / "away")
        visitor.page.wait_for_selector("#live:not(.on):text('the store cannot be read')")
        (tmp_path / "away").rename(path)
        visitor.page.wait_for_selector("#live.on")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0
        visitor.page.wait_for_selector("#live:not(.on):text('no connection')")
