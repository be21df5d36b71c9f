"""A real browser behind a proxy that puts the dashboard below a path of its own."""

from playwright.sync_api import Browser

from results.dashboard.views import STORE_VIEWS, STUDY_VIEWS
from tests.browser.visitor import DRAWN, Visitor
from tests.results import synthetic
from tests.results.dashboard.proxy import PREFIX, proxying
from tests.results.dashboard.served import Server

POINT = """() => {
  const plot = document.querySelector(".chart .plot");
  const trace = plot.data.find((one) => one.customdata && one.customdata.length);
  plot.emit("plotly_click", { points: [{ customdata: trace.customdata[0] }] });
}"""
"""A click on a point of a chart, as plotly tells of it."""


def test_every_view_is_reached_by_clicks_behind_a_prefix(browser: Browser, server: Server) -> None:
    with proxying(server.port, stripping=True) as port:
        home = f"http://hub.localhost:{port}{PREFIX}/"
        with Visitor(browser, home) as visitor:
            visitor.open("")
            page = visitor.page
            for view in (*STUDY_VIEWS, *STORE_VIEWS):
                if view.named:
                    continue
                page.get_by_role("navigation").get_by_role(
                    "link", name=view.title, exact=True
                ).click()
                page.wait_for_function(DRAWN)
                assert page.title().startswith(view.title)
                assert page.url.endswith(f"/{view.name}" if view.name else synthetic.study().id)
                if view.name == "pareto":
                    page.evaluate(POINT)
                    page.wait_for_url("**/cells/*")
                    page.wait_for_function(DRAWN)
                    page.go_back()
                    page.wait_for_function(DRAWN)
            page.get_by_role("link", name="The same numbers as JSON").click()
            page.wait_for_url("**/api")
            visitor.check()
