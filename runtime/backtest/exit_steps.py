"""How each reason to close is executed: priority, price, waits and walks, in the order of the columns
from EXITS_PRIORITY to EXITS_THEN_MARKET."""

from __future__ import annotations

from typing import Final

from engine.model.trading import ExitPriority, ExitReason, PriceKind, WalkKind
from engine.model.units import NS_PER_SECOND

_WALKS = {  # ns between two walks, thousandths of a tick of the first, what each further one adds
    WalkKind.NONE: (0, 0, 0),
    WalkKind.WALK_PRICE: (15 * NS_PER_SECOND, 1_000, 500),
    WalkKind.WALK_SLOWLY: (30 * NS_PER_SECOND, 1_000, 300),
    WalkKind.BEFORE_MARKET: (10 * NS_PER_SECOND, 1_500, 500),
}


def _steps(
    priority: ExitPriority, price: PriceKind, wait: int, walks: int, kind: WalkKind, then: int
) -> tuple[int, ...]:
    return (priority, price, wait * NS_PER_SECOND, walks, kind, *_WALKS[kind], then)


_MARKET = (PriceKind.MARKET, 5, 0, WalkKind.NONE, 1)
_FAIR = (PriceKind.FAIR, 30, 5, WalkKind.WALK_PRICE, 0)
_SLOW = (PriceKind.CONSERVATIVE, 60, 10, WalkKind.WALK_SLOWLY, 0)
_URGENT = (PriceKind.AGGRESSIVE, 10, 2, WalkKind.BEFORE_MARKET, 1)
_THIN = (PriceKind.AGGRESSIVE, 15, 3, WalkKind.BEFORE_MARKET, 1)

EXIT_STEPS: Final = {
    ExitReason.STOP_LOSS: _steps(ExitPriority.CRITICAL, *_MARKET),
    ExitReason.CIRCUIT_BREAKER: _steps(ExitPriority.CRITICAL, *_MARKET),
    ExitReason.TRAILING_STOP: _steps(ExitPriority.HIGH, *_URGENT),
    ExitReason.TIME_BASED_URGENT: _steps(ExitPriority.HIGH, *_URGENT),
    ExitReason.LIQUIDITY_DRIED_UP: _steps(ExitPriority.HIGH, *_THIN),
    ExitReason.PROFIT_TARGET: _steps(ExitPriority.MEDIUM, *_FAIR),
    ExitReason.PARTIAL_EXIT_TARGET: _steps(ExitPriority.MEDIUM, *_FAIR),
    ExitReason.EARLY_EXIT: _steps(ExitPriority.LOW, *_SLOW),
    ExitReason.EDGE_DISAPPEARED: _steps(ExitPriority.LOW, *_FAIR),
    ExitReason.REBALANCE: _steps(ExitPriority.LOW, *_SLOW),
    ExitReason.STRATEGY: _steps(ExitPriority.STRATEGY, *_MARKET),
}
