"""One-minute runs on shares, a perpetual, a currency pair and a future, and their exact results.

The strategy compares prices and does nothing else, so `expected_profit` decides the same in a few
lines of integers: bought and sold at the next bar's open, the rest marked at the last close.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from runtime.results import BacktestResult
from tests.scenarios.real_data.running import hashes, import_file, run

pytestmark = pytest.mark.shared

Ints = NDArray[np.int64]
RISE, FALL, QUANTITY = 60, 30, 2


@dataclass(frozen=True)
class Market:
    """One file, what has to be said about it, and what one tick of one unit is worth."""

    file: str
    said: tuple[str, ...]
    decimals: int
    multiplier: int = 1


SPY = Market("spy_1m_2011_01_03", ("--calendar", "XNYS", "--stamp", "close"), 2)
BTC = Market(
    "btc_perp_1m_2022_01",
    ("--instrument-kind", "crypto_perpetual", "--stamp", "close", "--quantity-precision", "4"),
    0,
)
GBP = Market(
    "gbpusd_1m_2012_02", ("--calendar", "FX", "--stamp", "open", "--price-precision", "6"), 6
)
EURO = Market("6eh4_1m_2024_01", ("--calendar", "FX", "--stamp", "close"), 5, 125_000)
EURO_DEFINITION = (
    '[6EH4]\nkind = "future"\nprice_precision = 5\ntick_size = "0.00005"\nmultiplier = 125000\n'
)


def imported(
    market: Market, shared_data: Path, folder: Path, *more: str
) -> tuple[Path, pl.DataFrame]:
    """Import a file; return the catalog and the file's own rows."""
    path = shared_data / "bars_intraday" / f"{market.file}.parquet"
    import_file(path, folder / "catalog", "--name", "minutes", *market.said, *more)
    return folder / "catalog", pl.read_parquet(path)


def ticks(table: pl.DataFrame, column: str, decimals: int) -> Ints:
    whole: Ints = np.rint(table[column].to_numpy() * 10**decimals).astype(np.int64)
    return whole


def rolling(values: Ints, count: int, of: object) -> Ints:
    """Return the highest or lowest of the `count` values before each place from `count` on."""
    windows = np.lib.stride_tricks.sliding_window_view(values, count)[:-1]
    found: Ints = getattr(windows, str(of))(axis=1)
    return found


def fills_of(table: pl.DataFrame, decimals: int) -> list[tuple[int, int, int]]:
    """Return (bar, side, price in ticks) of every fill that the rules must lead to."""
    opens, closes = ticks(table, "open", decimals), ticks(table, "close", decimals)
    highest = rolling(ticks(table, "high", decimals), RISE, "max")
    lowest = rolling(ticks(table, "low", decimals), FALL, "min")
    fills, holds = [], False
    for bar in range(RISE, len(closes) - 1):
        rises = closes[bar] > highest[bar - RISE]
        falls = closes[bar] < lowest[bar - FALL]
        if not holds and rises and not falls:
            fills.append((bar + 1, 1, int(opens[bar + 1])))
            holds = True
        elif holds and falls:
            fills.append((bar + 1, -1, int(opens[bar + 1])))
            holds = False
    return fills


def expected_profit(table: pl.DataFrame, market: Market, last: str | None = None) -> Decimal:
    """Return what the rules earn without costs; an open rest is worth `last`, or the last close."""
    fills = fills_of(table, market.decimals)
    total = -sum(side * price for _, side, price in fills)
    if len(fills) % 2:
        end = Decimal(last).scaleb(market.decimals) if last else None
        total += int(end) if end is not None else int(ticks(table, "close", market.decimals)[-1])
    return Decimal(total * QUANTITY * market.multiplier).scaleb(-market.decimals)


def require_same_fills(result: BacktestResult, table: pl.DataFrame, market: Market) -> None:
    expected = fills_of(table, market.decimals)
    sides = {"buy": 1, "sell": -1}
    found = [
        (sides[side], int(price.scaleb(market.decimals)))
        for side, price in result.fills.select("side", "price").iter_rows()
    ]
    assert found == [(side, price) for _, side, price in expected]


def test_spy_minutes_with_extended_hours(shared_data: Path, tmp_path: Path) -> None:
    """Two thirds of the bars lie outside the exchange's session; they count and fill all the same."""
    catalog, table = imported(SPY, shared_data, tmp_path)
    result = run("breakout", catalog)
    require_same_fills(result, table, SPY)
    assert result.final_equity == 1_000_000 + expected_profit(table, SPY)
    # One mark a session close, and the start; the file lacks February, the calendar does not.
    assert len(result.equity) == 1 + 20 + 19 + 23
    assert len(hashes("breakout", catalog)) == 1


def test_a_perpetual_pays_funding_on_what_it_holds(shared_data: Path, tmp_path: Path) -> None:
    catalog, table = imported(BTC, shared_data, tmp_path)
    hours = np.arange("2022-01-01T00", "2022-02-01T00", 8, dtype="datetime64[h]").astype(
        "datetime64[s]"
    )
    rates = [("0.0001", "-0.00005", "0.00025")[k % 3] for k in range(len(hours))]
    file = tmp_path / "funding.csv"
    with file.open("w", newline="") as out:
        rows = [(f"{hour}Z", "BTC-PERP", "funding", rate) for hour, rate in zip(hours, rates)]
        csv.writer(out).writerows([("ts", "symbol", "kind", "rate"), *rows])
    import_file(file, catalog, "--name", "minutes", "--append")

    result = run("breakout", catalog)
    require_same_fills(result, table, BTC)
    paid = expected_funding(table, hours, rates)
    found = result.cash.filter(pl.col("cause") == "funding")["amount"].to_list()
    assert found == [-amount for amount in paid if amount]
    assert len(found) > 20
    assert result.final_equity == 1_000_000 + expected_profit(table, BTC) - sum(paid)
    assert len(hashes("breakout", catalog)) == 1


def expected_funding(
    table: pl.DataFrame, hours: NDArray[np.datetime64], rates: list[str]
) -> list[Decimal]:
    """Return what is paid at each time: units held x last close before it x rate."""
    closes = table["ts"].dt.epoch("ns").to_numpy()
    opens = closes - 60 * 10**9
    fills = fills_of(table, 0)
    paid = []
    for hour, rate in zip(hours, rates):
        now = int(hour.astype("datetime64[ns]").astype(np.int64))
        held = QUANTITY * sum(side for bar, side, _ in fills if opens[bar] < now)
        last = table["close"][int(np.searchsorted(closes, now)) - 1]
        paid.append(held * Decimal(int(last)) * Decimal(rate))
    return paid


def test_a_currency_pair_is_settled_by_its_variation(shared_data: Path, tmp_path: Path) -> None:
    catalog, table = imported(GBP, shared_data, tmp_path)
    result = run("breakout", catalog)
    require_same_fills(result, table, GBP)
    assert result.final_equity == 1_000_000 + expected_profit(table, GBP)
    # Margined: no cash is paid for the pounds, only what they have gained or lost.
    assert result.cash["amount"].abs().max() < 1  # type: ignore[operator]
    assert len(hashes("breakout", catalog)) == 1


def test_a_future_ends_at_its_settlement_price(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "definitions.toml").write_text(EURO_DEFINITION)
    definitions = ("--instruments", str(tmp_path / "definitions.toml"))
    catalog, table = imported(EURO, shared_data, tmp_path, *definitions)
    file = tmp_path / "settlement.csv"
    file.write_text("ts,symbol,kind,amount\n2024-02-01T00:30:00Z,6EH4,settlement,1.09\n")
    import_file(file, catalog, "--name", "minutes", "--append")

    # A strategy that still holds at the end: what is left is worth the settlement price exactly.
    result = run("hold_minutes", catalog)
    bought = Decimal(str(table["open"][1]))
    assert result.final_equity == 1_000_000 + 3 * 125_000 * (Decimal("1.09") - bought)
    assert result.summary.pessimistic.trades.open_positions == 0
    assert result.cash.filter(pl.col("cause") == "settlement")["amount"].to_list() == [
        3 * 125_000 * (Decimal("1.09") - bought)
    ]
    result = run("breakout", catalog)
    require_same_fills(result, table, EURO)
    assert result.final_equity == 1_000_000 + expected_profit(table, EURO, "1.09")
    assert len(hashes("breakout", catalog)) == 1


def test_a_position_that_turns_is_as_large_as_the_sizing_says(
    shared_data: Path, tmp_path: Path
) -> None:
    catalog, _ = imported(GBP, shared_data, tmp_path)
    result = run("turning", catalog)
    assert result.fills["position"].abs().max() == 1000


def test_a_spot_exchange_keeps_its_fee_of_every_coin_bought(
    shared_data: Path, tmp_path: Path
) -> None:
    """Bought x, held x less a thousandth rounded up, sold that, paid a thousandth of the money."""
    file = shared_data / "bars_intraday" / "btcusd_30m_2014.parquet"
    said = ("--stamp", "close", "--calendar", "24/7", "--instrument-kind", "crypto_spot")
    import_file(file, tmp_path, "--name", "btc", *said)
    result = run("received", tmp_path)
    assert len(hashes("received", tmp_path)) == 1
    cash, held = Decimal(100_000), Decimal(0)
    satoshi = Decimal("0.00000001")
    for side, quantity, price in result.fills.select("side", "quantity", "price").iter_rows():
        value = (quantity * price).quantize(satoshi, ROUND_HALF_EVEN)
        if side == "buy":
            cash -= value
            held += quantity - (quantity / 1000).quantize(satoshi, ROUND_CEILING)
        else:
            assert quantity == held  # everything that is left, and no more
            cash += value - (value / 1000).quantize(satoshi, ROUND_CEILING)
            held = Decimal(0)
    assert result.fills.height > 40
    last = Decimal(str(pl.read_parquet(file)["close"][-1]))
    assert abs(result.final_equity - (cash + held * last)) < Decimal("0.00000002")
    closed = result.trades.filter(~pl.col("is_open"))
    assert closed.height == result.fills.filter(pl.col("side") == "sell").height
    assert result.trades["fees"].sum() == result.fills["fee"].sum() > 0
