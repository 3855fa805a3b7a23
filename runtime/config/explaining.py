"""One key explained: what it means, what it accepts, and what uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_origin

from pydantic import BaseModel

from engine.errors import InputError
from runtime.config.locate import Key
from runtime.config.problems import did_you_mean
from runtime.config.reference import default_of
from runtime.config.schema import StrategyFile
from runtime.config.wording import accepted_of, field_at, fields_of, is_duration, model_in

# What uses a key, by the longest part of it that is named here.
USED_BY: dict[str, str] = {
    "strategy": "reports, and whatever runs the strategy",
    "strategy.tier": "check circuit_breaker, by the latch tier",
    "parameters": "formulas, classes and compiled functions",
    "data": "loading",
    "data.adjustment": "formulas",
    "data.benchmark": "the report",
    "rules": "every bar: whether to enter and to leave",
    "rules.edge": "check edge_too_small; exits early_exit, edge_disappeared, rebalance; kelly",
    "rules.probability": "check edge_too_small; exits early_exit, edge_disappeared; kelly",
    "rules.confidence": "check confidence_too_small; exit profit_target; kelly",
    "rules.target_price": "exit profit_target; kelly",
    "sizing": "the size of an entry",
    "sizing.volatility": "the size of an entry: kelly, vol_target",
    "execution": "orders that open and close",
    "execution.timeout": "entry orders that wait",
    "execution.on_timeout": "entry orders that have waited",
    "execution.retries": "entry orders that have waited: retry",
    "execution.walks": "entry orders that have waited: walk",
    "execution.protect_within": "the alert of a position without its stop",
    "account": "the ledger",
    "account.leverage": "check buying_power; risk.max_gross_percent when that is left out",
    "account.allow_short": "check of the order's form",
    "fills": "the simulated venue",
    "signals": "signals, before they are sized",
    "signals.min_edge_percent": "check edge_too_small",
    "signals.min_confidence": "check confidence_too_small",
    "signals.expiry": "check signal_expired; entry orders that wait; exit rebalance",
    "signals.mode": "sessions",
    "risk": "orders that open or enlarge a position",
    "risk.max_positions": "check max_positions",
    "risk.max_position_percent": "check position_size; the size of an entry",
    "risk.max_gross_percent": "check gross_exposure",
    "risk.max_net_percent": "check net_exposure",
    "risk.groups": "check concentration",
    "risk.max_group_percent": "check concentration",
    "risk.max_event_percent": "check concentration",
    "risk.max_correlation": "check correlation",
    "risk.correlation_window": "check correlation",
    "risk.min_returns": "check correlation",
    "risk.correlation_unknown": "check correlation",
    "risk.max_orders_per_minute": "check order_rate",
    "risk.collar_percent": "check price_collar; prices that jump are suspect",
    "risk.max_order_notional": "check order_notional",
    "risk.max_order_quantity": "check order_quantity",
    "risk.max_quote_age": "check price_stale",
    "risk.no_entry_first": "check trading_hours",
    "risk.no_entry_last": "check trading_hours",
    "exits": "positions",
    "exits.stop_loss": "exit stop_loss",
    "exits.stop_loss.percent": "exit stop_loss; fixed_fraction and kelly without a nearer stop",
    "exits.circuit_breaker": "exit circuit_breaker",
    "exits.trailing_stop": "exit trailing_stop",
    "exits.time_based_urgent": "exit time_based_urgent",
    "exits.liquidity_dried_up": "exit liquidity_dried_up",
    "exits.profit_target": "exit profit_target",
    "exits.partial_exit_target": "exits partial_exit_target, profit_target",
    "exits.early_exit": "exit early_exit",
    "exits.edge_disappeared": "exit edge_disappeared",
    "exits.rebalance": "exit rebalance",
    "guards": "the whole account",
    "guards.daily_loss": "latch daily_loss; check daily_loss; exit circuit_breaker",
    "guards.drawdown": "latch drawdown; check drawdown_guard; exit circuit_breaker",
    "guards.drawdown.minimum_equity": "latch minimum_equity; exit circuit_breaker",
    "guards.api": "latch api; check circuit_breaker",
    "guards.database": "latch database; check circuit_breaker",
    "guards.stop_losses": "latch stop_losses; check locked",
    "guards.cool_down": "check locked",
    "guards.tiers": "latch tier; check circuit_breaker",
    "guards.tilt": "manual orders and approvals",
    "guards.simulated_operator": "backtests",
    "monitoring": "venues whose prices must be asked for",
}
_UNITS = {
    "_percent": "percent",
    "_bps": "basis points: hundredths of a percent",
    "_cents": "hundredths of the currency",
    "_notional": "account currency",
    "_quantity": "units of the instrument",
    "_ms": "milliseconds",
}
_UNIT_OF = {
    "account.cash": "account currency",
    "guards.daily_loss.amount": "account currency",
    "guards.drawdown.minimum_equity": "account currency",
    "guards.tiers.sniper": "account currency",
    "guards.tiers.hunter": "account currency",
    "guards.tiers.strategist": "account currency",
    "exits.liquidity_dried_up.volume": "units of the instrument",
    "sizing.notional": "account currency",
    "sizing.quantity": "units of the instrument",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a key; an empty text where there is nothing to say."""

    key: Key
    description: str
    accepted: str
    default: str
    unit: str
    used_by: str

    @property
    def name(self) -> str:
        """The key with its tables."""
        return ".".join(self.key)


def explain(name: str) -> Explanation:
    """Return what is known of a key, given with its tables or alone where that is clear.

    Raises
    ------
    InputError
        If there is no such key, or several tables have one.
    """
    key = _find(name.strip("[]"))
    field = field_at(StrategyFile, key)
    assert field is not None, "it is one of the keys"
    dotted = ".".join(key)
    return Explanation(
        key=key,
        description=field.description or "",
        accepted=accepted_of(field),
        default=default_of(field).strip("`"),
        unit="a duration" if is_duration(field) else unit_of(dotted),
        used_by=used_by(dotted),
    )


def all_keys(model: type[BaseModel] = StrategyFile, prefix: Key = ()) -> Iterator[Key]:
    """Yield every key of a strategy file; of a parameter only that there is one."""
    for name, field in fields_of(model):
        inner = model_in(field.annotation)
        if inner is None or get_origin(field.annotation) is dict:
            yield (*prefix, name)
        else:
            yield from all_keys(inner, (*prefix, name))


def used_by(name: str) -> str:
    """Return what uses a key; its table's users where it has none of its own."""
    while name not in USED_BY:
        name, dot, _ = name.rpartition(".")
        assert dot, "every table is there"
    return USED_BY[name]


def unit_of(name: str) -> str:
    """Return what a key's number counts, where its name alone might not say it."""
    if name in _UNIT_OF:
        return _UNIT_OF[name]
    last = f"_{name.rpartition('.')[2]}"
    return next((unit for ending, unit in _UNITS.items() if last.endswith(ending)), "")


def _find(name: str) -> Key:
    known = {".".join(key): key for key in all_keys()}
    if name in known:
        return known[name]
    ending = [key for full, key in known.items() if full.endswith(f".{name}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        names = ", ".join(".".join(key) for key in ending[:6])
        remedy = f"say which: {names}" + (", ..." if len(ending) > 6 else "")
        raise InputError(f"{len(ending)} tables have a key {name!r}", where="KEY", remedy=remedy)
    last = {key[-1]: ".".join(key) for key in known.values()}
    remedy = did_you_mean(name, known) or did_you_mean(name, last)
    raise InputError(
        f"there is no key {name!r}",
        where="KEY",
        remedy=remedy or "trader config show STRATEGY lists all of them",
    )
