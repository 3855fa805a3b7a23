"""`WorldSpec`: what a synthetic market is like. With a seed it decides every number of the world."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from engine.errors import InputError
from engine.model.units import INT64_MAX, NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND

SESSION_OPEN_NS = 14 * 60 * NS_PER_MINUTE + 30 * NS_PER_MINUTE
SESSION_MINUTES = 390
WEEKDAYS_PER_YEAR = 252
DAYS_PER_YEAR = 365
LENGTH_MAX = 50_000_000
PRICE_TICKS_MAX = 10**12  # far inside the integers that a float holds exactly
_LATER = {"optional": True}  # left out of hashes where it is the default


class WorldKind(Enum):
    """What a world consists of."""

    DAILY_BARS = "daily_bars"
    MINUTE_BARS = "minute_bars"
    QUOTES = "quotes"
    TRADES = "trades"  # quotes, and a trade after each of them
    EVENTS = "events"  # quotes and trades of contracts that settle at 0 or 1


class Hours(Enum):
    """When the market is open: weekdays 14:30 to 21:00 UTC without holidays, or always."""

    EXCHANGE = "exchange"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSpec:
    """A synthetic market. Rates are fractions (0.25 is 25 %) per year of the market's hours.

    Parameters
    ----------
    kind
        Bars, quotes, trades or event contracts.
    instruments, length
        How many instruments, and how many bars, quotes or trades each of them has.
    start_ns
        Nanoseconds UTC; bars begin with the first session of that day or after it, quotes and
        trades right after `start_ns`.
    hours
        Sessions of the bars. Quotes, trades and events have no sessions: it is their clock only.
    start_price_ticks, drift_per_year, volatility_per_year
        Where prices begin, their arithmetic drift and their deviation.
    correlation
        Of the returns of any two instruments: one common factor with loading ``sqrt``.
    clustering
        0 for constant volatility, up to 0.9: each of five hidden states multiplies the variance
        by ``1 + clustering`` or ``1 - clustering``.
    tail_degrees
        Degrees of freedom of the Student-t shocks, at least 3; 0 for normal shocks.
    jumps_per_year, jump_deviation
        How often the price jumps, and the deviation of a jump's return.
    overnight_share
        Share of a day's variance that happens while an exchange is closed.
    volume_lots, volume_edge
        Mean volume of a bar (mean size of a quote or trade), and how many times the volume of
        midday the first and the last minute have.
    spread_ticks, bounce
        Smallest spread; whether bars open and close at bid or ask instead of the mid.
    interval_ns_mean
        Mean time between quotes; it is exponential, at least 2 ns.
    sign_persistence, unknown_share
        Probability that a trade has the aggressor of the one before, and that it is not known.
    reversion_deviation, reversion_steps
        Bars: deviation of a part of the price that comes back, and the mean life of what is left of it, in
        steps: an edge to be found. 0: there is none.
    turn_step, turn_drift_per_year
        Bars: from this step on nothing comes back any more and this drift comes on top; 0: it never turns.
    settle_probability, contract_ticks
        Event contracts: probability of settling at 1, and what 1 is in ticks.
    """

    kind: WorldKind
    instruments: int = 1
    length: int = 1_000
    start_ns: int = 18_263 * NS_PER_DAY  # 2020-01-02
    hours: Hours = Hours.EXCHANGE
    start_price_ticks: int = 10_000
    drift_per_year: float = 0.05
    volatility_per_year: float = 0.25
    correlation: float = 0.3
    clustering: float = 0.5
    tail_degrees: int = 5
    jumps_per_year: float = 2.0
    jump_deviation: float = 0.05
    overnight_share: float = 0.2
    volume_lots: int = 10_000
    volume_edge: float = 3.0
    spread_ticks: int = 2
    bounce: bool = True
    interval_ns_mean: int = NS_PER_SECOND
    sign_persistence: float = 0.7
    unknown_share: float = 0.0
    settle_probability: float = 0.5
    contract_ticks: int = 100
    reversion_deviation: float = field(default=0.0, metadata=_LATER)
    reversion_steps: int = field(default=60, metadata=_LATER)
    turn_step: int = field(default=0, metadata=_LATER)
    turn_drift_per_year: float = field(default=0.0, metadata=_LATER)

    def __post_init__(self) -> None:
        for name, low, high in RANGES:
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(
                    f"a world's {name} must be from {low:g} to {high:g}, not {value}", where=name
                )
        if self.tail_degrees in (1, 2):
            raise InputError("tail_degrees must be 0 or at least 3: fewer have no variance")
        if self.start_ns + self._duration_ns() > INT64_MAX:
            raise InputError(
                f"a world of {self.length} steps would end after the year 2262",
                where="length",
                remedy="Ask for fewer bars, or an earlier start_ns.",
            )
        if self.spread_ticks > self.contract_ticks - 2 and self.kind is WorldKind.EVENTS:
            raise InputError("spread_ticks leaves no room between 0 and contract_ticks")

    def is_bars(self) -> bool:
        """Say whether the world consists of bars."""
        return self.kind in (WorldKind.DAILY_BARS, WorldKind.MINUTE_BARS)

    def nights(self) -> int:
        """Return how many times the exchange is closed between two bars."""
        if not self.is_bars() or self.hours is Hours.CONTINUOUS:
            return 0
        return max(-(-self.length // self.steps_per_day()) - 1, 0)

    def _duration_ns(self) -> int:
        """Return more than the world can last: 7 days for 5 weekdays, 12 mean intervals."""
        if self.is_bars():
            return (self.length // self.steps_per_day() + 7) * NS_PER_DAY * 7 // 5
        return (self.length + 1) * self.interval_ns_mean * 12

    def steps_per_day(self) -> int:
        """Return the bars of one session; 1 for everything that has no minutes."""
        if self.kind is not WorldKind.MINUTE_BARS:
            return 1
        return SESSION_MINUTES if self.hours is Hours.EXCHANGE else NS_PER_DAY // NS_PER_MINUTE

    def days_per_year(self) -> int:
        """Return the sessions of a year."""
        return WEEKDAYS_PER_YEAR if self.hours is Hours.EXCHANGE else DAYS_PER_YEAR

    def session_ns(self) -> int:
        """Return how long a session lasts."""
        return SESSION_MINUTES * NS_PER_MINUTE if self.hours is Hours.EXCHANGE else NS_PER_DAY

    def steps_per_year(self) -> float:
        """Return how many bars, quotes or trades a year has."""
        if self.is_bars():
            return float(self.days_per_year() * self.steps_per_day())
        return self.days_per_year() * self.session_ns() / self.interval_ns_mean


RANGES: tuple[tuple[str, float, float], ...] = (
    ("instruments", 1, 10_000),
    ("length", 0, LENGTH_MAX),
    ("start_ns", 0, INT64_MAX // 2),
    ("start_price_ticks", 1, 10**9),
    ("drift_per_year", -10, 10),
    ("volatility_per_year", 0, 10),
    ("correlation", 0, 1),
    ("clustering", 0, 0.9),
    ("tail_degrees", 0, 100),
    ("jumps_per_year", 0, 10_000),
    ("jump_deviation", 0, 1),
    ("overnight_share", 0, 1),
    ("volume_lots", 1, 10**9),
    ("volume_edge", 1, 100),
    ("spread_ticks", 1, 10_000),
    ("interval_ns_mean", 2, NS_PER_DAY),
    ("sign_persistence", 0, 1),
    ("unknown_share", 0, 1),
    ("settle_probability", 0.001, 0.999),
    ("contract_ticks", 3, 10**6),
    ("reversion_deviation", 0, 0.1),
    ("reversion_steps", 2, 100_000),
    ("turn_step", 0, LENGTH_MAX),
    ("turn_drift_per_year", -10, 10),
)
