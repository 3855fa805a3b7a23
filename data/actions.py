"""Corporate actions and other dated facts of an instrument."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from engine.errors import DataError
from engine.model.units import INT64_MAX


class ActionKind(Enum):
    """What happened to the instrument."""

    SPLIT = "split"
    DIVIDEND = "dividend"
    SYMBOL_CHANGE = "symbol_change"
    FUNDING = "funding"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True)
class Action:
    """One dated fact; it takes effect before any market data of its time.

    Parameters
    ----------
    symbol
        The instrument it happens to.
    ts_ex_ns
        When it takes effect, nanoseconds UTC; the ex-date's first moment (`day_starts`).
    kind
        See `ActionKind`.
    ratio_numerator, ratio_denominator
        Split: new units for old ones, 2 and 1 for a two-for-one split.
    amount
        Dividend: money per unit before tax, in the instrument's currency. Funding: the rate, a
        fraction of the notional that longs pay to shorts. Settlement: the final price.
    new_symbol
        Symbol change: the name from then on.

    Raises
    ------
    DataError
        If the fields do not fit the kind.
    """

    symbol: str
    ts_ex_ns: int
    kind: ActionKind
    ratio_numerator: int = 1
    ratio_denominator: int = 1
    amount: Decimal | None = None
    new_symbol: str = ""

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise DataError(
                f"{self.kind.value} of {self.symbol!r}: {problem}", code="data.bad_action"
            )

    @property
    def ratio(self) -> Fraction:
        """New units for one old unit."""
        return Fraction(self.ratio_numerator, self.ratio_denominator)


def _problem(action: Action) -> str:
    ratio = (action.ratio_numerator, action.ratio_denominator)
    if not all(1 <= term <= INT64_MAX for term in ratio):
        return f"the ratio must be made of positive numbers, not {ratio[0]}:{ratio[1]}"
    if action.kind is ActionKind.SYMBOL_CHANGE:
        return "" if action.new_symbol else "the new symbol is missing"
    if action.kind is ActionKind.SPLIT:
        return "" if ratio[0] != ratio[1] else "a split of 1:1 changes nothing"
    if action.amount is None or not action.amount.is_finite():
        return f"the amount is missing or not finite: {action.amount}"
    if action.amount < 0 and action.kind is not ActionKind.FUNDING:
        return f"the amount must not be negative: {action.amount}"
    return ""
