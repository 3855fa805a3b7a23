"""A paper session over a real month of one-minute bars: its journal plays again, and is its backtest."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.backtest.histories import load_history
from runtime.config import parse_strategy
from runtime.differences import first_difference
from runtime.session.replaying import replay
from tests.scenarios.test_real_data_minutes import BTC, SPY, Market, imported
from tests.unit.session.papers import Desk

pytestmark = pytest.mark.shared

STRATEGY = """\
[strategy]
name = "minutes"
[data]
dataset = "minutes"
end = "{end}"
[rules]
entry = "cross_above(sma(close, 20), sma(close, 60))"
exit = "cross_below(sma(close, 20), sma(close, 60))"
[sizing]
method = "fixed_fraction"
fraction = 0.002
[risk]
correlation_unknown = "allow"
[exits.stop_loss]
percent = 0.4
[exits.trailing_stop]
active_percent = 0.3
[guards]
"""


@pytest.mark.parametrize(("market", "end"), [(SPY, "2011-02-01"), (BTC, "2022-02-01")])
def test_a_month_of_minutes(market: Market, end: str, shared_data: Path, tmp_path: Path) -> None:
    catalog, _ = imported(market, shared_data, tmp_path)
    path = tmp_path / "minutes.toml"
    path.write_text(STRATEGY.format(end=end))
    config = parse_strategy(path.read_text(), path)
    desk = Desk(config, load_history(config.data, catalog), tmp_path)
    desk.run()
    expected = desk.backtest()
    with desk.store() as store:
        found = replay(store.entries(store.get("last").id)).output
    assert first_difference(found.journal, expected.journal, expected.instruments) is None
    assert found.final_equity_minor == expected.final_equity_minor
    assert found.state_hash == expected.state_hash
