"""Event contracts with a quote every 20 seconds and less often: an exit closes, and at the next quote.

A canceled attempt that has met no quote would be followed by another for ever: an exit at market is
canceled after 5 s (docs/explain/fill-model.md, "Who could trade goes first").
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from data.history import History, InstrumentHistory, Passport, QuoteColumns, TradeColumns
from engine.model.instruments import Instrument, InstrumentKind
from runtime.backtest import run_backtest
from runtime.config import parse_strategy
from runtime.results import BacktestResult

SECOND = 10**9
START = 1_577_959_200 * SECOND  # 2020-01-02 10:00 UTC
STRATEGY = """
from trader import Quote, Strategy, Trade


class Once(Strategy):
    def on_start(self) -> None:
        self.seen = 0

    def on_quote(self, quote: Quote) -> None:
        self.begin()

    def on_trade(self, trade: Trade) -> None:
        self.begin()

    def begin(self) -> None:
        self.seen += 1
        if self.seen == 1:
            self.buy(10)
"""
FILE = """
[strategy]
name = "once"
class = "once.py:Once"
[data]
dataset = "sample:goog"
[account]
cash = 1000
[risk]
max_quote_age = "1d"
max_position_percent = 100
correlation_unknown = "allow"
collar_percent = 50
[exits]
{off}
"""
OTHERS = (
    "circuit_breaker",
    "time_based_urgent",
    "liquidity_dried_up",
    "profit_target",
    "partial_exit_target",
    "early_exit",
    "edge_disappeared",
    "rebalance",
)
ASKS = {
    "stop_loss": [51, 51, 51, 41, 38, 38, 38, 38],  # bought at 51, -21.6 % at 40, sold at 37
    "trailing_stop": [51, 51, 71, 61, 58, 58, 58, 58],  # up to 70, back to 60 and then to 57
}


def history(asks: list[int], gap: int, *, prints: bool) -> History:
    instrument = Instrument("CPI", InstrumentKind.BINARY_EVENT)
    ts = START + np.arange(len(asks), dtype=np.int64) * gap * SECOND
    ask = np.array(asks, dtype=np.int64)
    unknown = np.full(len(asks), -1, dtype=np.int64)
    if prints:
        trades = TradeColumns(ts, ask, unknown, unknown * 0)
        return History((InstrumentHistory(instrument, trades=trades),), passport=Passport("test"))
    quotes = QuoteColumns(ts, ask - 1, ask, unknown, unknown, has_sizes=False)
    return History((InstrumentHistory(instrument, quotes=quotes),), passport=Passport("test"))


def run(
    folder: Path, reason: str, gap: int, *, prints: bool = False, engine: str = "interpreted"
) -> BacktestResult:
    (folder / "once.py").write_text(STRATEGY)
    off = [name for name in (*OTHERS, *ASKS) if name != reason]
    text = FILE.format(off="\n".join(f"{name} = {{ enabled = false }}" for name in off))
    config = parse_strategy(text, folder / "once.toml")
    data = history(ASKS[reason], gap, prints=prints)
    return run_backtest(config, history=data, engine=engine)


@pytest.mark.parametrize("prints", [False, True], ids=["quotes", "prints"])
@pytest.mark.parametrize("gap", [1, 20, 21, 600], ids=lambda gap: f"{gap}s")
def test_a_stop_loss_at_market_closes_with_its_first_attempt(
    tmp_path: Path, gap: int, prints: bool
) -> None:
    """Fired at the fourth quote, it fills at the fifth, at its price: not at the one decided on."""
    result = run(tmp_path, "stop_loss", gap, prints=prints)
    (row,) = result.exits.iter_rows(named=True)
    assert (row["reason"], row["result"], row["attempts"]) == ("stop_loss", "closed", 1)
    assert (row["ended"] - row["fired"]).total_seconds() == gap
    last = result.fills.row(-1, named=True)
    assert last["price"] == Decimal("0.38" if prints else "0.37")
    assert last["rule"] == ("market.trade" if prints else "market.quote")


@pytest.mark.parametrize("gap", [20, 40, 600], ids=lambda gap: f"{gap}s")
def test_an_aggressive_limit_walks_on_and_closes_at_market(tmp_path: Path, gap: int) -> None:
    """The market falls away from each limit: the quote after the last one takes it."""
    result = run(tmp_path, "trailing_stop", gap)
    (row,) = result.exits.iter_rows(named=True)
    assert (row["reason"], row["result"], row["left"]) == ("trailing_stop", "closed", 0)
    assert result.fills["price"][-1] == Decimal("0.57")


def test_it_is_the_same_compiled(tmp_path: Path) -> None:
    for reason in ASKS:
        one, other = (run(tmp_path, reason, 20, engine=e) for e in ("interpreted", "compiled"))
        assert one.state_hash == other.state_hash
