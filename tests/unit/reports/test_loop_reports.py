"""Exits, guards and denials in the tear sheet, the page and the JSON, and only where there was a loop."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field, replace

import msgspec
from report_samples import goog_equity, summary_of
from rich.console import Console

from reports.brief import render_brief
from reports.html import render_page
from reports.record import RunDocument, to_document
from reports.summary import RunSummary, summary_to_json
from reports.tearsheet import render_tearsheet
from reports.trading import DenialRow, ExitRow, GuardRow

EXITS = [
    ExitRow("stop_loss", 12, 12, 11, 0, 0, 1, "1200", "-2350.25", -0.1523, 1.2, 5.4, 21.75),
    ExitRow("liquidity_dried_up", 1_000_000, 90_000, 80_000, 9_999, 1, 0, "7.50", "-98765432.10",
            -12.5, 11.5, 987_654.0, -3.0),
    ExitRow("rebalance", 3, 0, 0, 0, 0, 0, "0", "0", None, None, None, None),
]  # fmt: skip
GUARDS = [
    GuardRow("daily_loss", "locked", 2, 0, 86_400 * 10**9, False, "-500.01 against -500.00"),
    GuardRow("drawdown", "locked", 1, 0, 0, True, "20.1 % against 20 %"),
]
DENIALS = [
    DenialRow("buying_power", "the order would exceed the account's buying power", 1_234, 1_300),
    *(DenialRow(f"reason_{k}", "", 1, 0) for k in range(20)),
]


@dataclass
class Loop:
    exits: list[ExitRow] = field(default_factory=lambda: EXITS)
    guards: list[GuardRow] = field(default_factory=lambda: GUARDS)
    denials: list[DenialRow] = field(default_factory=lambda: DENIALS)


PLAIN = summary_of(goog_equity())
LOOPED = replace(PLAIN, loop=Loop())


def printed(summary: RunSummary, *, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    render_tearsheet(summary, Console(file=stream, width=width))
    stream.flush()
    return raw.getvalue().decode(encoding)


def document(summary: RunSummary) -> RunDocument:
    return to_document(json.loads(json.dumps(summary_to_json(summary))))


def test_the_tear_sheet_tells_exits_guards_and_denials() -> None:
    text = printed(LOOPED)
    (stop,) = (line for line in text.splitlines() if line.startswith("stop_loss"))
    assert stop.split() == [
        "stop_loss", "12", "12", "11", "0", "-2,350.25", "-15.23", "%", "5.4", "s",
    ]  # fmt: skip
    (idle,) = (line for line in text.splitlines() if line.startswith("rebalance"))
    assert idle.split()[1:] == ["3", "0", "0", "0", "-", "-", "-"]  # never 0 for undefined
    assert "set 2 times from 1970-01-01 00:00 to 1970-01-02 00:00" in text
    assert "it is set still" in text
    assert "and 9 more reasons" in text


def test_no_line_is_wider_than_80() -> None:
    for encoding in ("utf-8", "ascii"):
        assert max(map(len, printed(LOOPED, width=200, encoding=encoding).splitlines())) <= 80


def test_a_run_without_a_loop_shows_and_stores_nothing_of_it() -> None:
    text, page = printed(PLAIN), render_page(document(PLAIN))
    for word in ("Exits", "Guards", "Denied"):
        assert word not in text and f"<h3>{word}" not in page
    assert not {"exits", "guards", "denials"} & set(summary_to_json(PLAIN))
    assert not {"exits", "guards", "denials"} & set(document(PLAIN).to_json())


def test_the_document_keeps_the_tables() -> None:
    found = document(LOOPED)
    assert (found.exits, found.guards, found.denials) == (EXITS, GUARDS, DENIALS)
    again = msgspec.convert(found.to_json(), RunDocument)
    assert again == found


def test_a_recorded_run_shows_its_exits_in_the_terminal() -> None:
    for run, expected in ((LOOPED, True), (PLAIN, False)):
        stream = io.StringIO()
        render_brief(document(run), Console(file=stream, width=80))
        assert ("liquidity_dried_up    1.0 M" in stream.getvalue()) is expected
        assert max(map(len, stream.getvalue().splitlines())) <= 80


def test_the_page_has_every_column() -> None:
    page = render_page(document(LOOPED))
    shown = ("Taken over", "−2,350.25", "−15.23 %", "21.8", "11.4 d", "the account&#39;s buying")
    assert [text for text in shown if text not in page] == []
    assert '<a href="#loop">Exits</a>' in page
