"""What every performance metric means: the registry behind the numbers and their reference page.

A number changes only together with `METRICS_VERSION`. docs/reference/metrics.md is generated from
`DEFINITIONS` by `definitions_to_markdown`, and a test fails when the page is stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.errors import InputError

METRICS_VERSION = 3
MINIMUM_OBSERVATIONS = 20
FLAT_RANGE = 1e-10


class Basis(Enum):
    """What the observations of a metric are; it decides what "too few" means."""

    RETURNS = "daily returns"
    BENCHMARK = "daily returns and the benchmark's"
    DAYS = "daily closes"
    TRADES = "closed trades"
    FILLS = "fills"


class Unit(Enum):
    """How a value is to be read and printed."""

    FRACTION = "fraction (0.01 is one percent)"
    FRACTION_PER_YEAR = "fraction per year"
    RATIO = "dimensionless"
    DAYS = "days"
    MONEY = "account currency"
    TIMES_PER_YEAR = "times equity per year"


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """What one metric means; the row of docs/reference/metrics.md.

    `undefined_when` completes the sentence "undefined when ..." beyond the rule on too few
    observations (and, for returns, no variation), which holds for all.
    """

    key: str
    name: str
    unit: Unit
    basis: Basis
    formula: str
    source: str
    undefined_when: str = ""


DEFINITIONS: tuple[MetricDefinition, ...] = (
    MetricDefinition(
        "total_return",
        "Total return",
        Unit.FRACTION,
        Basis.RETURNS,
        "prod(1 + r) - 1",
        "time-weighted return; CFA Institute, GIPS 2020, 2.A",
    ),
    MetricDefinition(
        "cagr",
        "CAGR",
        Unit.FRACTION_PER_YEAR,
        Basis.RETURNS,
        "prod(1 + r) ^ (periods_per_year / n) - 1",
        "empyrical `annual_return`",
        "the account lost everything or the rate leaves the range of numbers",
    ),
    MetricDefinition(
        "volatility",
        "Volatility",
        Unit.FRACTION_PER_YEAR,
        Basis.RETURNS,
        "stdev(r) * sqrt(periods_per_year), stdev with n - 1",
        "empyrical `annual_volatility`",
    ),
    MetricDefinition(
        "sharpe",
        "Sharpe",
        Unit.RATIO,
        Basis.RETURNS,
        "mean(r - rf) / stdev(r - rf) * sqrt(periods_per_year), stdev with n - 1",
        "Sharpe (1994), J. Portfolio Mgmt 21(1)",
    ),
    MetricDefinition(
        "sortino",
        "Sortino",
        Unit.RATIO,
        Basis.RETURNS,
        "mean(r - rf) / sqrt(mean(min(r - rf, 0)^2)) * sqrt(periods_per_year), "
        "the mean of squares over all n",
        "Sortino and Price (1994), J. Investing 3(3)",
        "no day lost",
    ),
    MetricDefinition(
        "calmar",
        "Calmar",
        Unit.RATIO,
        Basis.RETURNS,
        "cagr / |max_drawdown|",
        "Young (1991), Futures 20(1); whole period instead of 36 months",
        "there was no drawdown or no CAGR",
    ),
    MetricDefinition(
        "max_drawdown",
        "Max drawdown",
        Unit.FRACTION,
        Basis.RETURNS,
        "min over t of g_t / max(g_0 .. g_t) - 1, with g_0 = 1 and g_t = prod(1 + r); "
        "zero or negative",
        "Magdon-Ismail and Atiya (2004), Risk 17(10)",
    ),
    MetricDefinition(
        "max_drawdown_days",
        "Deepest drawdown lasted",
        Unit.DAYS,
        Basis.RETURNS,
        "calendar days of the deepest drawdown, not of the longest: from the last close at the peak "
        "(within 1e-10 of it) to the first close back at it, or to the last close of all",
        "Bailey and Lopez de Prado (2015), time under water",
        "there was no drawdown",
    ),
    MetricDefinition(
        "var_95",
        "VaR 95 %, daily",
        Unit.FRACTION,
        Basis.RETURNS,
        "the 5 % quantile of r, linear between order statistics; a loss is negative",
        "Jorion (2006), historical simulation; Hyndman and Fan (1996) type 7",
    ),
    MetricDefinition(
        "cvar_95",
        "CVaR 95 %, daily",
        Unit.FRACTION,
        Basis.RETURNS,
        "mean of the floor((n - 1) * 5 %) + 1 lowest r; a loss is negative",
        "Rockafellar and Uryasev (2000), J. Risk 2(3); empyrical `conditional_value_at_risk`",
    ),
    MetricDefinition(
        "skewness",
        "Skewness",
        Unit.RATIO,
        Basis.RETURNS,
        "mean((r - mean(r))^3) / mean((r - mean(r))^2)^1.5",
        "g1 of Joanes and Gill (1998), The Statistician 47(1); scipy `skew`",
    ),
    MetricDefinition(
        "kurtosis",
        "Kurtosis",
        Unit.RATIO,
        Basis.RETURNS,
        "mean((r - mean(r))^4) / mean((r - mean(r))^2)^2; a normal has 3",
        "g2 + 3 of Joanes and Gill (1998); scipy `kurtosis(fisher=False)`",
    ),
    MetricDefinition(
        "psr",
        "Prob. Sharpe > 0",
        Unit.FRACTION,
        Basis.RETURNS,
        "Phi(s * sqrt(n - 1) / sqrt(1 - skewness * s + (kurtosis - 1) / 4 * s^2)), s the Sharpe "
        "ratio of one day",
        "Bailey and Lopez de Prado (2012), J. Risk 15(2)",
        "the variance of the ratio is not positive at these moments",
    ),
    MetricDefinition(
        "days_needed",
        "Days needed",
        Unit.DAYS,
        Basis.RETURNS,
        "ceil(1 + (1 - skewness * s + (kurtosis - 1) / 4 * s^2) * (1.644854 / s)^2): the returns "
        "after which psr would be 95 % at this ratio, those there are included",
        "minimum track record length, Bailey and Lopez de Prado (2012)",
        "the Sharpe ratio is not over 0",
    ),
    MetricDefinition(
        "alpha",
        "Alpha",
        Unit.FRACTION_PER_YEAR,
        Basis.BENCHMARK,
        "(1 + mean((r - rf) - beta * (b - rf))) ^ periods_per_year - 1",
        "Jensen (1968), J. Finance 23(2); empyrical `alpha`",
        "there is no benchmark or it did not vary",
    ),
    MetricDefinition(
        "beta",
        "Beta",
        Unit.RATIO,
        Basis.BENCHMARK,
        "cov(r, b) / var(b), both with n - 1",
        "Sharpe (1964), J. Finance 19(3)",
        "there is no benchmark or it did not vary",
    ),
    MetricDefinition(
        "exposure",
        "Exposure",
        Unit.FRACTION,
        Basis.DAYS,
        "mean over the days of gross market value / equity, at the close",
        "gross leverage at the close; GIPS glossary",
        "exposure was not recorded or equity was not positive",
    ),
    MetricDefinition(
        "turnover",
        "Turnover",
        Unit.TIMES_PER_YEAR,
        Basis.DAYS,
        "sum of |traded value| / 2 / mean equity at the close * periods_per_year / n",
        "Grinold and Kahn (2000), Active Portfolio Management, ch. 16, one-sided",
        "traded value was not recorded or mean equity was not positive",
    ),
    MetricDefinition(
        "hit_rate",
        "Hit rate",
        Unit.FRACTION,
        Basis.TRADES,
        "trades with pnl > 0 / all closed trades; a trade at exactly 0 is not a hit",
        "Chan (2013), Algorithmic Trading",
    ),
    MetricDefinition(
        "profit_factor",
        "Profit factor",
        Unit.RATIO,
        Basis.TRADES,
        "sum of pnl > 0 / |sum of pnl < 0|",
        "Schwager (1984), A Complete Guide to the Futures Market",
        "no trade lost",
    ),
    MetricDefinition(
        "payoff_ratio",
        "Payoff ratio",
        Unit.RATIO,
        Basis.TRADES,
        "mean of pnl > 0 / |mean of pnl < 0|",
        "Tharp (1998), Trade Your Way to Financial Freedom",
        "no trade won or no trade lost",
    ),
    MetricDefinition(
        "expectancy",
        "Expectancy per trade",
        Unit.MONEY,
        Basis.TRADES,
        "mean of pnl",
        "Tharp (1998), in money instead of multiples of risk",
    ),
    MetricDefinition(
        "implementation_shortfall",
        "Impl. shortfall",
        Unit.FRACTION,
        Basis.FILLS,
        "sum of costs against the decision price, fees included / sum of value at the decision "
        "price; a cost is positive",
        "Perold (1988), J. Portfolio Mgmt 14(3), filled part",
        "decision prices were not recorded",
    ),
)

_BY_KEY = {definition.key: definition for definition in DEFINITIONS}


def definition_of(key: str) -> MetricDefinition:
    """Return the definition of a metric.

    Raises
    ------
    InputError
        If there is no metric of this name.
    """
    if key not in _BY_KEY:
        raise InputError(f"there is no metric {key!r}", remedy=f"known: {', '.join(_BY_KEY)}")
    return _BY_KEY[key]


def definitions_to_markdown(definitions: Sequence[MetricDefinition] = DEFINITIONS) -> str:
    """Write docs/reference/metrics.md; a test fails when the file differs."""
    lines = [
        "# Metrics",
        "",
        f"Generated from `engine/rules/metric_definitions.py`; version {METRICS_VERSION}.",
        "",
        _PREAMBLE,
        "",
        "| metric | key | unit | formula | undefined when | source |",
        "|---|---|---|---|---|---|",
    ]
    rows = [_markdown_row(row) for row in definitions]
    return "\n".join([*lines, *rows, "", _INTERVALS, "", _ELSEWHERE]) + "\n"


_PREAMBLE = f"""\
Returns are those of marked equity at the venue's daily close (00:00 UTC on venues that never
close), with external flows removed: `r = (close - flow) / previous close - 1`. `n` is the number
of returns, `rf` the risk-free return of one day (0 unless configured), `b` the benchmark's return.
Deviations are sample deviations (`n - 1`). A metric is undefined, never 0 or infinite, under
{MINIMUM_OBSERVATIONS} observations (days, closed trades or fills, whichever it is made of). Those
made of returns are also undefined when the returns do not vary (by more than {FLAT_RANGE:g}, which
is what rounding money to 10^-8 can cause). An undefined metric prints as `-` with its reason."""


_INTERVALS = """\
## Intervals

- **Sharpe**: 95 %, two-sided, `s +- 1.96 * sqrt((1 - skewness * s + (kurtosis - 1) / 4 * s^2) /
  (n - 1))` for the ratio `s` of one day, then annualized (Bailey and Lopez de Prado 2012; with the
  moments of a normal it is Lo's of 2002 with `n - 1`). Returns are taken as independent.
- **Other metrics of returns** (HTML report, `trader compare`): 95 % percentiles over 2,000 paths of
  the stationary bootstrap with blocks of 10 days on average, seeded by the run's state hash, so that
  the same run always shows the same interval.
- **Difference of two runs** (`trader compare`): the days both have are resampled together; a
  difference counts as distinct when its 95 % interval excludes 0."""

_ELSEWHERE = """\
## Beside other libraries

A test computes each of these side by side (`tests/unit/metrics`).

| metric | empyrical-reloaded 0.5 | quantstats 0.0.86 | scipy 1.17 |
|---|---|---|---|
| total return, CAGR, volatility, Sharpe, Sortino, Calmar, max drawdown, beta | equal | equal | - |
| VaR | equal | differs: quantile of a fitted normal, not of the sample | - |
| CVaR | equal | differs: mean of what lies under its own VaR | - |
| alpha | equal (compounded) | differs: daily alpha times 252 | - |
| skewness, kurtosis | - | differ: bias-corrected, kurtosis in excess of 3 | equal (biased) |
| probability of Sharpe > 0 | - | differs by 1e-6: mixes bias-corrected moments with `n - 1` | - |
| hit rate, profit factor, payoff, expectancy | - | differ: of days, ours are of closed trades | - |

Biased moments are those of the gate's formulas. backtesting.py 0.6.6 divides the annualized return
by a geometrically annualized deviation and calls it Sharpe (0.63 on the run of the README, ours
0.79), and its buy and hold begins after the warm-up."""


def _markdown_row(row: MetricDefinition) -> str:
    formula = row.formula.replace("|", "\\|")
    cells = (row.name, f"`{row.key}`", row.unit.value, f"`{formula}`")
    return "| " + " | ".join((*cells, row.undefined_when or "-", row.source)) + " |"
