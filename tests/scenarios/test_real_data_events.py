"""Event contracts that settle at 0 or 1: profit is the payout less the cost, to the last digit."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.model import layout as at
from runtime.results import BacktestResult
from sims.worlds import WorldKind, WorldSpec, make_world
from tests.scenarios.real_data.running import hashes, import_file, run

CONTRACTS = 100
SETTLED_AT = "2022-11-20T12:00:00Z"


def markets(shared_data: Path) -> pl.DataFrame:
    return pl.read_parquet(shared_data / "prediction" / "polymarket_midterms_2022_markets.parquet")


def payouts(shared_data: Path) -> dict[str, int]:
    """Return what a contract of each outcome of the settled markets pays."""
    rows = markets(shared_data).select("symbol", "outcomes", "winning_outcome").iter_rows()
    return {
        f"{symbol}-{outcome}": int(outcome == winner)
        for symbol, outcomes, winner in rows
        if winner is not None
        for outcome in outcomes.split("|")
    }


@pytest.fixture(scope="module")
def midterms(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each outcome of each market is an instrument; the settled ones get their settlement."""
    folder = tmp_path_factory.mktemp("midterms")
    trades = shared_data / "prediction" / "polymarket_midterms_2022_trades.parquet"
    said = ("--instrument-kind", "binary_event", "--column", "symbol=symbol+outcome")
    digits = ("--price-precision", "6", "--quantity-precision", "2", "--drop-bad-rows")
    import_file(trades, folder / "catalog", "--name", "midterms", *said, *digits)
    with (folder / "settled.csv").open("w", newline="") as file:
        rows = [
            (SETTLED_AT, symbol, "settlement", paid)
            for symbol, paid in payouts(shared_data).items()
        ]
        csv.writer(file).writerows([("ts", "symbol", "kind", "amount"), *rows])
    import_file(folder / "settled.csv", folder / "catalog", "--name", "midterms", "--append")
    return folder / "catalog"


def first_prints(shared_data: Path) -> dict[str, Decimal]:
    """Return at which price each contract is bought: the print after the first in the range."""
    path = shared_data / "prediction" / "polymarket_midterms_2022_trades.parquet"
    table = pl.read_parquet(path).with_columns(
        name=pl.col("symbol") + "-" + pl.col("outcome"),
        ticks=(pl.col("price") * 10**6).round(mode="half_to_even").cast(pl.Int64),
    )
    table = table.filter(pl.col("price") > 0, pl.col("price") < 1, pl.col("ticks") > 0)
    table = table.filter(pl.col("ticks") < 10**6)
    bought: dict[str, Decimal] = {}
    for (name,), prints in table.group_by("name", maintain_order=True):
        wanted = prints.filter(pl.col("price").is_between(0.55, 0.95))
        if wanted.height:
            later = prints.filter(pl.col("ts") > wanted["ts"][0])
            if later.height:
                bought[str(name)] = Decimal(later["ticks"][0]).scaleb(-6)
    return bought


@pytest.mark.shared
def test_settled_contracts_pay_one_or_nothing(midterms: Path, shared_data: Path) -> None:
    result = run("favourites", midterms)
    expected = first_prints(shared_data)
    fills = dict(result.fills.select("symbol", "price").iter_rows())
    assert fills == expected
    assert len(fills) > 40
    paid = payouts(shared_data)
    settled = result.trades.filter(pl.col("symbol").is_in(list(paid)))
    profit = {symbol: CONTRACTS * (paid[symbol] - expected[symbol]) for symbol in settled["symbol"]}
    assert set(profit) == expected.keys() & paid.keys()
    assert result.statement.lines()  # the ledger leads to the equity, or this raises
    assert require_open_only(result) == expected.keys() - paid.keys()
    assert realized(result) == sum(profit.values())


def realized(result: BacktestResult) -> Decimal:
    """Return what the ledger has realized, as money."""
    return Decimal(-int(result.pessimistic.ledger[0, at.LEDGER_REALIZED])).scaleb(-8)


def require_open_only(result: BacktestResult) -> set[str]:
    """Return the contracts that are still held."""
    held = np.flatnonzero(result.pessimistic.positions[:, at.POSITION_QUANTITY])
    return {result.pessimistic.instruments[k].symbol for k in held.tolist()}


@pytest.mark.shared
def test_the_midterms_are_one_compiled_and_interpreted(midterms: Path) -> None:
    assert len(hashes("favourites", midterms)) == 1


def test_a_synthetic_events_world_settles_every_contract(tmp_path: Path) -> None:
    """Needs no shared data: the outcomes come from the world itself."""
    spec = WorldSpec(kind=WorldKind.EVENTS, instruments=20, length=1000, spread_ticks=1)
    world = make_world(spec, 11)
    outcome = {
        made.symbol: made.settlement.outcome for made in world.instruments if made.settlement
    }
    result = run("favourites_world", tmp_path)
    assert require_open_only(result) == set()
    bought = list(result.fills.select("symbol", "price", "quantity").iter_rows())
    assert len(bought) > 5
    assert {outcome[symbol] for symbol, _, _ in bought} == {0, 1}
    profit = sum(quantity * (outcome[symbol] - price) for symbol, price, quantity in bought)
    assert result.final_equity == 100_000 + profit


def test_a_synthetic_events_world_is_one_compiled_and_interpreted(tmp_path: Path) -> None:
    assert len(hashes("favourites_world", tmp_path)) == 1
