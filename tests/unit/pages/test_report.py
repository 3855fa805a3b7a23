"""The HTML report as text: complete, self-contained, escaped, and of a size to send by mail."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
from documents import HOSTILE, brackets, crossing, hostile, long_run

from engine.errors import InputError
from engine.rules.metrics import DEFINITIONS
from reports.html import render_page, write_page
from reports.record import Daily, Detail, RunDocument

FETCHING = {"src", "href", "action", "poster", "srcset", "data"}


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._skipped = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._skipped += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.text += data


def figures_of(page: str) -> dict[str, dict[str, object]]:
    found = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL
    )
    assert found is not None
    return {each["id"]: each for each in json.loads(found[1])}


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(crossing().document())


def test_nothing_in_the_page_is_fetched(page: str) -> None:
    wanted = [
        (tag, name, value)
        for tag, attributes in Elements(page).found
        for name, value in attributes.items()
        if name in FETCHING and not (value or "").startswith(("#", "data:,"))
    ]
    assert wanted == []
    assert "@import" not in page and "url(" not in page
    assert "fetch(" not in page and "XMLHttpRequest" not in page


def test_the_page_says_what_a_reader_must_know(page: str) -> None:
    text = " ".join(Elements(page).text.split())
    document = crossing().document()
    for said in (
        "+80.18 %",
        "180,183.10",
        document.pessimistic.sample,
        document.state_hash,
        document.fingerprint,
        document.reproduce,
        *document.assumptions,
        *document.passport,
        "buy and hold GOOG",
        "Slippage (in fill prices)",
        "undefined: 9 of the 20 closed trades needed",
    ):
        assert said in text, said
    for row in DEFINITIONS:
        assert row.name in text, row.name


def test_every_chart_of_the_page_has_its_figure(page: str) -> None:
    wanted = {a["data-figure"] for _, a in Elements(page).found if "data-figure" in a}
    assert wanted == set(figures_of(page))
    assert wanted >= {
        "equity", "drawdown", "exposure", "chance", "deepest", "years", "rolling", "histogram",
        "price-0",
    }  # fmt: skip


def test_every_series_has_a_value_for_every_point(page: str) -> None:
    for name, figure in figures_of(page).items():
        for series in figure["series"]:  # type: ignore[attr-defined]
            assert len(series["values"]) == len(figure["x"]), name  # type: ignore[arg-type]


def test_entries_and_exits_stand_where_they_were(page: str) -> None:
    marks = figures_of(page)["price-0"]["trips"]
    trip = crossing().document().detail.round_trips[0]  # type: ignore[union-attr]
    assert marks[0][:4] == [  # type: ignore[index]
        trip.entry_ns // 10**9,
        float(trip.entry_price or 0),
        (trip.exit_ns or 0) // 10**9,
        float(trip.exit_price or 0),
    ]
    assert len(marks) == 9  # type: ignore[arg-type]


def test_the_line_of_a_price_breaks_where_data_is_missing() -> None:
    document = crossing().document()
    assert document.detail is not None
    price = document.detail.prices[0]
    kept = [k for k in range(len(price.ts_ns)) if not 300 <= k < 400]
    columns = {
        name: [getattr(price, name)[k] for k in kept] for name in ("ts_ns", "high", "low", "close")
    }
    holed = msgspec.structs.replace(price, **columns)
    detail = msgspec.structs.replace(document.detail, prices=[holed])
    page = render_page(msgspec.structs.replace(document, detail=detail))
    close = figures_of(page)["price-0"]["series"][0]["values"]  # type: ignore[index]
    assert [k for k, value in enumerate(close) if value is None] == [300]


def test_one_year_has_no_bars_beside_others() -> None:
    document = crossing().document()
    assert document.detail is not None
    daily = document.detail.daily
    year = {
        name: getattr(daily, name)[:60]
        for name in ("day", "equity", "flow", "gross", "net", "traded", "benchmark")
    }
    detail = msgspec.structs.replace(document.detail, daily=msgspec.structs.replace(daily, **year))
    page = render_page(msgspec.structs.replace(document, detail=detail))
    assert "years" not in figures_of(page) and ">2004<" in page


def test_the_same_run_makes_the_same_page() -> None:
    document = crossing().document()
    assert render_page(document) == render_page(document)


def test_texts_of_others_stay_texts() -> None:
    page = render_page(hostile())
    elements = Elements(page)
    tags = [tag for tag, _ in elements.found]
    assert tags.count("script") == 2 and "img" not in tags
    assert HOSTILE in elements.text
    assert figures_of(page)["price-0"]["symbol"] == HOSTILE


def test_two_paths_stand_side_by_side_and_neither_is_called_a_bound() -> None:
    document = brackets().document()
    assert document.depends_on_assumptions
    elements = Elements(render_page(document))
    text = " ".join(elements.text.split())
    assert "a better case, not an upper bound" in text
    assert document.paths["optimistic"].state_hash in text
    labels = [s["label"] for s in figures_of(render_page(document))["equity"]["series"]]  # type: ignore[attr-defined]
    assert labels[:2] == ["pessimistic", "optimistic"]


def test_thirty_years_and_thousands_of_trips_are_a_page_to_send() -> None:
    page = render_page(long_run())
    assert len(page.encode()) < 700_000
    text = " ".join(Elements(page).text.split())
    assert "the 400 largest of 3,000" in text
    assert all(len(each["x"]) <= 1_600 for each in figures_of(page).values())  # type: ignore[arg-type]


def without_detail() -> RunDocument:
    return msgspec.structs.replace(crossing().document(), detail=None)


def first_day_only() -> RunDocument:
    document = crossing().document()
    path = msgspec.structs.replace(
        document.pessimistic,
        metrics=dict.fromkeys(document.pessimistic.metrics),
        net_return=None,
    )
    one = Daily([0], [1e5], [0.0], [0.0], [0.0], [0.0])
    return msgspec.structs.replace(
        document, paths={"pessimistic": path}, benchmark=None, detail=Detail(one)
    )


def ruined() -> RunDocument:
    """Equity that falls under zero has no returns, and still a page."""
    document = crossing().document()
    assert document.detail is not None
    daily = document.detail.daily
    equity = np.linspace(1e5, -1e4, len(daily.day)).tolist()
    path = msgspec.structs.replace(
        document.pessimistic, metrics=dict.fromkeys(document.pessimistic.metrics)
    )
    daily = msgspec.structs.replace(daily, equity=equity)
    detail = msgspec.structs.replace(document.detail, daily=daily)
    return msgspec.structs.replace(document, paths={"pessimistic": path}, detail=detail)


@pytest.mark.parametrize("make", [without_detail, first_day_only, ruined])
def test_a_run_with_little_to_show_has_a_page(make) -> None:  # type: ignore[no-untyped-def]
    page = render_page(make())
    assert "sma_cross" in page and "nan" not in Elements(page).text.lower().split()


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_page(tmp_path / "a.html", "one")
    with pytest.raises(InputError, match=r"a\.html is a file, not a folder"):
        write_page(tmp_path / "a.html" / "b.html", "two")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        write_page(tmp_path / "folder", "three")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "folder"]


def test_no_page_takes_the_place_of_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.html")
    with pytest.raises(InputError, match="this is no file"):
        write_page(tmp_path / "a.html", "one")
    assert (tmp_path / "a.html").is_fifo()


def test_costs_of_the_page_are_those_of_the_run(page: str) -> None:
    costs = crossing().summary.pessimistic.costs
    text = Elements(page).text
    assert f"{costs.fees:,.2f}" in text and f"{costs.slippage:,.2f}" in text
    assert costs.total() == costs.fees + costs.slippage != Decimal(0)


def test_an_open_trip_with_a_partial_exit_has_no_time_of_exit() -> None:
    document = crossing().document()
    assert document.detail is not None
    trip = msgspec.structs.replace(document.detail.round_trips[0], exit_ns=None)
    detail = msgspec.structs.replace(document.detail, round_trips=[trip])
    page = render_page(msgspec.structs.replace(document, detail=detail))
    mark = figures_of(page)["price-0"]["trips"][0]  # type: ignore[index]
    assert mark[2] is None and mark[3] is not None
    assert ">open</td>" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("200.470000", "200.47"),
        ("61.06048636", "61.0605"),
        ("0.00001234", "0.00001234"),
        ("1234567.000000", "1,234,567.00"),
        (None, "-"),
    ],
)
def test_a_price_is_as_long_as_it_has_to_be(text: str | None, shown: str) -> None:
    from reports.html.view import _price

    assert _price(text) == shown
