"""How the reference model prices an order to close, and how far a walk takes it.

Written for both sides at once: `side` is that of the order, -1 closes a long position. Going towards
being filled is down for a sale and up for a purchase.
"""

from __future__ import annotations

from fractions import Fraction

from tests.reference.trading_desk import AGGRESSIVE, CONSERVATIVE, Desk, Terms

TWO_PERCENT = Fraction(2, 100)


def opposite(sides: tuple[int, int], side: int) -> int:
    """Return the touch that an order would trade with."""
    return sides[0] if side < 0 else sides[1]


def passive(terms: Terms, price: Fraction | int, side: int) -> int:
    """Round a price to the grid so that the rounding never crosses the spread."""
    return terms.up(price) if side < 0 else terms.down(price)


def on_the_grid(terms: Terms, price: int) -> int:
    """Return the nearest price that an order may have: a step at least, at most the highest."""
    if terms.highest:
        price = min(price, terms.down(terms.highest))
    return max(price, terms.price_step)


def farthest(terms: Terms, sides: tuple[int, int], side: int) -> int:
    """Return how far past the opposite touch a price may go: by the spread, a step where none is seen."""
    spread = max(sides[1] - sides[0], terms.price_step)
    return on_the_grid(terms, passive(terms, opposite(sides, side) + side * spread, side))


def bounded(terms: Terms, sides: tuple[int, int], price: int, side: int) -> int:
    """Return a price, or the bound where it would lie past it."""
    bound, price = farthest(terms, sides, side), on_the_grid(terms, price)
    return max(price, bound) if side < 0 else min(price, bound)


def first_price(desk: Desk, side: int, kind: int) -> int | None:
    """Return the price of a plan's first order; None where the market does not say."""
    terms, sides = desk.terms, desk.market.sides
    if sides is None:
        return None
    touch = opposite(sides, side)
    if kind == AGGRESSIVE:
        through = min(terms.price_step, terms.down(touch * TWO_PERCENT))
        price = passive(terms, touch + side * through, side)
    elif kind == CONSERVATIVE:
        price = passive(terms, sides[1] if side < 0 else sides[0], side)
    else:
        price = passive(terms, Fraction(sum(sides), 2), side)
    return bounded(terms, sides, price, side)


def walked(desk: Desk, side: int, price: int, steps: int) -> int:
    """Return a price moved by whole steps, as far as it may go; a walk never goes back."""
    sides = desk.market.sides
    if sides is None:
        return price
    moved = bounded(desk.terms, sides, price + side * steps * desk.terms.price_step, side)
    return moved if (moved - price) * side > 0 else price
