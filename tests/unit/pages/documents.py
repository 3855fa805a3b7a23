"""Documents of real runs for the tests of pages, each run once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from reports.record import RoundTrip, RunDocument
from runtime.backtest import backtest_text, run_backtest
from runtime.config import load_strategy
from runtime.results import BacktestResult
from runtime.workspace import examples_folder

HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>&\"'"


@cache
def crossing(fast: int = 20) -> BacktestResult:
    """The example: nine round trips in GOOG, nothing depends on an assumption."""
    from decimal import Decimal

    config = load_strategy(examples_folder() / "sma_cross.toml")
    return run_backtest(config.with_parameters({"fast": Decimal(fast)}), engine="interpreted")


@cache
def brackets() -> BacktestResult:
    """Always in the market with a tight stop and target: the path inside many bars decides."""
    text = """
        [strategy]
        name = "brackets"

        [data]
        dataset = "sample:goog"

        [rules]
        entry = "close > 0"
        exit = "close < 0"

        [execution]
        stop_loss_percent = 1
        take_profit_percent = 1
        """
    return backtest_text(text, engine="interpreted")


def hostile() -> RunDocument:
    """A document whose every text tries to leave its place in the page."""
    document = crossing().document()
    assert document.detail is not None
    trip = msgspec.structs.replace(
        document.detail.round_trips[0], symbol=HOSTILE, entry_rule=HOSTILE
    )
    price = msgspec.structs.replace(document.detail.prices[0], symbol=HOSTILE)
    return msgspec.structs.replace(
        document,
        strategy=HOSTILE,
        description=HOSTILE,
        parameters={HOSTILE: HOSTILE},
        instruments=[HOSTILE],
        benchmark=HOSTILE,
        warnings=[HOSTILE],
        assumptions=[HOSTILE],
        passport=[HOSTILE],
        reproduce=HOSTILE,
        configuration={HOSTILE: HOSTILE},
        detail=msgspec.structs.replace(document.detail, round_trips=[trip], prices=[price]),
    )


def long_run(days: int = 8_000, trips: int = 3_000) -> RunDocument:
    """Thirty years of days and thousands of trips, made of the example's."""
    document = crossing().document()
    assert document.detail is not None
    daily, trip = document.detail.daily, document.detail.round_trips[0]
    times = -(-days // len(daily.day))

    def repeated(values: list[float]) -> list[float]:
        return (values * times)[:days]

    longer = msgspec.structs.replace(
        daily,
        day=list(range(days)),
        equity=repeated(daily.equity),
        flow=repeated(daily.flow),
        gross=repeated(daily.gross),
        net=repeated(daily.net),
        traded=repeated(daily.traded),
        benchmark=repeated(daily.benchmark or []),
    )
    many: list[RoundTrip] = [
        msgspec.structs.replace(trip, pnl=f"{k * 7919 % 2003 - 1000}.50") for k in range(trips)
    ]
    detail = msgspec.structs.replace(
        document.detail, daily=longer, round_trips=many, round_trips_total=trips
    )
    return msgspec.structs.replace(document, detail=detail)


def page_of(document: RunDocument, folder: Path, name: str = "report.html") -> Path:
    """Write a document's report and return its path."""
    from reports.html import render_page, write_page

    path = folder / name
    write_page(path, render_page(document))
    return path
