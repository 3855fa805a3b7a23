"""Daily US equities: a momentum portfolio, and total returns that equal the vendor's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from tests.scenarios.real_data.running import hashes, import_file, quantity_lots, run

pytestmark = pytest.mark.shared

SP500 = "bars_daily/us_equities_sp500_2013_2018_splitadj.parquet"
WIKI = "bars_daily/us_equities_wiki_raw.parquet"
ACTIONS = "corporate_actions/us_equities.parquet"


@pytest.fixture(scope="module")
def sp500(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    catalog = tmp_path_factory.mktemp("sp500")
    import_file(shared_data / SP500, catalog, "--name", "sp500", "--calendar", "XNYS")
    return catalog


@pytest.fixture(scope="module")
def wiki(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shares divisible by a billion, so that reinvesting leaves no remainder that matters."""
    catalog = tmp_path_factory.mktemp("wiki")
    bars = ("--name", "wiki", "--calendar", "XNYS", "--quantity-precision", "9")
    import_file(shared_data / WIKI, catalog, *bars)
    given = ("--where", "source=wiki", "--where", "derived=false")
    import_file(shared_data / ACTIONS, catalog, "--name", "wiki", "--append", *given)
    return catalog


def sixty(shared_data: Path) -> tuple[str, ...]:
    names = pl.read_parquet(shared_data / SP500)["symbol"].unique().sort()
    return tuple(names[:60])


def test_a_momentum_portfolio_of_sixty_companies(sp500: Path, shared_data: Path) -> None:
    result = run("momentum", sp500, instruments=sixty(shared_data))
    summary = result.summary
    assert len(summary.instruments) == 60
    # Between the worst and the best company of the universe, with a plausible risk.
    table = pl.read_parquet(shared_data / SP500).filter(
        pl.col("symbol").is_in(list(sixty(shared_data)))
    )
    growth = table.group_by("symbol").agg(pl.col("close").last() / pl.col("close").first())
    assert growth["close"].min() < result.final_equity / 1_000_000 < growth["close"].max()  # type: ignore[operator]
    assert 0.05 < (result.metric("volatility") or 0.0) < 0.4
    # Bought at the first monthly date with 126 closes: nothing before, a fifth of 60 after it.
    first = table.filter(pl.col("symbol") == "AAPL")["trade_date"][126]
    assert result.fills["time"].min().date() > first  # type: ignore[union-attr]
    assert summary.pessimistic.trades.open_positions <= 12 + 2
    assert summary.pessimistic.costs.fees > 0


def test_the_portfolio_rebalances_at_the_first_close_of_a_month(
    sp500: Path, shared_data: Path
) -> None:
    result = run("momentum", sp500, instruments=sixty(shared_data))
    days = pl.read_parquet(shared_data / SP500)["trade_date"].unique().sort().to_list()
    firsts = [b for a, b in pairwise(days) if a.month != b.month]
    seconds = {days[days.index(day) + 1] for day in firsts}  # decided at the close, traded next
    assert set(result.fills["time"].dt.date().to_list()) <= seconds


def test_the_portfolio_is_one_compiled_and_interpreted(sp500: Path, shared_data: Path) -> None:
    assert len(hashes("momentum", sp500, instruments=sixty(shared_data))) == 1


# Spans without a hole in the bars (tests/unit/data/test_adjustment.py).
SPANS = [
    # symbol, from, before, splits and dividends inside
    ("AAPL", "2011-01-01", "2013-01-01", 2),
    ("AAPL", "2014-01-01", "2015-01-01", 5),  # with the 7:1 split
    ("ORCL", "2000-01-01", "2001-01-01", 2),  # two 2:1 splits
    ("ORCL", "2011-01-01", "2012-01-01", 4),
    ("IBM", "2008-01-01", "2010-01-01", 8),
    ("IBM", "2011-01-01", "2012-01-01", 4),
]


@pytest.mark.parametrize(("symbol", "start", "end", "actions"), SPANS)
def test_a_holding_with_reinvested_dividends_grows_as_the_adjusted_close(
    wiki: Path, shared_data: Path, symbol: str, start: str, end: str, actions: int
) -> None:
    """The vendor's factor at an ex-date is C / (C + D): reinvested at that day's close."""
    result = run("hold", wiki, instruments=(symbol,), start=start, end=end, quantity=5000)
    inside = [
        action
        for action in result.context.history.actions  # type: ignore[union-attr]
        if start < str(pl.Series([action.ts_ex_ns]).cast(pl.Datetime("ns"))[0]) < end
    ]
    table = pl.read_parquet(shared_data / WIKI).filter(
        pl.col("symbol") == symbol,
        pl.col("trade_date") >= date.fromisoformat(start),
        pl.col("trade_date") < date.fromisoformat(end),
    )
    close, adjusted = table["close"], table["adj_close"]
    assert len(inside) == actions
    assert result.fills["time"].dt.date().to_list() == [table["trade_date"][1]]
    grown = quantity_lots(result) / 10**9 * close[-1] / (5000 * close[1])
    assert grown == pytest.approx(adjusted[-1] / adjusted[1], rel=1e-9)


def test_the_account_of_a_holding_adds_up_to_the_cent(wiki: Path, shared_data: Path) -> None:
    """Cash less the purchase, plus the shares at the last close; nothing else."""
    result = run("hold", wiki, instruments=("IBM",), start="2011-01-01", end="2012-01-01")
    table = pl.read_parquet(shared_data / WIKI).filter(
        pl.col("symbol") == "IBM", pl.col("trade_date").dt.year() == 2011
    )
    paid = Decimal(str(table["open"][1])) * 100
    shares = Decimal(quantity_lots(result)) / 10**9
    held = shares * Decimal(str(table["close"][-1]))
    assert result.final_equity == pytest.approx(10_000_000 - paid + held, abs=Decimal("0.000001"))


def test_dividends_as_cash_are_shares_times_amount(wiki: Path) -> None:
    result = run("hold_cash", wiki, instruments=("IBM",), start="2011-01-01", end="2012-01-01")
    paid = result.cash.filter(pl.col("cause") == "dividend")["amount"].to_list()
    assert paid == [Decimal(65), Decimal(75), Decimal(75), Decimal(75)]
    assert quantity_lots(result) == 100 * 10**9
