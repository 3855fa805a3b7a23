"""Splits and dividends applied to prices when they are read; the catalog keeps them raw.

Three views of one instrument's bars, for three purposes:

- forward split factors, exact: what a decision may use. The first bar has factor 1, and a factor
  changes on the first bar at or after the action, so nothing is known before its time.
- back-adjusted by splits: what a chart shows; the last bar is raw.
- total return: dividends reinvested too, for reports and comparisons.

A dividend D is taken to buy more at the ex-date's close C: the day returns (C + D) / P over the
close before it, P, so everything before is scaled by C / (C + D). That is what an account can do,
and what Quandl's WIKI adjusted close is, to 14 digits (tests/unit/data/test_adjustment.py). Other
vendors (CRSP, Yahoo) scale by 1 - D / P, which buys at P - D, a price that nobody was offered; the
two differ by up to 2e-2 for one large dividend in our data, by 1e-4 as a rule.

The backtest itself does none of this: its ledger books splits and dividends as they happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import numpy as np

from data.actions import Action, ActionKind
from data.history import BarColumns, InstrumentHistory, bar_floats
from data.numbers import Floats, Ints
from engine.errors import DataError


class Adjustment(Enum):
    """What is applied to raw prices."""

    NONE = "none"
    SPLITS = "splits"
    TOTAL_RETURN = "total_return"


class Reinvestment(Enum):
    """The price at which a dividend buys more."""

    EX_CLOSE = "ex_close"  # the close of the first bar at or after the ex-date: C / (C + D)
    PREVIOUS_CLOSE = "previous_close"  # the close before, less the dividend: 1 - D / P


@dataclass(frozen=True, slots=True)
class FactorSteps:
    """A factor that changes on some bars: `factors[i]` holds from bar `starts[i]` on."""

    starts: tuple[int, ...]
    factors: tuple[Fraction, ...]
    count: int

    def floats(self) -> Floats:
        """Return the factor of every bar as the float nearest to it."""
        lengths = np.diff(np.array([*self.starts, self.count]))
        return np.repeat(np.array([float(factor) for factor in self.factors]), lengths)

    def at(self, index: int) -> Fraction:
        """Return the exact factor of one bar."""
        place = int(np.searchsorted(np.array(self.starts), index, side="right")) - 1
        return self.factors[place]


def forward_split_factors(bars: BarColumns, actions: Iterable[Action]) -> FactorSteps:
    """Return how many units at each bar one unit of the first bar has become, exactly.

    Raw price times this factor is a series without jumps that never changes afterwards: the
    factor of a bar depends on no action after it.
    """
    starts, factors = [0], [Fraction(1)]
    for action in _in_span(bars, actions, ActionKind.SPLIT):
        first = _first_bar(bars, action)
        factor = factors[-1] * action.ratio
        if first == starts[-1]:
            factors[-1] = factor
        else:
            starts.append(first)
            factors.append(factor)
    return FactorSteps(tuple(starts), tuple(factors), len(bars))


def back_factors(
    bars: BarColumns,
    actions: Sequence[Action],
    adjustment: Adjustment,
    *,
    precision: int,
    reinvestment: Reinvestment = Reinvestment.EX_CLOSE,
) -> Floats:
    """Return what to multiply each bar's raw prices with; the last bar's factor is 1.

    Parameters
    ----------
    bars
        Bars of one instrument.
    actions
        Actions of that instrument; those outside the bars change nothing.
    adjustment
        Which actions count.
    precision
        The instrument's price precision, to bring dividends and prices together.
    reinvestment
        The convention of the dividends' factors.

    Raises
    ------
    DataError
        If a dividend is not smaller than the close before it.
    """
    steps = np.ones(len(bars))
    if adjustment is not Adjustment.NONE:
        for action in _in_span(bars, actions, ActionKind.SPLIT):
            steps[_first_bar(bars, action)] /= float(action.ratio)
    if adjustment is Adjustment.TOTAL_RETURN:
        splits = steps.copy()
        for action in _in_span(bars, actions, ActionKind.DIVIDEND):
            first = _first_bar(bars, action)
            before = int(bars.close_ticks[first - 1]) / 10**precision * float(splits[first])
            after = int(bars.close_ticks[first]) / 10**precision
            steps[first] *= _dividend_factor(action, before, after, reinvestment)
    # Bar i is scaled by every step after it.
    later = np.ones(len(bars))
    later[:-1] = np.cumprod(steps[:0:-1])[::-1]
    return later


def adjusted_bars(
    part: InstrumentHistory,
    actions: Iterable[Action],
    adjustment: Adjustment,
    *,
    reinvestment: Reinvestment = Reinvestment.EX_CLOSE,
) -> Mapping[str, Floats]:
    """Return open, high, low, close and volume as floats, adjusted backwards.

    Volumes are adjusted for splits only, so that price times volume stays what it was.
    """
    assert part.bars is not None
    mine = [action for action in actions if action.symbol == part.instrument.symbol]
    precision = part.instrument.price_precision
    views = dict(bar_floats(part.instrument, part.bars))
    factors = back_factors(
        part.bars, mine, adjustment, precision=precision, reinvestment=reinvestment
    )
    splits_only = Adjustment.NONE if adjustment is Adjustment.NONE else Adjustment.SPLITS
    splits = back_factors(part.bars, mine, splits_only, precision=precision)
    for name in ("open", "high", "low", "close"):
        views[name] = views[name] * factors
    views["volume"] = views["volume"] / splits
    return views


def total_return(part: InstrumentHistory, actions: Iterable[Action]) -> Floats:
    """Return the growth of one unit of money since the first close, dividends reinvested."""
    closes = adjusted_bars(part, actions, Adjustment.TOTAL_RETURN)["close"]
    growth: Floats = closes / closes[0]
    return growth


def _dividend_factor(
    action: Action, before: float, after: float, reinvestment: Reinvestment
) -> float:
    amount = float(action.amount or 0)
    if reinvestment is Reinvestment.EX_CLOSE:
        return after / (after + amount)
    if not amount < before:
        raise DataError(
            f"a dividend of {amount} on {action.symbol} is not smaller than the close before it, "
            f"{before}",
            remedy="check the amount and the ex-date",
            code="data.bad_action",
        )
    return 1.0 - amount / before


def _in_span(bars: BarColumns, actions: Iterable[Action], kind: ActionKind) -> list[Action]:
    """Return the actions of a kind that fall between the first and the last bar, in time order."""
    found = [a for a in actions if a.kind is kind and 0 < _first_bar(bars, a) < len(bars)]
    return sorted(found, key=lambda action: action.ts_ex_ns)


def _first_bar(bars: BarColumns, action: Action) -> int:
    """Return the index of the first bar that opens at or after the action."""
    stamps: Ints = bars.ts_open_ns
    return int(np.searchsorted(stamps, action.ts_ex_ns, side="left"))
