"""The reference page of the indicators, written from the function table itself."""

from __future__ import annotations

from itertools import groupby

from engine.lang.functions import FUNCTIONS, Function

_HEAD = """\
# Indicators

This page is generated from the function table (`engine/lang/functions.py`); a test fails when it is
stale. How formulas are written is in [rules.md](rules.md).

- **First valid bar** counts from 0 and holds where the inputs are defined from bar 0. Before it the
  value is undefined, and so is every condition made of it. The warm-up of a whole formula is
  computed by adding these up.
- **Seed**: how a value that depends on all bars before it begins.
- **TA-Lib**: the call whose first valid bar and values it equals (tested on the GOOG history and on
  random walks: to 1e-9 relative, or 1e-12 of the series' largest value where that is more; 1e-9 of
  it for correlation and beta, whose sums TA-Lib does not center).
- A bar whose input is undefined gives an undefined value and is otherwise skipped: windows count
  defined values. Only `lag`, `momentum`, `returns`, `roc` and `bars_since` count bars.
- What would be infinite, or not a number, is undefined.
- The same update function runs for one bar (paper, live) and in the loop over a history
  (backtest), compiled or interpreted: the values are equal to the last bit.
- Rolling sums add the new value less the old one, and every n values are added afresh from left to
  right, so roundings cannot pile up: the error stays within 2n roundings of the values in sight.
  Deviations, correlation and beta keep sums of differences from a nearby value, renewed as soon as
  six digits are lost; equal values have a deviation of exactly zero.
"""

_TABLE_HEAD = """\
| function | value | first valid bar | seed and special cases | TA-Lib |
|---|---|---|---|---|
"""


def render_indicators() -> str:
    """Return docs/reference/indicators.md."""
    parts = [_HEAD]
    for group, functions in groupby(FUNCTIONS.values(), key=lambda each: each.group):
        rows = "".join(_row(each) for each in functions)
        parts.append(f"\n## {group}\n\n{_TABLE_HEAD}{rows}")
    return "".join(parts)


def _row(function: Function) -> str:
    talib = f"`{function.talib}`" if function.talib else ""
    cells = (
        f"`{function.signature}`",
        function.summary,
        f"`{function.first_valid}`" if not function.is_cross_sectional else "as x",
        function.seed,
        talib,
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"
