"""Pages in a real browser: no error, no request, nothing wider than the screen.

Skipped where there is no chromium or no playwright.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from documents import brackets, crossing, hostile, long_run, page_of

from reports.comparison import compare
from reports.html import write_page
from reports.html.comparing import render_comparison

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS = {"phone": (390, 844), "tablet": (768, 1024), "screen": (1400, 900)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    both = render_comparison(compare(crossing().document(), crossing(10).document()))
    write_page(folder / "compare.html", both)
    return {
        "plain": page_of(crossing().document(), folder, "plain.html"),
        "two": page_of(brackets().document(), folder, "two.html"),
        "hostile": page_of(hostile(), folder, "hostile.html"),
        "long": page_of(long_run(), folder, "long.html"),
        "compare": folder / "compare.html",
    }


class Visit:
    """One page at one size, with everything that it said and asked for."""

    def __init__(self, browser: Any, path: Path, size: str, *, scheme: str = "light") -> None:
        width, height = WIDTHS[size]
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        self.page = self.context.new_page()
        self.told: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.told.append(message.text))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.told.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=20_000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.mark.parametrize("name", ["plain", "two", "hostile", "long", "compare"])
@pytest.mark.parametrize("size", WIDTHS)
def test_a_page_opens_without_error_request_or_overflow(
    browser: Any, pages: dict[str, Path], name: str, size: str
) -> None:
    with Visit(browser, pages[name], size) as visit:
        assert visit.told == []
        assert visit.requests == [pages[name].as_uri()]
        assert visit.ask("document.documentElement.scrollWidth") <= WIDTHS[size][0]
        drawn = visit.ask(
            "[...document.querySelectorAll('.plot')].filter(p => p.querySelector('canvas')).length"
        )
        assert drawn == visit.ask("document.querySelectorAll('.plot').length") > 0


def test_charts_are_drawn_and_not_empty(browser: Any, pages: dict[str, Path]) -> None:
    count = """[...document.querySelectorAll('canvas')].map(c => new Set(
        new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)"""
    with Visit(browser, pages["plain"], "screen") as visit:
        assert min(visit.ask(count)) > 5  # colours: more than a blank sheet with a grid


def test_the_dark_page_is_dark_and_the_switch_turns_it_light(
    browser: Any, pages: dict[str, Path]
) -> None:
    light = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] > 128"
    with Visit(browser, pages["plain"], "screen", scheme="dark") as visit:
        assert visit.ask(light) is False
        visit.page.click("#theme")
        assert visit.ask(light) is True
        assert visit.told == []


def test_a_heading_sorts_the_trades_by_value_and_not_by_text(
    browser: Any, pages: dict[str, Path]
) -> None:
    results = "[...document.querySelectorAll('.trips tbody tr')].map(r => +r.cells[7].dataset.k)"
    with Visit(browser, pages["plain"], "screen") as visit:
        visit.page.click(".trips th:nth-child(8) button")
        found = visit.ask(results)
        assert found == sorted(found, reverse=True) and found[0] > 10_000
        visit.page.click(".trips th:nth-child(8) button")
        assert visit.ask(results) == sorted(found)


def test_hovering_says_day_and_equity_and_a_click_makes_the_scale_logarithmic(
    browser: Any, pages: dict[str, Path]
) -> None:
    with Visit(browser, pages["plain"], "screen") as visit:
        box = visit.page.locator("#figure-equity .u-over").bounding_box()
        visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
        legend = visit.page.locator("#figure-equity .legend").inner_text()
        assert legend.startswith("2006") and "sma_cross" in legend
        drawdown = visit.page.locator("#figure-drawdown .legend").inner_text()
        assert drawdown[:10] == legend[:10]  # charts over time share their cursor
        visit.page.click("#figure-equity .scale")
        assert visit.page.locator("#figure-equity .scale").inner_text() == "logarithmic"
        assert visit.told == []


def test_an_entry_tells_its_trade(browser: Any, pages: dict[str, Path]) -> None:
    with Visit(browser, pages["plain"], "screen") as visit:
        plot = visit.page.locator("#figure-price-0 .u-over")
        plot.scroll_into_view_if_needed()
        box, tip = plot.bounding_box(), visit.page.locator("#figure-price-0 .tip")
        detail = crossing().document().detail
        assert detail is not None
        first, last = detail.prices[0].ts_ns[0], detail.prices[0].ts_ns[-1]
        entered = (detail.round_trips[0].entry_ns - first) / (last - first) * box["width"]
        for y in range(0, int(box["height"]), 8):
            visit.page.mouse.move(box["x"] + entered, box["y"] + y)
            if tip.is_visible():
                assert "entry, long 479 at 200.47" in tip.inner_text()
                return
    raise AssertionError("no trade was found under the cursor")


def test_it_prints_on_paper(browser: Any, pages: dict[str, Path]) -> None:
    with Visit(browser, pages["plain"], "screen", scheme="dark") as visit:
        paper = visit.page.pdf(format="A4")
        assert paper.startswith(b"%PDF") and len(paper) > 50_000
        assert visit.told == []
