"""A real browser, Chromium of the distribution, that looks at a dashboard in a process of its own."""

import asyncio
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.visitor import Visitor
from tests.results import synthetic
from tests.results.dashboard.served import PATIENCE, Server, serving

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "NO BROWSER, SO THE DASHBOARD WAS NOT LOOKED AT: none of "
    f"{', '.join(NAMES)} is on PATH; `apt-get install chromium`, or name one in GATEWRIGHT_CHROMIUM"
)


def chromium() -> str | None:
    """The path of the browser, or None. Nothing is ever downloaded."""
    named = os.environ.get("GATEWRIGHT_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


# Not for the whole session: as long as Playwright is there, its event loop counts as running in this
# thread, and whatever else looks for one would find it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip(MISSING)
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=arguments, timeout=1000 * PATIENCE
        )
        yield launched
        launched.close()
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The dashboard of a finished synthetic study."""
    path = tmp_path_factory.mktemp("served") / "run.gate"
    synthetic.write(path)[0].close()
    with serving(path) as found:
        yield found


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    """Somebody at the overview of `server`, in whose browser nothing may go wrong."""
    with Visitor(browser, server.url) as found:
        found.open("/")
        yield found
        found.check()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The page that the visitor sees."""
    return visitor.page
