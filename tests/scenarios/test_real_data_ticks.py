"""Quote-tick runs: a market order pays the next quote, a resting order waits for the market."""

from __future__ import annotations

from collections import deque
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import polars as pl
import pytest

from engine.model import layout as at
from runtime.results import BacktestResult
from tests.scenarios.real_data.running import hashes, import_file, run

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def euro(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    catalog = tmp_path_factory.mktemp("euro")
    file = shared_data / "ticks" / "eurusd_oanda_quotes_2014_05_07.parquet"
    import_file(file, catalog, "--name", "ticks", "--calendar", "FX")
    return catalog


@pytest.fixture(scope="module")
def bitcoin(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quotes and prints of one instrument, merged by their time of receipt."""
    catalog = tmp_path_factory.mktemp("bitcoin")
    said = ("--name", "ticks", "--calendar", "24/7", "--currency", "USDT")
    import_file(shared_data / "ticks" / "btcusdt_quotes_2024_08_08.parquet", catalog, *said)
    trades = shared_data / "ticks" / "btcusdt_trades_2024_08_08.parquet"
    import_file(trades, catalog, "--name", "ticks", "--append")
    return catalog


def crossing_fills(table: pl.DataFrame) -> list[tuple[str, str]]:
    """Return what real_data/crossing.py must trade: decided on one quote, filled on the next."""
    mids: deque[float] = deque(maxlen=100)
    fills: list[tuple[str, str]] = []
    holds, wish, since = False, "", 0
    for bid, ask in table.select("bid", "ask").iter_rows():
        if wish:
            fills.append((wish, f"{ask if wish == 'buy' else bid:.5f}"))
            holds, wish = wish == "buy", ""
        mid = (bid + ask) / 2
        mids.append(mid)
        since += 1
        if holds and since >= 200:
            wish = "sell"
        elif not holds and mid - mids[0] >= 0.0002:
            wish, since = "buy", 0
    return fills


def test_market_orders_on_a_day_of_euro_quotes(euro: Path, shared_data: Path) -> None:
    table = pl.read_parquet(shared_data / "ticks" / "eurusd_oanda_quotes_2014_05_07.parquet")
    result = run("crossing", euro)
    expected = crossing_fills(table)
    found = [(s, f"{p:.5f}") for s, p in result.fills.select("side", "price").iter_rows()]
    assert found == expected
    assert len(found) > 100
    profit = sum((1 if s == "sell" else -1) * Decimal(p) * 10_000 for s, p in expected)
    assert len(expected) % 2 == 0
    assert result.final_equity == 100_000 + profit
    assert len(hashes("crossing", euro)) == 1


def test_the_queue_model_fills_resting_orders_only_where_the_market_traded(
    bitcoin: Path, shared_data: Path
) -> None:
    result = run("quoting", bitcoin)
    fills = result.fills
    assert fills.height > 100
    assert set(fills["side"]) == {"buy", "sell"}
    assert set(fills["liquidity"]) == {"maker"}  # every order was post-only
    require_market_was_there(fills, shared_data)
    assert fills["position"].min() >= 0  # type: ignore[operator]
    assert fills["position"].max() <= Decimal("0.01")  # type: ignore[operator]


def require_market_was_there(fills: pl.DataFrame, shared_data: Path) -> None:
    """A resting buy trades at a time when somebody sold at its price or lower; sells mirror it."""
    trades = pl.read_parquet(shared_data / "ticks" / "btcusdt_trades_2024_08_08.parquet")
    quotes = pl.read_parquet(shared_data / "ticks" / "btcusdt_quotes_2024_08_08.parquet")
    prints = trades.select("ts", low="price", high="price")
    touches = quotes.select("ts", low="ask", high="bid")  # who sees our price beyond the touch
    market = pl.concat([prints, touches]).group_by("ts").agg(pl.min("low"), pl.max("high"))
    seen = fills.join(market, left_on="time", right_on="ts", how="left")
    assert seen["low"].null_count() == 0
    price = pl.col("price_float")
    assert seen.filter((pl.col("side") == "buy") & (pl.col("low") > price)).height == 0
    assert seen.filter((pl.col("side") == "sell") & (pl.col("high") < price)).height == 0


def test_cash_and_coins_of_the_market_maker_add_up(bitcoin: Path, shared_data: Path) -> None:
    result = run("quoting", bitcoin)
    require_ledger(result)
    quotes = pl.read_parquet(shared_data / "ticks" / "btcusdt_quotes_2024_08_08.parquet")
    span = quotes["ts"].max() - quotes["ts"].min()  # type: ignore[operator]
    assert 600 < span.total_seconds() < 700  # type: ignore[union-attr]


def require_ledger(result: BacktestResult) -> None:
    """Final equity is the start, the fills' money, one basis point of it, and the coins held."""
    equity, held = Decimal(100_000), Decimal(0)
    for side, quantity, price in result.fills.select("side", "quantity", "price").iter_rows():
        sign = 1 if side == "buy" else -1
        equity -= sign * quantity * price + fee_of(quantity * price)
        held += sign * quantity
    last = int(result.pessimistic.positions[0, at.POSITION_LAST])
    assert result.final_equity == equity + held * Decimal(last).scaleb(-2)


def fee_of(value: Decimal) -> Decimal:
    """Return one basis point, rounded up to the eighth decimal (docs/explain/fill-model.md)."""
    return (value / 10_000).quantize(Decimal("0.00000001"), ROUND_CEILING)


def test_the_market_maker_is_one_compiled_and_interpreted(bitcoin: Path) -> None:
    assert len(hashes("quoting", bitcoin)) == 1
