"""The trading loop's tables, checked and frozen.

Percentages are as written (5 is five percent), durations in nanoseconds. None is a limit or a rule that
is off; a whole table that the file does not have is None in `StrategyConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engine.model.units import NS_PER_MINUTE, NS_PER_SECOND

Pairs = tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True)
class SignalsSection:
    """What becomes of a signal before it is sized. `mode`: auto, approve or alert."""

    min_edge_percent: Decimal = Decimal(5)
    min_confidence: Decimal = Decimal(0)
    expiry_ns: int = 5 * NS_PER_MINUTE
    mode: str = "auto"


@dataclass(frozen=True, slots=True)
class RiskSection:
    """Limits of orders that open or enlarge a position; percentages are of equity."""

    max_positions: int
    max_position_percent: Decimal
    max_gross_percent: Decimal
    max_net_percent: Decimal
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    max_group_percent: Decimal
    max_event_percent: Decimal
    max_correlation: Decimal
    correlation_window: int
    min_returns: int
    correlation_unknown: str
    max_orders_per_minute: int
    collar_percent: Decimal
    max_order_notional: Decimal | None
    max_order_quantity: Decimal | None
    max_quote_age_ns: int
    no_entry_first_ns: int
    no_entry_last_ns: int


@dataclass(frozen=True, slots=True)
class EntriesSection:
    """What becomes of an entry order that waits; `timeout_ns` None is for ever."""

    timeout_ns: int | None = 30 * NS_PER_SECOND
    on_timeout: str = "cancel"
    retries: int = 3
    walks: int = 5
    protect_within_ns: int = 5 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class ExitCondition:
    """One of the ten: whether it is looked at, how long its first order waits, how often it moves."""

    enabled: bool
    wait_ns: int
    walks: int = 0


@dataclass(frozen=True, slots=True)
class ExitsSection:
    """When positions are closed. `conditions` has all ten by name.

    `spread_cents` is of event contracts, `spread_bps` of all others. `volume` is None where the file
    does not say it: then its usual value holds, for event contracts only.
    """

    enabled: bool
    conditions: Mapping[str, ExitCondition]
    stop_loss_percent: Decimal
    trail_active_percent: Decimal
    trail_distance_percent: Decimal
    trail_tighten_percent: Decimal
    trail_every_percent: Decimal
    trail_least_percent: Decimal
    urgent_before_ns: int
    at_session_close: bool
    spread_cents: Decimal
    spread_bps: Decimal | None
    volume: Decimal | None
    volume_window_ns: int
    profit_percents: tuple[Decimal, Decimal, Decimal]
    stages: Pairs
    early_exit_percent: Decimal
    rebalance_advantage_percent: Decimal

    def is_on(self, condition: str) -> bool:
        """Return whether a condition is looked at."""
        return self.enabled and self.conditions[condition].enabled


@dataclass(frozen=True, slots=True)
class GuardsSection:
    """What stops trading for the whole account. `manual_reset` None: the verb decides."""

    daily_loss_amount: Decimal
    daily_loss_percent: Decimal | None
    drawdown_percent: Decimal
    minimum_equity: Decimal
    reset_percent: Decimal
    reset_checks: int
    reset_every_ns: int
    manual_reset: bool | None
    api_errors: int
    api_window_ns: int
    database_errors: int
    database_window_ns: int
    stop_losses: int | None
    stop_losses_window_ns: int
    stop_losses_lock_ns: int
    stop_losses_scope: str
    cool_down_ns: int
    tiers: tuple[Decimal, Decimal, Decimal]
    tier_hold_ns: int
    tilt_window_ns: int | None
    tilt_cooling_ns: int
    simulated_operator: str


@dataclass(frozen=True, slots=True)
class MonitoringSection:
    """How often positions are looked at where prices must be asked for; it changes no backtest."""

    every_ns: int = field(default=30 * NS_PER_SECOND, metadata={"decides": False})
    urgent_ns: int = field(default=5 * NS_PER_SECOND, metadata={"decides": False})
    cache_ns: int = field(default=10 * NS_PER_SECOND, metadata={"decides": False})
    max_api_calls_per_minute: int = field(default=60, metadata={"decides": False})


USUAL_VOLUME = Decimal(50)  # units of event contracts
