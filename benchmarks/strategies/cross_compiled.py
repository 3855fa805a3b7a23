"""The crossing of two averages as a compiled strategy."""

from engine.kernels.intents import BUY, SELL, market_order
from trader import compiled_strategy


@compiled_strategy(
    indicators={"fast": "sma(close, fast_bars)", "slow": "sma(close, slow_bars)"}, memory=2
)
def cross(values, memory, position, last, working, intents):  # type: ignore[no-untyped-def]
    """Buy 100 when fast crosses over slow, sell all when it crosses back."""
    fast, slow = values[5], values[6]
    fast_before, slow_before = memory[0], memory[1]
    memory[0] = fast
    memory[1] = slow
    if slow_before == 0.0:
        return 0
    if fast > slow and fast_before <= slow_before and position == 0:
        return market_order(intents, 0, BUY, 100)
    if fast < slow and fast_before >= slow_before and position > 0:
        return market_order(intents, 0, SELL, position)
    return 0
