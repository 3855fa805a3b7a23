"""How the file names what a checked configuration holds: "exits.stop_loss_percent" is its
`exits.stop_loss.percent`. For messages about a stored configuration, which has the program's names.
"""

from __future__ import annotations

from typing import Final

# From the names of the frozen sections to those of the file, where more than an ending differs.
_RENAMED: Final = {
    "exits.stop_loss_percent": "exits.stop_loss.percent",
    "exits.trail_active_percent": "exits.trailing_stop.active_percent",
    "exits.trail_distance_percent": "exits.trailing_stop.distance_percent",
    "exits.trail_tighten_percent": "exits.trailing_stop.tighten_percent",
    "exits.trail_every_percent": "exits.trailing_stop.every_percent",
    "exits.trail_least_percent": "exits.trailing_stop.least_percent",
    "exits.urgent_before": "exits.time_based_urgent.before",
    "exits.at_session_close": "exits.time_based_urgent.at_session_close",
    "exits.spread_cents": "exits.liquidity_dried_up.spread_cents",
    "exits.spread_bps": "exits.liquidity_dried_up.spread_bps",
    "exits.volume": "exits.liquidity_dried_up.volume",
    "exits.volume_window": "exits.liquidity_dried_up.volume_window",
    "exits.profit_percents": "exits.profit_target",
    "exits.stages": "exits.partial_exit_target.stages",
    "exits.early_exit_percent": "exits.early_exit.percent",
    "exits.rebalance_advantage_percent": "exits.rebalance.advantage_percent",
    "guards.daily_loss_amount": "guards.daily_loss.amount",
    "guards.daily_loss_percent": "guards.daily_loss.percent",
    "guards.drawdown_percent": "guards.drawdown.percent",
    "guards.minimum_equity": "guards.drawdown.minimum_equity",
    "guards.reset_percent": "guards.drawdown.reset_percent",
    "guards.reset_checks": "guards.drawdown.checks",
    "guards.reset_every": "guards.drawdown.every",
    "guards.manual_reset": "guards.drawdown.manual_reset",
    "guards.api_errors": "guards.api.errors",
    "guards.api_window": "guards.api.window",
    "guards.database_errors": "guards.database.errors",
    "guards.database_window": "guards.database.window",
    "guards.stop_losses": "guards.stop_losses.count",
    "guards.stop_losses_window": "guards.stop_losses.window",
    "guards.stop_losses_lock": "guards.stop_losses.lock",
    "guards.stop_losses_scope": "guards.stop_losses.scope",
    "guards.cool_down": "guards.cool_down.after_loss",
    "guards.tier_hold": "guards.tiers.hold",
    "guards.tilt_window": "guards.tilt.window",
    "guards.tilt_cooling": "guards.tilt.cooling",
    "fills.latency": "fills.latency_ms",
    "fills.latency_jitter": "fills.latency_jitter_ms",
    "adjustment": "data.adjustment",
    "rebalance": "rules.rebalance",
    "tier": "strategy.tier",
}


def file_key(name: str) -> str:
    """Return the key of a strategy file that a configuration's dotted name stands for.

    Examples
    --------
    >>> file_key("exits.stop_loss_percent"), file_key("entries.timeout_ns")
    ('exits.stop_loss.percent', 'execution.timeout')
    >>> file_key("exits.conditions.early_exit.wait_ns"), file_key("account.cash")
    ('exits.early_exit.wait', 'account.cash')
    """
    name = name.removesuffix("_ns").replace("exits.conditions.", "exits.", 1)
    if name.startswith("entries."):
        name = f"execution.{name.removeprefix('entries.')}"
    return _RENAMED.get(name, name)
