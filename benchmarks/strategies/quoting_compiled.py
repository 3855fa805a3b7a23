"""Limit orders on both sides as a compiled strategy, quoted anew at every hundredth quote."""

from engine.kernels.intents import BUY, SELL, cancel_all, limit_order
from trader import compiled_strategy


@compiled_strategy(on="quote", memory=1)
def quoting(values, memory, position, last, working, intents):  # type: ignore[no-untyped-def]
    """Join bid and ask with 10 shares each, within a position of 100 either way."""
    memory[0] += 1.0
    if memory[0] < values[4]:
        return 0
    memory[0] = 0.0
    n = cancel_all(intents, 0) if working > 0 else 0
    if position < 100:
        n = limit_order(intents, n, BUY, 10, round(values[0] * 100.0))
    if position > -100:
        n = limit_order(intents, n, SELL, 10, round(values[1] * 100.0))
    return n
