"""A moving-average cross as a compiled strategy: plain Python in the subset that numba compiles."""

from engine.kernels.intents import BUY, SELL, market_order
from trader import compiled_strategy


@compiled_strategy(
    indicators={"fast": "sma(close, fast_bars)", "slow": "sma(close, slow_bars)"}, memory=2
)
def cross(values, memory, position, last, working, intents):  # type: ignore[no-untyped-def]
    """Buy 100 shares when the fast average crosses over the slow one, sell when it crosses back.

    values: open, high, low, close, volume, fast, slow, then the parameters of the file.
    memory: the averages of the bar before.
    """
    fast, slow = values[5], values[6]
    was_above = memory[0] > memory[1]
    seen = memory[1] != 0.0
    memory[0] = fast
    memory[1] = slow
    if not seen or working > 0:
        return 0
    if fast > slow and not was_above and position == 0:
        return market_order(intents, 0, BUY, 100)
    if fast < slow and was_above and position > 0:
        return market_order(intents, 0, SELL, position)
    return 0
