"""Bars that are skipped because nothing of the trading loop could change on them could not have."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

import engine.rules.reach as reach
import sims.replay.reach as rows_in_reach
from data.history import History, merge
from engine.model.instruments import Instrument, InstrumentKind
from runtime.backtest import run_backtest
from runtime.backtest.run import Job
from runtime.config import StrategyConfig, parse_strategy
from tests.seeds import seeds

MINUTE = 60 * 10**9
BARS = 1_200
STRATEGY = """
[strategy]
name = "reach"
[data]
dataset = "sample:goog"
[rules]
entry = "cross_above(sma(close, 5), sma(close, 12))"
short_entry = "cross_below(sma(close, 5), sma(close, 30))"
edge = "{edge}"
[sizing]
method = "fixed_fraction"
fraction = 0.002
[risk]
max_position_percent = 100
correlation_unknown = "allow"
[exits]
stop_loss = {{ percent = {stop} }}
early_exit = {{ percent = 1 }}
profit_target = {{ high_percent = 3, medium_percent = {target}, low_percent = 1 }}
partial_exit_target = {{ stages = [[{stage}, 50]] }}
[exits.trailing_stop]
active_percent = {active}
distance_percent = 0.4
tighten_percent = 0.1
every_percent = 0.3
least_percent = 0.1
[guards]
daily_loss = {{ amount = {loss} }}
drawdown = {{ percent = {drawdown} }}
simulated_operator = "next_day"
[execution]
order_type = "market"
[account]
allow_short = true
"""


def world(seed: int) -> tuple[StrategyConfig, History]:
    """Return a strategy whose thresholds a walk of some ten cents a minute meets now and then."""
    rng = Random(seed)
    text = STRATEGY.format(
        edge=rng.choice(("0.2", "0.2", "0.06 + 10 * (close / sma(close, 40) - 1)")),
        stop=rng.choice((0.3, 0.8)),
        target=rng.choice((0.5, 1.5)),
        stage=rng.choice((0.2, 0.6)),
        active=rng.choice((0.3, 0.7)),
        loss=rng.choice((150, 400, 5_000)),
        drawdown=rng.choice((1, 3, 50)),
    )
    moves = np.random.default_rng(seed).normal(0, 8, (2, BARS)).round()
    closes = (10_000 + np.cumsum(moves, axis=1)) / 100
    ts = 19_000 * 86_400 * 10**9 + np.arange(1, BARS + 1) * MINUTE
    pairs = []
    for name, close in zip("AB", closes[: rng.choice((1, 2))]):
        opens = np.concatenate(([100.0], close[:-1]))
        pairs.append(
            History.from_arrays(
                Instrument(name, InstrumentKind.CRYPTO_SPOT, "USD", 2, 0),
                ts_close_ns=ts,
                open=opens,
                high=np.maximum(opens, close),
                low=np.minimum(opens, close),
                close=close,
                source="walk",
            )
        )
    return parse_strategy(text, Path("reach.toml")), merge(pairs)


def differs(seed: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether skipping changes a run."""
    config, history = world(seed)
    skipping = run_backtest(config, history=history, engine="interpreted")
    with monkeypatch.context() as patch:
        patch.setattr(Job, "steps_on_all", property(lambda job: True))
        stepping = run_backtest(config, history=history, engine="interpreted")
    return bool(skipping.state_hash != stepping.state_hash)


@pytest.mark.parametrize("seed", seeds(8))
def test_skipped_bars_change_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not differs(seed, monkeypatch)


def test_most_bars_of_positions_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    import sims.replay.lanes as lanes

    found = [0, 0]

    def counting(s, table, columns, k, i, start, end):  # type: ignore[no-untyped-def]
        row = rows_in_reach.first_past_reach(s, table, columns, k, i, start, end)
        found[0] += row - start
        found[1] += 1
        return row

    monkeypatch.setattr(lanes, "first_past_reach", counting)
    config, history = world(0)
    run_backtest(config, history=history, engine="interpreted")
    assert found[0] > found[1]


QUIET_STEPS = reach.quiet_steps
PLANTED = {  # and the seed to begin with, which has found it
    "one tick too wide": (0, reach, "quiet_steps", lambda *searched: QUIET_STEPS(*searched) + 1),
    "guards forgotten": (1, reach, "is_equity_quiet", lambda s, profit, before: True),
    "trail forgotten": (3, reach, "moves_trail", lambda s, i, p, profit: False),
    "edges forgotten": (5, rows_in_reach, "lowest_quiet_edge", lambda s: rows_in_reach.NO_EDGE),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_mistake_in_the_reach_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, module, function, mistake = PLANTED[name]
    monkeypatch.setattr(module, function, mistake)
    assert any(differs(seed, monkeypatch) for seed in (begin, *range(12)))
