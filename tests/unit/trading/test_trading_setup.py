"""What a strategy file says, as the columns that the core reads."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from data.history import BarColumns, History, InstrumentHistory
from engine.errors import ConfigError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.trading import ExitReason, PriceKind, SizeMethod, WalkKind
from engine.model.units import MINOR_PER_UNIT, NS_PER_DAY, NS_PER_SECOND
from engine.state import Core
from runtime.backtest.account import setup_of
from runtime.backtest.clockwork import clockwork_of
from runtime.config import parse_strategy

SHARE = Instrument("ABC", InstrumentKind.EQUITY)
OTHER = Instrument("DEF", InstrumentKind.EQUITY)
RAIN = Instrument("RAIN", InstrumentKind.BINARY_EVENT, expires_ns=9 * NS_PER_DAY, event="weather")
RULES = 'rules.entry = "close > 1"\n'
SECOND = NS_PER_SECOND


def history_of(*instruments: Instrument) -> History:
    """Return a history of three daily bars each."""
    ts = np.arange(1, 4) * NS_PER_DAY
    price = np.full(3, 50)
    parts = [
        InstrumentHistory(
            each, bars=BarColumns(ts - NS_PER_DAY, ts, price, price, price, price, np.full(3, 100))
        )
        for each in instruments
    ]
    return History(tuple(parts))


def core_of(text: str, *instruments: Instrument) -> Core:
    """Return the new core of a strategy on some instruments, a share where none are given."""
    whole = f'strategy.name = "x"\ndata.dataset = "sample:goog"\n{text}'
    config = parse_strategy(whole, Path("strategy.toml"))
    history = history_of(*(instruments or (SHARE,)))
    setup = setup_of(config, history, clockwork_of(history))
    _, core, _ = setup.fresh(config.fills.book)
    return core


def test_without_its_tables_nothing_of_the_loop_is_there() -> None:
    core = core_of(RULES)
    assert core.account[at.ACCOUNT_TRADING] == 0
    assert not core.limits.any() and not core.exits.any() and not core.terms[:, at.TERM_GROUP].any()
    assert core.monitors.shape[0] == core.latches.shape[0] == 1


LIMITS = [
    # table | what is written | column | value
    ("signals", "min_edge_percent = 5.0000001", "MIN_EDGE_PPB", 50_000_001),
    ("signals", "min_confidence = 0.6", "MIN_CONFIDENCE_PPB", 600_000_000),
    ("signals", 'expiry = "90s"', "EXPIRY", 90 * SECOND),
    ("risk", "", "RISK", 1),
    ("risk", "max_positions = 5", "POSITIONS", 5),
    ("risk", "max_position_percent = 20", "POSITION_PPM", 200_000),
    ("risk", "max_gross_percent = 150.5", "GROSS_PPM", 1_505_000),
    ("risk", "max_net_percent = 50", "NET_PPM", 500_000),
    ("risk", "max_group_percent = 30", "GROUP_PPM", 300_000),
    ("risk", "max_event_percent = 10", "EVENT_PPM", 100_000),
    ("risk", "max_correlation = 0.75", "CORRELATION_PPM", 750_000),
    ("risk", "correlation_window = 100", "CORRELATION_WINDOW", 100),
    ("risk", "min_returns = 30", "CORRELATION_RETURNS", 30),
    ("risk", 'correlation_unknown = "allow"', "CORRELATION_UNKNOWN", 1),
    ("risk", "max_orders_per_minute = 30", "RATE", 30),
    ("risk", "collar_percent = 2.5", "COLLAR_PPM", 25_000),
    ("risk", "max_order_notional = 1000.5", "NOTIONAL_MINOR", 100_050_000_000),
    ("risk", "max_order_quantity = 0.5", "UNITS_PPB", 500_000_000),
    ("risk", 'max_quote_age = "10s"', "QUOTE_AGE", 10 * SECOND),
    ("risk", 'no_entry_first = "5m"', "NO_ENTRY_FIRST", 300 * SECOND),
    ("risk", 'no_entry_last = "5m"', "NO_ENTRY_LAST", 300 * SECOND),
    ("risk", "max_positions = 3", "SIZE_MAXIMUM_PPM", 200_000),  # sizes are clipped to the limit
    ("signals", "", "QUOTE_AGE", 0),  # without [risk] no price is too old
    ("signals", "", "POSITIONS", 0),
    ("execution", 'timeout = "15s"', "ENTRY_TIMEOUT", 15 * SECOND),
    ("execution", 'timeout = "off"', "ENTRY_TIMEOUT", 0),
    ("execution", 'on_timeout = "walk"\nwalks = 4', "ENTRY_WALKS", 4),
    ("execution", 'on_timeout = "walk"', "ENTRY_ON_TIMEOUT", 2),
    ("execution", 'on_timeout = "retry"\nretries = 2', "ENTRY_RETRIES", 2),
    ("execution", 'protect_within = "9s"', "PROTECT_WITHIN", 9 * SECOND),
    ("exits.trailing_stop", "distance_percent = 4.5", "TRAIL_DISTANCE_PPM", 45_000),
    ("exits.trailing_stop", "tighten_percent = 0", "TRAIL_TIGHTEN_PPM", 0),
    ("exits.trailing_stop", "every_percent = 10", "TRAIL_EVERY_PPM", 100_000),
    ("exits.trailing_stop", "least_percent = 3", "TRAIL_LEAST_PPM", 30_000),
    ("exits.time_based_urgent", "at_session_close = true", "AT_SESSION_CLOSE", 1),
    ("exits", "", "STAGES", 2),
    ("exits.partial_exit_target", "enabled = false", "STAGES", 0),
    ("exits", "enabled = false", "EXITS", 0),
    ("guards", "", "GUARDS", 1),
    ("guards.daily_loss", "amount = 250.25", "DAILY_MINOR", 25_025_000_000),
    ("guards.daily_loss", "percent = 3", "DAILY_PPM", 30_000),
    ("guards.drawdown", "percent = 25", "DRAWDOWN_PPM", 250_000),
    ("guards.drawdown", "minimum_equity = 1000", "MINIMUM_MINOR", 1_000 * MINOR_PER_UNIT),
    ("guards.drawdown", "reset_percent = 5", "RESET_PPM", 50_000),
    ("guards.drawdown", "checks = 5", "RESET_CHECKS", 5),
    ("guards.drawdown", 'every = "30s"', "RESET_EVERY", 30 * SECOND),
    ("guards.drawdown", "manual_reset = true", "MANUAL_RESET", 1),
    ("guards", "", "MANUAL_RESET", 0),  # nobody is there in a backtest
    ("guards.api", "errors = 7", "API_ERRORS", 7),
    ("guards.api", 'window = "10m"', "API_WINDOW", 600 * SECOND),
    ("guards.database", "errors = 7", "DATABASE_ERRORS", 7),
    ("guards.database", 'window = "10m"', "DATABASE_WINDOW", 600 * SECOND),
    ("guards.stop_losses", "count = 3", "STOP_COUNT", 3),
    ("guards.stop_losses", 'lock = "2h"', "STOP_LOCK", 7_200 * SECOND),
    ("guards.stop_losses", 'window = "2h"', "STOP_WINDOW", 7_200 * SECOND),
    ("guards.stop_losses", 'scope = "instrument"', "STOP_SCOPE", 1),
    ("guards.cool_down", 'after_loss = "5m"', "COOL_DOWN", 300 * SECOND),
    ("guards.tiers", 'hold = "1h"', "TIER_HOLD", 3_600 * SECOND),
    ("guards.tilt", "enabled = false", "TILT_WINDOW", 0),
    ("guards.tilt", 'cooling = "2h"', "TILT_COOLING", 7_200 * SECOND),
    ("guards", 'simulated_operator = "next_day"', "SIMULATED_OPERATOR", 1),
    ("sizing", "maximum_percent = 15", "SIZE_MAXIMUM_PPM", 150_000),
    ("sizing", "maximum_notional = 15", "SIZE_MAXIMUM_MINOR", 15 * MINOR_PER_UNIT),
    ("sizing", "maximum_quantity = 15", "SIZE_MAXIMUM_UNITS_PPB", 15 * 10**9),
    ("sizing", "minimum_notional = 15", "SIZE_MINIMUM_MINOR", 15 * MINOR_PER_UNIT),
    ("sizing", "minimum_percent = 0.5", "SIZE_MINIMUM_PPM", 5_000),
    ("sizing", "minimum_quantity = 1.5", "SIZE_MINIMUM_UNITS_PPB", 1_500_000_000),
    ("sizing", "minimum_quantity = 1", "SIZE_FRACTION_PPB", 950_000_000),  # equal_weight, of one
]


@pytest.mark.parametrize(("table", "written", "column", "value"), LIMITS)
def test_a_key_becomes_a_column(table: str, written: str, column: str, value: int) -> None:
    core = core_of(f"{RULES}[{table}]\n{written}\n")
    assert core.limits[getattr(loop, f"LIMIT_{column}")] == value
    assert core.account[at.ACCOUNT_TRADING] == 1


def test_tiers_and_their_levels() -> None:
    core = core_of(f'strategy.tier = "hunter"\n{RULES}[guards.tiers]\nhunter = 3000\n')
    levels = core.limits[loop.LIMIT_TIER_LEVELS : loop.LIMIT_TIER_LEVELS + 3]
    assert [int(each) // MINOR_PER_UNIT for each in levels] == [500, 3_000, 10_000]
    assert core.limits[loop.LIMIT_TIER] == 2


# --- Exits ---------------------------------------------------------------------------------------------
# The specification's table, section 5: priority, first price, wait, walks, walk kind, then at market.
AGGRESSIVE, FAIR, CONSERVATIVE = PriceKind.AGGRESSIVE, PriceKind.FAIR, PriceKind.CONSERVATIVE
SPECIFIED = {
    "STOP_LOSS": (10, PriceKind.MARKET, 5, 0, WalkKind.NONE, 1),
    "CIRCUIT_BREAKER": (10, PriceKind.MARKET, 5, 0, WalkKind.NONE, 1),
    "TRAILING_STOP": (20, AGGRESSIVE, 10, 2, WalkKind.BEFORE_MARKET, 1),
    "TIME_BASED_URGENT": (20, AGGRESSIVE, 10, 2, WalkKind.BEFORE_MARKET, 1),
    "LIQUIDITY_DRIED_UP": (20, AGGRESSIVE, 15, 3, WalkKind.BEFORE_MARKET, 1),
    "PROFIT_TARGET": (30, FAIR, 30, 5, WalkKind.WALK_PRICE, 0),
    "PARTIAL_EXIT_TARGET": (30, FAIR, 30, 5, WalkKind.WALK_PRICE, 0),
    "EARLY_EXIT": (40, CONSERVATIVE, 60, 10, WalkKind.WALK_SLOWLY, 0),
    "EDGE_DISAPPEARED": (40, FAIR, 30, 5, WalkKind.WALK_PRICE, 0),
    "REBALANCE": (40, CONSERVATIVE, 60, 10, WalkKind.WALK_SLOWLY, 0),
}
WALKS = {  # seconds between walks, thousandths of a tick of the first, what each adds
    WalkKind.NONE: (0, 0, 0),
    WalkKind.WALK_PRICE: (15, 1_000, 500),
    WalkKind.WALK_SLOWLY: (30, 1_000, 300),
    WalkKind.BEFORE_MARKET: (10, 1_500, 500),
}


@pytest.mark.parametrize("name", SPECIFIED)
def test_each_reason_is_executed_as_specified(name: str) -> None:
    priority, price, wait, walks, kind, then = SPECIFIED[name]
    step, first, growth = WALKS[WalkKind(kind)]
    row = core_of(f"{RULES}[exits]\n").exits[ExitReason[name]]
    found = row[: loop.EXITS_THEN_MARKET + 1].tolist()
    ns = NS_PER_SECOND
    assert found == [1, priority, price, wait * ns, walks, kind, step * ns, first, growth, then]


THRESHOLDS = [
    ("stop_loss", "percent = 12.5", "", 125_000),
    ("trailing_stop", "active_percent = 8", "", 80_000),
    ("time_based_urgent", 'before = "10m"', "", 600 * SECOND),
    ("liquidity_dried_up", "volume = 7", "", 7 * 10**9),
    ("liquidity_dried_up", "spread_bps = 20", "SPREAD_PPM", 2_000),
    ("liquidity_dried_up", "spread_cents = 2.5", "SPREAD_PPB", 25_000_000),
    ("profit_target", "high_percent = 30", "", 300_000),
    ("profit_target", "medium_percent = 22", "MEDIUM", 220_000),
    ("profit_target", "low_percent = 9", "LOW", 90_000),
    ("early_exit", "percent = 1", "", 10_000),
    ("rebalance", "advantage_percent = 6", "", 60_000),
    ("rebalance", "enabled = false", "ENABLED", 0),
    ("early_exit", 'wait = "9s"', "WAIT", 9 * SECOND),
    ("early_exit", "walks = 4", "WALKS", 4),
]


@pytest.mark.parametrize(("condition", "written", "column", "value"), THRESHOLDS)
def test_a_threshold_stands_in_its_row(
    condition: str, written: str, column: str, value: int
) -> None:
    core = core_of(f"{RULES}[exits.{condition}]\n{written}\n")
    names = {"": "THRESHOLD", "MEDIUM": "THRESHOLD_MEDIUM", "LOW": "THRESHOLD_LOW"}
    place = getattr(loop, f"EXITS_{names.get(column, column)}")
    assert core.exits[ExitReason[condition.upper()], place] == value


def test_stages_are_parts_per_million() -> None:
    core = core_of(f"{RULES}[exits.partial_exit_target]\nstages = [[10, 33.5], [20, 66.5]]\n")
    assert core.stages[:3].tolist() == [[100_000, 335_000], [200_000, 665_000], [0, 0]]


def test_without_exits_positions_are_still_closed_for_guards_and_the_strategy() -> None:
    core = core_of(f"{RULES}[guards]\n")
    on = [each.name for each in ExitReason if core.exits[each, loop.EXITS_ENABLED]]
    assert on == ["CIRCUIT_BREAKER", "STRATEGY"]


@pytest.mark.parametrize(
    ("order_type", "like"), [("market", "STOP_LOSS"), ("limit", "PROFIT_TARGET")]
)
def test_the_strategys_own_wish_is_executed_by_its_order_type(order_type: str, like: str) -> None:
    core = core_of(f'{RULES}execution.order_type = "{order_type}"\n[exits]\n')
    wish, other = core.exits[ExitReason.STRATEGY], core.exits[ExitReason[like]]
    assert wish[loop.EXITS_PRIORITY] == 35
    assert (wish[2:10] == other[2:10]).all()


# --- Sizes and instruments -------------------------------------------------------------------------------
EVENTS = (RAIN,)
SIZES = [
    ("fixed_quantity", "quantity = 1\nminimum_quantity = 1", "", SizeMethod.QUANTITY, (SHARE,)),
    ("fixed_notional", "notional = 1\nminimum_quantity = 1", "", SizeMethod.NOTIONAL, (SHARE,)),
    ("equal_weight", "minimum_quantity = 1", "", SizeMethod.EQUITY, (SHARE,)),
    ("kelly", "", "probability", SizeMethod.KELLY_BINARY, EVENTS),
    ("kelly", "", "confidence target_price stop", SizeMethod.KELLY_ODDS, (SHARE,)),
    ("kelly", "", "confidence target_price stop", SizeMethod.KELLY_ODDS, EVENTS),
    ("kelly", 'volatility = "0.2"', "edge", SizeMethod.KELLY_CONTINUOUS, (SHARE,)),
    ("kelly", 'form = "odds"', "confidence target_price stop", SizeMethod.KELLY_ODDS, (SHARE,)),
    ("fixed_fraction", "fraction = 0.01", "stop", SizeMethod.FIXED_FRACTION, (SHARE,)),
    ("vol_target", 'target_volatility_percent = 10\nvolatility = "0.2"', "",
     SizeMethod.VOLATILITY_TARGET, (SHARE,)),
]  # fmt: skip


@pytest.mark.parametrize(("method", "written", "given", "expected", "instruments"), SIZES)
def test_a_method_is_known_by_what_is_given(
    method: str, written: str, given: str, expected: SizeMethod, instruments: tuple[Instrument, ...]
) -> None:
    rules = "".join(f'rules.{key} = "0.5"\n' for key in given.split() if key != "stop")
    stop = "execution.stop_loss_percent = 5\n" if "stop" in given else ""
    core = core_of(f'{RULES}{rules}{stop}[sizing]\nmethod = "{method}"\n{written}\n', *instruments)
    assert core.limits[loop.LIMIT_SIZE_METHOD] == expected


def test_kelly_takes_a_quarter_and_nothing_of_the_old_sizing() -> None:
    core = core_of(
        f'{RULES}rules.probability = "0.6"\nsizing = {{ method = "kelly", sample = 100 }}\n', RAIN
    )
    assert core.limits[loop.LIMIT_SIZE_FRACTION_PPB] == 250_000_000
    assert core.limits[loop.LIMIT_SIZE_SAMPLE] == 100
    assert core.account[at.ACCOUNT_SIZE_VALUE] == 0


def test_a_probability_is_for_event_contracts() -> None:
    with pytest.raises(ConfigError, match="ABC is of kind equity"):
        core_of(f'{RULES}rules.probability = "0.6"\n', RAIN, SHARE)


def test_instruments_know_their_group_and_their_end() -> None:
    text = f'{RULES}risk.groups = {{ wet = ["RAIN"], dry = ["DEF", "ABC"] }}\n'
    terms = core_of(text, SHARE, OTHER, RAIN).terms
    assert terms[:, at.TERM_GROUP].tolist() == [1, 1, 2]  # numbered by their names: dry, wet
    assert terms[:, at.TERM_EXPIRES].tolist() == [0, 0, 9 * NS_PER_DAY]
    assert terms[:, at.TERM_BINARY].tolist() == [0, 0, 1]
    assert terms[:, at.TERM_EVENT].tolist() == [0, 0, 1]


def test_a_group_of_unknown_instruments_is_refused() -> None:
    with pytest.raises(ConfigError, match="'XYZ' is not among the instruments"):
        core_of(f'{RULES}risk.groups = {{ a = ["ABC", "XYZ"] }}\n')


def test_inputs_are_known_to_be_there() -> None:
    core = core_of(f'{RULES}rules.edge = "0.1"\nrules.confidence = "0.5"\n')
    names = ("HAS_EDGE", "EDGE_IS_PROBABILITY", "HAS_CONFIDENCE", "HAS_GOAL")
    assert [int(core.limits[getattr(loop, f"LIMIT_{name}")]) for name in names] == [1, 0, 1, 0]
    assert Decimal(int(core.limits[loop.LIMIT_MIN_EDGE_PPB])) / 10**9 == Decimal("0.05")
