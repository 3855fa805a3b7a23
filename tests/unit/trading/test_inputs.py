"""A formula's float becomes an integer of the trading loop by one named rounding."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest

from data.actions import Action, ActionKind
from data.history import BarColumns, History, InstrumentHistory, QuoteColumns, TradeColumns
from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.trading_layout import KEEP, NOT_GIVEN
from engine.model.units import NS_PER_DAY
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.inputs import Inputs, VolumeMemory, gives_inputs, inputs_of, to_given
from runtime.backtest.signals import panel_of, signals_of
from runtime.config import StrategyConfig, parse_strategy

SHARE = Instrument("ABC", InstrumentKind.EQUITY)
RAIN = Instrument("RAIN", InstrumentKind.BINARY_EVENT)
EDGE, CONFIDENCE, GOAL, VOLATILITY, VOLUME = range(5)


@pytest.mark.parametrize(
    ("number", "ppb"),
    [
        (0.05, 50_000_000),
        (0.0500000004, 50_000_000),
        (2.5, 2),  # in these units: half to even
        (3.5, 4),
        (-2.5, -2),
        (1_000.0, 1_000),
        (1_000.5, NOT_GIVEN),
        (-1_001.0, NOT_GIVEN),
        (float("nan"), NOT_GIVEN),
        (float("inf"), NOT_GIVEN),
        (float("-inf"), NOT_GIVEN),
        (0.0, 0),
    ],
)
def test_rounding_is_half_even_and_mistakes_are_not_given(number: float, ppb: int) -> None:
    scale = 1.0 if abs(number) > 1 else 1e9
    most = 1_000.0 if scale == 1.0 else 1e12
    assert to_given(np.array([number]) * scale, most).tolist() == [ppb]


def bars_of(volumes: list[int], closes: list[int] | None = None) -> BarColumns:
    """Return daily bars."""
    ts = np.arange(1, len(volumes) + 1) * NS_PER_DAY
    price = np.array(closes or [100] * len(volumes))
    return BarColumns(ts - NS_PER_DAY, ts, price, price, price, price, np.array(volumes))


def config_of(text: str) -> StrategyConfig:
    head = 'strategy.name = "x"\ndata.dataset = "sample:goog"\nrules.entry = "close > 1"\n'
    return parse_strategy(head + textwrap.dedent(text), Path("strategy.toml"))


def inputs(config: StrategyConfig, history: History) -> Inputs:
    """Return the inputs of the first instrument."""
    panel = panel_of(history, clockwork_of(history), adjustment="splits")
    program = config.compile_rules(symbols=history.symbols)
    assert config.rules is not None
    signals = signals_of(program, panel, config.rules, compiled=False)
    found = inputs_of(config, history, panel, signals.values)
    assert found is not None
    return found[0][at.KIND_BAR]


def column(found: Inputs, place: int) -> list[int]:
    """Return one column."""
    one = found[place]
    assert not isinstance(one, int)
    return [int(each) for each in one]


def test_formulas_are_given_at_every_bar() -> None:
    history = History((InstrumentHistory(SHARE, bars=bars_of([1] * 4, [100, 110, 121, 133])),))
    config = config_of(
        """
        rules.edge = "close / lag(close, 1) - 1"
        rules.confidence = "0.7"
        rules.target_price = "close * 1.105"
        """
    )
    found = inputs(config, history)
    # 1.33 / 1.21 - 1 = 0.09917355371...
    assert column(found, EDGE) == [NOT_GIVEN, 100_000_000, 100_000_000, 99_173_554]
    assert found[CONFIDENCE] == 700_000_000  # a constant is one number
    # 1.105 is half a tick, to even; 1.1 x 1.105 = 1.2155, 1.21 x 1.105 = 1.33705, 1.33 x 1.105 = 1.46965
    assert column(found, GOAL) == [110, 122, 134, 147]
    assert (found[VOLATILITY], found[VOLUME]) == (KEEP, KEEP)  # no formula, nothing to look at


def test_weights_and_their_edge_are_given_together() -> None:
    history = History((InstrumentHistory(SHARE, bars=bars_of([1, 1])),))
    text = 'strategy.name = "x"\ndata.dataset = "sample:goog"\nrules.weight = "0.5"\nrules.edge = "0.25"'
    found = inputs(parse_strategy(text, Path("strategy.toml")), history)
    assert column(found, EDGE) == [250_000_000] * 2


def test_a_target_price_is_one_that_trades() -> None:
    # Two for one before the third bar: formulas see 200 where 100 trades.
    bars = bars_of([1, 1, 1], [200, 200, 100])
    split = Action("ABC", 2 * NS_PER_DAY, ActionKind.SPLIT, ratio_numerator=2, ratio_denominator=1)
    history = History((InstrumentHistory(SHARE, bars=bars),), (split,))
    found = inputs(config_of('rules.target_price = "close * 1.5"'), history)
    assert column(found, GOAL) == [300, 300, 150]


def test_a_target_under_one_tick_is_none() -> None:
    history = History((InstrumentHistory(SHARE, bars=bars_of([1])),))
    assert column(inputs(config_of('rules.target_price = "close - 5"'), history), GOAL) == [
        NOT_GIVEN
    ]


def test_volume_is_that_of_the_window_once_it_is_full() -> None:
    history = History((InstrumentHistory(SHARE, bars=bars_of([5, 7, 11, 13])),))
    config = config_of('exits.liquidity_dried_up = { volume = 50, volume_window = "2d" }')
    # The first window of two days ends with the second bar.
    assert column(inputs(config, history), VOLUME) == [NOT_GIVEN, 12, 18, 24]


def test_volume_of_prints_is_taken_where_bars_have_none() -> None:
    bars = bars_of([0, 0, 0])
    bars = BarColumns(
        bars.ts_open_ns, bars.ts_close_ns, bars.open_ticks, bars.high_ticks, bars.low_ticks,
        bars.close_ticks, bars.volume_lots, has_volume=False,
    )  # fmt: skip
    day = NS_PER_DAY
    trades = TradeColumns(
        np.array([0, day // 2, day, day + 1, 3 * day]),
        np.full(5, 100),
        np.array([1, 2, 4, 8, 16]),
        np.zeros(5, dtype=np.int64),
    )
    history = History((InstrumentHistory(RAIN, bars=bars, trades=trades),))
    config = config_of('exits.liquidity_dried_up = { volume_window = "1d" }')
    # (0, 1 d] has 2 + 4; (1 d, 2 d] has 8; (2 d, 3 d] has 16.
    assert column(inputs(config, history), VOLUME) == [6, 8, 16]


def test_volume_is_known_at_quotes_and_prints_too() -> None:
    day = NS_PER_DAY
    none = np.zeros(3, dtype=np.int64)
    trades = TradeColumns(np.array([0, day, 2 * day]), none + 50, np.array([1, 2, 4]), none)
    quotes = QuoteColumns(np.array([day - 1, day + 1, 9 * day]), none + 49, none + 51, none, none)
    history = History((InstrumentHistory(RAIN, quotes=quotes, trades=trades),))
    found = inputs_of(config_of("[exits]"), history)
    assert found is not None
    # (-1 ns, 1 d - 1 ns] begins before the first print; (1 ns, 1 d + 1 ns] has 2; nothing after it.
    assert column(found[0][at.KIND_QUOTE], VOLUME) == [NOT_GIVEN, 2, 0]
    assert column(found[0][at.KIND_TRADE], VOLUME) == [NOT_GIVEN, 2, 4]
    assert found[0][at.KIND_QUOTE][:VOLUME] == (KEEP,) * 4


@pytest.mark.parametrize(
    ("text", "instrument", "is_given"),
    [
        ("", RAIN, False),
        ("[risk]", RAIN, False),
        ("[exits]", SHARE, False),
        ("[exits]", RAIN, True),
        ("exits.liquidity_dried_up = { enabled = false }", RAIN, False),
        ("exits.enabled = false", RAIN, False),
        ("exits.liquidity_dried_up = { volume = 5 }", SHARE, True),
        ('rules.edge = "0.1"', SHARE, True),
    ],
)
def test_nothing_is_made_that_nobody_looks_at(
    text: str, instrument: Instrument, is_given: bool
) -> None:
    history = History((InstrumentHistory(instrument, bars=bars_of([1])),))
    config = config_of(text)
    assert gives_inputs(config, history.instruments) is is_given
    values = {"edge": [np.array([0.1])]} if "edge" in text else None
    assert (inputs_of(config, history, values=values) is not None) is is_given


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 100])
def test_windows_of_a_history_have_the_volumes_of_the_whole(rows: int) -> None:
    lots = np.random.default_rng(7).integers(0, 99, 40)
    whole = bars_of(lots.tolist())
    config = config_of('exits.liquidity_dried_up = { volume = 5, volume_window = "5d" }')
    expected = inputs_of(config, History((InstrumentHistory(SHARE, bars=whole),)))
    assert expected is not None
    memory: dict[int, VolumeMemory] = {}
    found: list[int] = []
    for first in range(0, 40, rows):
        part = slice(first, first + rows)
        bars = BarColumns(*(getattr(whole, name)[part] for name in (
            "ts_open_ns", "ts_close_ns", "open_ticks", "high_ticks", "low_ticks", "close_ticks",
            "volume_lots")))  # fmt: skip
        made = inputs_of(config, History((InstrumentHistory(SHARE, bars=bars),)), memory=memory)
        assert made is not None
        found += column(made[0][at.KIND_BAR], VOLUME)
    assert found == column(expected[0][at.KIND_BAR], VOLUME)
    assert len(memory[0].ts_ns) <= 5
