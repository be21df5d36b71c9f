"""Somebody with a browser of their own, who notes all that goes wrong in it."""

from types import TracebackType
from typing import Any, Literal, Self

from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from tests.results.dashboard.served import PATIENCE

DRAWN = """() => {
  const boxes = [...document.querySelectorAll(".chart")];
  return document.readyState === "complete"
    && boxes.every((box) => box.querySelector(".plot svg.main-svg"))
    && (!document.querySelector("[data-live]") || document.querySelector("#live.on"));
}"""
"""All charts are drawn, and the page is live where it can be."""


class Visitor:
    """A page in a fresh browser profile. Closed at the end of a `with`.

    Attributes:
        page: what is seen.
        troubles: errors on the console, uncaught ones, requests that failed, answers that are errors,
            and requests to other hosts.
    """

    def __init__(self, browser: Browser, home: str, **options: Any) -> None:
        self._home = home
        self._context = browser.new_context(base_url=home, **options)
        self._context.set_default_timeout(1000 * PATIENCE)
        self.page: Page = self._context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"uncaught: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("request", self._asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.close()

    def open(self, path: str) -> None:
        """Goes there and waits until all charts are drawn."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, (path, answer.text())
        self.page.wait_for_function(DRAWN)

    def check(self) -> None:
        """Raises AssertionError if anything went wrong so far."""
        assert not self.troubles, "\n".join(self.troubles)

    def look(self, scheme: Literal["light", "dark"] = "light", width: int = 1280) -> None:
        """Sets what the system prefers and how wide the window is, and waits until that is drawn."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size({"width": width, "height": 900})
        # Charts follow the window in the frame after, colours in the same.
        self.page.evaluate("() => new Promise((done) => setTimeout(done, 250))")
        self.page.wait_for_function(DRAWN)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.troubles.append(f"{message.type}: {message.text} ({message.location})")

    def _failed(self, request: Request) -> None:
        # A stream, or a look at what has changed, ends with the page that wanted it.
        left = request.failure == "net::ERR_ABORTED"
        if not (left and request.resource_type in ("eventsource", "fetch")):
            self.troubles.append(f"failed: {request.url}: {request.failure}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._home, "data:", "blob:" + self._home)):
            self.troubles.append(f"foreign: {request.url}")
