"""The trading loop's tables of a strategy file, as the numbers that the core reads.

This is the only place where they become columns. A limit whose table is not there is off: its column
is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.exits import fill_exits
from engine.model.instruments import Instrument
from engine.model.orders import OrderType
from engine.model.trading import ExitReason, OnTimeout, SizeMethod, Tier
from engine.model.units import to_minor, to_quanta
from engine.state import Core
from runtime.config import StrategyConfig
from runtime.config.trading_sections import (
    USUAL_VOLUME,
    ExitsSection,
    GuardsSection,
    MonitoringSection,
    RiskSection,
    SignalsSection,
)

Row = NDArray[np.int64]

POLL_RESERVE = 10  # calls a minute that are kept for orders and cancels
_SIZES = {
    "fixed_quantity": SizeMethod.QUANTITY,
    "fixed_notional": SizeMethod.NOTIONAL,
    "equal_weight": SizeMethod.EQUITY,
    "target_weights": SizeMethod.EQUITY,
    "fixed_fraction": SizeMethod.FIXED_FRACTION,
    "vol_target": SizeMethod.VOLATILITY_TARGET,
}
_KELLY = {
    "binary": SizeMethod.KELLY_BINARY,
    "odds": SizeMethod.KELLY_ODDS,
    "continuous": SizeMethod.KELLY_CONTINUOUS,
}


def fill_trading(core: Core, config: StrategyConfig, instruments: Sequence[Instrument]) -> None:
    """Fill in the limits, exits and stages of a new core.

    Raises
    ------
    ConfigError
        If a table needs instruments of another kind.
    """
    row = core.limits
    _fill_signals(row, config, instruments)
    _fill_risk(row, config.risk)
    _fill_sizes(row, core.account, config, instruments)
    _fill_entries(row, config)
    _fill_exits(core, config)
    if config.guards is not None:
        _fill_guards(row, config.guards)
    row[loop.LIMIT_TIER] = Tier.NONE if config.strategy.tier is None else _tier(config)
    _fill_monitoring(row, config.monitoring or MonitoringSection())


def mark_terms(terms: Row, config: StrategyConfig, instruments: Sequence[Instrument]) -> None:
    """Fill in what the trading loop knows of each instrument.

    Raises
    ------
    ConfigError
        If a group has an instrument that is not in the run.
    """
    groups = () if config.risk is None else config.risk.groups
    symbols = {instrument.symbol: k for k, instrument in enumerate(instruments)}
    for number, (name, members) in enumerate(groups, start=1):
        for symbol in members:
            if symbol not in symbols:
                raise ConfigError(
                    f"{symbol!r} is not among the instruments",
                    where=config.where("risk", "groups", name),
                    remedy="a limit that does not hold for what it names is worse than none",
                )
            terms[symbols[symbol], at.TERM_GROUP] = number
    events = sorted({instrument.event for instrument in instruments} - {""})
    for k, instrument in enumerate(instruments):
        if instrument.event:
            terms[k, at.TERM_EVENT] = events.index(instrument.event) + 1
        terms[k, at.TERM_EXPIRES] = instrument.expires_ns or 0
        terms[k, at.TERM_BINARY] = int(instrument.is_binary)


def _fill_signals(row: Row, config: StrategyConfig, instruments: Sequence[Instrument]) -> None:
    signals, rules = config.signals or SignalsSection(), config.rules
    row[loop.LIMIT_MIN_EDGE_PPB] = to_quanta(
        signals.min_edge_percent, 7, name="signals.min_edge_percent"
    )
    row[loop.LIMIT_MIN_CONFIDENCE_PPB] = to_quanta(
        signals.min_confidence, 9, name="signals.min_confidence"
    )
    row[loop.LIMIT_EXPIRY] = signals.expiry_ns
    if rules is None:
        return
    row[loop.LIMIT_HAS_EDGE] = int(rules.edge is not None or rules.probability is not None)
    row[loop.LIMIT_EDGE_IS_PROBABILITY] = int(rules.probability is not None)
    row[loop.LIMIT_HAS_CONFIDENCE] = int(rules.confidence is not None)
    row[loop.LIMIT_HAS_GOAL] = int(rules.target_price is not None)
    if rules.probability is not None:
        _require_events(config, instruments)


def _require_events(config: StrategyConfig, instruments: Sequence[Instrument]) -> None:
    """A probability is compared with a price: that of a contract that pays 1 or nothing."""
    for instrument in instruments:
        if not instrument.is_binary:
            raise ConfigError(
                f"probability is for event contracts; {instrument.symbol} is of kind "
                f"{instrument.kind.value}",
                where=config.where("rules", "probability"),
                remedy="give edge or confidence instead",
            )


def _fill_risk(row: Row, risk: RiskSection | None) -> None:
    if risk is None:
        return
    row[loop.LIMIT_RISK] = 1
    row[loop.LIMIT_POSITIONS] = risk.max_positions
    for column, percent in (
        (loop.LIMIT_POSITION_PPM, risk.max_position_percent),
        (loop.LIMIT_GROSS_PPM, risk.max_gross_percent),
        (loop.LIMIT_NET_PPM, risk.max_net_percent),
        (loop.LIMIT_GROUP_PPM, risk.max_group_percent),
        (loop.LIMIT_EVENT_PPM, risk.max_event_percent),
        (loop.LIMIT_COLLAR_PPM, risk.collar_percent),
    ):
        row[column] = _ppm(percent)
    row[loop.LIMIT_CORRELATION_PPM] = to_quanta(risk.max_correlation, 6, name="max_correlation")
    row[loop.LIMIT_CORRELATION_WINDOW] = risk.correlation_window
    row[loop.LIMIT_CORRELATION_RETURNS] = risk.min_returns
    row[loop.LIMIT_CORRELATION_UNKNOWN] = int(risk.correlation_unknown == "allow")
    row[loop.LIMIT_RATE] = risk.max_orders_per_minute
    row[loop.LIMIT_NOTIONAL_MINOR] = _minor(risk.max_order_notional)
    row[loop.LIMIT_UNITS_PPB] = _units(risk.max_order_quantity)
    row[loop.LIMIT_QUOTE_AGE] = risk.max_quote_age_ns
    row[loop.LIMIT_NO_ENTRY_FIRST] = risk.no_entry_first_ns
    row[loop.LIMIT_NO_ENTRY_LAST] = risk.no_entry_last_ns


def _fill_sizes(
    row: Row, account: Row, config: StrategyConfig, instruments: Sequence[Instrument]
) -> None:
    """Fill in the sizing; the methods without signals keep their value in the account's columns."""
    sizing, risk = config.sizing, config.risk
    if sizing.method == "kelly":
        method = _KELLY[sizing.form or _form_of(config, instruments)]
    else:
        method = _SIZES[sizing.method]
    row[loop.LIMIT_SIZE_METHOD] = method
    row[loop.LIMIT_SIZE_FRACTION_PPB] = (
        account[at.ACCOUNT_SIZE_VALUE]
        if method is SizeMethod.EQUITY
        else int((sizing.fraction or Decimal(0)) * 10**9)
    )
    row[loop.LIMIT_SIZE_SAMPLE] = sizing.sample or 0
    target = sizing.target_volatility_percent or Decimal(0)
    row[loop.LIMIT_SIZE_TARGET_PPB] = to_quanta(target, 7, name="target_volatility_percent")
    row[loop.LIMIT_SIZE_MINIMUM_UNITS_PPB] = _units(sizing.minimum_quantity)
    row[loop.LIMIT_SIZE_MINIMUM_MINOR] = _minor(sizing.minimum_notional)
    row[loop.LIMIT_SIZE_MINIMUM_PPM] = _ppm(sizing.minimum_percent or Decimal(0))
    row[loop.LIMIT_SIZE_MAXIMUM_UNITS_PPB] = _units(sizing.maximum_quantity)
    row[loop.LIMIT_SIZE_MAXIMUM_MINOR] = _minor(sizing.maximum_notional)
    most = sizing.maximum_percent
    if most is None and risk is not None:
        most = risk.max_position_percent
    row[loop.LIMIT_SIZE_MAXIMUM_PPM] = _ppm(most or Decimal(0))


def _form_of(config: StrategyConfig, instruments: Sequence[Instrument]) -> str:
    """Return which of Kelly's formulas fits what the strategy and its instruments give."""
    rules = config.rules
    if all(instrument.is_binary for instrument in instruments):
        if rules is None or rules.probability is not None:
            return "binary"
    if rules is None or (rules.target_price is not None and rules.confidence is not None):
        return "odds"
    return "continuous"


def _fill_entries(row: Row, config: StrategyConfig) -> None:
    entries = config.entries
    assert entries is not None, "the trading loop is on"
    row[loop.LIMIT_ENTRY_TIMEOUT] = entries.timeout_ns or 0
    row[loop.LIMIT_ENTRY_ON_TIMEOUT] = OnTimeout[entries.on_timeout.upper()]
    row[loop.LIMIT_ENTRY_RETRIES] = entries.retries
    row[loop.LIMIT_ENTRY_WALKS] = entries.walks
    row[loop.LIMIT_PROTECT_WITHIN] = entries.protect_within_ns


def _fill_exits(core: Core, config: StrategyConfig) -> None:
    """Fill in how each reason is executed, and when it fires.

    The strategy's own wish and the guards' closing are executed also where there is no [exits].
    """
    fill_exits(
        core.exits,
        core.stages,
        conditions=False,
        at_limit=core.account[at.ACCOUNT_ENTRY_TYPE] == OrderType.LIMIT,
    )
    core.stages[:] = 0
    if config.exits is not None and config.exits.enabled:
        _fill_conditions(core, config.exits)


def _fill_conditions(core: Core, section: ExitsSection) -> None:
    row, exits = core.limits, core.exits
    row[loop.LIMIT_EXITS] = 1
    for name, condition in section.conditions.items():
        each = exits[ExitReason[name.upper()]]
        each[loop.EXITS_ENABLED] = int(condition.enabled)
        each[loop.EXITS_WAIT] = condition.wait_ns
        each[loop.EXITS_WALKS] = condition.walks
    for reason, value in (
        (ExitReason.STOP_LOSS, _ppm(section.stop_loss_percent)),
        (ExitReason.TRAILING_STOP, _ppm(section.trail_active_percent)),
        (ExitReason.TIME_BASED_URGENT, section.urgent_before_ns),
        (ExitReason.LIQUIDITY_DRIED_UP, _units(section.volume or USUAL_VOLUME)),
        (ExitReason.EARLY_EXIT, _ppm(section.early_exit_percent)),
        (ExitReason.REBALANCE, _ppm(section.rebalance_advantage_percent)),
    ):
        exits[reason, loop.EXITS_THRESHOLD] = value
    profit = exits[ExitReason.PROFIT_TARGET]
    high, medium, low = (_ppm(each) for each in section.profit_percents)
    profit[loop.EXITS_THRESHOLD] = high
    profit[loop.EXITS_THRESHOLD_MEDIUM] = medium
    profit[loop.EXITS_THRESHOLD_LOW] = low
    liquidity = exits[ExitReason.LIQUIDITY_DRIED_UP]
    liquidity[loop.EXITS_SPREAD_PPB] = to_quanta(section.spread_cents, 7, name="spread_cents")
    if section.spread_bps is not None:
        liquidity[loop.EXITS_SPREAD_PPM] = int(section.spread_bps * 100)
    row[loop.LIMIT_TRAIL_DISTANCE_PPM] = _ppm(section.trail_distance_percent)
    row[loop.LIMIT_TRAIL_TIGHTEN_PPM] = _ppm(section.trail_tighten_percent)
    row[loop.LIMIT_TRAIL_EVERY_PPM] = _ppm(section.trail_every_percent)
    row[loop.LIMIT_TRAIL_LEAST_PPM] = _ppm(section.trail_least_percent)
    row[loop.LIMIT_AT_SESSION_CLOSE] = int(section.at_session_close)
    if section.is_on("partial_exit_target"):
        row[loop.LIMIT_STAGES] = len(section.stages)
        for k, (profit_percent, share) in enumerate(section.stages):
            core.stages[k, loop.STAGE_AT_PPM] = _ppm(profit_percent)
            core.stages[k, loop.STAGE_SHARE_PPM] = _ppm(share)


def _fill_guards(row: Row, guards: GuardsSection) -> None:
    row[loop.LIMIT_GUARDS] = 1
    row[loop.LIMIT_DAILY_MINOR] = _minor(guards.daily_loss_amount)
    row[loop.LIMIT_DAILY_PPM] = _ppm(guards.daily_loss_percent or Decimal(0))
    row[loop.LIMIT_DRAWDOWN_PPM] = _ppm(guards.drawdown_percent)
    row[loop.LIMIT_MINIMUM_MINOR] = _minor(guards.minimum_equity)
    row[loop.LIMIT_RESET_PPM] = _ppm(guards.reset_percent)
    row[loop.LIMIT_RESET_CHECKS] = guards.reset_checks
    row[loop.LIMIT_RESET_EVERY] = guards.reset_every_ns
    row[loop.LIMIT_MANUAL_RESET] = int(
        guards.manual_reset or False
    )  # as a backtest: nobody is there
    row[loop.LIMIT_API_ERRORS] = guards.api_errors
    row[loop.LIMIT_API_WINDOW] = guards.api_window_ns
    row[loop.LIMIT_DATABASE_ERRORS] = guards.database_errors
    row[loop.LIMIT_DATABASE_WINDOW] = guards.database_window_ns
    row[loop.LIMIT_STOP_COUNT] = guards.stop_losses or 0
    row[loop.LIMIT_STOP_WINDOW] = guards.stop_losses_window_ns
    row[loop.LIMIT_STOP_LOCK] = guards.stop_losses_lock_ns
    row[loop.LIMIT_STOP_SCOPE] = int(guards.stop_losses_scope == "instrument")
    row[loop.LIMIT_COOL_DOWN] = guards.cool_down_ns
    levels = [_minor(level) for level in guards.tiers]
    row[loop.LIMIT_TIER_LEVELS : loop.LIMIT_TIER_LEVELS + len(levels)] = levels
    row[loop.LIMIT_TIER_HOLD] = guards.tier_hold_ns
    row[loop.LIMIT_TILT_WINDOW] = guards.tilt_window_ns or 0
    row[loop.LIMIT_TILT_COOLING] = guards.tilt_cooling_ns
    row[loop.LIMIT_SIMULATED_OPERATOR] = int(guards.simulated_operator == "next_day")
    row[loop.LIMIT_FLAT_READS] = 0  # a replay has no venue that must be asked


def _tier(config: StrategyConfig) -> int:
    assert config.strategy.tier is not None
    return Tier[config.strategy.tier.upper()]


def _fill_monitoring(row: Row, monitoring: MonitoringSection) -> None:
    row[loop.LIMIT_POLL_EVERY] = monitoring.every_ns
    row[loop.LIMIT_POLL_URGENT] = monitoring.urgent_ns
    row[loop.LIMIT_POLL_CACHE] = monitoring.cache_ns
    row[loop.LIMIT_POLL_CALLS] = monitoring.max_api_calls_per_minute
    row[loop.LIMIT_POLL_RESERVE] = POLL_RESERVE


def _ppm(percent: Decimal) -> int:
    return to_quanta(percent, 4, name="a percentage")


def _minor(amount: Decimal | None) -> int:
    return 0 if amount is None else to_minor(amount)


def _units(units: Decimal | None) -> int:
    """Return units in parts of 10^-9; 0 for none."""
    return 0 if units is None else to_quanta(units, 9, name="a quantity")
