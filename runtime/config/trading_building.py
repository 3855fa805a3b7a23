"""From the trading loop's checked tables to the frozen dataclasses; only files that have them come here."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from runtime.config.relations import asks_for_trading
from runtime.config.trading_sections import (
    EntriesSection,
    ExitCondition,
    ExitsSection,
    GuardsSection,
    MonitoringSection,
    RiskSection,
    SignalsSection,
)
from runtime.config.values import OFF

if TYPE_CHECKING:
    from runtime.config.guards_schema import GuardsTable
    from runtime.config.schema import StrategyFile
    from runtime.config.trading_schema import ExitsTable, RiskTable


def trading_sections(file: StrategyFile) -> dict[str, Any]:
    """Return the trading loop's sections by their names in `StrategyConfig`."""
    made: dict[str, Any] = {"entries": _entries(file)} if asks_for_trading(file) else {}
    signals, monitoring = file.signals, file.monitoring
    if signals is not None:
        made["signals"] = SignalsSection(
            signals.min_edge_percent, signals.min_confidence, signals.expiry, signals.mode
        )
    if file.risk is not None:
        made["risk"] = _risk(file.risk, file.account.leverage)
    if file.exits is not None:
        made["exits"] = _exits(file.exits)
    if file.guards is not None:
        made["guards"] = _guards(file.guards)
    if monitoring is not None:
        made["monitoring"] = MonitoringSection(
            monitoring.every,
            monitoring.urgent,
            monitoring.cache,
            monitoring.max_api_calls_per_minute,
        )
    return made


def _entries(file: StrategyFile) -> EntriesSection:
    table, usual = file.execution, EntriesSection()

    def given(value: Any, default: Any) -> Any:
        return default if value is None else value

    timeout = given(table.timeout, usual.timeout_ns)
    return EntriesSection(
        timeout_ns=None if timeout == OFF else timeout,
        on_timeout=given(table.on_timeout, usual.on_timeout),
        retries=given(table.retries, usual.retries),
        walks=given(table.walks, usual.walks),
        protect_within_ns=given(table.protect_within, usual.protect_within_ns),
    )


def _risk(table: RiskTable, leverage: Decimal) -> RiskSection:
    gross = 100 * leverage if table.max_gross_percent is None else table.max_gross_percent
    net = gross if table.max_net_percent is None else table.max_net_percent
    return RiskSection(
        max_positions=table.max_positions,
        max_position_percent=table.max_position_percent,
        max_gross_percent=gross,
        max_net_percent=net,
        groups=tuple((name, tuple(group)) for name, group in sorted(table.groups.items())),
        max_group_percent=table.max_group_percent,
        max_event_percent=table.max_event_percent,
        max_correlation=table.max_correlation,
        correlation_window=table.correlation_window,
        min_returns=table.min_returns,
        correlation_unknown=table.correlation_unknown,
        max_orders_per_minute=table.max_orders_per_minute,
        collar_percent=table.collar_percent,
        max_order_notional=table.max_order_notional,
        max_order_quantity=table.max_order_quantity,
        max_quote_age_ns=table.max_quote_age,
        no_entry_first_ns=table.no_entry_first,
        no_entry_last_ns=table.no_entry_last,
    )


CONDITIONS = (
    "stop_loss",
    "circuit_breaker",
    "trailing_stop",
    "time_based_urgent",
    "liquidity_dried_up",
    "profit_target",
    "partial_exit_target",
    "early_exit",
    "edge_disappeared",
    "rebalance",
)


def _exits(table: ExitsTable) -> ExitsSection:
    trail, liquidity, profit = table.trailing_stop, table.liquidity_dried_up, table.profit_target
    tables = {name: getattr(table, name) for name in CONDITIONS}
    return ExitsSection(
        enabled=table.enabled,
        conditions={
            name: ExitCondition(each.enabled, each.wait, getattr(each, "walks", 0))
            for name, each in tables.items()
        },
        stop_loss_percent=table.stop_loss.percent,
        trail_active_percent=trail.active_percent,
        trail_distance_percent=trail.distance_percent,
        trail_tighten_percent=trail.tighten_percent,
        trail_every_percent=trail.every_percent,
        trail_least_percent=trail.least_percent,
        urgent_before_ns=table.time_based_urgent.before,
        at_session_close=table.time_based_urgent.at_session_close,
        spread_cents=liquidity.spread_cents,
        spread_bps=None if liquidity.spread_bps == OFF else liquidity.spread_bps,
        volume=liquidity.volume,
        volume_window_ns=liquidity.volume_window,
        profit_percents=(profit.high_percent, profit.medium_percent, profit.low_percent),
        stages=table.partial_exit_target.stages,
        early_exit_percent=table.early_exit.percent,
        rebalance_advantage_percent=table.rebalance.advantage_percent,
    )


def _guards(table: GuardsTable) -> GuardsSection:
    drawdown, stops, tiers, tilt = table.drawdown, table.stop_losses, table.tiers, table.tilt
    return GuardsSection(
        daily_loss_amount=table.daily_loss.amount,
        daily_loss_percent=table.daily_loss.percent,
        drawdown_percent=drawdown.percent,
        minimum_equity=drawdown.minimum_equity,
        reset_percent=_half(drawdown.percent)
        if drawdown.reset_percent is None
        else drawdown.reset_percent,
        reset_checks=drawdown.checks,
        reset_every_ns=drawdown.every,
        manual_reset=drawdown.manual_reset,
        api_errors=table.api.errors,
        api_window_ns=table.api.window,
        database_errors=table.database.errors,
        database_window_ns=table.database.window,
        stop_losses=stops.count,
        stop_losses_window_ns=stops.window,
        stop_losses_lock_ns=stops.lock,
        stop_losses_scope=stops.scope,
        cool_down_ns=table.cool_down.after_loss,
        tiers=(tiers.sniper, tiers.hunter, tiers.strategist),
        tier_hold_ns=tiers.hold,
        tilt_window_ns=tilt.window if tilt.enabled else None,
        tilt_cooling_ns=tilt.cooling,
        simulated_operator=table.simulated_operator,
    )


def _half(percent: Decimal) -> Decimal:
    """Return half of a percentage, at most four decimals, rounded down: the stricter way."""
    return (percent / 2).quantize(Decimal("0.0001"), ROUND_FLOOR)
